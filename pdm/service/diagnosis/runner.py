"""Diagnoses on a worker, due by state detection or by request, from stored recordings, within a share of its time.

Due diagnoses are rows of the database. The analysis of acquisitions only inserts them; each is computed in its own
transaction, so that a failure affects no other diagnosis.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool, PoolTimeout

from pdm.errors import NotFoundError, RefusalError
from pdm.health.assessment import Assessment
from pdm.health.diagnosis.diagnose import diagnose
from pdm.health.diagnosis.model import RecordedChannel, Recording
from pdm.machines.model import MeasurementPoint
from pdm.machines.units import si_conversion
from pdm.service.diagnosis.document import to_document
from pdm.service.diagnosis.schedule import Watch, find_due
from pdm.settings import Settings
from pdm.store.analysis import analysis_inputs, diagnoses
from pdm.store.analysis.analysis_inputs import StoredWaveform
from pdm.store.analysis.diagnoses import Diagnosable, Due
from pdm.store.machines.registration import StoredMachine, fetch_machine

REACH = timedelta(days=7)  # older recordings, relative to the newest, may be of another condition
MOST_A_TURN = 8
LEAST_CREDIT = 0.05  # s, required to start one: it takes 0.02 to 0.05
MOST_CREDIT = 5.0  # s, the largest credit of idle time
_CANDIDATES = 4  # times the required records: some are incomplete, or of another operating state
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)

_log = logging.getLogger(__name__)


def ask_where_due(
    conn: Connection[Any], followed: Sequence[tuple[StoredMachine, Sequence[Assessment]]], interval: timedelta
) -> None:
    """Store which diagnoses the next assessments of machines make due, given in measured_at order.

    A replay of late data makes no diagnosis due: a diagnosis depends only on its own acquisitions, which have not
    changed.
    """
    followed = [(stored, found) for stored, found in followed if found and _has_waveforms(stored)]
    known = diagnoses.fetch_watches(conn, [stored.id for stored, _ in followed])
    for stored, assessments in followed:
        row = known.get(stored.id)
        before = None if row is None else Watch(row[0], row[1], frozenset(row[2]))
        after, due = find_due(before, assessments, interval)
        if after is not None and after != before:
            diagnoses.save_watch(
                conn, stored.id, after.measured_at, is_severe=after.is_severe, reported=sorted(after.reported)
            )
        if due is not None:
            diagnoses.ask(conn, stored.id, *due, diagnoses.RECORDS)


class Budget:
    """A share of elapsed time, accumulated up to `most` seconds; it becomes negative if more is spent."""

    def __init__(self, share: float, most: float = MOST_CREDIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._most = most
        self._clock = clock
        self._credit = 0.0
        self._seen = clock()

    def is_open(self) -> bool:
        """Whether a diagnosis may start now."""
        now = self._clock()
        self._credit = min(self._most, self._credit + self._share * (now - self._seen))
        self._seen = now
        return self._credit >= LEAST_CREDIT

    def spend(self, seconds: float) -> None:
        """Subtract the spent time from the credit."""
        self._credit -= seconds


class Diagnoser:
    """Computes due diagnoses, a few per call; several instances may run on one database."""

    def __init__(self, pool: ConnectionPool[Any], settings: Settings) -> None:
        self._pool = pool
        self._budget = Budget(settings.diagnosis_share)

    def turn(self) -> int:
        """Compute due diagnoses: all requested ones, others within the time share; returns their number."""
        for done in range(MOST_A_TURN):
            began = time.monotonic()
            with self._pool.connection() as conn:
                due = diagnoses.claim(conn, unasked=self._budget.is_open())
            if due is None:  # a query without a result costs no credit: frequent queries would consume all of it
                return done
            self._compute(due)
            self._budget.spend(time.monotonic() - began)
        return MOST_A_TURN

    def _compute(self, due: Due) -> None:
        try:
            with self._pool.connection() as conn:
                stored = fetch_machine(conn, due.machine)
                recordings = fetch_recordings(conn, stored, due.as_of, due.records)
            machine = stored.corrections.correct_machine(stored.machine, recordings[0].measured_at)
            found = diagnose(machine, recordings)
            with self._pool.connection() as conn:
                diagnoses.insert_diagnosis(
                    conn, due, [r.measured_at for r in recordings], found.rule_version, to_document(found)
                )
                diagnoses.finish(conn, due)
        except _AWAY:
            raise
        except Exception as error:
            is_final = isinstance(error, RefusalError | NotFoundError)
            _log.log(
                logging.WARNING if is_final else logging.ERROR,
                "machine %s cannot be diagnosed: %s",
                due.machine,
                error,
                exc_info=not is_final,
            )
            text = str(error) if is_final else f"{type(error).__name__}: {error}"
            with self._pool.connection() as conn:
                diagnoses.fail(conn, due, text, is_final=is_final)


def fetch_recordings(
    conn: Connection[Any], stored: StoredMachine, as_of: datetime | None, records: int
) -> list[Recording]:
    """Return the newest recordings of a machine up to a time, of one operating state, in SI units; newest first.

    Complete acquisitions are preferred; if none of the newest is complete, because a sensor is defective, incomplete
    ones are used.

    Raises
    ------
    RefusalError
        No waveforms are stored: none were received, or retention has deleted them.
    """
    found = diagnoses.fetch_diagnosable(conn, stored.id, as_of, _CANDIDATES * records)
    chosen = choose(found, sum(point.is_waveform for point in stored.machine.points), records)
    keys = [(stored.id, each.measured_at) for each in chosen]
    contexts = analysis_inputs.fetch_contexts(conn, keys)
    channels: dict[datetime, list[RecordedChannel]] = defaultdict(list)
    points = _points_by_id(stored)
    for waveform in analysis_inputs.fetch_waveforms(conn, keys):
        registered = points.get(waveform.point_id)
        if registered is not None:  # it may be swapped with a point that is retired
            point = stored.corrections.correct_point(registered, waveform.point_id, waveform.measured_at)
            channels[waveform.measured_at].append(recorded(point, waveform))
    if not channels:
        until = "" if as_of is None else f" up to {as_of.isoformat()}"
        raise RefusalError(f"no waveforms of machine {stored.machine.key!r}{until} are stored")
    learned = {each.measured_at: each.is_state_learned for each in chosen}
    return [Recording(at, tuple(channels[at]), contexts[key, at], learned[at]) for key, at in keys if at in channels]


def choose(found: Sequence[Diagnosable], waveform_points: int, records: int) -> list[Diagnosable]:
    """Return the acquisitions, given newest first, that are diagnosed together."""
    measured = [each for each in found if len(each.missing) < waveform_points]
    if not measured:
        return []
    recent = [each for each in measured if each.measured_at >= measured[0].measured_at - REACH]
    is_complete = any(not each.missing for each in recent[:records])
    usable = [each for each in recent if not each.missing] if is_complete else recent
    return [each for each in usable if each.operating_state == usable[0].operating_state][:records]


def recorded(point: MeasurementPoint, waveform: StoredWaveform) -> RecordedChannel:
    """Return a stored channel in SI units; counts remain counts if the unit has no offset (shows clipping)."""
    factor, offset = si_conversion(point.quantity, point.unit)
    samples, scale = waveform.samples, waveform.scale
    if scale is not None and offset == 0.0:
        return RecordedChannel(point, samples, waveform.sampling_rate, scale * factor)
    if (factor, offset) != (1.0, 0.0) or scale is not None:
        samples = (samples * np.float64(factor * (scale or 1.0)) + offset).astype(np.float32)
    return RecordedChannel(point, samples, waveform.sampling_rate)


def _points_by_id(stored: StoredMachine) -> Mapping[int, MeasurementPoint]:
    return {stored.point_ids[point.key]: point for point in stored.machine.points}


def _has_waveforms(stored: StoredMachine) -> bool:
    return any(point.is_waveform for point in stored.machine.points)
