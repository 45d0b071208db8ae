"""Quarantine: records with an implausible time, stored outside every chunk, with the reason."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from pdm.measurements import Acquisition
from pdm.store.database.queries import query


def insert_quarantined(
    conn: Connection[Any], machine_id: int, acquisition: Acquisition, reason: str, receipt_id: UUID, now: datetime
) -> None:
    """Store a record with the reason why its time is implausible; a repeated record is stored once."""
    content = _document(acquisition)
    conn.execute(
        query("insert_quarantined"),
        {
            "receipt_id": receipt_id,
            "machine_id": machine_id,
            "received_at": now,
            "measured_at": acquisition.measured_at.isoformat(),
            "reason": reason,
            "content_hash": hashlib.sha256(content).digest(),
            "content": content,
        },
    )


def _document(acquisition: Acquisition) -> bytes:
    document = {
        "machine": acquisition.machine,
        "measured_at": acquisition.measured_at.isoformat(),
        "context": asdict(acquisition.context),
        "waveforms": [
            {
                "point": waveform.point,
                "unit": waveform.unit,
                "sampling_rate_hz": waveform.sampling_rate,
                "scale": waveform.scale,
                "dtype": "i2" if waveform.samples.dtype.itemsize == 2 else "f4",
                "samples": base64.b64encode(waveform.samples.tobytes()).decode(),
            }
            for waveform in acquisition.waveforms
        ],
        "scalars": [asdict(scalar) for scalar in acquisition.scalars],
    }
    return json.dumps(document, sort_keys=True).encode()
