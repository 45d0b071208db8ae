"""The operating regimes of a fleet, learned from its settings: few tight clusters, or one regime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError

MOST_REGIMES = 12  # twice the maximum of public fleets (C-MAPSS FD002: 6)
TIGHT = 0.02  # greatest share of the settings' variance within regimes, else there is one regime
BEYOND = 0.1  # of the settings' range: farther outside is unknown from training
LEAST_SHARE = 0.01  # of the rows; fewer are outliers of the nearest regime
_ROUNDS = 50  # of Lloyd's algorithm; it ends earlier when no row changes
_ROWS = 2000  # evenly spaced rows for the clustering

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Regimes:
    """Centres of the regimes, shape (R, S), in settings divided by `scale` (S,).

    `low` and `high` (S,) are the ends of the training settings, in their units.
    """

    centres: tuple[tuple[float, ...], ...]
    scale: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def count(self) -> int:
        """Number of regimes."""
        return len(self.centres)

    def assign(self, settings: Vector) -> NDArray[np.int64]:
        """Return the nearest regime of each row of settings, shape (n,).

        Raises
        ------
        InvalidInputError
            The settings are not of shape (n, S).
        """
        self._check(settings)
        if self.count == 1:
            return np.zeros(len(settings), np.int64)
        return _nearest(settings / np.array(self.scale), np.array(self.centres))

    def know(self, settings: Vector) -> NDArray[np.bool_]:
        """Return which rows of settings lie in the range of the regimes, shape (n,).

        A row beyond the ends by more than a tenth of their distance, or farther from every regime than a third of the
        distance to the next one, is an unknown operating state.

        Raises
        ------
        InvalidInputError
            The settings are not of shape (n, S).
        """
        self._check(settings)
        low, high = np.array(self.low), np.array(self.high)
        margin = BEYOND * (high - low) + 1e-9 * np.maximum(np.abs(low), np.abs(high))
        is_known: NDArray[np.bool_] = ((settings >= low - margin) & (settings <= high + margin)).all(axis=1)
        if self.count > 1:
            distance = np.sort(np.sqrt(_distances(settings / np.array(self.scale), np.array(self.centres))), axis=1)
            is_known &= 3.0 * distance[:, 0] <= distance[:, 1]
        return is_known

    def _check(self, settings: Vector) -> None:
        if settings.ndim != 2 or settings.shape[1] != len(self.scale):
            raise InvalidInputError(f"settings have shape {settings.shape}; the regimes have {len(self.scale)}")


def find_regimes(settings: Vector) -> Regimes:
    """Find the operating regimes in a fleet's settings.

    The result is the largest number of clusters that are tight (at most 2 % of the variance within them), well
    separated and each of at least 1 % of the rows. Settings without clusters are one regime: a partition of a continuum
    would cause steps in every sensor. Farthest-first seeding makes the result deterministic.

    Parameters
    ----------
    settings : ndarray, shape (n, S)
        Operating settings, any unit; S may be 0.

    Raises
    ------
    InvalidInputError
        A setting is missing or not finite.
    """
    if settings.ndim != 2 or not np.isfinite(settings).all():
        raise InvalidInputError("settings must be a table of finite numbers", field="settings")
    spread = settings.std(axis=0) if len(settings) else np.zeros(settings.shape[1])
    scale = np.where(spread > 1e-9 * np.abs(settings).max(axis=0, initial=1.0), spread, np.inf)
    points = (settings / scale)[np.linspace(0, len(settings) - 1, min(_ROWS, len(settings))).astype(int)]
    total = float(((points - points.mean(axis=0)) ** 2).sum()) if len(points) else 0.0
    stored_scale = tuple(float(value) if np.isfinite(value) else 1e300 for value in scale)
    ends = [tuple(float(end) for end in row) for row in _ends(settings)]
    if total > 0.0:
        for count in range(MOST_REGIMES, 1, -1):
            found = _cluster(points, count)
            own = _nearest(points, found)
            is_peopled = np.bincount(own, minlength=count) >= LEAST_SHARE * len(points)
            centres, settled = found[is_peopled], points[is_peopled[own]]
            if len(centres) < 2:
                continue
            within = float(((settled - centres[_nearest(settled, centres)]) ** 2).sum())
            if within <= TIGHT * total and _is_separate(settled, centres):
                return Regimes(tuple(tuple(row) for row in centres.tolist()), stored_scale, *ends)
    return Regimes(((0.0,) * len(stored_scale),), stored_scale, *ends)


def _ends(settings: Vector) -> tuple[Vector, Vector]:
    if not len(settings):
        return np.zeros(settings.shape[1]), np.zeros(settings.shape[1])
    return settings.min(axis=0), settings.max(axis=0)


def _cluster(points: Vector, count: int) -> Vector:
    centres = [points[np.argmax(((points - points.mean(axis=0)) ** 2).sum(axis=1))]]
    distance = ((points - centres[0]) ** 2).sum(axis=1)
    for _ in range(count - 1):
        centres.append(points[np.argmax(distance)])
        distance = np.minimum(distance, ((points - centres[-1]) ** 2).sum(axis=1))
    found = np.array(centres)
    for _ in range(_ROUNDS):
        own = _nearest(points, found)
        moved = np.array([points[own == k].mean(axis=0) if (own == k).any() else found[k] for k in range(count)])
        if np.array_equal(moved, found):
            break
        found = moved
    return found


def _is_separate(points: Vector, centres: Vector) -> bool:
    """Whether every point is at least three times nearer to its own centre than to any other."""
    distance = np.sort(np.sqrt(_distances(points, centres)), axis=1)
    return bool(np.mean(3.0 * distance[:, 0] <= distance[:, 1]) >= 0.99)


def _nearest(points: Vector, centres: Vector) -> NDArray[np.int64]:
    nearest: NDArray[np.int64] = _distances(points, centres).argmin(axis=1).astype(np.int64)
    return nearest


def _distances(points: Vector, centres: Vector) -> Vector:
    distances: Vector = ((points[:, None, :] - centres[None]) ** 2).sum(axis=2)
    return distances
