"""Validation of records: every channel is compared with its registered point."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from pdm.machines.model import MeasurementPoint, Timeline
from pdm.measurements import Acquisition, Problem, Scalar, Waveform
from pdm.settings import Settings
from pdm.store.acquisitions.acquisitions_write import Channel
from pdm.store.machines.registration import StoredMachine
from pdm.words.similar import suggest

SAMPLING_RATE_TOLERANCE = 0.01  # allowed relative difference between the rates of sender and point
EARLIEST = {Timeline.LIVE: datetime(2000, 1, 1, tzinfo=UTC), Timeline.REPLAY: datetime(1971, 1, 1, tzinfo=UTC)}
"""Times before are those of clocks that are not set, which begin in 1970, or of a wrong unit: seconds of today that
are read as milliseconds are in January 1970."""
OLDEST = timedelta(days=20 * 365.25)  # of live data
GPS_ROLLOVER = timedelta(weeks=1024)  # IS-GPS-200: the week number has ten bits
REPLAY_AHEAD = timedelta(days=50 * 365.25)  # simulated times may be in the future, but not in another millennium
DEFAULT_FUTURE_TOLERANCE = timedelta(seconds=Settings.future_tolerance_s)
_HISTORY = "; send history to a machine with the timeline 'replay', which takes it from 1971 on"


def doubt_time(measured_at: datetime, timeline: Timeline, now: datetime, future_tolerance: timedelta) -> str | None:
    """Return the reason why a time is implausible, or None.

    Chunks are created by time, so an implausible time is rejected before it creates one.
    """
    stated, is_live = measured_at.isoformat(), timeline is Timeline.LIVE
    if measured_at > now + (future_tolerance if is_live else REPLAY_AHEAD):
        return (
            f"{stated} is {_span(measured_at - now)} ahead of the server's clock: the sender's clock or time zone "
            "is wrong, or a time in milliseconds, microseconds or nanoseconds was read as a larger unit"
        )
    earliest = EARLIEST[timeline]
    if measured_at < earliest:
        return (
            f"{stated} is before {earliest:%Y}: the sender's clock is not set, or a time in seconds or milliseconds "
            "was read as a smaller unit" + (_HISTORY if is_live else "")
        )
    if is_live and measured_at < now - OLDEST:
        return f"{stated} is {_span(now - measured_at)} ago, more than the allowed 20 years{_HISTORY}"
    if is_live and measured_at < now - GPS_ROLLOVER + future_tolerance:
        likely = (measured_at + GPS_ROLLOVER).isoformat()
        return (
            f"{stated} is {_span(now - measured_at)} ago: a GPS receiver whose week number has wrapped is 1024 weeks "
            f"behind ({likely} would be the right time); correct its clock, or send history to a machine with the "
            "timeline 'replay'"
        )
    return None


def screen(
    acquisition: Acquisition, stored: StoredMachine
) -> tuple[tuple[Channel, ...], tuple[str, ...], tuple[Problem, ...]]:
    """Compare the channels of a record with the points of the machine; mismatches are omitted and reported.

    Returns
    -------
    channels : tuple of Channel
        Those that may be stored.
    missing : tuple of str
        Waveform points without data.
    problems : tuple of Problem
        Of the omitted channels.
    """
    channels: list[Channel] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    sent: Sequence[Waveform | Scalar] = (*acquisition.waveforms, *acquisition.scalars)
    for content in sent:
        key = content.point
        at = acquisition.measured_at
        rate = stored.corrected_rate(key, at)
        problem = _find_problem(content, stored.point_at(key, at), stored, seen, rate)
        seen.add(key)
        if problem is None:
            channels.append(Channel(stored.point_ids[key], acquisition.measured_at, content, content.content_hash()))
        else:
            problems.append(problem)
    accepted = {channel.content.point for channel in channels}
    missing = tuple(sorted(p.key for p in stored.machine.points if p.is_waveform and p.key not in accepted))
    return tuple(channels), missing, tuple(problems)


def _find_problem(
    content: Waveform | Scalar,
    point: MeasurementPoint | None,
    stored: StoredMachine,
    seen: set[str],
    corrected_rate: float | None,
) -> Problem | None:
    key = content.point
    if key in stored.retired_points:
        since = stored.retired_points[key][1].isoformat()
        detail = (
            f"point {key!r} of machine {stored.machine.key!r} is retired since {since}; "
            f"POST /v1/machines/{stored.machine.key}/points/{key}/restore brings it back"
        )
        return Problem("retired-point", detail, key)
    if point is None:
        hint = suggest(key, stored.point_ids)
        return Problem("unknown-point", f"machine {stored.machine.key!r} has no point {key!r}; {hint}", key)
    if key in seen:
        return Problem("duplicate-channel", f"channel {key!r} is given more than once; the first one is used", key)
    if content.unit != point.unit:
        detail = f"channel {key!r} is sent in {content.unit!r}, its point is registered in {point.unit!r}"
        return Problem("unit", detail, f"{key}.unit")
    if isinstance(content, Waveform):
        return _check_waveform(content, point, corrected_rate)
    return _check_scalar(content, point)


def _check_waveform(waveform: Waveform, point: MeasurementPoint, corrected_rate: float | None) -> Problem | None:
    key = point.key
    if point.sampling_rate is None:
        return Problem("wrong-kind", f"point {key!r} is registered for scalars, not waveforms", key)
    rates = [point.sampling_rate, corrected_rate or point.sampling_rate]
    if all(abs(waveform.sampling_rate - rate) > SAMPLING_RATE_TOLERANCE * rate for rate in rates):
        detail = (
            f"channel {key!r} is sampled at {waveform.sampling_rate:g} Hz, its point is registered with "
            f"{point.sampling_rate:g} Hz"
        )
        return Problem("sampling-rate", detail, f"{key}.sampling_rate_hz")
    if waveform.samples.ndim != 1 or len(waveform.samples) == 0:
        return Problem("empty-samples", f"channel {key!r} has no samples", f"{key}.samples")
    if not np.isfinite(waveform.samples).all():
        return Problem("not-finite", f"channel {key!r} has samples that are not finite", f"{key}.samples")
    return None


def _check_scalar(scalar: Scalar, point: MeasurementPoint) -> Problem | None:
    if point.is_waveform:
        return Problem("wrong-kind", f"point {point.key!r} is registered for waveforms, not scalars", point.key)
    if not np.isfinite(scalar.value):
        return Problem("not-finite", f"channel {point.key!r}: value is {scalar.value}", f"{point.key}.value")
    return None


def _span(duration: timedelta) -> str:
    if duration >= timedelta(days=730):
        return f"{duration.days / 365.25:.0f} years"
    if duration >= timedelta(days=2):
        return f"{duration.days} days"
    return f"{duration.total_seconds() / 3600:.1f} h"
