"""Bearings beyond the fixed band: band selection, whitened envelope, cepstrum; sources in catalogue.py."""

from __future__ import annotations

from features.definition import Row

BEARING: tuple[Row, ...] = ()
