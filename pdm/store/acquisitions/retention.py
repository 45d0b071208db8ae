"""Retention: data older than its window is dropped, waveforms first, results much later.

Failed and quarantined records, alerts, work events and models are kept.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import Connection

from pdm.settings import Settings
from pdm.store.acquisitions import cold_storage
from pdm.store.database.queries import query

CONCLUSIONS = ("acquisition", "scalar", "channel_quality", "assessment", "prognosis", "diagnosis")


def drop_old(conn: Connection[Any], settings: Settings) -> dict[str, int]:
    """Drop chunks and receipts that are older than their window; returns their number per relation."""
    waveforms = timedelta(days=settings.waveform_retention_days)
    conclusions = timedelta(days=settings.feature_retention_days)
    features = [row[0] for row in conn.execute(query("fetch_feature_tables"))]
    windows = {"waveform": waveforms} | dict.fromkeys((*features, *CONCLUSIONS), conclusions)
    dropped = {relation: _drop_chunks(conn, relation, window) for relation, window in windows.items()}
    dropped["waveform_frame"] = cold_storage.drop_orphaned_frames(conn)
    dropped["receipt"] = conn.execute(query("drop_receipts"), {"window": conclusions}).rowcount
    return {relation: number for relation, number in dropped.items() if number}


def _drop_chunks(conn: Connection[Any], relation: str, window: timedelta) -> int:
    return len(conn.execute(query("drop_chunks"), {"relation": relation, "window": window}).fetchall())
