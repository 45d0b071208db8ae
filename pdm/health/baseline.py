"""What is normal: robust location and scale of every tracked feature in one operating state.

The baseline is learned once, over the state's first acquisitions, as median and median absolute
deviation, which up to half of the acquisitions may contaminate (Hampel 1974). It is then frozen until a
work event: a baseline that follows the machine would learn the fault as normal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEARNING_ROWS = 30
"""Acquisitions kept while learning; of a longer learning period, an even sample of this many."""
_CONSISTENCY = 1.4826  # MAD to standard deviation of a Gaussian
_IQR_CONSISTENCY = 0.7413
_SMALL_SAMPLE = 4.0  # the scale of n acquisitions is widened by 1 + 4/n: t-like room for its own error


@dataclass
class Baseline:
    """The baseline of one operating state; columns (M,) as in the machine's layout.

    While learning, `location` is the first value seen, against which rows are kept as half-precision
    differences, and `scale` the degradation (`carry`) known from other states when this one was met.
    """

    name: str
    declared: bool
    speed: float
    load: float
    seen: int = 0
    last_seen: int = 0
    learned: bool = False
    location: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    scale: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    rows: NDArray[np.float16] = field(default_factory=lambda: np.empty((0, 0), np.float16))

    @property
    def carry(self) -> NDArray[np.float32]:
        """Degradation (M,) known from other states when this one was met; only while learning."""
        return self.scale

    def learn(self, compared: Floats) -> None:
        """Take one acquisition's compared features (M,) into the learning rows."""
        fill = np.isnan(self.location) & ~np.isnan(compared)
        if fill.any():
            self.location = np.where(fill, compared, self.location).astype(np.float32)
        row = (compared - self.location).astype(np.float16)
        if len(self.rows) < LEARNING_ROWS:
            self.rows = np.concatenate((self.rows, row[None]))
        else:
            slot = _slot(self.seen)
            if slot < LEARNING_ROWS:
                self.rows[slot] = row
        self.seen += 1

    def median_so_far(self) -> Floats:
        """Return the median (M,) of the rows so far, less the carried degradation."""
        middle: Floats = self.location + _quantile(_sorted(self.rows), 0.5) - self.carry
        return middle

    def finish(self, floor: Floats) -> None:
        """Turn the learning rows into location and scale, and drop them.

        Parameters
        ----------
        floor : ndarray, shape (M,)
            Scatter below which a change is no news; added in quadrature.
        """
        ordered = _sorted(self.rows)
        count = np.maximum(np.sum(~np.isnan(ordered), axis=0), 1)
        middle = _quantile(ordered, 0.5)
        deviation = _quantile(_sorted(np.abs(self.rows - middle)), 0.5) * _CONSISTENCY
        spread = (_quantile(ordered, 0.75) - _quantile(ordered, 0.25)) * _IQR_CONSISTENCY
        scatter = np.maximum(deviation, spread) * (1 + _SMALL_SAMPLE / count)
        known = count >= len(self.rows) / 2
        self.location = np.where(known, self.location + middle - self.carry, np.nan).astype(np.float32)
        self.scale = np.where(known, np.sqrt(scatter**2 + floor**2), np.nan).astype(np.float32)
        self.rows = np.empty((0, 0), np.float16)
        self.learned = True


def begin_baseline(name: str, *, declared: bool, speed: float, load: float, carry: NDArray[np.float32]) -> Baseline:
    """Return a baseline of which nothing is learned yet; `carry` (M,) as in `Baseline`."""
    return Baseline(
        name=name,
        declared=declared,
        speed=speed,
        load=load,
        location=np.full(carry.shape, np.nan, np.float32),
        scale=carry,
        rows=np.empty((0, len(carry)), np.float16),
    )


def _slot(seen: int) -> int:
    """Return where the next row goes in an even sample; a hash stands in for chance, for determinism."""
    return ((seen * 2654435761) >> 7) % (seen + 1)


def _sorted(rows: NDArray[np.floating]) -> Floats:
    """Return rows sorted by column in double precision, NaN last."""
    return np.sort(np.ascontiguousarray(rows.T, dtype=np.float64), axis=1).T


def _quantile(ordered: Floats, q: float) -> Floats:
    """Return a quantile (M,) of sorted columns, NaN aside; NaN for a column without values."""
    count = np.sum(~np.isnan(ordered), axis=0)
    place = q * np.maximum(count - 1, 0)
    below = place.astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    columns = np.arange(ordered.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    quantile: Floats = low + (place - below) * (high - low)
    return quantile
