"""The ingest use case: store the records of a request once and return a result for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, NotFoundError, PdmError
from pdm.ingest.decode import Decoded
from pdm.measurements import Acquisition, OperatingContext, Outcome, Problem, Receipt, RecordResult
from pdm.service.ingestion.validation import DEFAULT_FUTURE_TOLERANCE, doubt_time, screen
from pdm.store.acquisitions.acquisitions_write import (
    Channel,
    Envelope,
    Key,
    enqueue,
    fetch_stored_hashes,
    insert_channels,
    merge_acquisitions,
)
from pdm.store.acquisitions.quarantine import insert_quarantined
from pdm.store.acquisitions.receipts import insert_receipt
from pdm.store.database.connection import database_required
from pdm.store.machines.registration import StoredMachine, fetch_machines
from pdm.store.machines.tags import find_keys, hint_at

_TRIES = 3  # a deadlock with the worker is resolved by a retry; the request is idempotent
_MOST_HINTED = 4  # unknown machines of one request with similar names


@dataclass(frozen=True)
class _Candidate:
    """A record with at least one channel that may be stored: channels, missing points, and all problems."""

    decoded: Decoded
    machine_id: int
    acquisition: Acquisition
    channels: tuple[Channel, ...]
    missing: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def key(self) -> Key:
        return self.machine_id, self.acquisition.measured_at


def record(
    pool: ConnectionPool[Any],
    records: Sequence[Decoded],
    *,
    actor: str,
    site_ids: Sequence[int] | None,
    now: datetime,
    future_tolerance: timedelta = DEFAULT_FUTURE_TOLERANCE,
) -> Receipt:
    """Store the decoded records of one request in one transaction, and return a result for each.

    After the return, all records reported as stored are committed. The same record sent again is a
    duplicate; the same key with other content is a conflict, and the stored content is kept.

    Parameters
    ----------
    actor : str
        Name of the sender.
    site_ids : sequence of int or None
        Sites that the sender may write to; None is every site. Machines of other sites are treated as unknown.
    now : datetime
        The server's time.
    future_tolerance : timedelta
        How far the time of a live machine may be ahead of `now`.

    Raises
    ------
    UnavailableError
        The database is unavailable; storage is not confirmed.
    """
    with database_required():
        for _ in range(_TRIES - 1):
            try:
                return _record_once(pool, records, actor, site_ids, now, future_tolerance)
            except psycopg.errors.DeadlockDetected:
                continue
        return _record_once(pool, records, actor, site_ids, now, future_tolerance)


def _record_once(
    pool: ConnectionPool[Any],
    records: Sequence[Decoded],
    actor: str,
    site_ids: Sequence[int] | None,
    now: datetime,
    future_tolerance: timedelta,
) -> Receipt:
    receipt_id = uuid4()
    with pool.connection() as conn, conn.transaction():
        named = {item.acquisition.machine for item in records if item.acquisition is not None}
        machines = _fetch_named(conn, named, site_ids)
        results: dict[int, RecordResult] = {}
        candidates: list[_Candidate] = []
        for place, decoded in enumerate(records):
            judged = _judge(decoded, machines, now, future_tolerance)
            if isinstance(judged, _Candidate):
                candidates.append(judged)
                continue
            results[place] = judged
            if judged.outcome is Outcome.QUARANTINED and decoded.acquisition is not None:
                stored = machines[decoded.acquisition.machine]
                assert isinstance(stored, StoredMachine)
                reason = judged.problems[0].detail
                insert_quarantined(conn, stored.id, decoded.acquisition, reason, receipt_id, now)
        answers = iter(_write(conn, candidates, receipt_id, now))
        in_order = tuple(results[place] if place in results else next(answers) for place in range(len(records)))
        receipt = Receipt(str(receipt_id), now, in_order)
        insert_receipt(conn, receipt, actor)
    return receipt


def _fetch_named(
    conn: Connection[Any], named: Set[str], site_ids: Sequence[int] | None
) -> Mapping[str, StoredMachine | PdmError]:
    """Return the machines by the key or tag that records name; the error of an ambiguous tag or an unknown machine.

    Further unknown machines than the first are omitted: a suggestion for each would cost more than the records.
    """
    machines: dict[str, StoredMachine | PdmError] = dict(fetch_machines(conn, sorted(named), site_ids).items())
    others = sorted(named - machines.keys())
    if not others:
        return machines
    keys: dict[str, str] = {}
    try:
        keys = find_keys(conn, others, site_ids)
    except ConflictError:
        for name in others:  # one of them is ambiguous: one after the other
            try:
                keys |= find_keys(conn, [name], site_ids)
            except ConflictError as error:
                machines[name] = error
    tagged = fetch_machines(conn, sorted(keys.values()), site_ids)
    machines |= {name: tagged[key] for name, key in keys.items()}
    for name in [each for each in others if each not in machines][:_MOST_HINTED]:
        machines[name] = NotFoundError(f"unknown machine {name!r}; {hint_at(conn, name, site_ids)}")
    return machines


def _judge(
    decoded: Decoded, machines: Mapping[str, StoredMachine | PdmError], now: datetime, future_tolerance: timedelta
) -> _Candidate | RecordResult:
    acquisition = decoded.acquisition
    if acquisition is None:
        return _refused(decoded, Outcome.REJECTED, decoded.problems)
    stored = machines.get(acquisition.machine)
    if stored is None or isinstance(stored, NotFoundError):
        detail = f"unknown machine {acquisition.machine!r}; register it first" if stored is None else stored.message
        unknown = Problem("unknown-machine", detail, "machine")
        return _refused(decoded, Outcome.REJECTED, (unknown, *decoded.problems))
    if isinstance(stored, PdmError):
        ambiguous = Problem("ambiguous-machine", stored.message, "machine")
        return _refused(decoded, Outcome.REJECTED, (ambiguous, *decoded.problems))
    if stored.retired_at is not None:
        detail = f"machine {acquisition.machine!r} is retired since {stored.retired_at.isoformat()}{_way_back(stored)}"
        return _refused(decoded, Outcome.REJECTED, (Problem("retired-machine", detail, "machine"), *decoded.problems))
    doubt = doubt_time(acquisition.measured_at, stored.machine.timeline, now, future_tolerance)
    if doubt is not None:
        problem = Problem("timestamp", f"measured_at {doubt}", "measured_at")
        return _refused(decoded, Outcome.QUARANTINED, (problem, *decoded.problems))
    acquisition = _with_present_keys(acquisition, stored)
    channels, missing, misfits = screen(acquisition, stored)
    problems = (*decoded.problems, *misfits)
    if not channels:
        empty = Problem("empty-record", "the record has neither waveforms nor scalars", "waveforms")
        return _refused(decoded, Outcome.REJECTED, problems or (empty,))
    return _Candidate(decoded, stored.id, acquisition, channels, missing, problems)


def _way_back(stored: StoredMachine) -> str:
    machine = stored.machine
    site = f"/v1/sites/{machine.site}"
    places = {"site": site, "line": f"{site}/lines/{machine.line}", "fleet": f"/v1/fleets/{machine.fleet}"}
    if stored.retired_with is None:
        return f"; POST /v1/machines/{machine.key}/restore brings it back"
    place = places[stored.retired_with]
    return f" with its {stored.retired_with}; POST {place}/restore brings both back"


def _with_present_keys(acquisition: Acquisition, stored: StoredMachine) -> Acquisition:
    """Return a record whose channels have the present keys of their points."""
    keys = stored.former_keys
    if not keys.points:
        return acquisition
    return replace(
        acquisition,
        waveforms=tuple(replace(each, point=keys.point(each.point)) for each in acquisition.waveforms),
        scalars=tuple(replace(each, point=keys.point(each.point)) for each in acquisition.scalars),
    )


def _refused(decoded: Decoded, outcome: Outcome, problems: tuple[Problem, ...]) -> RecordResult:
    return RecordResult(decoded.record, decoded.machine, decoded.measured_at, outcome, problems)


def _write(
    conn: Connection[Any], candidates: Sequence[_Candidate], receipt_id: UUID, now: datetime
) -> list[RecordResult]:
    """Store the new channels of the candidates; returns the outcome of each candidate."""
    first: dict[Key, int] = {}
    unique: dict[Key, Channel] = {}
    for index, candidate in enumerate(candidates):
        for channel in candidate.channels:
            if unique.setdefault(channel.key, channel) is channel:
                first[channel.key] = index
    new = insert_channels(conn, list(unique.values()))
    hashes = {key: channel.content_hash for key, channel in unique.items()}
    hashes |= fetch_stored_hashes(conn, unique.keys() - new)
    brought = {key: index for key, index in first.items() if key in new}
    sent: dict[Key, list[_Candidate]] = defaultdict(list)
    for index, candidate in enumerate(candidates):
        if any(brought.get(channel.key) == index for channel in candidate.channels):
            sent[candidate.key].append(candidate)
    envelopes = merge_acquisitions(conn, {key: _envelope(group) for key, group in sent.items()}, receipt_id, now)
    enqueue(conn, sent.keys())
    return [_tell(index, candidate, brought, hashes, envelopes) for index, candidate in enumerate(candidates)]


def _envelope(group: Sequence[_Candidate]) -> Envelope:
    contexts = [candidate.acquisition.context for candidate in group]
    missing = set.intersection(*(set(candidate.missing) for candidate in group))
    return Envelope(
        OperatingContext(
            speed=next((c.speed for c in contexts if c.speed is not None), None),
            load=next((c.load for c in contexts if c.load is not None), None),
            state=next((c.state for c in contexts if c.state is not None), None),
        ),
        tuple(sorted(missing)),
    )


def _tell(
    index: int,
    candidate: _Candidate,
    brought: Mapping[Key, int],
    hashes: Mapping[Key, bytes],
    envelopes: Mapping[Key, Envelope],
) -> RecordResult:
    """Return the outcome of a candidate, by the origin of each new channel and the stored content of every key."""
    decoded = candidate.decoded
    problems = [*candidate.problems]
    is_stored = has_conflict = False
    for channel in candidate.channels:
        if brought.get(channel.key) == index:
            is_stored = True
        elif hashes[channel.key] != channel.content_hash:
            has_conflict = True
            problems.append(_conflict(channel, hashes[channel.key]))
    if is_stored:
        problems += _find_gaps(candidate, envelopes[candidate.key])
    outcome = Outcome.STORED if is_stored else Outcome.CONFLICT if has_conflict else Outcome.DUPLICATE
    return RecordResult(decoded.record, decoded.machine, decoded.measured_at, outcome, tuple(problems))


def _conflict(channel: Channel, stored_hash: bytes) -> Problem:
    key = channel.content.point
    return Problem(
        "conflict",
        f"channel {key!r} is already stored for this time with different content; the stored content is kept",
        key,
        stored_hash=stored_hash.hex(),
        sent_hash=channel.content_hash.hex(),
    )


def _find_gaps(candidate: _Candidate, envelope: Envelope) -> list[Problem]:
    problems = []
    if candidate.acquisition.waveforms:
        problems += [
            Problem("missing-channel", f"the waveform of point {key!r} is missing", key) for key in envelope.missing
        ]
    sent, stored = candidate.acquisition.context, envelope.context
    for name in ("speed", "load", "state"):
        stated = getattr(sent, name)
        if stated is not None and stated != getattr(stored, name):
            detail = (
                f"the acquisition is stored with {name} {getattr(stored, name)}; the stored value is kept; "
                f"{stated} was sent"
            )
            problems.append(Problem("context-differs", detail, f"context.{name}"))
    return problems
