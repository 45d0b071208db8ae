"""Input of rules for one acquisition: conclusions, measured values and the newest diagnosis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pdm.health.assessment import Assessment
from pdm.machines.former_keys import FormerKeys
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import Prognosis

SCALAR = ""
"""Feature name of a scalar point."""
GROUP = ""
"""Point key of a feature shared by the phases of a machine."""

Measured = tuple[str, str]
"""Point key and feature name; the values are in SI units."""

NOTHING: Mapping[Measured, float] = {}


@dataclass(frozen=True, slots=True)
class DiagnosedFault:
    """One fault of a diagnosis: component, calibrated probability [1], and whether the data support it."""

    fault: str
    component: str | None
    verdict: str
    confidence: float


@dataclass(frozen=True, slots=True)
class DiagnosisNote:
    """Result of a diagnosis that rules read; `measured_at` is that of its newest acquisition."""

    measured_at: datetime
    faults: tuple[DiagnosedFault, ...]

    def renamed(self, keys: FormerKeys) -> DiagnosisNote:
        """Return the note with the present keys of components."""
        faults = tuple(
            replace(each, component=None if each.component is None else keys.component(each.component))
            for each in self.faults
        )
        return replace(self, faults=faults)


@dataclass(frozen=True, slots=True)
class Reading:
    """Rule input of one acquisition.

    `values` contains the values that the rules read: NaN was measured but is not usable, a missing key was not
    measured.
    """

    machine: Machine
    assessment: Assessment
    prognosis: Prognosis | None = None
    values: Mapping[Measured, float] = field(default_factory=lambda: NOTHING)
    diagnosis: DiagnosisNote | None = None

    def extreme(self, keys: Iterable[Measured], *, largest: bool) -> tuple[float, str] | None:
        """Return the largest or smallest finite value of some keys, and its point."""
        best: tuple[float, str] | None = None
        for key in keys:
            value = self.values.get(key)
            if value is None or not math.isfinite(value):
                continue
            if best is None or (value > best[0] if largest else value < best[0]):
                best = value, key[0]
        return best


def finite(value: float | None) -> float | None:
    """Return a finite number, None for a missing, NaN or infinite value."""
    return value if value is not None and math.isfinite(value) else None


def rounded(value: float | None) -> float | None:
    """Return a number rounded for messages."""
    return None if value is None else float(f"{value:.4g}")
