"""Results of the analysis: assessments and prognoses, append-only, and checkpoints for replays."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.health.assessment import Assessment
from pdm.prognosis.prognosis import Prognosis
from pdm.store.database.queries import query

_ASSESSMENT_COLUMNS = (
    "machine_id, measured_at, revision, health, learning_progress, operating_state, zone, symptom, component, "
    "confidence, indicators, evidence, rule_version, life_indicators"
)
_PROGNOSIS_COLUMNS = (
    "machine_id, measured_at, revision, source, rul, rul_lower, rul_upper, level, model_id, reason, evidence"
)


def insert_assessments(conn: Connection[Any], rows: Sequence[tuple[int, int, Assessment]]) -> None:
    """Append assessments, given with machine id and revision."""
    statement = f"COPY assessment ({_ASSESSMENT_COLUMNS}) FROM STDIN"
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for machine_id, revision, a in rows:
            copy.write_row(
                (
                    machine_id,
                    a.measured_at,
                    revision,
                    a.health,
                    a.learning_progress,
                    a.operating_state,
                    a.zone,
                    a.symptom,
                    a.component,
                    a.confidence,
                    _array(a.indicators.tolist()),
                    _json(a.evidence),
                    a.rule_version,
                    _life_indicators(a),
                )
            )


def insert_prognoses(conn: Connection[Any], rows: Sequence[tuple[int, int, Prognosis]]) -> None:
    """Append prognoses, given with machine id and revision."""
    with conn.cursor() as cursor, cursor.copy(f"COPY prognosis ({_PROGNOSIS_COLUMNS}) FROM STDIN") as copy:
        for machine_id, revision, p in rows:
            copy.write_row(
                (
                    machine_id,
                    p.measured_at,
                    revision,
                    p.source,
                    p.rul,
                    p.rul_lower,
                    p.rul_upper,
                    p.level,
                    p.model_id,
                    p.reason,
                    _json(p.evidence),
                )
            )


def save_checkpoints(conn: Connection[Any], rows: Sequence[tuple[int, datetime, bytes]]) -> None:
    """Store states (machine id, time of the last acquisition, state) as checkpoints for replays of late data."""
    if rows:
        conn.execute(
            query("save_checkpoints"),
            {
                "machine_ids": [row[0] for row in rows],
                "measured_at": [row[1] for row in rows],
                "states": [row[2] for row in rows],
            },
        )


def is_assessed(conn: Connection[Any], machine_id: int, measured_at: datetime) -> bool:
    """Return whether an acquisition was assessed before."""
    row = conn.execute(query("is_assessed"), {"machine_id": machine_id, "measured_at": measured_at}).fetchone()
    return bool(row and row[0])


def fetch_checkpoint_times(conn: Connection[Any], machine_ids: Sequence[int]) -> dict[int, datetime]:
    """Return the time of each machine's newest checkpoint."""
    rows = conn.execute(query("fetch_checkpoint_times"), {"machine_ids": list(machine_ids)})
    return {row[0]: row[1] for row in rows}


def fetch_checkpoint_before(conn: Connection[Any], machine_id: int, before: datetime) -> tuple[datetime, bytes] | None:
    """Return the newest checkpoint of a machine before a time, or None."""
    row = conn.execute(query("fetch_checkpoint_before"), {"machine_id": machine_id, "before": before}).fetchone()
    return (row[0], row[1]) if row else None


def drop_checkpoints_from(conn: Connection[Any], machine_id: int, since: datetime) -> None:
    """Delete the checkpoints that late data at `since` made invalid."""
    conn.execute(query("drop_checkpoints_from"), {"machine_id": machine_id, "since": since})


def prune_checkpoints(conn: Connection[Any], horizons: dict[int, datetime]) -> None:
    """Delete checkpoints older than the reorder horizon of each machine, except the newest of them."""
    conn.execute(query("prune_checkpoints"), {"machine_ids": list(horizons), "horizon": list(horizons.values())})


def _array(values: Sequence[float]) -> str:
    return "{" + ",".join("NaN" if math.isnan(value) else repr(value) for value in values) + "}"


def _life_indicators(assessment: Assessment) -> str | None:
    if not assessment.life_indicators:
        return None
    lives = {life: values.tolist() for life, values in assessment.life_indicators.items()}
    return _json({life: [None if math.isnan(v) else v for v in values] for life, values in lives.items()})


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.item()
