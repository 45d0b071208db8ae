"""Parts of stored diagnoses that rules use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.alerts.kinds.rule_input import DiagnosedFault, DiagnosisNote
from pdm.store.database.queries import query


def fetch_notes(
    conn: Connection[Any], spans: Mapping[int, tuple[datetime, datetime]]
) -> dict[int, tuple[DiagnosisNote, ...]]:
    """Return, by machine, the diagnoses of acquisitions within its span, oldest first, after the newest before it."""
    if not spans:
        return {}
    values = {
        "machine_ids": list(spans),
        "since": [since for since, _ in spans.values()],
        "until": [until for _, until in spans.values()],
    }
    found: dict[int, list[DiagnosisNote]] = defaultdict(list)
    for machine_id, measured_at, findings in conn.execute(query("fetch_diagnosis_notes"), values):
        faults = tuple(
            DiagnosedFault(each["fault"], each["component"], each["verdict"], float(each["confidence"] or 0.0))
            for each in findings
        )
        found[machine_id].append(DiagnosisNote(measured_at, faults))
    return {machine_id: tuple(notes) for machine_id, notes in found.items()}
