"""Measurements: acquisitions of waveforms and scalars, their identity, and the outcome of their ingest."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class OperatingContext:
    """Operating conditions of the machine during the measurement; None where unknown.

    `speed` is the shaft speed [Hz], `load` a fraction of rated load [1], `state` the sender's own name
    of the operating state.
    """

    speed: float | None = None
    load: float | None = None
    state: str | None = None


@dataclass(frozen=True)
class Waveform:
    """One channel's samples as sent: float32 in `unit`, or int16 counts with `scale` [unit per count]."""

    point: str
    samples: NDArray[np.float32] | NDArray[np.int16]
    sampling_rate: float
    unit: str
    scale: float | None = None

    def content_hash(self) -> bytes:
        """Return SHA-256 of the canonical samples, scale, rate and unit [32 bytes].

        The hash does not depend on the wire format, so the same record has the same hash as JSON and as Arrow.
        """
        digest = hashlib.sha256(np.ascontiguousarray(self.samples).view(np.uint8).data)
        kind = b"i2" if self.samples.dtype == np.int16 else b"f4"
        scale = self.scale if self.scale is not None else 1.0
        digest.update(kind + struct.pack("<dd", scale, self.sampling_rate) + self.unit.encode())
        return digest.digest()


@dataclass(frozen=True)
class Scalar:
    """One value of a scalar point, in `unit`."""

    point: str
    value: float
    unit: str

    def content_hash(self) -> bytes:
        """Return SHA-256 of the value and unit [32 bytes]."""
        return hashlib.sha256(struct.pack("<d", self.value) + self.unit.encode()).digest()


@dataclass(frozen=True)
class Acquisition:
    """Channels of one machine sampled together; the unit of ingest, analysis and prognosis."""

    machine: str
    measured_at: datetime
    waveforms: tuple[Waveform, ...] = ()
    scalars: tuple[Scalar, ...] = ()
    context: OperatingContext = field(default_factory=OperatingContext)


class Outcome(StrEnum):
    """Outcome of a record that was sent."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class Problem:
    """Why a record or a part of it was not stored: code, place and reason."""

    code: str
    detail: str
    field: str | None = None
    stored_hash: str | None = None
    sent_hash: str | None = None


@dataclass(frozen=True)
class RecordResult:
    """Outcome of one acquisition of a request, with its index in the request."""

    record: int
    machine: str | None
    measured_at: str | None
    outcome: Outcome
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """Result of one ingest request: one immutable row; totals are sums over its results."""

    receipt_id: str
    received_at: datetime
    results: tuple[RecordResult, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many records had this outcome."""
        return sum(result.outcome is outcome for result in self.results)
