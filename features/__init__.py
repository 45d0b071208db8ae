"""Condition-monitoring features: arrays in, numbers out. No machine, no database, no clock."""
