"""Trends of a series: thinned series, the least-squares line, and ranks; for health, prognosis and alerts alike."""
