"""Features of many recordings in one call, which shares the call overhead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

import features
from features import Reason as Absence

Values = dict[str, float]


@dataclass(frozen=True)
class Wanted:
    """Input of one feature computation: rows of samples (channels, samples) [SI], and parameters of their machine."""

    rows: NDArray[np.float32]
    rate: float
    speed: float | None = None
    orders: tuple[float, ...] | None = None
    teeth: int | None = None


@dataclass(frozen=True)
class FeatureTable:
    """Features (channels,) by name, and group features of all channels; NaN and the bits of `absence` where absent."""

    channels: dict[str, NDArray[np.float64]]
    group: Values
    absence: Absence

    def median(self, name: str) -> float:
        """Return the median over the channels with a value."""
        return _over(self.channels[name], np.median)

    def mean(self, name: str) -> float:
        """Return the mean over the channels with a value."""
        return _over(self.channels[name], np.mean)


def _over(values: NDArray[np.float64], how: object) -> float:
    if len(values) == 1:
        return float(values[0])
    known = values[~np.isnan(values)]
    assert callable(how)
    return float(how(known)) if len(known) else float("nan")


def describe(
    wanted: Sequence[Wanted],
    names: tuple[str, ...],
    quantity: Literal["vibration", "current"] = "vibration",
    *,
    supply_frequency: float | None = None,
    pole_pairs: int | None = None,
    rotor_slots: int | None = None,
) -> list[FeatureTable]:
    """Return the features of each input; inputs of equal shape and rate are computed together."""
    alike: dict[tuple[float, tuple[int, ...]], list[int]] = {}
    for place, each in enumerate(wanted):
        alike.setdefault((each.rate, each.rows.shape), []).append(place)
    tables: dict[int, FeatureTable] = {}
    for (rate, _), places in alike.items():
        chosen = [wanted[place] for place in places]
        table = features.extract(
            np.stack([each.rows for each in chosen]),
            rate,
            quantity=quantity,
            names=names,
            speed=_known([each.speed for each in chosen]),
            bearing_orders=None if chosen[0].orders is None else np.array([each.orders for each in chosen]),
            gear_teeth=_known([each.teeth for each in chosen]),
            supply_frequency=supply_frequency,
            pole_pairs=pole_pairs,
            rotor_slots=rotor_slots,
        )
        values = table.values.astype(np.float64)
        for row, place in enumerate(places):
            tables[place] = FeatureTable(
                {name: values[row, :, column] for column, name in enumerate(table.names)},
                {name: float(table.group_values[row, column]) for column, name in enumerate(table.group_names)},
                Absence(int(table.reasons[row, 0])),
            )
    return [tables[place] for place in range(len(wanted))]


def _known(values: Sequence[float | None]) -> NDArray[np.float64] | None:
    if all(each is None for each in values):
        return None
    return np.array([np.nan if each is None else each for each in values], np.float64)
