"""The verdict on one acquisition, with the evidence it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

RULE_VERSION = "health-2"
"""Of everything that decides an assessment: tracked features, floors, smoothing, limits, symptoms."""


@dataclass(frozen=True)
class Assessment:
    """How a machine is at one time: health, severity zone, what is wrong so far and why we say so.

    `health` runs from 1 (as new) to 0 (failed) and is None where nothing can be said: while the
    operating state's baseline is being learned, while the machine is off, or without data.
    `confidence` [1] orders symptoms by how clearly they stand out; it is not a calibrated probability.
    `indicators` follow `pdm.health.indicators.INDICATORS`. `evidence` can be written as JSON and holds
    `acquired_at`, `severity`, `limit`, `contributors` and `reasons`.
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
