"""Factors from robust measures of spread to the standard deviation of a Gaussian.

Rounded, because the scales of stored baselines were learned with these; `features.kernels.over_life`, which cannot
import pdm, has the factor of the MAD with all its digits, as its stored features have.
"""

from __future__ import annotations

MAD_TO_DEVIATION = 1.4826
"""Standard deviation over median absolute deviation: 1 / Phi^-1(3 / 4), F. R. Hampel, J. Am. Stat. Assoc. 69 (1974)."""
IQR_TO_DEVIATION = 0.7413
"""Standard deviation over the distance of the quartiles: 1 / (2 Phi^-1(3 / 4))."""
