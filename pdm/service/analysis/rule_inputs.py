"""Measured values of an acquisition that rules use, from its feature vectors and scalars."""

from __future__ import annotations

from collections.abc import Sequence

from features.catalogue import names
from pdm.alerts.kinds.rule_input import GROUP, SCALAR, Measured
from pdm.health.snapshot import Snapshot

_VIBRATION = {name: place for place, name in enumerate(names("vibration", "channel"))}
_CURRENT = {name: place for place, name in enumerate(names("current", "channel"))}
_SHARED = {name: place for place, name in enumerate(names("current", "group"))}


def read_values(snapshot: Snapshot, wanted: Sequence[Measured]) -> dict[Measured, float]:
    """Return the required values of an acquisition in SI; unmeasured values are omitted, absent features are NaN."""
    found: dict[Measured, float] = {}
    for key in wanted:
        point, feature = key
        if feature == SCALAR:
            if point in snapshot.scalars:
                found[key] = snapshot.scalars[point]
        elif point == GROUP:
            if snapshot.current_group is not None:
                found[key] = float(snapshot.current_group[_SHARED[feature]])
        elif (vector := snapshot.vibration.get(point)) is not None:
            found[key] = float(vector[_VIBRATION[feature]])
        elif (vector := snapshot.current.get(point)) is not None:
            found[key] = float(vector[_CURRENT[feature]])
    return found
