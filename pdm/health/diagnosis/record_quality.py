"""Quality checks of a recorded channel, before it is evaluated.

Each doubt is a `Reason`; those of `REFUSING` exclude the channel, the others make a verdict weak.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.kernels.record import moments, standstill
from pdm.health.diagnosis.model import Reason, RecordedChannel
from pdm.health.diagnosis.spectrum import rms_spectrum

REFUSING = frozenset(
    {"too-few-samples", "flat", "clipped-much", "dropouts", "too-coarse", "rate-differs-much", "overloaded"}
)
"""Codes of doubts under which a channel is not used."""

LEAST_SAMPLES = 256  # fewer are not sufficient for quality checks
_CLIPPED_SHARE = (1e-4, 1e-2)  # of samples at a limit: weak, refused
_DROPOUT_SHARE = 0.02  # of samples in runs of one value amid a live signal
_DROPOUT_RUN = 12  # samples; a live converter does not repeat a value so long
_LEVELS = (3.0, 12.0)  # standard deviation in steps of the converter: refused below, weak below
_RATE = (1e-3, 2e-2)  # relative difference of stated and declared sampling rate: weak, refused
_DRIFT = 3.0  # change of level between the record's ends, in standard deviations about them
_SLOPE_SHARE = 0.9  # of an acceleration's power below 2 Hz: recovery of a charge amplifier, not machine vibration
_SLOPE_TOP = 2.0  # Hz
_GLANCE = 512  # samples whose values are counted first


def examine(channel: RecordedChannel) -> tuple[Reason, ...]:
    """Return the doubts about a channel, the worst first; none if it is sound.

    Checked are length, flat line, clipping, dropouts (a cable that loses contact), the converter's resolution, the
    sampling rate against the declared one, and overload of an accelerometer's amplifier: a level that drifts back after
    an impact, or power concentrated below 2 Hz (the "ski slope" of ISO 13373-2:2016, 6.7).
    """
    samples = np.ascontiguousarray(channel.samples)
    point = channel.point.key
    if len(samples) < LEAST_SAMPLES:
        figures: dict[str, float | str] = {"samples": float(len(samples)), "needed": float(LEAST_SAMPLES)}
        return (Reason("too-few-samples", figures, point, "record-longer"),)
    mean, spread = moments(samples)
    low, high = float(samples.min()), float(samples.max())
    if spread <= 1e-6 * abs(mean) or not high > low:
        return (Reason("flat", {"value": float(samples[0])}, point, "check-sensor"),)
    doubts = [*_scale(channel, point), *_rate(channel, point)]
    if channel.point.quantity != "tachometer":  # whose pulses are at one of two levels
        at_ends, equal, in_runs = standstill(samples, low, high, _DROPOUT_RUN)
        doubts += [
            *_clipping(at_ends / (len(samples) - 1), point),
            *(_dropouts(in_runs / len(samples), point) if equal >= _DROPOUT_SHARE * len(samples) else ()),
            *_resolution(samples, spread, high - low, point),
        ]
    if channel.point.quantity == "acceleration":
        doubts += _overload(samples, channel.sampling_rate, point)
    return tuple(sorted(doubts, key=lambda doubt: doubt.code not in REFUSING))


def is_refused(doubts: tuple[Reason, ...]) -> bool:
    """Return whether the doubts exclude the channel."""
    return any(doubt.code in REFUSING for doubt in doubts)


def _scale(channel: RecordedChannel, point: str) -> list[Reason]:
    """Find counts without a declared scale: their level is undefined."""
    if channel.samples.dtype != np.int16 or channel.scale is not None:
        return []
    return [Reason("scale-missing", {}, point, "give-scale")]


def _clipping(share: float, point: str) -> list[Reason]:
    """Evaluate the share of samples at the highest or lowest value: saturation of a converter or amplifier."""
    weak, refused = _CLIPPED_SHARE
    if share < weak:
        return []
    code = "clipped-much" if share >= refused else "clipped"
    return [Reason(code, {"share": share, "limit": refused}, point, "larger-range")]


def _dropouts(share: float, point: str) -> list[Reason]:
    """Evaluate the share of samples in runs of one value amid a live signal."""
    if share < _DROPOUT_SHARE:
        return []
    return [Reason("dropouts", {"share": share, "limit": _DROPOUT_SHARE}, point, "check-cable")]


def _resolution(samples: NDArray[Any], spread: float, width: float, point: str) -> list[Reason]:
    """Find a signal of few converter steps: its noise is quantisation noise, with false lines."""
    refused, weak = _LEVELS
    if samples.dtype == np.int16:
        step = 1.0
    elif len(np.unique(samples[:_GLANCE])) > weak * width / spread + 1.0:
        return []  # more distinct values than such coarse steps give
    else:
        steps = np.diff(np.unique(samples))
        step = float(steps.min())
        if step < 1e-3 * float(np.median(steps)):
            return []
    levels = spread / step
    if levels >= weak:
        return []
    code = "too-coarse" if levels < refused else "coarse"
    return [Reason(code, {"steps": levels, "needed": weak}, point, "smaller-range")]


def _rate(channel: RecordedChannel, point: str) -> list[Reason]:
    declared = channel.point.sampling_rate
    if declared is None:
        return []
    difference = abs(channel.sampling_rate / declared - 1.0)
    weak, refused = _RATE
    if difference <= weak:
        return []
    code = "rate-differs-much" if difference > refused else "rate-differs"
    figures: dict[str, float | str] = {"stated_hz": channel.sampling_rate, "declared_hz": declared}
    return [Reason(code, figures, point, "check-sampling-rate")]


def _overload(samples: NDArray[Any], rate: float, point: str) -> list[Reason]:
    part = max(1, len(samples) // 10)
    (first, first_spread), (last, last_spread) = moments(samples[:part]), moments(samples[-part:])
    spread, drift = math.hypot(first_spread, last_spread) / math.sqrt(2.0), abs(first - last)
    seconds = len(samples) / rate
    # Slow motion of the machine could dominate the ends of a short record, so the drift needs a second or more.
    if seconds >= 1.0 and drift > _DRIFT * spread > 0:
        return [Reason("overloaded", {"drift": drift, "spread": spread}, point, "settle-sensor")]
    if seconds * _SLOPE_TOP < 4:
        return []
    power = np.square(rms_spectrum(np.asarray(samples, np.float32), rate).rms)
    share = float(power[: int(_SLOPE_TOP * seconds) + 1].sum() / power.sum())
    if share <= _SLOPE_SHARE:
        return []
    return [Reason("overloaded", {"share_below_2_hz": share, "limit": _SLOPE_SHARE}, point, "settle-sensor")]
