"""Computes the features of stored waveforms in another version and adds them to the existing rows.

Progress is the stored rows: a killed run continues where rows are missing, and two concurrent runs write no row twice.
Waveforms are read in one short transaction and rows written in another, which keeps rows that a worker has written in
the meantime; the analysis is not locked. Acquisitions that wait for a worker have priority.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from features.catalogue import CATALOGUE, FEATURE_VERSION
from pdm.errors import InvalidInputError
from pdm.service.analysis.feature_extraction import FeatureRows, current_rows, vibration_rows
from pdm.service.analysis.snapshots import TABLES, channels_of
from pdm.store.analysis import analysis_inputs, backfill, feature_rows
from pdm.store.database.connection import database_required
from pdm.store.machines.registration import StoredMachine, fetch_machine

Pool = ConnectionPool[Any]
Quantity = Literal["vibration", "current"]

SENSED: dict[Quantity, str] = {"vibration": "acceleration", "current": "current"}
BATCH = 32  # acquisitions of one machine per transaction
PAGE = 512  # times per page
GIVE_WAY_SECONDS = 0.5  # longest wait of a batch for the workers
_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
_END = datetime(9999, 12, 30, tzinfo=UTC)
_GIVE_WAY_STEP = 0.02
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Uncomputed:
    """An acquisition whose features cannot be computed, with the reason."""

    machine: str
    measured_at: datetime
    reason: str


@dataclass
class BackfillReport:
    """The number of `computed` rows, and of waveforms without work.

    These were `present` before, are `waiting` for a worker, or their analysis failed (`set_aside`).
    `failed` lists acquisitions whose features cannot be computed.
    """

    quantity: Quantity
    version: int
    machines: int = 0
    computed: int = 0
    present: int = 0
    waiting: int = 0
    set_aside: int = 0
    failed: list[Uncomputed] = field(default_factory=list)

    def text(self) -> str:
        """Return the report as text, one line per failure."""
        first = (
            f"{self.quantity} features, version {self.version}, {self.machines} machines: {self.computed} computed, "
            f"{self.present} already present, {self.waiting} in the queue, {self.set_aside} failed in analysis, "
            f"{len(self.failed)} acquisitions failed"
        )
        return "\n".join([first, *(f"  {f.machine} {f.measured_at.isoformat()}: {f.reason}" for f in self.failed)])


def backfill_features(
    pool: Pool,
    quantity: Quantity,
    *,
    version: int = FEATURE_VERSION,
    machine: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
    batch: int = BATCH,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> BackfillReport:
    """Compute the features that stored waveforms lack in a version.

    Parameters
    ----------
    version : int
        Version of the catalogue; features added later are omitted.
    machine : str, optional
        Only this machine.
    since, before : datetime, optional
        Measured in [since, before).
    batch : int
        Acquisitions per transaction.
    progress : callable
        Called with the stage, the number of finished waveforms and the total.

    Raises
    ------
    InvalidInputError
        The version is unknown, or `batch` is less than one.
    NotFoundError
        The machine does not exist.
    UnavailableError
        The database is unavailable; run it again.
    """
    if not 1 <= version <= FEATURE_VERSION:
        raise InvalidInputError(f"feature version {version} is not 1 to {FEATURE_VERSION}", field="version")
    if batch < 1:
        raise InvalidInputError(f"batch must be at least 1, not {batch}", field="batch")
    span = backfill.Span(since or _BEGINNING, before or _END)
    run = _Run(pool, quantity, version, span, batch, progress)
    with database_required():
        run.all_machines(machine)
        run.refresh()
    return run.report


class _Run:
    """One backfill: its progress and report."""

    def __init__(
        self,
        pool: Pool,
        quantity: Quantity,
        version: int,
        span: backfill.Span,
        batch: int,
        progress: Callable[[str, int, int], None],
    ) -> None:
        self.report = BackfillReport(quantity, version)
        self._pool = pool
        self._quantity: Quantity = quantity
        self._table = TABLES[SENSED[quantity]]
        self._version = version
        self._span = span
        self._batch = batch
        self._progress = progress
        self._done = 0
        self._total = 0
        self._written: list[datetime] = []  # first and last time of written rows

    def all_machines(self, machine: str | None) -> None:
        with self._pool.connection() as conn:
            only = None if machine is None else fetch_machine(conn, machine).machine.key
            keys = backfill.fetch_machine_keys(conn, SENSED[self._quantity], only)
            everything = [fetch_machine(conn, key) for key in keys]
            self._total = sum(
                backfill.count_waveforms(conn, self._points(one, SENSED[self._quantity]), self._span)
                for one in everything
            )
        self._progress(self._quantity, 0, self._total)
        for stored in everything:
            self.report.machines += 1
            self._machine(stored)

    def refresh(self) -> None:
        """Refresh the hourly summaries; not possible inside a transaction."""
        if not self._written:
            return
        with self._pool.connection() as conn:
            conn.autocommit = True
            try:
                backfill.refresh_hourly(conn, self._quantity, *self._written)
            finally:
                conn.autocommit = False

    def _machine(self, stored: StoredMachine) -> None:
        points = self._points(stored, SENSED[self._quantity])
        since = self._span.since
        while True:
            with self._pool.connection() as conn:
                times = backfill.page_times(conn, points, backfill.Span(since, self._span.before), PAGE)
                if not times:
                    return
                backlog = backfill.fetch_backlog(conn, self._quantity, stored.id, points, times, self._version)
            standing = Counter(how for _, _, how in backlog)
            self.report.present += standing["present"]
            self.report.waiting += standing["waiting"]
            self.report.set_aside += standing["set aside"]
            self._advance(len(backlog) - standing["lacking"])
            lacking = Counter(measured_at for _, measured_at, how in backlog if how == "lacking")
            for chosen in _batches(list(lacking), self._batch):
                self._give_way()
                self._in_halves(stored, chosen)
                self._advance(sum(lacking[measured_at] for measured_at in chosen))
            since = times[-1] + _TICK

    def _in_halves(self, stored: StoredMachine, times: Sequence[datetime]) -> None:
        try:
            rows = self._compute(stored, times)
        except (psycopg.Error, PoolTimeout, MemoryError):
            raise
        except Exception as error:
            if len(times) == 1:
                reason = f"{type(error).__name__}: {error}"
                self.report.failed.append(Uncomputed(stored.machine.key, times[0], reason))
                return
            self._in_halves(stored, times[: len(times) // 2])
            self._in_halves(stored, times[len(times) // 2 :])
        else:
            self._write(rows)

    def _compute(self, stored: StoredMachine, times: Sequence[datetime]) -> FeatureRows:
        keys = [(stored.id, at) for at in times]
        with self._pool.connection() as conn:
            contexts = analysis_inputs.fetch_contexts(conn, keys)
            waveforms = analysis_inputs.fetch_waveforms(conn, keys)
        channels = channels_of({stored.id: stored}, contexts, waveforms)
        if self._quantity == "vibration":
            return vibration_rows(channels["acceleration"], channels["tachometer"])
        return current_rows(channels["current"])

    def _write(self, rows: FeatureRows) -> None:
        if not rows.point_ids:
            return
        chosen = [i for i, name in enumerate(rows.columns) if self._has(name)]
        with self._pool.connection() as conn:
            self.report.computed += feature_rows.insert_features(
                conn,
                self._table,
                [rows.columns[i] for i in chosen],
                rows.point_ids,
                rows.measured_at,
                rows.values[:, chosen],
                rows.reasons,
                self._version,
                keep_existing=True,
            )
        times = [*self._written, *rows.measured_at]
        self._written = [min(times), max(times)]

    def _has(self, name: str) -> bool:
        return (self._quantity, name) in _columns_of(self._version)

    def _points(self, stored: StoredMachine, *quantities: str) -> list[int]:
        return [stored.point_ids[p.key] for p in stored.machine.points if p.is_waveform and p.quantity in quantities]

    def _give_way(self) -> None:
        """Wait a moment for the workers if their queue is not empty."""
        until = time.monotonic() + GIVE_WAY_SECONDS
        while time.monotonic() < until:
            with self._pool.connection() as conn:
                if not backfill.is_anything_pending(conn):
                    return
            time.sleep(_GIVE_WAY_STEP)

    def _advance(self, waveforms: int) -> None:
        self._done += waveforms
        self._total = max(self._total, self._done)
        self._progress(self._quantity, self._done, self._total)


def _batches(times: Sequence[datetime], batch: int) -> list[Sequence[datetime]]:
    return [times[start : start + batch] for start in range(0, len(times), batch)]


@cache
def _columns_of(version: int) -> frozenset[tuple[str, str]]:
    return frozenset((d.quantity, d.name) for d in CATALOGUE if d.version <= version)
