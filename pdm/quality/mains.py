"""A vibration channel that picks up the mains and nothing else: a broken shield or ground, a sensor without contact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.quality.verdict import GOOD, ChannelQuality, doubtful, no_measurement

_LINES = (50.0, 60.0)  # Hz, IEC 60196:2009
_HARMONICS = (1, 2, 3)
_SMOOTH = 3.0  # times the mean change of a sine at the higher line: only a record as smooth is fitted
_SECONDS = 0.2  # that are fitted: the line of the mains moves by less than a tenth of a turn in it
_SHARE = 0.95  # of the power that the line and its harmonics have
_SHAFT = 0.03  # relative distance of a multiple of the shaft speed that can be the line itself
_MULTIPLES = (1, 2, 3, 4)


def judge_mains(
    samples: NDArray[Any], rate: float, travel: float, spread: float, speed: float | None
) -> ChannelQuality:
    """Return the quality of a vibration by the share of the mains in it.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    rate : float
        Sampling rate [Hz].
    travel, spread : float
        Mean change between neighbours and standard deviation of the record, in the unit of the samples.
    speed : float or None
        Of the shaft [Hz]. Where a multiple of it may be the line, or it is unknown, the record is doubtful only.
    """
    if travel > _SMOOTH * spread * 4.0 * np.sqrt(2.0) * _LINES[-1] / rate:  # mean change of a sine: 4 amplitudes a turn
        return GOOD
    piece = np.asarray(samples[: int(_SECONDS * rate)], np.float64)
    for line in _LINES:
        if len(piece) < 2 * rate / line or _share(piece, rate, line) < _SHARE:
            continue
        own = speed is None or any(abs(times * speed - line) <= _SHAFT * line for times in _MULTIPLES)
        return doubtful("mains") if own else no_measurement("mains")
    return GOOD


def _share(samples: NDArray[np.float64], rate: float, line: float) -> float:
    """Return the share of the power that a line and its harmonics explain, by least squares."""
    angle = 2.0 * np.pi * line / rate * np.arange(len(samples))
    columns = [np.ones(len(samples))]
    for order in _HARMONICS:
        columns += [np.cos(order * angle), np.sin(order * angle)]
    design = np.stack(columns, axis=1)
    found, *_ = np.linalg.lstsq(design, samples, rcond=None)
    rest = samples - design @ found
    return 1.0 - float(rest @ rest) / float(np.square(samples - samples.mean()).sum())
