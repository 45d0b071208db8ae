"""Lives that have not ended, used for what they tell: remaining life at least so much, expected to be so much.

References
----------
[1] J. Buckley, I. James, "Linear regression with censored data", Biometrika 66 (1979): a censored response is replaced
    by what is expected of it given that it lies beyond the censoring, by the residuals of those that are known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError

Vector = NDArray[np.float64]


def expect_beyond(said: Vector, at_least: Vector, residual: Vector, weight: Vector) -> Vector:
    """Return what is expected of responses known only to be at least so much, shape (n,) [1].

    Each is expected where the residuals of known responses, put around what was said of it, lie beyond its
    bound on average; where none does, at the bound.

    Parameters
    ----------
    said : ndarray, shape (n,)
        Predictions of the responses, by a model that has not seen these.
    at_least : ndarray, shape (n,)
        Bound below each response.
    residual, weight : ndarray, shape (m,)
        Truth less prediction of known responses, likewise unseen, and their weights.

    Returns
    -------
    expected : ndarray, shape (n,)
        Never below the bound.

    Raises
    ------
    InvalidInputError
        There is no residual, or a value is not finite.
    """
    if not len(residual) or not all(np.isfinite(values).all() for values in (said, at_least, residual, weight)):
        raise InvalidInputError("expecting censored responses needs finite residuals of known ones")
    order = np.argsort(residual)
    ranked, own = residual[order], weight[order]
    mass = np.concatenate([np.cumsum(own[::-1])[::-1], [0.0]])
    moment = np.concatenate([np.cumsum((own * ranked)[::-1])[::-1], [0.0]])
    first = np.searchsorted(ranked, at_least - said, side="right")
    has_any = mass[first] > 0.0
    beyond = np.divide(moment[first], mass[first], out=np.zeros(len(said)), where=has_any)
    return np.where(has_any, np.maximum(said + beyond, at_least), at_least)
