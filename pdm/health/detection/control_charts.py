"""Control charts: the onset of a change, and the average run length to a false alarm (ARL0).

In addition to the EWMA of health (`pdm.health.detection.state_detection`) every tracked feature has a CUSUM (Page
1954). It gives two results that the EWMA does not: the detection of small changes at a stated ARL0, and the onset of
the change (Page's estimate: the last time when the sum left 0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

ALLOWANCE = 1.0
"""Allowance k of the CUSUM per acquisition [robust standard deviations]: optimal for changes of 2 k."""
DECISION = 8.0
"""Decision interval h of the CUSUM [robust standard deviations]."""
MOST_DEVIATION = 8.0
"""Limit of one acquisition's deviation: a single acquisition never causes a CUSUM signal."""
_SIDES = np.array([[1.0], [-1.0]])  # upper and lower sum of a two-sided CUSUM (Page 1954)
_STEPS = 200  # states of the Markov chain (Brook and Evans 1972); 400 change a run length by less than 2 %
_LONGEST = 1e12  # acquisitions; the linear system is singular to rounding beyond


@dataclass
class Charts:
    """Upper and lower CUSUMs of all columns (2, M), and the time when each last left 0 (2, M) [s]."""

    sums: NDArray[np.float32]
    since: Floats

    @classmethod
    def of(cls, columns: int) -> Charts:
        """Return initial charts (M,)."""
        return cls(np.zeros((2, columns), np.float32), np.zeros((2, columns)))

    def advance(self, deviation: Floats, at: float) -> Charts:
        """Return the charts after the deviations (M,) of an acquisition at a time [s]; NaN does not change a column.

        A change is dated at the first acquisition of the run that led to it.
        """
        moved = self.sums + np.minimum(np.maximum(deviation, -MOST_DEVIATION), MOST_DEVIATION) * _SIDES - ALLOWANCE
        sums = np.where(np.isnan(moved), self.sums, np.maximum(moved, 0.0)).astype(np.float32)
        since = np.where(self.sums > 0.0, self.since, at)
        return Charts(sums, since)


def cusum_run_length(allowance: float = ALLOWANCE, decision: float = DECISION, shift: float = 0.0) -> float:
    """Return the average run length of a one-sided CUSUM by a Markov chain (Brook and Evans 1972).

    Parameters
    ----------
    allowance, decision : float
        In standard deviations.
    shift : float
        Of the mean [standard deviations]; 0 gives the run length to a false alarm (ARL0).

    Notes
    -----
    For independent Gaussian deviations from an exactly known baseline. Siegmund's formula
    (`siegmund_run_length`) agrees within a few per cent.

    Examples
    --------
    >>> round(cusum_run_length(0.5, 4.0))  # Montgomery 2013, table 9.3: 168 for both sides together
    335
    """
    width = 2.0 * decision / (2 * _STEPS - 1)
    states = np.arange(_STEPS)
    upper = (states[None, :] - states[:, None] + 0.5) * width + allowance - shift
    transition = ndtr(upper) - ndtr(upper - width)
    transition[:, 0] = ndtr(upper[:, 0])
    return float(np.linalg.solve(np.eye(_STEPS) - transition, np.ones(_STEPS))[0])


def siegmund_run_length(allowance: float, decision: float, shift: float = 0.0) -> float:
    """Return Siegmund's approximation of a one-sided CUSUM's average run length (Siegmund 1985; Montgomery 2013, 9.1).

    Examples
    --------
    >>> round(siegmund_run_length(0.5, 4.0))
    338
    """
    reach = decision + 1.166
    drift = shift - allowance
    if abs(drift) < 1e-9:
        return reach**2
    return (math.exp(-2 * drift * reach) + 2 * drift * reach - 1) / (2 * drift**2)


def ewma_run_length(weight: float, limit: float, shift: float = 0.0) -> float:
    """Return the average run length of a one-sided EWMA by a Markov chain (Lucas and Saccucci 1990).

    Parameters
    ----------
    weight : float
        Of the newest value.
    limit : float
        In standard deviations of single values, not of the EWMA.
    shift : float
        Of the mean, in the same unit.

    Notes
    -----
    The boundary on the side without a signal is reflecting, at four standard deviations of the EWMA, which a chart
    started at 0 rarely reaches. Above 1e12 double precision cannot distinguish the run length from infinity, which is
    returned.
    """
    lowest = -4.0 * math.sqrt(weight / (2 - weight))
    width = (limit - lowest) / _STEPS
    middle = lowest + (np.arange(_STEPS) + 0.5) * width
    edges = lowest + np.arange(_STEPS + 1) * width
    reached = ndtr((edges[None, :] - (1 - weight) * middle[:, None]) / weight - shift)
    reached[:, 0] = 0.0
    inside = np.eye(_STEPS) - np.diff(reached, axis=1)
    lengths = np.linalg.solve(inside, np.ones(_STEPS))
    length = float(np.interp(0.0, middle, lengths))
    return length if 0 < length < _LONGEST else math.inf
