"""State detection: from deviations to evidence of sustained change, and from evidence to health.

Each feature's deviation from its baseline, in its own robust standard deviations, is smoothed by an EWMA over
acquisitions whose innovations are limited (a robust EWMA chart; Roberts 1959, Lucas and Crosier 1982): one outlier,
however large, moves a feature by at most 1.2, while several in a row accumulate. Every feature is relative to the
operating state of its acquisition, so evidence persists across changes of state and needs only the baseline of each
state, no history.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.feature_layout import Layout

Floats = NDArray[np.float64]

SMOOTHING = 0.15
"""Weight of the newest acquisition: evidence reaches 80 % of a lasting step in 10 acquisitions."""
PERSISTENT_SMOOTHING = (0.05, 0.2)
"""The same for persistent features, upwards and downwards: four times as heavy downwards makes the chart
follow the lowest fifth of recent acquisitions (an expectile) instead of their mean."""
# robust standard deviations that one acquisition may move; chosen by hand on the simulated fleet (`pdm demo`, seeds
# 1 to 8), not fitted
MOST_INNOVATION = 8.0
ABSENT_DECAY = 0.97
"""Decay factor per acquisition of the evidence of an absent feature."""
WARNING_SEVERITY = 4.0
"""Severity [robust standard deviations] at which health is 0.6."""
RELATION_SEVERITY = 1.0
"""Severity of scalar channels whose chart is at its limit: health warns at four times that."""
# severity at health 0.5, which puts health 0.6 at WARNING_SEVERITY
_HALF_SEVERITY = WARNING_SEVERITY * 1.5 ** (1 / 1.5)
# puts health 0.3 near twice the warning severity; chosen by hand on the simulated fleet (`pdm demo`, seeds 1 to 8),
# not fitted
_STEEPNESS = 1.5
WEIGHTS = np.array([0.2, 0.3, 0.5])  # third, second and largest evidence: several must agree


def smooth(
    smoothed: NDArray[np.float32], deviation: Floats, layout: Layout, *, fading: bool | NDArray[np.bool_] = True
) -> NDArray[np.float32]:
    """Return the smoothed evidence (M,) after one more acquisition's deviations (M,).

    `fading`, for all or by column, is False where an acquisition is not expected to contain the channel, for example
    scalars alone, and where the channel is no measurement: evidence stays until it is measured again.
    """
    innovation = np.minimum(np.maximum(deviation - smoothed, -MOST_INNOVATION), MOST_INNOVATION)
    weight = np.where(layout.persistent, np.where(innovation > 0, *PERSISTENT_SMOOTHING), SMOOTHING)
    absent = np.where(fading, ABSENT_DECAY * smoothed, smoothed)
    updated = np.where(np.isnan(deviation), absent, smoothed + weight * innovation)
    return updated.astype(np.float32)


def weigh(smoothed: NDArray[np.float32], layout: Layout) -> Floats:
    """Return the contribution (M,) of each feature to severity [robust standard deviations]."""
    if layout.has_two_sided:
        smoothed = np.where(layout.two_sided, np.abs(smoothed), smoothed)
    evidence: Floats = smoothed * layout.weight
    return evidence


def severity_of(evidence: Floats) -> float:
    """Return the severity: the strength of the evidence of change [robust standard deviations], not below 0.

    The three strongest features have weights 0.5, 0.3 and 0.2, so that high severity requires several features that
    agree.
    """
    if len(evidence) < len(WEIGHTS):
        evidence = np.append(evidence, np.zeros(len(WEIGHTS)))
    largest = np.partition(evidence, len(evidence) - 3)[-3:]
    return float(np.maximum(np.sort(largest), 0.0) @ WEIGHTS)


def health_of(severity: float) -> float:
    """Return health [1] of a severity: 1 at 0, 0.6 at 4, 0.3 near 9, strictly decreasing.

    Examples
    --------
    >>> [round(health_of(s), 2) for s in (0.0, 1.0, 4.0, 9.2, 40.0)]
    [1.0, 0.92, 0.6, 0.3, 0.05]
    """
    return float(1.0 / (1.0 + (severity / _HALF_SEVERITY) ** _STEEPNESS))
