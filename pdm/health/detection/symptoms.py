"""Symptoms: the present fault indication, its place and its confidence.

Each symptom has features that indicate it. The symptom of the strongest smoothed evidence is reported; a bearing's
symptom names the faulty part only if that part's lines are prominent in the envelope spectrum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from pdm.health.baseline.feature_layout import Column, Layout
from pdm.machines.model import ComponentKind, Machine

LEAST_SEVERITY = 2.5
"""Severity below which no symptom is reported (health about 0.75)."""
_LEAST_LINE = 2.5  # evidence at which a bearing's lines count as prominent
_LOOSE_SHARE = 0.5  # half-order evidence relative to the strongest order's, from which it is looseness
_BROADBAND = ("high_frequency_rms", "envelope_rms", "kurtosis", "crest_factor", "envelope_kurtosis")
# a part's lines, and the sidebands required with them: a part that passes the load zone is modulated (Randall and
# Antoni 2011), so lines at the inner race's frequency without sidebands belong to another part
_BEARING_PARTS = (
    ("bearing_outer_race", "bpfo_prominence", None),
    ("bearing_inner_race", "bpfi_prominence", "bpfi_sideband_prominence"),
    ("bearing_rolling_element", "bsf_prominence", "bsf_sideband_prominence"),
    ("bearing_cage", "ftf_prominence", None),
)
_LEAST_SIDEBAND = 1.0  # evidence; chosen by hand on the simulated fleet (`pdm demo`, seeds 1 to 8), not fitted
_KINDS = {
    "unbalance": (ComponentKind.SHAFT, ComponentKind.MOTOR),
    "misalignment": (ComponentKind.SHAFT, ComponentKind.MOTOR),
    "looseness": (),
    "broken_rotor_bar": (ComponentKind.MOTOR,),
    "eccentricity": (ComponentKind.MOTOR,),
    "supply_unbalance": (ComponentKind.MOTOR,),
}


@dataclass(frozen=True)
class Symptom:
    """A fault indication; `confidence` [1] is strength times margin over the next symptom, uncalibrated."""

    name: str
    component: str | None
    confidence: float


def name_symptom(layout: Layout, smoothed: list[float]) -> Symptom:
    """Return the symptom of the strongest evidence.

    Parameters
    ----------
    layout : Layout
    smoothed : list of float, length M
        Smoothed evidence of each column [robust standard deviations].
    """
    evidence = _SmoothedFeatures(layout, smoothed)
    candidates = [_bearing(evidence, point) for point in layout.vibration_points]
    candidates += [c for point in layout.vibration_points for c in _shaft(evidence, point)]
    candidates += _electrical(evidence)
    candidates += [
        Candidate(evidence.of("temperature", "temperature", p), "overheating", p) for p in layout.temperature_points
    ]
    candidates += [
        Candidate(evidence.of("scalar", column.tracked.feature, column.point), _scalar_symptom(column), column.point)
        for column in layout.columns
        if column.source == "scalar"
    ]
    overall = [
        Candidate(0.8 * evidence.mean("vibration", ("rms", "velocity_rms"), p), "overall_vibration", p)
        for p in layout.vibration_points
    ]
    score, name, point, clarity = max(candidates + overall, default=Candidate(0.0, "overall_vibration", ""))
    rival = max((c.score for c in candidates if _family(c.name) != _family(name)), default=0.0)
    margin = 0.5 + 0.5 * (score - max(rival, 0.0)) / score if score > 0 else 0.0
    confidence = (1 - math.exp(-max(score, 0.0) / WIDTH)) * min(max(margin, 0.0), 1.0) * clarity
    return Symptom(name, find_component(layout.machine, name, point), confidence)


WIDTH = 5.0
"""Evidence [robust standard deviations] over which confidence grows to 63 % of its margin."""


class Candidate(NamedTuple):
    """A symptom at a point, its score, and its margin over symptoms of the same family [1]."""

    score: float
    name: str
    point: str
    clarity: float = 1.0


@dataclass(frozen=True)
class _SmoothedFeatures:
    layout: Layout
    smoothed: list[float]

    def of(self, source: str, feature: str, point: str) -> float:
        index = self.layout.places.get((source, feature, point))
        return 0.0 if index is None else self.smoothed[index]

    def mean(self, source: str, features: tuple[str, ...], point: str) -> float:
        """Return the mean of the two strongest of some features at a point."""
        strongest = sorted((self.of(source, f, point) for f in features), reverse=True)[:2]
        return sum(strongest) / len(strongest)


def _bearing(evidence: _SmoothedFeatures, point: str) -> Candidate:
    broadband = evidence.mean("vibration", _BROADBAND, point)
    lines = sorted(
        (evidence.of("vibration", line, point), name)
        for name, line, sideband in _BEARING_PARTS
        if sideband is None or evidence.of("vibration", sideband, point) > _LEAST_SIDEBAND
    )
    (runner_up, _), (line, name) = lines[-2:]
    if line < _LEAST_LINE:
        return Candidate(broadband, "bearing_wear", point)
    clarity = 0.5 + 0.5 * (line - max(runner_up, 0.0)) / line
    return Candidate(max(line, broadband), name, point, clarity)


def _shaft(evidence: _SmoothedFeatures, point: str) -> list[Candidate]:
    half, once, twice, thrice = (evidence.of("vibration", f"order_{order}x", point) for order in ("0_5", "1", "2", "3"))
    strongest = max(once, twice, thrice)
    if half > max(_LEAST_LINE, _LOOSE_SHARE * strongest):
        return [Candidate(max(half, strongest), "looseness", point)]
    return [
        Candidate(once, "unbalance", point),
        Candidate(max(twice, 0.8 * thrice), "misalignment", point),
    ]


def _electrical(evidence: _SmoothedFeatures) -> list[Candidate]:
    points = evidence.layout.current_points
    if not points:
        return []
    bars = sum(evidence.of("current", "broken_bar_index", p) for p in points) / len(points)
    gap = sum(
        max(evidence.of("current", f, p) for f in ("eccentricity_lower", "eccentricity_upper")) for p in points
    ) / len(points)
    supply = evidence.mean("current_group", ("current_unbalance", "negative_sequence_ratio", "park_ripple_2f"), "")
    return [
        Candidate(bars, "broken_rotor_bar", points[0]),
        Candidate(gap, "eccentricity", points[0]),
        Candidate(supply, "supply_unbalance", points[0]),
    ]


def _scalar_symptom(column: Column) -> str:
    """Return the symptom of a changed scalar: of vibration, or of a process value."""
    return "process_change" if column.tracked.two_sided else "overall_vibration"


def _family(symptom: str) -> str:
    return "bearing" if symptom.startswith("bearing") else symptom


def find_component(machine: Machine, symptom: str, point: str) -> str | None:
    """Return the component that a symptom at a point concerns, None if the machine's description has none.

    A bearing's symptom belongs to the point's own bearing, or to the machine's only one; the others to the first
    component of a kind with that fault, else to the point's component.
    """
    own = next((p.component for p in machine.points if p.key == point), None)
    if symptom.startswith("bearing"):
        bearings = [c.key for c in machine.components if c.kind is ComponentKind.BEARING]
        return own if own in bearings else bearings[0] if len(bearings) == 1 else None
    for kind in _KINDS.get(symptom, ()):
        for component in machine.components:
            if component.kind is kind:
                return component.key
    return own
