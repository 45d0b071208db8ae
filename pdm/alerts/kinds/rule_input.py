"""What a rule can read of one acquisition: conclusions, measured values, and the newest diagnosis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pdm.health.assessment import Assessment
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import Prognosis

SCALAR = ""
"""The feature of a point that reports single values."""
GROUP = ""
"""The point of a feature that the phases of a machine share."""

Measured = tuple[str, str]
"""A point's key and a feature's name; values under it are in SI."""

NOTHING: Mapping[Measured, float] = {}


@dataclass(frozen=True, slots=True)
class DiagnosedFault:
    """One fault of a diagnosis: where, how sure (0 to 1, calibrated), and whether the data carry it."""

    fault: str
    component: str | None
    verdict: str
    confidence: float


@dataclass(frozen=True, slots=True)
class DiagnosisNote:
    """What of a diagnosis matters to rules; `measured_at` is that of the newest acquisition behind it."""

    measured_at: datetime
    faults: tuple[DiagnosedFault, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One acquisition as rules see it.

    `values` holds what the rules want of it: a value that is NaN was measured but says nothing, one that is
    not there was not measured.
    """

    machine: Machine
    assessment: Assessment
    prognosis: Prognosis | None = None
    values: Mapping[Measured, float] = field(default_factory=lambda: NOTHING)
    diagnosis: DiagnosisNote | None = None

    def extreme(self, keys: Iterable[Measured], *, largest: bool) -> tuple[float, str] | None:
        """Return the largest or smallest finite value under some keys, and its point."""
        best: tuple[float, str] | None = None
        for key in keys:
            value = self.values.get(key)
            if value is None or not math.isfinite(value):
                continue
            if best is None or (value > best[0] if largest else value < best[0]):
                best = value, key[0]
        return best


def finite(value: float | None) -> float | None:
    """Return a number that can be compared, None for what is absent, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def rounded(value: float | None) -> float | None:
    """Return a number as people read it."""
    return None if value is None else float(f"{value:.4g}")
