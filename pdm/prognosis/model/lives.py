"""The training lives of a fleet model, and their validation before training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.statistics.conformal import attainable_level

FEWEST_FAILED_LIVES = 4  # each fold of the grouped validation needs one, and the others are for training
ALIKE = 2.0  # factor within which a fleet's levels of a sensor must lie for the detection of an outlier
STRAY = 7.0  # factor from the fleet's level: 9.8 is g for m/s2, 25.4 inch for mm, 1000 milli for one
_SPREAD = (0.05, 0.5, 0.95)  # quantiles for the comparison of machines' levels

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class FleetLife:
    """One life: records at `life_time` (n,) with `settings` (n, S) and sensor `values` (n, K), and its end.

    `ended_by` is 'failure' if the remaining life is known, anything else if the life is censored. Life time is in the
    fleet's unit. `reads` is the version of the features in `values`, if they have one. `component` is '' for a life of
    the whole machine.
    """

    machine: str
    life_time: Vector
    settings: Vector
    values: Vector
    ended_by: str
    ended_at: float
    reads: str = ""
    component: str = ""

    @property
    def key(self) -> str:
        """The identity of this life in every training: its machine, its start, and its component if it names one."""
        whole = f"{self.machine}@{float(self.life_time[0])!r}"
        return f"{whole}#{self.component}" if self.component else whole

    @property
    def is_failed(self) -> bool:
        """Whether the life ended in failure, so that its remaining life is known."""
        return self.ended_by == "failure"


def check_lives(lives: Sequence[FleetLife], sensors: Sequence[str], *, are_relative: bool) -> None:
    """Raise an error unless a model can be trained on these lives.

    Raises
    ------
    RefusalError
        Fewer than four lives ended in failure.
    InvalidInputError
        A life's times repeat or decrease, its shapes do not agree, it occurs twice, its features are of another
        version, or one of its sensors has another scale than in all other lives; the message names the machine.
    """
    failed = sum(life.is_failed for life in lives)
    if failed < FEWEST_FAILED_LIVES:
        raise RefusalError(
            f"{failed} run-to-failure histories in this fleet; at least {FEWEST_FAILED_LIVES} are required: "
            f"with n histories the level of an interval is at most n/(n+1), here {attainable_level(failed):.0%}"
        )
    for life in lives:
        _check_life(life, len(sensors))
    versions = sorted({life.reads for life in lives})
    if len(versions) > 1:
        raise InvalidInputError(f"the histories have features of different versions: {', '.join(versions)}")
    keys = sorted(life.key for life in lives)
    twice = next((a for a, b in pairwise(keys) if a == b), None)
    if twice is not None:
        raise InvalidInputError(f"{twice.partition('@')[0]}: the same life occurs twice", field="lives")
    if not are_relative:
        _refuse_other_units(lives, sensors)


def _check_life(life: FleetLife, sensors: int) -> None:
    count = len(life.life_time)
    if count == 0 or life.values.shape != (count, sensors) or life.settings.shape[:1] != (count,):
        raise InvalidInputError(
            f"{life.machine}: {count} times beside values of shape {life.values.shape} and settings of shape "
            f"{life.settings.shape}, with {sensors} sensors"
        )
    if not np.isfinite(life.life_time).all() or (np.diff(life.life_time) <= 0).any():
        raise InvalidInputError(f"{life.machine}: life time decreases, repeats or is not finite", field="life_time")
    if life.ended_at < life.life_time[-1]:
        raise InvalidInputError(f"{life.machine}: records exist after the end of the life", field="ended_at")


def _refuse_other_units(lives: Sequence[FleetLife], sensors: Sequence[str]) -> None:
    """Refuse a life with a sensor that differs by a clear factor from all other lives: a wrong unit."""
    for sensor, name in enumerate(sensors):
        known = [(life.machine, life.values[np.isfinite(life.values[:, sensor]), sensor]) for life in lives]
        machines = [machine for machine, values in known if len(values)]
        if len(machines) <= FEWEST_FAILED_LIVES:
            continue
        quantiles = np.array([np.quantile(values, _SPREAD) for _, values in known if len(values)])
        usual = np.median(quantiles, axis=0)
        if (usual == 0.0).any():
            continue
        factor = quantiles / usual
        is_alike = ((factor > 1 / ALIKE) & (factor < ALIKE)).all(axis=1)
        middle = factor[:, 1]
        is_plain = ((factor > middle[:, None] / ALIKE) & (factor < middle[:, None] * ALIKE)).all(axis=1)
        is_stray = is_plain & ((middle >= STRAY) | (middle <= 1 / STRAY)) & (middle > 0)
        if is_stray.any() and (is_alike | is_stray).all():
            stray = int(np.argmax(is_stray))
            raise InvalidInputError(
                f"{machines[stray]}: {name} differs by a factor of {middle[stray]:.3g} from the other "
                f"histories; check its unit",
                field="values",
            )


def fingerprint(lives: Sequence[FleetLife], *more: object) -> str:
    """Return a fingerprint of a training: equal for equal lives, in order, and equal other parameters."""
    digest = hashlib.sha256(_document(["training", 1, *more]))
    for life in lives:
        digest.update(_document([life.machine, life.ended_by, float(life.ended_at), life.reads]))
        for table in (life.life_time, life.settings, life.values):
            digest.update(np.ascontiguousarray(table, np.float64).tobytes())
    return digest.hexdigest()


def _document(values: Sequence[object]) -> bytes:
    """Return values as canonical JSON: equal for Python's and NumPy's numbers and sequences."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), default=lambda array: array.tolist()).encode()
