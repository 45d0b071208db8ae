"""Gears and orders of a shaft that may change its speed; sources in catalogue.py."""

from __future__ import annotations

from features.definition import Row

GEAR: tuple[Row, ...] = ()
