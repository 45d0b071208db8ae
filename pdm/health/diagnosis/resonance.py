"""A hint of resonance: a band that rings although no known rate strikes it. It is never more than a hint.

J. Antoni, "Fast computation of the kurtogram for the detection of transient faults", MSSP 21 (2007).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import features
from pdm.health.diagnosis.heard import Heard
from pdm.health.diagnosis.hypotheses import Hypothesis
from pdm.health.diagnosis.model import Fault, Reason

_COLUMNS = ("kurtogram_kurtosis", "kurtogram_centre", "kurtogram_bandwidth")
_QUIET = 2.0  # excess kurtosis that the best of sixty bands reaches by chance in a second of noise
_EXPLAINED = 2.0  # dB of score from which a known fault explains the ringing
_MOST = 2.0  # dB: a hint is never ranked before evidence
_LEAST_SAMPLES = 2048


def resonance_hypotheses(heard: Sequence[Heard], others: Sequence[Hypothesis]) -> list[Hypothesis]:
    """Return the band of each accelerometer that rings most; nothing where lines of a known fault explain it."""
    explained = max((each.score for each in others if each.score is not None), default=0.0)
    if explained > _EXPLAINED:
        return []
    alike: dict[tuple[float, int], list[Heard]] = {}
    for channel in heard:
        if channel.point.quantity == "acceleration" and len(channel.samples) >= _LEAST_SAMPLES:
            alike.setdefault((channel.rate, len(channel.samples)), []).append(channel)
    found = []
    for (rate, _), channels in alike.items():
        table = features.extract(np.stack([channel.samples for channel in channels]), rate, names=_COLUMNS)
        for channel, row in zip(channels, table.values[:, 0], strict=True):
            kurtosis, centre, width = (float(value) for value in row)
            if not math.isnan(kurtosis):
                found.append(_hint(channel, kurtosis, centre, width))
    return found


def _hint(channel: Heard, kurtosis: float, centre: float, width: float) -> Hypothesis:
    figures: dict[str, float | str] = {"centre_hz": centre, "width_hz": width, "kurtosis": kurtosis}
    hint = Reason("hint-only", figures, channel.point.key, "impact-test")
    score = min(_MOST, 10.0 * math.log10(max(kurtosis, 1e-2) / _QUIET))
    return Hypothesis(Fault.RESONANCE, None, score, (), (hint, *channel.doubts))
