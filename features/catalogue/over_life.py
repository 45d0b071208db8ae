"""Columns over a life: output of `features.over_life.OverLife` for every channel.

u is the channel's unit and T the unit of life time (hours, cycles, ...). Weights of a time
constant are w = exp(-age / time constant), age in life time at the channel's latest value. Sources:

[a] S. W. Roberts, "Control chart tests based on geometric moving averages", Technometrics 1 (1959); weights for
    uneven sampling as in A. Eckner, "Algorithms for unevenly spaced time series: moving averages" (2012).
[b] R. G. Brown, "Smoothing, Forecasting and Prediction of Discrete Time Series" (1963): discounted least squares.
[c] J. B. Coble, J. W. Hines, "Identifying optimal prognostic parameters from data", Annual Conf. PHM Society (2009).
[d] F. R. Hampel, "The influence curve and its role in robust estimation", J. Am. Stat. Assoc. 69 (1974): median and
    median absolute deviation; rejection beyond three of it: C. Leys et al., J. Exp. Soc. Psychol. 49 (2013).
[e] E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954); run lengths: D. Brook, D. A. Evans,
    Biometrika 59 (1972); winsorised: J. M. Lucas, R. B. Crosier, Commun. Stat. A 11 (1982).
[f] H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945); M. G. Kendall, "Rank Correlation
    Methods" (1975), with ties; L. A. Goodman, W. H. Kruskal, J. Am. Stat. Assoc. 49 (1954).
[g] J. J. Zakrajsek, D. P. Townsend, H. J. Decker, "An analysis of gear fault detection methods as applied to pitting
    fatigue failure data", NASA TM-105950 (1993): NA4; the same, NASA TM-106185 (1994): NB4.
"""

from __future__ import annotations

Row = tuple[str, str, str, str]
"""A row of the table: name pattern, definition, unit, source."""

AGE: tuple[Row, ...] = (("age", "life time since the point's first record", "T", ""),)

MEMORY: tuple[Row, ...] = (
    ("{channel}.records", "values seen so far", "1", ""),
    ("{channel}.mean", "mean of all values of the life", "u", ""),
    ("{channel}.highest", "highest average of the shortest time constant so far", "u", ""),
    (
        "{channel}.monotonicity",
        "rises less falls of the average of the longest time constant from value to value, over values - 1: -1 to 1; "
        "absent at the first value",
        "1",
        "[c]",
    ),
)
BANK: tuple[Row, ...] = (
    ("{channel}.ewma_{tau}", "exponentially weighted mean, sum w x / sum w", "u", "[a]"),
    ("{channel}.deviation_{tau}", "sqrt(sum w (x - ewma)^2 / sum w)", "u", "[a]"),
    (
        "{channel}.slope_{tau}",
        "slope of the line of weighted least squares; absent before values at two times",
        "u/T",
        "[b]",
    ),
    (
        "{channel}.rise_{tau}",
        "that slope times the mean age of the weights: difference between the line now and the average; 0 at one time",
        "u",
        "[b]",
    ),
)
CURVATURE: tuple[Row, ...] = (
    (
        "{channel}.curvature_{tau}",
        "second derivative of the parabola of weighted least squares; absent while a parabola cannot be "
        "distinguished from a line (three times are needed, within reach of the time constant)",
        "u/T2",
        "[b]",
    ),
)
DIFFERENCES: tuple[Row, ...] = (
    ("{channel}.ewma_{tau}_less_{next}", "average of one time constant less that of the next longer", "u", "[a]"),
)
LAGS: tuple[Row, ...] = (
    (
        "{channel}.change_{lag}",
        "average of the shortest time constant, less what it was at least the lag ago (at the first record of a "
        "quarter of the lag, so at most 1.25 lags ago where records are dense); absent before",
        "u",
        "",
    ),
)
COMPARISON: tuple[Row, ...] = (
    (
        "{channel}.baseline",
        "mean of the first values, without those beyond three scaled median absolute deviations of their median; then "
        "frozen; absent while learned, as all that follow",
        "u",
        "[d]",
    ),
    ("{channel}.baseline_scatter", "their standard deviation, at least a share of |baseline|", "u", "[d]"),
    ("{channel}.z", "(latest value - baseline) / baseline_scatter; absent without scatter, as all below", "1", "[d]"),
    ("{channel}.z_average", "the same of the average of the shortest time constant", "1", "[d]"),
    ("{channel}.cusum_rise", "max(0, before + z - reference), z cut at +- 4", "1", "[e]"),
    ("{channel}.cusum_fall", "max(0, before - z - reference), z cut at +- 4", "1", "[e]"),
    ("{channel}.cusum", "the larger of the two", "1", "[e]"),
    (
        "{channel}.rank_trend",
        "pairs of values that rise less those that fall, over those that do either: Goodman and Kruskal's gamma, of "
        "z in 24 bins that widen from 0 by powers of two; -1 to 1",
        "1",
        "[f]",
    ),
    (
        "{channel}.mann_kendall",
        "the same difference, in its standard deviations under no trend, corrected for ties and continuity",
        "1",
        "[f]",
    ),
)
RATIOS: tuple[Row, ...] = (
    (
        "na4",
        "residual_kurtosis x residual_variance^2 / (its mean over the life so far)^2; where both are channels",
        "1",
        "[g]",
    ),
    (
        "nb4",
        "the same of the envelope of the signal about the gear mesh: envelope_mesh_kurtosis, envelope_mesh_variance",
        "1",
        "[g]",
    ),
)

OVER_LIFE: tuple[Row, ...] = (
    *AGE,
    *MEMORY,
    *BANK,
    *CURVATURE,
    *DIFFERENCES,
    *LAGS,
    *COMPARISON,
    *RATIOS,
)
"""All possible columns, in the order of a channel's columns."""
