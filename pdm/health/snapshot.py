"""The input of the analysis from one acquisition: feature vectors, scalar values and operating conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pdm.measurements import OperatingContext
from pdm.quality.verdict import ChannelQuality, Quality


@dataclass(frozen=True)
class Snapshot:
    """The input of health assessment from one acquisition: features in catalogue order and units, NaN where absent.

    `vibration` and `current` contain one vector per point, `current_group` the features that several phases share,
    `scalars` SI values by point. `quality` is that of the channels that are not good; the features and the value of one
    that is no measurement are NaN.
    """

    measured_at: datetime
    context: OperatingContext = field(default_factory=OperatingContext)
    vibration: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    current: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    current_group: NDArray[np.float32] | None = None
    scalars: Mapping[str, float] = field(default_factory=dict)
    quality: Mapping[str, ChannelQuality] = field(default_factory=dict)

    @property
    def unmeasured(self) -> dict[str, str]:
        """The points whose channel is no measurement, with the decisive reason."""
        return {point: each.reasons[0] for point, each in self.quality.items() if not each.is_measured}

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The points whose channel is used with a doubt."""
        return tuple(point for point, each in self.quality.items() if each.quality is Quality.DOUBTFUL)

    @property
    def has_waveforms(self) -> bool:
        """Whether any vibration or current was measured."""
        unmeasured = self.unmeasured
        return any(point not in unmeasured for point in (*self.vibration, *self.current))
