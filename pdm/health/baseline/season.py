"""Daily and weekly season: the part of a feature that the time explains where no sensor measures its cause.

The temperature of a hall or a load that follows the shift is periodic: a pattern that repeats every day or week while
the baseline is learned is normal at its hour. A season is learned only if learning spans three periods and covers their
hours, and if the pattern is significant although neighbouring acquisitions are correlated. A yearly season is not
learned, since learning would take years: it needs a sensor that measures its cause.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from pdm.health.baseline.robust_scale import MAD_TO_DEVIATION
from pdm.trends.newey_west import fit_newey_west

Floats = NDArray[np.float64]

PERIODS = {"day": 86_400.0, "week": 604_800.0}
"""Names and lengths [s] of the seasons looked for."""
LEAST_ROWS = 20
"""Learned rows below which no season is looked for."""
LEAST_PERIODS = 2.75
"""Periods that learning must span: three, less what an even sample of it may lack at its ends."""
WIDEST_GAP = 0.4
"""Share of a period of which no hour may be without an acquisition: three a day, evenly, are enough."""
CHANCE = 2e-4
"""Probability of such a clear wave by chance below which it is a season: as for `pdm.health.baseline.covariates`."""
_HALVES = 0.7  # largest share of a half's squares that remains after the wave of the other half is subtracted
_LIMIT = 4.0  # robust standard deviations to which values are limited before they are fitted


@dataclass
class Season:
    """Cosine and sine of each period for each feature, `course` (2 P, M), and their standard errors `doubt` (P, M)."""

    course: NDArray[np.float32]
    doubt: NDArray[np.float32]

    @classmethod
    def none(cls, columns: int) -> Season:
        """Return that time explains nothing."""
        count = len(PERIODS)
        return cls(np.zeros((2 * count, columns), np.float32), np.zeros((count, columns), np.float32))

    @cached_property
    def found(self) -> tuple[str, ...]:
        """Names of the seasons that any feature has, once they are learned."""
        return tuple(name for name, doubt in zip(PERIODS, self.doubt, strict=True) if doubt.any())

    def explain(self, at: float) -> tuple[Floats, Floats]:
        """Return what the time [s since 1970, UTC] explains of each feature (M,), and how far off that may be (M,)."""
        turns = np.array([2 * math.pi * at / period for period in PERIODS.values()])
        waves = np.stack((np.cos(turns), np.sin(turns)), axis=1).ravel()
        return waves @ self.course, np.sqrt(np.square(self.doubt, dtype=np.float64).sum(axis=0))


def learn_season(rows: Floats, times: Floats) -> Season:
    """Learn which features have a season, and its wave.

    Parameters
    ----------
    rows : ndarray, shape (n, M)
        Compared features in the order of time, less what covariates explain; NaN where absent.
    times : ndarray, shape (n,)
        When they were measured [s since 1970, UTC].

    Notes
    -----
    A straight line and one cosine by least squares. A wave is a season only if (1) an F test finds it significant,
    (2) the wave of either half of the learning explains the other half, (3) it is significant also with correlated
    errors (`pdm.trends.newey_west`).
    """
    season = Season.none(rows.shape[1])
    left = _limited(rows)
    for number, period in enumerate(PERIODS.values()):
        if not _covers(times, period):
            continue
        line, wave = _regressors(times, period)
        fitted, error, chance = _fit(left, line, wave)
        half = times < (times[0] + times[-1]) / 2
        seen = (chance < CHANCE) & _agree(left, line, wave, half) & _agree(left, line, wave, ~half)
        for column in np.flatnonzero(seen).tolist():
            seen[column] = _chance_among_neighbours(left[:, column], line, wave, times, period) < CHANCE
        season.course[2 * number : 2 * number + 2, seen] = fitted[:, seen]
        season.doubt[number, seen] = error[seen]
        left = left - wave @ np.where(seen, fitted, 0.0)
    return season


def _covers(times: Floats, period: float) -> bool:
    if len(times) < LEAST_ROWS or times[-1] - times[0] < LEAST_PERIODS * period:
        return False
    hours = np.sort(times % period)
    return bool(np.diff(np.append(hours, hours[0] + period)).max() <= WIDEST_GAP * period)


def _limited(rows: Floats) -> Floats:
    """Return columns less their medians, outliers limited; those that lack values are 0."""
    whole = np.where(np.isnan(rows).any(axis=0), 0.0, rows)
    centred = whole - np.median(whole, axis=0)
    reach = _LIMIT * MAD_TO_DEVIATION * np.median(np.abs(centred), axis=0)
    limited: Floats = np.clip(centred, -reach, reach)
    return limited


def _regressors(times: Floats, period: float) -> tuple[Floats, Floats]:
    """Return the straight line (n, 2) and the wave (n, 2)."""
    turns = 2 * np.pi * times / period
    drift = (times - times.mean()) / (times[-1] - times[0])
    return np.stack((np.ones_like(drift), drift), axis=1), np.stack((np.cos(turns), np.sin(turns)), axis=1)


def _left(rows: Floats, regressors: Floats) -> Floats:
    """Return the sum of squares (M,) that regressors leave of columns."""
    fitted = np.linalg.lstsq(regressors, rows, rcond=None)[0]
    left: Floats = np.square(rows - regressors @ fitted).sum(axis=0)
    return left


def _fit(rows: Floats, line: Floats, wave: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the wave (2, M), its standard error (M,), and the probability (M,) of so clear a one by chance."""
    regressors = np.concatenate((line, wave), axis=1)
    fitted = np.linalg.lstsq(regressors, rows, rcond=None)[0][2:]
    freedom = len(rows) - regressors.shape[1]
    without, left = _left(rows, line), np.maximum(_left(rows, regressors), 1e-300)
    chance = f_distribution.sf((without - left) / 2 / (left / freedom), 2, freedom)
    spread = float(np.linalg.inv(regressors.T @ regressors)[2:, 2:].trace()) / 2
    error: Floats = np.sqrt(left / freedom * spread)
    return np.asarray(fitted, np.float64), error, chance


def _agree(rows: Floats, line: Floats, wave: Floats, half: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which columns' wave in one half of the rows explains the other half."""
    fitted = np.linalg.lstsq(np.concatenate((line, wave), axis=1)[half], rows[half], rcond=None)[0][2:]
    other = rows[~half]
    agrees: NDArray[np.bool_] = _left(other - wave[~half] @ fitted, line[~half]) < _HALVES * _left(other, line[~half])
    return agrees


def _chance_among_neighbours(column: Floats, line: Floats, wave: Floats, times: Floats, period: float) -> float:
    """Return the probability of so clear a wave by chance where errors last up to half a period."""
    lags = max(1, int(len(times) * period / (times[-1] - times[0]) / 2))
    fitted = fit_newey_west(column, np.concatenate((line, wave), axis=1), lags)
    return float(fitted.wald_test(np.eye(4)[2:], use_f=True, scalar=True).pvalue)
