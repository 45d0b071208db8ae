"""How long a machine would last under another load or speed, where the fleet's past lives can tell.

Lives are taken to shorten or lengthen as a whole (accelerated failure time): the logarithm of a life is a straight line
of the logarithms of its mean load and speed, as in the load-life relation of rolling bearings [1], but with exponents
that are estimated from these lives and nothing else.

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

LEAST_LIVES = 8  # fewer leave an exponent without a usable interval
LEAST_RANGE = 1.1
"""Greatest over least among the lives: what varies less cannot show an effect."""
SIGNIFICANCE = 0.05  # of an exponent, two-sided
LEVEL = 0.9  # of the interval, as every interval of this service


@dataclass(frozen=True)
class Conditions:
    """A life [s] that ended in failure and the means of its conditions, such as 'load' [1] and 'speed' [Hz]."""

    life: float
    means: Mapping[str, float]


@dataclass(frozen=True)
class LoadEffect:
    """By what a remaining life is to be multiplied, with its interval at `LEVEL`, and what that rests on."""

    factor: float
    lower: float
    upper: float
    exponents: Mapping[str, float]
    lives: int


def tell_effect(lives: Sequence[Conditions], now: Mapping[str, float], asked: Mapping[str, float]) -> LoadEffect:
    """Return what other conditions would do to a remaining life.

    Parameters
    ----------
    lives : sequence of Conditions
        Of the machine's fleet.
    now : mapping
        The machine's conditions, by name.
    asked : mapping
        The other conditions asked about; what it does not name stays.

    Raises
    ------
    RefusalError
        Too few lives, a condition that is not known, did not vary, lies outside what the lives have seen or has no
        effect that can be told from chance; the message says which.
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
