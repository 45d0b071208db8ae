"""Least squares with errors for residuals that resemble their neighbours (Newey-West), by statsmodels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def lags_of(count: int) -> int:
    """Return how many lags `count` residuals allow for, by the rule of Newey and West [1]_, and one more.

    References
    ----------
    .. [1] W. K. Newey, K. D. West, "Automatic lag selection in covariance matrix estimation", Rev. Econ. Stud. 61
       (1994).

    Examples
    --------
    >>> [lags_of(count) for count in (12, 48, 100)]
    [3, 4, 5]
    """
    return int(4 * (count / 100) ** (2 / 9)) + 1


def fit_newey_west(values: NDArray[np.float64], design: NDArray[np.float64], lags: int) -> Any:
    """Return the fit of values (n,) by a design (n, p), its covariance robust [1]_ and corrected for the freedom used.

    Parameters
    ----------
    values, design : ndarray
    lags : int
        Up to which residuals resemble each other; their weights fall off linearly (Bartlett).

    Returns
    -------
    fit : statsmodels.regression.linear_model.RegressionResults

    References
    ----------
    .. [1] W. K. Newey, K. D. West, "A simple, positive semi-definite, heteroskedasticity and autocorrelation
       consistent covariance matrix", Econometrica 55 (1987).
    """
    from statsmodels.regression.linear_model import OLS  # takes a second to load: only where something is fitted

    return OLS(values, design).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
