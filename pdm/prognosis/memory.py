"""What a model reads of a life so far: columns of `features.over_life` over its channels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.over_life import OverLife

TIME_CONSTANTS = (3.0, 6.0, 15.0, 40.0, 100.0, 1000.0)  # in usual intervals; the last is the whole of most lives
LAGS = (25.0, 50.0, 100.0)
BASELINE_RECORDS = 15
_READ = re.compile(r"mean|ewma_\d+|deviation_15|slope_(15|40|100|1000)|curvature_1000|change_\d+|baseline")


@dataclass(frozen=True)
class Memory:
    """Columns over a life of the named channels.

    Life time is counted in units of `interval`, the fleet's usual time between records, so that the same
    columns serve cycles, seconds and hours.
    """

    channels: tuple[str, ...]
    interval: float

    @cached_property
    def over_life(self) -> OverLife:
        """The recursive memory behind the columns; its state streams, and batches have the same bits."""
        return OverLife(self.channels, TIME_CONSTANTS, LAGS, BASELINE_RECORDS, has_curvature=True)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self.over_life.columns[index] for index in self._read)

    def of(self, life_time: NDArray[np.float64], channels: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the columns of a life from its first record on, shape (n, columns).

        Parameters
        ----------
        life_time : ndarray, shape (n,)
            Since any origin, in the fleet's unit, never falling.
        channels : ndarray, shape (n, C)

        Raises
        ------
        SignalError
            Time goes back or is not finite, or a value is no measurement.
        """
        scaled = (life_time - life_time[:1]) / self.interval
        return self.over_life.advance(self.over_life.begin(), scaled, channels)[1][:, self._read]

    @cached_property
    def _read(self) -> list[int]:
        names = self.over_life.columns
        return [i for i, name in enumerate(names) if name == "age" or _READ.fullmatch(name.rpartition(".")[2])]


def usual_interval(life_times: Sequence[NDArray[np.float64]]) -> float:
    """Return the median time between records over all lives; 1 if there is none."""
    steps = np.concatenate([np.diff(times) for times in life_times]) if life_times else np.zeros(0)
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 1.0
