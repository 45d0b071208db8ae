"""Which past cases are like a case: the same fault, kind of component and fleet, and evidence that points the same way.

The evidence of a case is the vector of what moved most against its baseline, in robust standard deviations by
feature; two cases are compared by the cosine of their vectors, which does not ask how far either had come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EVIDENCE, FAULT, KIND, FLEET = 0.5, 0.25, 0.15, 0.1
"""Weights of a likeness, which sum to 1; the evidence weighs as much as all labels together."""
LEAST = 0.5
"""Likeness below which a case is not worth showing."""


@dataclass(frozen=True)
class Traits:
    """What of a case is compared: evidence by feature, fault or symptom, kind of its component, fleet."""

    evidence: Mapping[str, float]
    fault: str | None
    kind: str | None
    fleet: str


@dataclass(frozen=True)
class Like:
    """A past case by its place in what was compared, its likeness and the cosine of the evidence [1]."""

    index: int
    likeness: float
    cosine: float


def evidence_of(contributors: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the evidence by feature [robust standard deviations], the strongest point of each.

    Examples
    --------
    >>> evidence_of([{"indicator": "rms", "deviation": 4.0}, {"indicator": "rms", "deviation": 6.5}])
    {'rms': 6.5}
    """
    found: dict[str, float] = {}
    for one in contributors:
        name, deviation = str(one.get("indicator")), one.get("deviation")
        if isinstance(deviation, int | float) and math.isfinite(deviation) and deviation > found.get(name, 0.0):
            found[name] = float(deviation)
    return found


def cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the cosine of two sparse vectors [1], 0 where either is empty.

    Examples
    --------
    >>> round(cosine({"rms": 3.0, "bpfo_prominence": 4.0}, {"bpfo_prominence": 8.0}), 3)
    0.8
    """
    size = math.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return sum(value * other.get(name, 0.0) for name, value in one.items()) / size if size else 0.0


def likeness(one: Traits, other: Traits) -> tuple[float, float]:
    """Return how alike two cases are [1], and the cosine of their evidence [1]; what is unknown is not alike."""
    found = cosine(one.evidence, other.evidence)
    return (
        EVIDENCE * found
        + FAULT * (one.fault is not None and one.fault == other.fault)
        + KIND * (one.kind is not None and one.kind == other.kind)
        + FLEET * (one.fleet == other.fleet)
    ), found


def find_like(case: Traits, past: Sequence[Traits], most: int = 5) -> tuple[Like, ...]:
    """Return the past cases that are most like a case, the likest first; those before others win a tie."""
    compared = [Like(index, *likeness(case, other)) for index, other in enumerate(past)]
    alike = [one for one in compared if one.likeness >= LEAST]
    return tuple(sorted(alike, key=lambda one: (-one.likeness, one.index))[:most])
