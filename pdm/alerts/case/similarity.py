"""Similarity of cases: same fault, kind of component and fleet, and evidence in the same direction.

The evidence of a case is the vector of the largest deviations from the baseline, in robust standard deviations by
feature. Two cases are compared by the cosine of their vectors, which does not depend on the size of the deviations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EVIDENCE, FAULT, KIND, FLEET = 0.5, 0.25, 0.15, 0.1
"""Weights of the similarity, with sum 1; the evidence has the weight of all labels together."""
LEAST = 0.5
"""Similarity below which a past case is not listed [1]."""


@dataclass(frozen=True)
class Traits:
    """The compared attributes of a case: evidence by feature, fault or symptom, kind of component, fleet."""

    evidence: Mapping[str, float]
    fault: str | None
    kind: str | None
    fleet: str


@dataclass(frozen=True)
class Like:
    """A past case by its index, with its similarity [1] and the cosine of the evidence [1]."""

    index: int
    likeness: float
    cosine: float


def evidence_of(contributors: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the evidence by feature [robust standard deviations], the largest of all points.

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
    """Return the cosine of two sparse vectors [1]; 0 if either is empty.

    Examples
    --------
    >>> round(cosine({"rms": 3.0, "bpfo_prominence": 4.0}, {"bpfo_prominence": 8.0}), 3)
    0.8
    """
    size = math.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return sum(value * other.get(name, 0.0) for name, value in one.items()) / size if size else 0.0


def likeness(one: Traits, other: Traits) -> tuple[float, float]:
    """Return the similarity of two cases [1] and the cosine of their evidence [1]; an unknown label does not match."""
    found = cosine(one.evidence, other.evidence)
    return (
        EVIDENCE * found
        + FAULT * (one.fault is not None and one.fault == other.fault)
        + KIND * (one.kind is not None and one.kind == other.kind)
        + FLEET * (one.fleet == other.fleet)
    ), found


def find_like(case: Traits, past: Sequence[Traits], most: int = 5) -> tuple[Like, ...]:
    """Return the past cases most similar to a case, the most similar first; the first of equals wins."""
    compared = [Like(index, *likeness(case, other)) for index, other in enumerate(past)]
    alike = [one for one in compared if one.likeness >= LEAST]
    return tuple(sorted(alike, key=lambda one: (-one.likeness, one.index))[:most])
