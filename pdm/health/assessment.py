"""The verdict on one acquisition, with the evidence it rests on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

RULE_VERSION = "health-2"
"""Of everything that decides an assessment: tracked features, floors, smoothing, limits, symptoms."""


@dataclass(frozen=True, slots=True)
class ZoneTrend:
    """The severity zone boundary ahead ('B/C') and after which time [s] it may be reached at the earliest."""

    boundary: str
    lower_s: float

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> Self | None:
        """Return what `evidence["zone_trend"]` of an assessment says; None where it gives no time."""
        if not document or document.get("lower_s") is None:
            return None
        return cls(str(document.get("boundary")), float(document["lower_s"]))


@dataclass(frozen=True)
class Assessment:
    """How a machine is at one time: health, severity zone, what is wrong so far and why we say so.

    `health` runs from 1 (as new) to 0 (failed) and is None where nothing can be said: while the
    operating state's baseline is being learned, while the machine is off, or without data.
    `confidence` [1] orders symptoms by how clearly they stand out; it is not a calibrated probability.
    `indicators` follow `pdm.health.baseline.indicators.INDICATORS`. `evidence` can be written as JSON and holds
    `acquired_at`, `severity`, `limit`, `contributors` and `reasons`; it is for people, and nothing is decided by it.
    What is decided upon has fields: `severity`, the `points` that contribute, `zone_trend`, and whether the acquisition
    `shows_operation`, so that it tells a machine that stands from one that runs (by `shows_operation` below).
    """

    measured_at: datetime
    health: float | None
    learning_progress: float
    operating_state: str
    zone: str | None
    symptom: str | None
    component: str | None
    confidence: float | None
    indicators: NDArray[np.float32]
    evidence: dict[str, Any]
    rule_version: str = RULE_VERSION
    severity: float | None = None
    points: tuple[str, ...] = ()
    zone_trend: ZoneTrend | None = None
    shows_operation: bool = True


def shows_operation(reasons: Collection[str], sampled: Collection[str], is_declared: bool) -> bool:
    """Return whether an acquisition shows how the machine ran: by signals, a speed or a declared operating state.

    Parameters
    ----------
    reasons : collection of str
        Of the assessment, as its evidence has them.
    sampled : collection of str
        The machine's points of vibration and current.
    is_declared : bool
        The operating state was given with the acquisition.

    Examples
    --------
    >>> shows_operation(["no-speed", "absent:de-h"], ["de-h"], False)
    False
    """
    if "no-data" in reasons:
        return False
    return "no-speed" not in reasons or is_declared or any(f"absent:{point}" not in reasons for point in sampled)
