"""First passage of a degradation level at a limit: Wiener process with drift, observed with noise.

The observation is the sum of a constant drift, diffusion and measurement noise. The shares of diffusion and noise in
the scatter are unknown, so the result is averaged over all mixtures, weighted by their likelihood; the two extremes are
a straight line with noise alone and a pure random walk with drift.

References
----------
[1] G. Whitmore, "Estimating degradation by a Wiener diffusion process subject to measurement error", Lifetime Data
    Analysis 1 (1995).
[2] R. Chhikara, J. Folks, "The Inverse Gaussian Distribution", Marcel Dekker 1989: the first passage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from pdm.errors import InvalidInputError, RefusalError

FEWEST_POINTS = 8  # fewer do not separate drift from diffusion
# grid of the noise share of the variance; denser near 1, where the result is most sensitive
_NOISE_SHARES = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999])
_DRIFTS, _LEVELS = 9, 5  # nodes of the quadratures
_NEGLIGIBLE = 1e-4  # of the greatest weight of a node
_GRID = np.geomspace(1e-3, 1e3, 121)  # times, in units of the passage time at the most likely drift

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Drifting:
    """The posterior of a drifting level at its last point, as quadrature nodes, each array (m,).

    `weight` sums to 1; `drift` is per unit of time, `diffusion` the increase of variance per unit of time, `level` the
    true present level.
    """

    weight: Vector
    drift: Vector
    diffusion: Vector
    level: Vector


def fit_drift(time: Vector, seen: Vector) -> Drifting:
    """Fit drift, diffusion and noise to points of a level by likelihood, with an unknown noise share.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Increasing.
    seen : ndarray, shape (n,)

    Raises
    ------
    RefusalError
        Fewer than eight points, or the points lie exactly on a line.
    InvalidInputError
        Times do not increase, or a value is not finite.
    """
    if len(time) != len(seen) or not (np.isfinite(time).all() and np.isfinite(seen).all()):
        raise InvalidInputError("each point of a level must be finite and have a time")
    if len(time) < FEWEST_POINTS:
        raise RefusalError(f"{len(time)} points; a drift requires at least {FEWEST_POINTS}")
    step = np.diff(time)
    if not (step > 0).all():
        raise InvalidInputError("times of a level must increase", field="time")
    parts = [_fit(step, np.diff(seen), float(seen[-1]), share) for share in _NOISE_SHARES.tolist()]
    evidence = np.array([part[0] for part in parts])
    if not np.isfinite(evidence).any():
        raise RefusalError("the points lie exactly on a line")
    weight = np.exp(evidence - evidence.max())
    nodes = [part[1] for part in parts]
    shares = np.concatenate([own * each.weight for own, each in zip(weight / weight.sum(), nodes, strict=True)])
    kept = shares > _NEGLIGIBLE * shares.max()
    drift, diffusion, level = (
        np.concatenate([getattr(each, name) for each in nodes])[kept] for name in ("drift", "diffusion", "level")
    )
    return Drifting(shares[kept] / shares[kept].sum(), drift, diffusion, level)


def chance_of_passage(process: Drifting, limit: float, within: Vector) -> Vector:
    """Return the probability of first passage at the limit within these times, for upward drift, shape (n,)."""
    gap = limit - process.level
    time = np.asarray(within, np.float64)[:, None]
    spread = np.sqrt(process.diffusion * time)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        certain = (process.drift * time >= gap).astype(np.float64)
        mirrored = 2.0 * process.drift * gap / process.diffusion + log_ndtr(-(process.drift * time + gap) / spread)
        passed = ndtr((process.drift * time - gap) / spread) + np.exp(np.minimum(mirrored, 0.0))
    passed = np.where(gap <= 0.0, 1.0, np.where(spread > 0.0, passed, certain))
    chance: Vector = np.minimum(passed, 1.0) @ process.weight
    return chance


def passage_quantiles(process: Drifting, limit: float, levels: tuple[float, ...]) -> tuple[float, ...]:
    """Return the quantiles of the first passage time; infinite if passage is less probable."""
    gap, drift = float(process.weight @ (limit - process.level)), float(process.weight @ process.drift)
    if gap <= 0.0:
        return tuple(0.0 for _ in levels)
    grid = _GRID * gap / max(abs(drift), 1e-300)
    chance = np.maximum.accumulate(chance_of_passage(process, limit, grid))
    found = []
    for level in levels:
        at = int(np.searchsorted(chance, level))
        if at == len(grid):
            found.append(float("inf"))
        elif at == 0:
            found.append(0.0)
        else:
            between = (level - chance[at - 1]) / (chance[at] - chance[at - 1])
            found.append(float(np.exp(np.log(grid[at - 1]) + between * np.log(grid[at] / grid[at - 1]))))
    return tuple(found)


def chance_of_drift(process: Drifting) -> float:
    """Return the probability that the drift is upward."""
    return float(process.weight @ (process.drift > 0))


def _fit(step: Vector, rise: Vector, last: float, noise: float) -> tuple[float, Drifting]:
    """Return the log evidence of one mixture and its nodes: generalised least squares on the increments.

    The noise of a point is in the increment before it and, with opposite sign, in the increment after it.
    """
    count, usual = len(step), float(step.mean())
    shape = np.diag((1.0 - noise) * step + 2.0 * noise * usual)
    shape -= noise * usual * (np.eye(count, k=1) + np.eye(count, k=-1))
    own = noise * usual * np.eye(count)[-1]  # covariance of the last point's noise with the increments
    solved = np.linalg.solve(shape, np.column_stack([step, rise, own]))
    information = float(step @ solved[:, 0])
    drift = float(step @ solved[:, 1]) / information
    rest = float((rise - drift * step) @ (solved[:, 1] - drift * solved[:, 0]))
    if rest <= 1e-24 * max(float(np.abs(rise).max()) ** 2, 1e-300):
        return -np.inf, Drifting(*(np.zeros(1) for _ in range(4)))
    evidence = -0.5 * float(np.linalg.slogdet(shape)[1]) - 0.5 * np.log(information) - 0.5 * (count - 1) * np.log(rest)
    variance = rest / max(count - 3, 1)  # of Student's t with count - 1 degrees of freedom, approximated by a normal
    level = last - float(own @ (solved[:, 1] - drift * solved[:, 0]))
    leans = float(own @ solved[:, 0])  # coupling of the present level to the drift
    certain = max(noise * usual - float(own @ solved[:, 2]), 0.0)
    (drifts, levels), weights = _nodes()
    strayed = np.sqrt(variance / information) * drifts
    levels = level + leans * strayed + np.sqrt(variance * certain) * levels
    diffusion = np.full(len(weights), variance * (1.0 - noise))
    return float(evidence), Drifting(weights, drift + strayed, diffusion, levels)


def _nodes() -> tuple[tuple[Vector, Vector], Vector]:
    (first, first_weight), (second, second_weight) = (np.polynomial.hermite_e.hermegauss(n) for n in (_DRIFTS, _LEVELS))
    drifts, levels = (grid.ravel() for grid in np.meshgrid(first, second, indexing="ij"))
    weight = np.outer(first_weight, second_weight).ravel()
    return (drifts, levels), weight / weight.sum()
