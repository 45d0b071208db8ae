"""What is remembered of a channel's good records, and records that contradict it: scale, offset, a stuck value.

A memory is updated in the order in which records are analysed for the first time, and a replay does not change it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

LEVELS = ("standard_deviation", "peak_to_peak", "velocity_rms", "mean_absolute_difference")
"""Features by which the scale of a vibration is remembered: of the record, of low and of high frequencies."""
SHAPES = ("zero_crossing_rate", "hjorth_mobility", "spectral_entropy", "kurtosis")
"""Features that do not change with the scale; a machine that fails changes them."""
SCALE = "scale"
SAMPLING_RATE = "sampling-rate"
FIGURES = (*LEVELS, *SHAPES)
"""What is remembered, as logarithms."""
_DEVIATION, _DIFFERENCE = FIGURES.index("standard_deviation"), FIGURES.index("mean_absolute_difference")
_SAME_PLACES = tuple(map(FIGURES.index, ("standard_deviation", "peak_to_peak", "kurtosis")))
_FREQUENCY_PLACES = tuple(map(FIGURES.index, ("zero_crossing_rate", "hjorth_mobility")))
SIZE = 4 + 2 * len(FIGURES)
"""Number of figures of the memory of a waveform."""
LEAST_RECORDS = 10  # good records before a contradiction is named
_WEIGHT = 0.1  # of the newest record
_FACTORS = (9.80665, 10.0, 100.0, 1000.0)  # g and m/s2, a decade, per cent, milli: units and gains that are mistaken
_LEAST_SCATTER = 0.04  # of a level, as a logarithm: records of some thousand samples scatter by a few per cent
_MOST_SCATTER = 3.0  # standard deviations within which a level agrees
_WELL_KNOWN = 0.2  # standard deviation of a level, as a logarithm; larger for a while after the machine has changed
_TOLERANCE = 0.35  # of a factor, as a logarithm
_LEAST_SCALED = (math.log(min(_FACTORS)) - _TOLERANCE) / _WELL_KNOWN  # standard deviations: what a factor moves a level
_LEAST_STRETCHED = 0.4  # of a factor of the frequencies, as a logarithm: 1.5 times
_CLEARLY = 5.0  # standard deviations by which the frequencies move
_STEADY = 0.08  # standard deviation of a frequency, as a logarithm; larger where the machine changes
_SAME_FACTOR = 0.25  # between two figures of frequency, as a logarithm: a changed rate also folds and cuts the spectrum
_SAME_LEVEL = 0.5  # as a logarithm, within which levels and kurtosis are as before
_RECORDS_OF_RATE = 20  # good records before it is named
_OFFSET = 6.0  # standard deviations by which the mean moves from one record to the next
_SAME_SPEED = 0.05  # relative; the tolerance of operating states
_OTHER = 36.0  # sum over two channels of the squared distance from their own levels, in standard deviations
_ALIKE = 18.0  # the same from the levels of each other: three standard deviations each
LEAST_OTHER = 2.5  # standard deviations of each from its own levels
_STUCK = 5  # times the longest run of one value seen before
_LEAST_RUN = 5  # records; a shorter run before counts as this
_LEAST_CHANGES = 10  # of a scalar before its runs are learned


@dataclass(frozen=True)
class WaveformMemory:
    """Mean of the good records of a waveform: logarithms of `FIGURES`, offset, spread [unit], speed [Hz] or NaN.

    `variances` are those of the levels.
    """

    records: int
    levels: tuple[float, ...]
    variances: tuple[float, ...]
    offset: float
    spread: float
    speed: float

    def contradiction(self, levels: Sequence[float], offset: float, spread: float, speed: float) -> str | None:
        """Return the reason why a record is no measurement, None if it agrees."""
        if self.records < LEAST_RECORDS:
            return None
        if abs(offset - self.offset) > _OFFSET * max(spread, self.spread):
            return "offset"
        distance = self.distance(levels)
        if not distance >= _CLEARLY or not self.is_same_speed(speed):
            return None
        if distance >= _LEAST_SCALED and self._is_scaled(levels):
            return SCALE
        return SAMPLING_RATE if self._is_stretched(levels) else None

    def is_same_speed(self, speed: float) -> bool:
        """Whether a record is of the speed [Hz] of those before, or neither is known."""
        if math.isnan(self.speed) and math.isnan(speed):
            return True
        return abs(speed - self.speed) <= _SAME_SPEED * self.speed

    def _is_scaled(self, levels: Sequence[float]) -> bool:
        """Whether all levels moved by one factor of a unit or gain, and the shape of the signal is as before."""
        moved = self._moved(levels)
        scaled = [each for place, each in moved.items() if place < len(LEVELS)]
        shape = [each for place, each in moved.items() if place >= len(LEVELS)]
        if len(scaled) < 2 or not shape or not _is_factor(shape, 0.0):
            return False
        return any(_is_factor(scaled, math.log(factor)) for factor in _FACTORS)

    def _is_stretched(self, levels: Sequence[float]) -> bool:
        """Whether all frequencies moved by one factor, while level and distribution of the samples are as before."""
        moved = self._moved(levels)
        if self.records < _RECORDS_OF_RATE or not {*_SAME_PLACES, *_FREQUENCY_PLACES, _DIFFERENCE} <= moved.keys():
            return False
        crossings, mobility = (moved[place] for place in _FREQUENCY_PLACES)
        factor = 0.5 * (crossings[0] + mobility[0])
        difference = moved[_DIFFERENCE][0] - moved[_DEVIATION][0]  # in proportion to level and frequency
        return (
            abs(factor) >= _LEAST_STRETCHED
            and all(scatter <= _STEADY and abs(by) >= _CLEARLY * scatter for by, scatter in (crossings, mobility))
            and abs(crossings[0] - mobility[0]) <= _SAME_FACTOR
            and abs(difference - factor) <= _SAME_FACTOR
            and all(abs(by) <= min(_MOST_SCATTER * s, _SAME_LEVEL) for by, s in (moved[p] for p in _SAME_PLACES))
        )

    def distance(self, levels: Sequence[float]) -> float:
        """Return the largest distance of levels from those of this channel [standard deviations], NaN if unknown."""
        if self.records < LEAST_RECORDS:
            return math.nan
        largest = math.nan
        for now, before, variance in zip(levels, self.levels, self.variances, strict=True):
            distance = abs(now - before) / max(math.sqrt(variance), _LEAST_SCATTER)
            if distance > largest or math.isnan(largest):  # a figure that is not known has no distance
                largest = distance
        return largest

    def _moved(self, levels: Sequence[float]) -> dict[int, tuple[float, float]]:
        """Return by how much each figure has moved, and its standard deviation, by place, of those that are known."""
        known = zip(levels, self.levels, self.variances, strict=True)
        return {
            place: (now - before, max(math.sqrt(variance), _LEAST_SCATTER))
            for place, (now, before, variance) in enumerate(known)
            if math.isfinite(now - before)
        }

    def after(self, levels: Sequence[float], offset: float, spread: float, speed: float) -> WaveformMemory:
        """Return the memory after one more good record."""
        weight = max(_WEIGHT, 1.0 / (self.records + 1))
        means, variances = [], []
        for mean, variance, value in zip(self.levels, self.variances, levels, strict=True):
            moved = value - mean
            if moved == moved:  # neither is NaN
                means.append(mean + weight * moved)
                variances.append(variance + weight * (moved * moved - variance))
            else:
                means.append(value if mean != mean else mean)
                variances.append(variance - weight * variance)
        offset, spread = _towards(self.offset, offset, weight), _towards(self.spread, spread, weight)
        return WaveformMemory(self.records + 1, tuple(means), tuple(variances), offset, spread, speed)

    def to_figures(self) -> list[float]:
        """Return the memory as figures, which `from_figures` reads."""
        return [float(self.records), *self.levels, *self.variances, self.offset, self.spread, self.speed]

    @classmethod
    def from_figures(cls, figures: Sequence[float] | None) -> WaveformMemory:
        """Return the memory from its figures; without or with others, an empty one."""
        if figures is None or len(figures) != SIZE:
            return cls(0, (math.nan,) * len(FIGURES), (0.0,) * len(FIGURES), math.nan, math.nan, math.nan)
        records, *both, offset, spread, speed = figures
        return cls(int(records), tuple(both[: len(FIGURES)]), tuple(both[len(FIGURES) :]), offset, spread, speed)


def _towards(mean: float, value: float, weight: float) -> float:
    return value if math.isnan(mean) else mean if math.isnan(value) else mean + weight * (value - mean)


def _is_factor(moved: Sequence[tuple[float, float]], expected: float) -> bool:
    """Whether all levels, known well enough, moved by one factor, up or down."""
    if any(scatter > _WELL_KNOWN for _, scatter in moved):
        return False
    return any(
        all(abs(way * each - expected) <= min(_MOST_SCATTER * scatter, _TOLERANCE) for each, scatter in moved)
        for way in (1.0, -1.0)
    )


def are_swapped(one: WaveformMemory, other: WaveformMemory, levels: Sequence[float], others: Sequence[float]) -> bool:
    """Whether the levels of two channels, first of `one` and then of `other`, are those of each other."""
    own = (one.distance(levels), other.distance(others))
    if not min(own) >= LEAST_OTHER:
        return False
    exchanged = (one.distance(others), other.distance(levels))
    return own[0] ** 2 + own[1] ** 2 >= _OTHER and exchanged[0] ** 2 + exchanged[1] ** 2 <= _ALIKE


def levels_of(vector: NDArray[np.float32], places: NDArray[np.intp]) -> tuple[float, ...]:
    """Return the logarithms of some features of a vector; NaN where one is absent or 0."""
    return tuple(math.log(value) if value > 0 else math.nan for value in vector[places].tolist())


@dataclass(frozen=True)
class ScalarMemory:
    """Runs of equal values of a scalar while its machine runs: the present one, the longest before it, changes."""

    value: float = math.nan
    run: int = 0
    longest: int = 0
    changes: int = 0

    def after(self, value: float) -> ScalarMemory:
        """Return the memory after one more value."""
        if value == self.value:
            return replace(self, run=self.run + 1)
        return ScalarMemory(value, 1, max(self.longest, self.run), self.changes + (self.run > 0))

    @property
    def is_stuck(self) -> bool:
        """Whether the present value lasts longer than a value that changes does."""
        return self.changes >= _LEAST_CHANGES and self.run > _STUCK * max(self.longest, _LEAST_RUN)

    def to_figures(self) -> list[float]:
        """Return the memory as figures, which `from_figures` reads."""
        return [self.value, float(self.run), float(self.longest), float(self.changes)]

    @classmethod
    def from_figures(cls, figures: Sequence[float] | None) -> ScalarMemory:
        """Return the memory from its figures; without or with others, an empty one."""
        if figures is None or len(figures) != 4:
            return cls()
        value, run, longest, changes = figures
        return cls(value, int(run), int(longest), int(changes))
