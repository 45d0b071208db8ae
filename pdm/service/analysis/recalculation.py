"""Computes features and quality of a machine again after a correction of its measurements, some acquisitions a round.

Acquisitions are taken in order of time, by what was remembered of the channels before the first of them; new ones are
analysed at the same time by what is known. When none is left, the machine is analysed again as after a corrected event.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.health.detection.operating_states import is_stopped
from pdm.quality.memory import SIZE, ScalarMemory, WaveformMemory
from pdm.quality.polarity import PairMemory
from pdm.quality.verdict import GOOD
from pdm.service.analysis.channel_checks import Memories, remember
from pdm.service.analysis.feature_extraction import CURRENT_COLUMNS, VIBRATION_COLUMNS
from pdm.service.analysis.pipeline import BEYOND_HORIZON
from pdm.service.analysis.snapshots import TABLES, featurise_new
from pdm.service.platform.failures import Blame, blame
from pdm.store.analysis import analysis_inputs, backfill, channel_quality, diagnoses, feature_rows
from pdm.store.machines import corrections
from pdm.store.machines.corrections import Recalculation
from pdm.store.machines.registration import StoredMachine
from pdm.store.machines.work_events import conclude_again

A_ROUND = 64  # acquisitions of one transaction
REMEMBERED = 512  # acquisitions from which the memory of the channels is made again: of a level, 0.9 ** 512 is left
_TICK = timedelta(microseconds=1)

Span = tuple[datetime, datetime]

_log = logging.getLogger(__name__)


def recalculate(conn: Connection[Any], stored: StoredMachine, until: datetime | None) -> Span | None:
    """Compute the next acquisitions of a machine again, up to the last that was analysed.

    Returns the span whose features are other ones now, once all of it is computed.
    """
    due = corrections.fetch_recalculation(conn, stored.id)
    if due is None:
        return None
    memories = _begin(conn, stored, due.since) if due.reached is None else _loaded(due)
    after = due.reached or due.since - _TICK
    times = []
    if until is not None:
        times = corrections.page_times(conn, stored.id, after, until, A_ROUND, BEYOND_HORIZON)
    chosen = _up_to_replacement(stored, times)
    if chosen:
        memories = _without_replaced(stored, memories, after, chosen[0])
        memories = _compute(conn, stored, chosen, memories)
        corrections.save_recalculation(conn, stored.id, chosen[-1], _saved(memories))
    if len(times) == A_ROUND or len(chosen) < len(times):
        return None
    _finish(conn, stored, due, memories)
    return None if until is None else (due.since, until)


def refresh_summaries(pool: ConnectionPool[Any], spans: list[Span]) -> None:
    """Refresh the hourly summaries of features that were computed again; not possible inside a transaction."""
    while spans:
        first, last = spans.pop()
        with pool.connection() as conn:
            conn.autocommit = True
            try:
                backfill.refresh_hourly(conn, "vibration", first, last)
                backfill.refresh_hourly(conn, "current", first, last)
            finally:
                conn.autocommit = False


def _up_to_replacement(stored: StoredMachine, times: Sequence[datetime]) -> Sequence[datetime]:
    """Return the first of some times, up to the next replacement of a sensor."""
    turns = [at for at, _ in _replacements(stored) if times and times[0] < at <= times[-1]]
    return [at for at in times if not turns or at < min(turns)]


def _without_replaced(stored: StoredMachine, memories: Memories, after: datetime, at: datetime) -> Memories:
    """Return what is remembered without the points whose sensors were replaced in (after, at]."""
    replaced = {point_id for turn, point_id in _replacements(stored) if after < turn <= at}
    return {
        point_id: figures[:SIZE] if PairMemory.from_figures(figures[SIZE:]).partner in replaced else figures
        for point_id, figures in memories.items()
        if point_id not in replaced
    }


def _replacements(stored: StoredMachine) -> list[tuple[datetime, int]]:
    """Return when sensors were replaced, and their points."""
    return [
        (at, stored.point_ids[key])
        for key, sensors in stored.former_rates.items()
        for at, _ in sensors
        if key in stored.point_ids
    ]


def _finish(conn: Connection[Any], stored: StoredMachine, due: Recalculation, memories: Memories) -> None:
    channel_quality.save_memories(conn, memories)
    corrections.finish_recalculation(conn, stored.id)
    conclude_again(conn, stored.id, due.since)
    if any(point.is_waveform for point in stored.machine.points):
        diagnoses.ask(conn, stored.id, "interval", None, diagnoses.RECORDS)


def _compute(conn: Connection[Any], stored: StoredMachine, times: Sequence[datetime], memories: Memories) -> Memories:
    """Compute acquisitions again; one that fails keeps its features. Returns what is remembered after them."""
    known = dict(memories)
    try:
        with conn.transaction():
            _forget_swapped(conn, stored, times)
            featurise_new(conn, {stored.id: stored}, [(stored.id, at) for at in times], known)
    except Exception as error:
        if blame(error) is not Blame.RECORD:
            raise
        if len(times) == 1:
            key = stored.machine.key
            _log.error("features of machine %s at %s are not computed again", key, times[0], exc_info=error)
            return memories
        middle = len(times) // 2
        return _compute(conn, stored, times[middle:], _compute(conn, stored, times[:middle], memories))
    return known


def _forget_swapped(conn: Connection[Any], stored: StoredMachine, times: Sequence[datetime]) -> None:
    """Remove features and quality of swapped points where a record remains: those of one sent without the other."""
    points = corrections.fetch_swapped_points(conn, stored.id)
    if not points:
        return
    kept = corrections.fetch_stored_times(conn, points, times)
    if kept:
        corrections.forget_features(conn, points, kept)
        channel_quality.save_quality(conn, {}, [(point, at) for point in points for at in kept])


def _begin(conn: Connection[Any], stored: StoredMachine, since: datetime) -> Memories:
    """Return what was remembered of the channels before a time, from the acquisitions before it."""
    times = corrections.fetch_times_before(conn, stored.id, since, REMEMBERED)
    contexts = analysis_inputs.fetch_contexts(conn, [(stored.id, at) for at in times])
    running = [at for at in times if not is_stopped(stored.machine, contexts[stored.id, at])]
    if not running:
        return {}
    quality = channel_quality.fetch_quality(conn, stored.id, running)
    other = corrections.fetch_uncorrected_points(conn, stored.id, since)
    turns = [turn for turn in _replacements(stored) if turn[0] <= since]
    begins = {point_id: max(at for at, which in turns if which == point_id) for _, point_id in turns}
    memories: Memories = {}
    for quantity, columns in (("acceleration", VIBRATION_COLUMNS), ("current", CURRENT_COLUMNS)):
        points = [stored.point_ids[p.key] for p in stored.machine.points if p.is_waveform and p.quantity == quantity]
        vectors = feature_rows.fetch_features(conn, TABLES[quantity], columns, points, running)
        known: dict[int, WaveformMemory] = {}
        for (point_id, at), vector in sorted(vectors.items(), key=lambda item: item[0][1]):
            is_present = at >= begins.get(point_id, at)
            if is_present and point_id not in other and quality.get((point_id, at), GOOD).is_measured:
                before = known.get(point_id) or WaveformMemory.from_figures(None)
                known[point_id] = remember(before, quantity, vector, contexts[stored.id, at].speed)
        memories |= {point_id: memory.to_figures() for point_id, memory in known.items()}
    return memories | _scalar_memories(conn, stored, running)


def _scalar_memories(conn: Connection[Any], stored: StoredMachine, times: Sequence[datetime]) -> Memories:
    """Return the runs of scalars; a longer run that is remembered from before counts as before."""
    keys = [(stored.id, at) for at in times]
    values = sorted(analysis_inputs.fetch_scalars(conn, keys).items(), key=lambda item: item[0][1])
    quality = channel_quality.fetch_quality(conn, stored.id, times)
    stored_memories = channel_quality.fetch_memories(conn, sorted({point_id for (point_id, _), _ in values}))
    known: dict[int, ScalarMemory] = {}
    for (point_id, at), value in values:
        found = quality.get((point_id, at), GOOD)
        if found.is_measured or found.reasons[:1] == ("stuck",):
            before = known.get(point_id) or ScalarMemory.from_figures(None)
            known[point_id] = before.after(value)
    made: Memories = {}
    for point_id, memory in known.items():
        longest = ScalarMemory.from_figures(stored_memories.get(point_id)).longest
        figures = memory.to_figures()
        made[point_id] = [*figures[:2], float(max(memory.longest, longest)), figures[3]]
    return made


def _loaded(due: Recalculation) -> Memories:
    return {
        int(point_id): [math.nan if each is None else float(each) for each in figures]
        for point_id, figures in due.memories.items()
    }


def _saved(memories: Memories) -> Mapping[str, Sequence[float | None]]:
    return {str(key): [None if math.isnan(each) else each for each in figures] for key, figures in memories.items()}
