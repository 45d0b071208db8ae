"""Effect of another load or speed on remaining life, estimated from the fleet's past lives.

The model is an accelerated failure time model: the logarithm of a life is linear in the logarithms of its mean load and
speed, as in the load-life relation of rolling bearings [1], but with exponents that are estimated from these lives
only.

References
----------
[1] ISO 281:2007, 5.3: basic rating life, a power of load.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from pdm.errors import RefusalError

LEAST_LIVES = 8  # fewer give no usable interval of an exponent
LEAST_RANGE = 1.1
"""Least ratio of greatest to least value among the lives, for an estimate of the effect."""
SIGNIFICANCE = 0.05  # of an exponent, two-sided
LEVEL = 0.9  # of the interval, as every interval of this service


@dataclass(frozen=True)
class Conditions:
    """A life [s] that ended in failure and its mean operating conditions, such as 'load' [1] and 'speed' [Hz]."""

    life: float
    means: Mapping[str, float]


@dataclass(frozen=True)
class LoadEffect:
    """The factor on remaining life, with its interval at `LEVEL`, and the basis of the estimate."""

    factor: float
    lower: float
    upper: float
    exponents: Mapping[str, float]
    lives: int


def tell_effect(lives: Sequence[Conditions], now: Mapping[str, float], asked: Mapping[str, float]) -> LoadEffect:
    """Return the effect of other conditions on remaining life.

    Parameters
    ----------
    lives : sequence of Conditions
        Of the machine's fleet.
    now : mapping
        The machine's conditions, by name.
    asked : mapping
        The other conditions; a condition not named is unchanged.

    Raises
    ------
    RefusalError
        Too few lives, or a condition that is not known, did not vary, lies outside the range of the lives or has no
        significant effect; the message names it.
    """
    names = sorted(name for name in asked if asked[name] != now.get(name))
    known = [life for life in lives if life.life > 0 and all(life.means.get(name, 0.0) > 0 for name in names)]
    least = max(LEAST_LIVES, 4 * (len(names) + 1))
    if len(known) < least:
        raise RefusalError(
            f"{len(known)} run-to-failure histories have {' and '.join(names) or 'their conditions'}; {least} "
            f"are required"
        )
    for name in names:
        _check_seen(name, [life.means[name] for life in known], now.get(name), asked[name])
    exponents, covariance, freedom = _fit(known, names)
    for name, exponent, variance in zip(names, exponents, np.diag(covariance), strict=True):
        chance = 2.0 * float(stdtr(freedom, -abs(exponent) / math.sqrt(variance))) if variance > 0 else 0.0
        if chance > SIGNIFICANCE:
            raise RefusalError(
                f"no effect of {name} on {len(known)} histories is significant (p = {chance:.2g})", field=name
            )
    ratio = np.array([math.log(asked[name] / now[name]) for name in names])
    middle = float(ratio @ exponents)
    spread = float(stdtrit(freedom, 0.5 + LEVEL / 2)) * math.sqrt(max(0.0, float(ratio @ covariance @ ratio)))
    return LoadEffect(
        math.exp(middle),
        math.exp(middle - spread),
        math.exp(middle + spread),
        dict(zip(names, exponents.tolist(), strict=True)),
        len(known),
    )


def _check_seen(name: str, seen: Sequence[float], now: float | None, asked: float) -> None:
    low, high = min(seen), max(seen)
    if now is None or now <= 0:
        raise RefusalError(f"the machine has no present {name}", field=name)
    if high < LEAST_RANGE * low:
        raise RefusalError(
            f"{name} was {low:.3g} to {high:.3g} in all past histories: its effect is unknown", field=name
        )
    for what, value in (("asked", asked), ("present", now)):
        if not low <= value <= high:
            raise RefusalError(
                f"past histories have {name} from {low:.3g} to {high:.3g}, not the {value:.3g} that is {what}",
                field=name,
            )


def _fit(lives: Sequence[Conditions], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the exponents of the conditions by least squares, their covariance, and the degrees of freedom."""
    columns = [np.ones(len(lives)), *(np.log([life.means[name] for life in lives]) for name in names)]
    design, life = np.column_stack(columns), np.log([each.life for each in lives])
    found, _, rank, _ = np.linalg.lstsq(design, life, rcond=None)
    freedom = len(lives) - design.shape[1]
    if rank < design.shape[1]:
        raise RefusalError(
            f"{' and '.join(names)} are correlated in all past histories: their effects cannot be separated"
        )
    residual = life - design @ found
    covariance = float(residual @ residual) / freedom * np.linalg.inv(design.T @ design)
    return found[1:], covariance[1:, 1:], freedom
