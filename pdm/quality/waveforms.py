"""Quality of a waveform from its samples alone: what a converter, a cable or a gateway does and a machine does not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.kernels.record import RecordFigures, find_repetition, record_figures
from pdm.quality.mains import judge_mains
from pdm.quality.verdict import GOOD, ChannelQuality, doubtful, no_measurement

LEAST_SAMPLES = 64  # fewer are judged as flat or not
UNLIMITED = (-math.inf, math.inf)
_RELATIVE = 1e-6  # spread relative to the mean below which a record is flat: rounding of float32
_FEW_STEPS = 4.5  # steps of the converter between the limits, up to which only its last bits move
_COARSE = 3.0  # steps of the converter in a standard deviation; the same limit as of the diagnosis
_CLIPPED = (1e-4, 1e-2)  # share of samples at a limit: doubtful, no measurement; the same limits as of the diagnosis
_FLAT_TOP = 2.0  # times as many at the limit as beside it: the top of a sine in coarse steps has 1.4 times as many
_LEAST_AT_LIMIT = 4  # samples at a limit
_LEAST_TURNS = (
    0.05  # of the samples: below it a record is a tone, which returns bit for bit where it is sampled in step
)
_DROPOUTS = 0.02  # share of samples in long runs of one value; the same limit as of the diagnosis
_EMPTY = 0.10  # share of the record that one such run takes


def judge_waveform(
    samples: NDArray[Any],
    quantity: str,
    rate: float | None = None,
    speed: float | None = None,
    possible: tuple[float, float] = UNLIMITED,
) -> ChannelQuality:
    """Return the quality of a record.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        float32 in any unit, or int16 counts.
    quantity : str
        That of the measurement point. Only a record without samples is refused of a tachometer, whose pulses are at
        one of two levels.
    rate : float or None
        Sampling rate [Hz]; without it a vibration is not compared with the mains.
    speed : float or None
        Of the shaft [Hz].
    possible : tuple of float
        Lowest and highest value of the sensor, in the unit of the samples.
    """
    if len(samples) < 2:
        return no_measurement("empty")
    plain = np.ascontiguousarray(samples)
    figures = record_figures(plain)
    if not math.isfinite(figures.mean):
        return no_measurement("not-finite")
    if not figures.high > figures.low or figures.spread <= _RELATIVE * abs(figures.mean):
        return no_measurement("flat")
    is_plain = quantity == "tachometer" or len(plain) < LEAST_SAMPLES
    found = _judge_range(GOOD if is_plain else _judge(plain, figures), plain, figures, possible)
    if is_plain:
        return found
    if quantity != "acceleration" or rate is None or not found.is_measured:
        return found
    mains = judge_mains(plain, rate, figures.travel, figures.spread, speed)
    return mains if not mains.is_measured or not found.reasons else doubtful(*found.reasons, *mains.reasons)


def _judge(samples: NDArray[Any], figures: RecordFigures) -> ChannelQuality:
    levels = (figures.high - figures.low) / figures.step
    if levels < 1.5:
        return no_measurement("two-levels")
    if levels < _FEW_STEPS:
        return no_measurement("last-bit")
    if figures.longest >= _EMPTY * len(samples):
        return no_measurement("partly-empty")
    if figures.in_runs >= _DROPOUTS * len(samples):
        return no_measurement("dropouts")
    clipped = _clipped(figures) / len(samples)
    if clipped >= _CLIPPED[1]:
        return no_measurement("clipped-much")
    if figures.spikes:
        return no_measurement("spikes")
    if figures.turns >= _LEAST_TURNS * len(samples) and find_repetition(samples):
        return no_measurement("repeated-block")
    doubts = []
    if clipped >= _CLIPPED[0]:
        doubts.append("clipped")
    if figures.spread < _COARSE * figures.step:
        doubts.append("coarse")
    return doubtful(*doubts) if doubts else GOOD


def _judge_range(
    found: ChannelQuality, samples: NDArray[Any], figures: RecordFigures, possible: tuple[float, float]
) -> ChannelQuality:
    """Return the quality of a record with that by the range of its sensor."""
    low, high = possible
    if not found.is_measured or (figures.low >= low and figures.high <= high):
        return found
    outside = int(np.count_nonzero((samples < low) | (samples > high)))
    if outside >= _CLIPPED[1] * len(samples):
        return no_measurement("outside-range")
    return doubtful(*found.reasons, "outside-range")


def _clipped(figures: RecordFigures) -> int:
    """Return how many samples lie at a limit where the signal is cut off; 0 where it only turns there."""
    sides = ((figures.at_low, figures.near_low), (figures.at_high, figures.near_high))
    return sum(at for at, near in sides if at >= _LEAST_AT_LIMIT and at > _FLAT_TOP * near)
