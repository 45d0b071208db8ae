"""Filter for changes of current lines: a line in the noise, or caused by clock jitter, is no evidence.

The index of sidebands below the noise floor measures the noise and rises with it; a phase that deviates from a steady
drift causes sidebands itself (the same limits as in a diagnosis, docs/diagnosis.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.catalogue import names
from pdm.health.baseline.feature_layout import Layout
from pdm.health.snapshot import Snapshot

LEAST_PROMINENCE = 10.0
"""dB over the local floor from which sidebands are more than noise."""
MOST_WANDER = 0.05
"""rad of the fundamental's phase about a steady drift, beyond which the clock is in doubt."""

_Floats = NDArray[np.float64]
_NAMES = names("current", "channel")
_WANDER = _NAMES.index("phase_wander")
_LINES = {  # features that show whether the lines are prominent
    "broken_bar_index": _NAMES.index("broken_bar_prominence"),
    "eccentricity_lower": _NAMES.index("eccentricity_prominence"),
    "eccentricity_upper": _NAMES.index("eccentricity_prominence"),
}


def heed_lines(layout: Layout, snapshot: Snapshot, change: _Floats) -> _Floats:
    """Return the change (M,) from the baseline, without rises of current lines that are not prominent.

    Such a rise becomes 0; a fall is kept, because it can only indicate a sound motor.
    """
    heeded = change
    for point in layout.current_points:
        vector = snapshot.current.get(point)
        if vector is None:
            continue
        wanders = bool(vector[_WANDER] > MOST_WANDER)
        for feature, prominence in _LINES.items():
            place = layout.places.get(("current", feature, point))
            if place is not None and change[place] > 0 and (wanders or vector[prominence] < LEAST_PROMINENCE):
                heeded = change.copy() if heeded is change else heeded
                heeded[place] = 0.0
    return heeded
