"""The inputs of a model: columns of `features.over_life` over the channels of a life."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from features.over_life import OverLife

TIME_CONSTANTS = (3.0, 6.0, 15.0, 40.0, 100.0, 1000.0)  # in typical intervals; the last spans most lives
LAGS = (25.0, 50.0, 100.0)  # typical intervals; chosen with the recipe on C-MAPSS training engines (docs/prognosis.md)
BASELINE_RECORDS = 15  # at the start of a life; chosen with the recipe on C-MAPSS training engines (docs/prognosis.md)
_READ = re.compile(r"mean|ewma_\d+|deviation_15|slope_(15|40|100|1000)|curvature_1000|change_\d+|baseline")


@dataclass(frozen=True)
class ModelInputs:
    """Columns over a life of the named channels; life time is measured in typical intervals between records.

    Their state depends on the number of channels, not on their names.
    """

    channels: tuple[str, ...]

    @property
    def over_life(self) -> OverLife:
        """The recursive memory of the columns; streaming and batch results are bit-identical."""
        return over_life(len(self.channels))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        names = [self.over_life.columns[index].partition(".") for index in read_columns(len(self.channels))]
        return tuple(f"{self.channels[int(head[1:])]}.{part}" if part else head for head, _, part in names)


@lru_cache
def over_life(width: int) -> OverLife:
    """Return the memory over a number of channels; their names have no effect."""
    names = tuple(f"c{index}" for index in range(width))
    return OverLife(names, TIME_CONSTANTS, LAGS, BASELINE_RECORDS, has_curvature=True)


@lru_cache
def read_columns(width: int) -> NDArray[np.intp]:
    """Return the indices of the columns over life that a model reads."""
    names = over_life(width).columns
    chosen = [i for i, name in enumerate(names) if name == "age" or _READ.fullmatch(name.rpartition(".")[2])]
    return np.array(chosen, np.intp)
