"""The stored history of a machine as columns, read in a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql
from psycopg.rows import dict_row

from pdm.alerts.kinds.history import ZONE_CODES, Conclusions, MachineHistory, MeasuredColumn, PastHold
from pdm.alerts.kinds.rule_input import GROUP, SCALAR, Measured
from pdm.errors import RefusalError
from pdm.health.assessment import doubtful_points, hindrance_of, shows_operation, unmeasured_points
from pdm.health.baseline.component_columns import resolved
from pdm.machines.corrections import SourceSpan
from pdm.machines.former_keys import FormerKeys
from pdm.machines.model import Machine
from pdm.machines.units import si_conversion
from pdm.machines.work_events import LifeEnd
from pdm.store.acquisitions.scalars_read import span_values
from pdm.store.analysis.diagnosis_notes import fetch_notes
from pdm.store.database.queries import query
from pdm.store.machines.registration import StoredMachine

_POSTGRES_EPOCH = 946_684_800_000_000  # 2000-01-01 [microseconds since 1970]
_TABLES = {"acceleration": "feature_vibration_v1", "current": "feature_current_v1"}
_SEPARATOR = "\x1f"
_SOURCES = {"m": "model", "t": "trend", "n": "none"}

Times = NDArray[np.int64]


def fetch_history(
    conn: Connection[Any],
    stored: StoredMachine,
    since: datetime,
    before: datetime,
    wanted: Sequence[Measured],
    *,
    with_diagnoses: bool,
) -> MachineHistory | None:
    """Return the history of a machine in [since, before), or None without assessments.

    Assessments replaced after late data are used in their present form. `wanted` are the measured values to read.
    """
    span = {"machine_id": stored.id, "since": since, "before": before}
    conclusions = _conclusions(conn, stored.machine, span)
    if conclusions is None:
        return None
    ends = [(row[1], LifeEnd(row[0].astimezone(UTC), row[2])) for row in conn.execute(query("fetch_past_events"), span)]
    notes = fetch_notes(conn, {stored.id: (since, before)}) if with_diagnoses else {}
    return MachineHistory(
        stored.machine,
        conclusions,
        _only_measurements(
            _measured(conn, stored, conclusions.times, (since, before), wanted), conclusions, stored.machine
        ),
        tuple(note.renamed(stored.former_keys) for note in notes.get(stored.id, ())),
        tuple(resolved(stored.machine, end) for _, end in ends),
        tuple(end.occurred_at for kind, end in ends if kind == "failure"),
        tuple(
            PastHold(begins_at.astimezone(UTC), ends_at.astimezone(UTC), cause)
            for begins_at, ends_at, cause in conn.execute(query("fetch_past_holds"), span)
        ),
    )


def fetch_indicators(conn: Connection[Any], machine_id: int, since: datetime, times: Times) -> NDArray[np.float32]:
    """Return the indicators (n, indicators) behind a machine's assessments at `times`.

    Raises
    ------
    RefusalError
        The indicators are of several versions: their number changes.
    """
    with conn.cursor(binary=True) as cursor:
        wanted = {"machine_id": machine_id, "since": since}
        row = cursor.execute(query("fetch_indicator_column"), wanted).fetchone()
    assert row is not None
    at = _times(row[0])
    words = np.frombuffer(row[1], ">i4")
    width = 5 + 2 * int(words[3])  # dimensions, flags, type, length, lower bound; then a size before each value
    if len(words) != width * len(at):
        raise RefusalError("the stored indicators have several versions: another model cannot be evaluated on them")
    values = np.ascontiguousarray(words.reshape(len(at), width)[:, 6::2]).view(">f4").astype(np.float32)
    _, places = _align(times, at)
    return values[places]


def list_assessed(
    conn: Connection[Any],
    since: datetime,
    before: datetime,
    *,
    machines: Sequence[str] | None,
    site_ids: Sequence[int] | None,
) -> dict[str, tuple[datetime, datetime]]:
    """Return the machines with assessments in a span, with the first and last time."""
    wanted = {
        "since": since,
        "before": before,
        "machines": None if machines is None else list(machines),
        "site_ids": None if site_ids is None else list(site_ids),
    }
    rows = conn.execute(query("fetch_assessed_machines"), wanted)
    return {row[0]: (row[1].astimezone(UTC), row[2].astimezone(UTC)) for row in rows}


def _conclusions(conn: Connection[Any], machine: Machine, span: dict[str, Any]) -> Conclusions | None:
    with conn.cursor(row_factory=dict_row, binary=True) as cursor:
        assessed = cursor.execute(query("fetch_assessment_columns"), span).fetchone()
        prognosed = cursor.execute(query("fetch_prognosis_columns"), span).fetchone()
    assert assessed is not None
    assert prognosed is not None
    if assessed["times"] is None:
        return None
    times = _times(assessed["times"])
    rows, places = _align(times, _times(prognosed["times"]) if prognosed["times"] else np.empty(0, np.int64))

    def figure(name: str, kind: str) -> NDArray[np.float64]:
        values = np.full(len(times), np.nan)
        if len(rows):
            values[rows] = _numbers(prognosed[name], kind)[places]
        return values

    sources = [""] * len(times)
    doubts: list[tuple[str, ...]] = [()] * len(times)
    doubted = (prognosed["doubts"] or "").split(_SEPARATOR)
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        sources[row] = _SOURCES[prognosed["sources"][place]]
        doubts[row] = _words(doubted[place])
    keys = FormerKeys.of(machine.components, machine.points)
    reasons = [_renamed(each, keys) for each in assessed["reasons"].split(_SEPARATOR)]
    codes = np.zeros(128, np.int8)
    codes[[ord(zone) for zone in ZONE_CODES]] = range(len(ZONE_CODES))
    return Conclusions(
        times=times,
        health=_numbers(assessed["health"], ">f4"),
        zones=codes[np.frombuffer(assessed["zones"].encode(), np.uint8)],
        states=assessed["states"].split(_SEPARATOR),
        symptoms=assessed["symptoms"].split(_SEPARATOR),
        components=[keys.component(each) for each in assessed["components"].split(_SEPARATOR)],
        confidence=_numbers(assessed["confidence"], ">f4"),
        sources=sources,
        rul=figure("rul", ">f8"),
        rul_lower=figure("rul_lower", ">f8"),
        rul_upper=figure("rul_upper", ">f8"),
        level=figure("level", ">f4"),
        doubts=doubts,
        shows_operation=_shows_operation(machine, reasons, assessed["declared"]),
        unmeasured=_unmeasured(reasons),
        doubtful=_doubtful(reasons),
        hindrances=_hindrances(reasons),
    )


def _renamed(written: str, keys: FormerKeys) -> str:
    """Return written reasons with the present keys of what was renamed."""
    return (
        msgspec.json.encode([keys.reason(each) for each in _words(written)]).decode() if keys and written else written
    )


def _hindrances(reasons: Sequence[str]) -> dict[int, str]:
    found = ((row, hindrance_of(_words(each))) for row, each in enumerate(reasons) if "hindered:" in each)
    return {row: why for row, why in found if why is not None}


def _unmeasured(reasons: Sequence[str]) -> dict[int, dict[str, str]]:
    return {row: unmeasured_points(_words(each)) for row, each in enumerate(reasons) if "no-measurement:" in each}


def _doubtful(reasons: Sequence[str]) -> dict[int, tuple[str, ...]]:
    return {row: doubtful_points(_words(each)) for row, each in enumerate(reasons) if "doubtful:" in each}


def _only_measurements(
    measured: dict[Measured, MeasuredColumn], conclusions: Conclusions, machine: Machine
) -> dict[Measured, MeasuredColumn]:
    """Return the values as the rules read them when they were new: NaN where the channel is no measurement."""
    phases = {point.key for point in machine.points if point.quantity == "current" and point.is_waveform}
    for row, points in conclusions.unmeasured.items():
        lost = {*points, GROUP} if phases & points.keys() else set(points)
        for (point, _), column in measured.items():
            if point in lost:
                column.values[row] = np.nan
    return measured


def _shows_operation(machine: Machine, reasons: Sequence[str], declared: str) -> NDArray[np.bool_]:
    sampled = [point.key for point in machine.points if point.is_waveform and point.quantity in _TABLES]
    known: dict[tuple[str, str], bool] = {}
    for key in zip(reasons, declared, strict=True):
        if key not in known:
            known[key] = shows_operation(_words(key[0]), sampled, key[1] == "1")
    return np.array([known[key] for key in zip(reasons, declared, strict=True)], bool)


@lru_cache(maxsize=4096)
def _words(written: str) -> tuple[str, ...]:
    """Return a list of texts from JSON."""
    return tuple(msgspec.json.decode(written, type=list[str])) if written else ()


def _measured(
    conn: Connection[Any],
    stored: StoredMachine,
    times: Times,
    span: tuple[datetime, datetime],
    wanted: Sequence[Measured],
) -> dict[Measured, MeasuredColumn]:
    points = {point.key: point for point in stored.machine.points}
    found: dict[Measured, MeasuredColumn] = {}
    features: dict[str, list[str]] = defaultdict(list)
    for point, feature in wanted:
        if point == GROUP:
            first = min(key for key, each in points.items() if each.quantity == "current" and each.is_waveform)
            features[first].append(feature)
        elif feature == SCALAR:
            factor, offset = si_conversion(points[point].quantity, points[point].unit)
            at, values = _scalars(conn, stored.corrections.spans(stored.point_ids[point], *span))
            found[point, feature] = _column(times, at, factor * values + offset)
        else:
            features[point].append(feature)
    for point, names in features.items():
        at, columns = _features(conn, _TABLES[points[point].quantity], stored.point_ids[point], names, span)
        for name, values in zip(names, columns, strict=True):
            for key in ((point, name), (GROUP, name)):
                if key in wanted:
                    found[key] = _column(times, at, values)
    return found


def _column(times: Times, at: Times, values: NDArray[np.float64]) -> MeasuredColumn:
    rows, places = _align(times, at)
    column, is_present = np.full(len(times), np.nan), np.zeros(len(times), bool)
    column[rows], is_present[rows] = values[places], True
    return MeasuredColumn(column, is_present)


def _align(times: Times, others: Times) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the common times in both arrays."""
    _, rows, places = np.intersect1d(times, others, assume_unique=True, return_indices=True)
    return rows, places


