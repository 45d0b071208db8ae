"""Spellings of units, and of the names of sampling rates, in files."""

from __future__ import annotations

import re

from pdm.ingest.recordings.clock import time_unit
from pdm.machines.units import UNITS

_SPELLINGS = {
    "m/s^2": "m/s2", "m/s²": "m/s2", "m/s**2": "m/s2", "m/s/s": "m/s2", "m/sec2": "m/s2", "m/sec^2": "m/s2",
    "m*s^-2": "m/s2", "m.s-2": "m/s2", "G": "g", "gn": "g", "g_n": "g",
    "mm/sec": "mm/s", "ips": "in/s", "in/sec": "in/s", "µm": "um", "μm": "um",
    "amps": "A", "amp": "A", "ampere": "A", "volts": "V", "volt": "V", "°C": "degC", "℃": "degC", "°F": "degF",
    "RPM": "rpm", "1/min": "rpm", "Nm": "N.m", "N*m": "N.m",
}  # fmt: skip
_OF_QUANTITIES = frozenset(unit for units in UNITS.values() for unit in units)


_RATE = re.compile(r"(fs|sr|(samp(le|les|ling)?|scan|acquisition|daq)?(rate|freq|frequency))(hz|insps)?")
_STEP = re.compile(r"(dt|deltat|(samp(le|ling)|scan)(interval|period|time))(s|sec)?")
_SPEED = re.compile(r"rpm|(shaft)?(speed)?rpm")


def is_rate_name(name: str) -> bool:
    """Whether a single number of this name is a sampling rate [Hz].

    Examples
    --------
    >>> [is_rate_name(name) for name in ("Fs", "samplingFreq", "sample_rate_hz", "supply_frequency")]
    [True, True, True, False]
    """
    return _RATE.fullmatch(_plain(name)) is not None


def is_step_name(name: str) -> bool:
    """Whether a single number of this name is the time between two samples [s]."""
    return _STEP.fullmatch(_plain(name)) is not None


def is_speed_name(name: str) -> bool:
    """Whether a single number of this name is a shaft speed [rpm]."""
    return _SPEED.fullmatch(_plain(name)) is not None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())


def spelled(unit: str) -> str:
    """Return a unit in the spelling of pdm, or as it is.

    Examples
    --------
    >>> spelled("m/s²"), spelled("furlong")
    ('m/s2', 'furlong')
    """
    return _SPELLINGS.get(unit.strip(), unit.strip())


def known_unit(unit: str | None) -> str | None:
    """Return the unit in the spelling of pdm if it is one of a quantity or of time, else None."""
    if unit is None:
        return None
    return spelled(unit) if spelled(unit) in _OF_QUANTITIES else time_unit(unit)
