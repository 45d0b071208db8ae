"""Fault hypotheses from records: score, lines and doubts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pdm.health.diagnosis.model import Fault, MatchedLine, Reason

BEARING_FAULTS = (
    Fault.BEARING_OUTER_RACE,
    Fault.BEARING_INNER_RACE,
    Fault.BEARING_ROLLING_ELEMENT,
    Fault.BEARING_CAGE,
)
SHAFT_FAULTS = (Fault.UNBALANCE, Fault.MISALIGNMENT, Fault.LOOSENESS)
GEAR_FAULTS = (Fault.GEAR_WEAR, Fault.GEAR_TOOTH)
CURRENT_FAULTS = (Fault.BROKEN_ROTOR_BAR, Fault.ECCENTRICITY, Fault.STATOR, Fault.SUPPLY_UNBALANCE)


@dataclass(frozen=True)
class Hypothesis:
    """A fault of a component with its score [dB over what is no evidence], or None where it cannot be judged.

    `doubts` prevent the verdict "supported"; without a score they are the reasons.
    """

    fault: Fault
    component: str | None
    score: float | None
    lines: tuple[MatchedLine, ...] = ()
    doubts: tuple[Reason, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Its identity: fault and component."""
        return self.fault.value, self.component or ""


def refuse(fault: Fault, component: str | None, *reasons: Reason) -> Hypothesis:
    """Return a hypothesis that cannot be evaluated, with the reasons."""
    return Hypothesis(fault, component, None, (), reasons)


def strongest(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    """Return each fault of each component once, from the point of the strongest evidence."""
    best: dict[tuple[str, str], Hypothesis] = {}
    for each in hypotheses:
        known = best.get(each.key)
        if known is None or _rank(each) > _rank(known):
            best[each.key] = each
    return list(best.values())


def _rank(each: Hypothesis) -> tuple[bool, float]:
    return each.score is not None, 0.0 if each.score is None else each.score


def merge(recordings: list[list[Hypothesis]]) -> list[Hypothesis]:
    """Return each fault of each component once: the mean score over the recordings, lines of the strongest."""
    together: dict[tuple[str, str], list[Hypothesis]] = {}
    for hypotheses in recordings:
        for each in hypotheses:
            together.setdefault(each.key, []).append(each)
    return [_merge_one(each) for each in together.values()]


def _merge_one(seen: list[Hypothesis]) -> Hypothesis:
    judged = [each for each in seen if each.score is not None]
    if not judged:
        return seen[0]
    best = max(judged, key=_rank)
    score = float(np.mean([each.score for each in judged if each.score is not None]))
    doubts = {(doubt.code, doubt.point): doubt for each in judged for doubt in each.doubts}
    return replace(best, score=score, doubts=tuple(doubts.values()))