def _scalars(conn: Connection[Any], spans: Sequence[SourceSpan]) -> tuple[Times, NDArray[np.float64]]:
    with conn.cursor(binary=True) as cursor:
        row = cursor.execute(query("fetch_scalar_columns"), span_values(spans)).fetchone()
    if row is None or row[0] is None:
        return np.empty(0, np.int64), np.empty(0)
    return _times(row[0]), _numbers(row[1], ">f8")


def _features(
    conn: Connection[Any], table: str, point_id: int, names: Sequence[str], span: tuple[datetime, datetime]
) -> tuple[Times, list[NDArray[np.float64]]]:
    chosen = sql.SQL(", ").join(sql.Identifier(name) for name in names)
    sent = sql.SQL(", ").join(
        sql.SQL("string_agg(float4send(coalesce(q.{}, 'NaN')), ''::bytea)").format(sql.Identifier(name))
        for name in names
    )
    statement = sql.SQL(
        "SELECT string_agg(timestamptz_send(q.measured_at), ''::bytea), {sent} FROM ("
        " SELECT DISTINCT ON (measured_at) measured_at, {chosen} FROM {table}"
        " WHERE point_id = %(point_id)s AND measured_at >= %(since)s AND measured_at < %(before)s"
        " ORDER BY measured_at, feature_version DESC) q"
    ).format(sent=sent, chosen=chosen, table=sql.Identifier(table))
    with conn.cursor(binary=True) as cursor:
        wanted = {"point_id": point_id, "since": span[0], "before": span[1]}
        row = cursor.execute(statement, wanted).fetchone()
    if row is None or row[0] is None:
        return np.empty(0, np.int64), [np.empty(0)] * len(names)
    return _times(row[0]), [_numbers(content, ">f4") for content in row[1:]]


def _times(content: bytes) -> Times:
    times: Times = np.frombuffer(content, ">i8").astype(np.int64) + _POSTGRES_EPOCH
    return times


def _numbers(content: bytes, kind: str) -> NDArray[np.float64]:
    return np.frombuffer(content, kind).astype(np.float64)
