"""The input of the analysis from one acquisition: feature vectors, scalar values and operating conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pdm.measurements import OperatingContext


@dataclass(frozen=True)
class Snapshot:
    """The input of health assessment from one acquisition: features in catalogue order and units, NaN where absent.

    `vibration` and `current` contain one vector per point, `current_group` the features that several phases share,
    `scalars` SI values by point.
    """

    measured_at: datetime
    context: OperatingContext = field(default_factory=OperatingContext)
    vibration: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    current: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    current_group: NDArray[np.float32] | None = None
    scalars: Mapping[str, float] = field(default_factory=dict)
