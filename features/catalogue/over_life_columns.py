"""Index of each column over a life in its table; compile-time constants of the kernels."""

from __future__ import annotations

from features.catalogue.over_life import AGE, BANK, COMPARISON, CURVATURE, MEMORY, Row


def _places(rows: tuple[Row, ...], *names: str) -> tuple[int, ...]:
    standing = [row[0] for row in rows]
    return tuple(standing.index(name) for name in names)


(LIFE_TIME,) = _places(AGE, "age")
CHANNELS = len(AGE)
"""Index of the first channel's first column."""

SEEN, MEAN_OF_LIFE, HIGHEST_AVERAGE, MONOTONICITY = _places(
    MEMORY, "{channel}.records", "{channel}.mean", "{channel}.highest", "{channel}.monotonicity"
)
MEMORY_WIDTH = len(MEMORY)

# One of each per time constant.
AVERAGE, DEVIATION, SLOPE, RISE, CURVED = _places(
    BANK + CURVATURE,
    "{channel}.ewma_{tau}",
    "{channel}.deviation_{tau}",
    "{channel}.slope_{tau}",
    "{channel}.rise_{tau}",
    "{channel}.curvature_{tau}",
)
BANK_WIDTH, CURVATURE_WIDTH = len(BANK), len(CURVATURE)

BASELINE, SCATTER, Z, Z_AVERAGE, CUSUM_OF_RISE, CUSUM_OF_FALL, CUSUM, RANK_TREND, MANN_KENDALL = _places(
    COMPARISON,
    "{channel}.baseline",
    "{channel}.baseline_scatter",
    "{channel}.z",
    "{channel}.z_average",
    "{channel}.cusum_rise",
    "{channel}.cusum_fall",
    "{channel}.cusum",
    "{channel}.rank_trend",
    "{channel}.mann_kendall",
)
COMPARISON_WIDTH = len(COMPARISON)
