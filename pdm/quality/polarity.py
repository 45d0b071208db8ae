"""The correlation of two channels that were sampled together: its sign turns when one of them is reversed.

A channel alone does not show its sign, since most vibration is symmetric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_LEAST_RECORDS = 20  # good pairs before a reversal is named
_WEIGHT = 0.1  # of the newest pair
_LEAST_SCATTER = 0.02  # of a correlation of some thousand samples
_CLEARLY = 8.0  # standard deviations from what is remembered
_ALIKE = 3.0  # standard deviations from its opposite
_LEAST = 0.1  # magnitude of the correlation
FIGURES = 4  # of a memory


class PairMemory(NamedTuple):
    """Mean and variance of the correlation of a channel with a partner, by the id of its point; 0: none."""

    partner: int = 0
    records: int = 0
    mean: float = 0.0
    variance: float = 0.0

    def is_reversed(self, correlation: float) -> bool:
        """Whether a correlation is the opposite of what is remembered."""
        scatter = max(math.sqrt(self.variance), _LEAST_SCATTER)
        return (
            self.records >= _LEAST_RECORDS
            and abs(self.mean) >= _LEAST
            and abs(correlation - self.mean) >= _CLEARLY * scatter
            and abs(correlation + self.mean) <= _ALIKE * scatter
        )

    def after(self, correlation: float) -> PairMemory:
        """Return the memory after one more good pair."""
        weight = max(_WEIGHT, 1.0 / (self.records + 1))
        moved = correlation - self.mean
        variance = self.variance + weight * (moved * moved - self.variance)
        return PairMemory(self.partner, self.records + 1, self.mean + weight * moved, variance)

    def to_figures(self) -> list[float]:
        """Return the memory as figures, which `from_figures` reads."""
        return [float(each) for each in self]

    @classmethod
    def from_figures(cls, figures: Sequence[float]) -> PairMemory:
        """Return the memory from its figures; without or with others, an empty one."""
        if len(figures) != FIGURES:
            return cls()
        partner, records, mean, variance = figures
        return cls(int(partner), int(records), mean, variance)
