"""Compare channels that were sampled together with how they were related before: reversed polarity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from pdm.machines.units import si_conversion
from pdm.quality.polarity import PairMemory
from pdm.service.analysis.shaft_lookup import FeatureChannel

_FAR = 10.0  # standard deviations of the mean from 0, beyond which single precision does not give the correlation

Moments = tuple[float, float]  # mean and standard deviation [SI]


def find_reversed(
    channels: Sequence[tuple[FeatureChannel, Moments]], pairs: dict[int, PairMemory]
) -> list[tuple[FeatureChannel, FeatureChannel]]:
    """Return the pairs of channels of one acquisition of which one is reversed; `pairs` is updated with the others."""
    found = []
    for one, other, correlation in _correlations(sorted(channels, key=lambda each: each[0].point_id)):
        memory = pairs.get(one.point_id, PairMemory())
        if memory.partner != other.point_id:
            memory = PairMemory(other.point_id)
        if memory.is_reversed(correlation):
            found.append((one, other))
        else:
            pairs[one.point_id] = memory.after(correlation)
    return found


def _correlations(
    channels: Sequence[tuple[FeatureChannel, Moments]],
) -> Iterator[tuple[FeatureChannel, FeatureChannel, float]]:
    for (one, (mean, spread)), (other, (mean_other, spread_other)) in pairwise(channels):
        is_alike = len(one.samples) == len(other.samples) and one.sampling_rate == other.sampling_rate
        if not is_alike or not (abs(mean) < _FAR * spread and abs(mean_other) < _FAR * spread_other):
            continue
        a, b = one.samples.astype(np.float32, copy=False), other.samples.astype(np.float32, copy=False)
        product = float(a.dot(b)) * _factor(one) * _factor(other) / len(a)
        yield one, other, (product - mean * mean_other) / (spread * spread_other)


def _factor(channel: FeatureChannel) -> float:
    return _si_factor(channel.point.quantity, channel.point.unit) * (channel.scale or 1.0)


@cache
def _si_factor(quantity: str, unit: str) -> float:
    return si_conversion(quantity, unit)[0]
