"""The assessment of one acquisition: health, severity zone, symptom and evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

RULE_VERSION = "health-2"
"""Version of everything that determines an assessment: tracked features, floors, smoothing, limits, symptoms."""


@dataclass(frozen=True, slots=True)
class ZoneTrend:
    """The next severity zone boundary ('B/C') and the earliest time [s] until it may be reached."""

    boundary: str
    lower_s: float

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> Self | None:
        """Return the zone trend from `evidence["zone_trend"]` of an assessment; None if it gives no time."""
        if not document or document.get("lower_s") is None:
            return None
        return cls(str(document.get("boundary")), float(document["lower_s"]))


@dataclass(frozen=True)
class Assessment:
    """The condition of a machine at one time: health, severity zone, symptom and evidence.

    `health` runs from 1 (as new) to 0 (failed) and is None where it cannot be assessed: while the operating state's
    baseline is being learned, while the machine is off, or without data. `confidence` [1] ranks symptoms by the
    strength of their evidence; it is not a calibrated probability. `indicators` follow
    `pdm.health.baseline.indicators.INDICATORS`. `evidence` is serialisable as JSON and contains `acquired_at`,
    `severity`, `limit`, `contributors` and `reasons`; it is for display, and no decision uses it. Decisions use fields:
    `severity`, the `points` that contribute, `zone_trend`, and `shows_operation`, which is whether the acquisition
    distinguishes standstill from operation (function `shows_operation` below), `unmeasured`, the points without a
    measurement with the reason, `doubtful`, those used with a doubt, and `hindrance`, why a machine that runs is not
    judged, or by doubted conditions.
    `change` (M,) is that from the baseline of which `indicators` are the largest, None where there is none;
    `life_indicators` are those of each life where components of the machine have separate lives
    (`pdm.prognosis.lives_by_component`).
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
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    doubtful: tuple[str, ...] = ()
    hindrance: str | None = None
    change: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    point_health: Mapping[str, float | None] = field(default_factory=dict)
    life_indicators: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, compare=False, repr=False)

    def health_at(self, points: Collection[str]) -> float | None:
        """Return the health of the worst of some measurement points; None where it is not known of any."""
        known = [health for point in points if (health := self.point_health.get(point)) is not None]
        return min(known, default=None)


def unmeasured_points(reasons: Collection[str]) -> dict[str, str]:
    """Return the points whose channel is no measurement, with the reason, from the reason codes of an assessment.

    Examples
    --------
    >>> unmeasured_points(["no-speed", "no-measurement:de-h:flat"])
    {'de-h': 'flat'}
    """
    parts = [reason.split(":") for reason in reasons if reason.startswith("no-measurement:")]
    return {point: why for _, point, why in parts}


def doubtful_points(reasons: Collection[str]) -> tuple[str, ...]:
    """Return the points whose channel is used with a doubt, from the reason codes of an assessment.

    Examples
    --------
    >>> doubtful_points(["no-speed", "doubtful:de-h:clipped", "doubtful:de-h:coarse"])
    ('de-h',)
    """
    return tuple(dict.fromkeys(reason.split(":")[1] for reason in reasons if reason.startswith("doubtful:")))


def hindrance_of(reasons: Collection[str]) -> str | None:
    """Return why a machine that runs is not judged, from the reason codes of an assessment.

    Examples
    --------
    >>> hindrance_of(["learning", "hindered:load-percent"])
    'load-percent'
    """
    return next((reason.partition(":")[2] for reason in reasons if reason.startswith("hindered:")), None)


def shows_operation(reasons: Collection[str], sampled: Collection[str], is_declared: bool) -> bool:
    """Return whether an acquisition shows if the machine ran: by signals, a speed or a declared operating state.

    Parameters
    ----------
    reasons : collection of str
        Reason codes from the evidence of the assessment.
    sampled : collection of str
        Keys of the machine's vibration and current points.
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
