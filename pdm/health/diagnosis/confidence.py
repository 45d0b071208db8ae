"""How sure a score makes: limits under which nothing is said, and the chance that what is said is so."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pdm.health.diagnosis.hypotheses import BEARING_FAULTS, CURRENT_FAULTS, GEAR_FAULTS, SHAFT_FAULTS
from pdm.health.diagnosis.model import Fault

LARGEST_MARGIN = 10.0
"""dB beyond which a lead over the next fault makes no surer."""
LEAST_CHANCE = 0.5
"""Under which a fault is not supported, whatever its score."""
_DOUBT = 0.6  # of the confidence, where a doubt stands


@dataclass(frozen=True)
class Rule:
    """Of one family of faults: score and lead [dB] from which it is supported, and its logistic's figures."""

    family: str
    least_score: float
    least_lead: float
    offset: float
    per_score: float
    per_lead: float


# Offsets and slopes: logistic regression of "this fault is there" on every finding of 160 simulated machines
# (`python -m benchmarks.diagnosis --fit --machines 160`), by vibration, current and both, geometry off by up to
# 1 %, speed by 0.5 %. Least scores and leads: above all that CWRU's sound bearing, in eleven records, and 1000
# sound simulated machines reach.
BEARING = Rule("bearing", 3.5, 2.0, -5.0, 0.42, 0.63)
CAGE = Rule("cage", 7.0, 4.0, -4.4, 0.40, 0.90)
"""Stricter: a damaged element beats at the cage's rate as well (Smith and Randall 2015, ball faults)."""
SHAFT = Rule("shaft", 4.0, 2.0, -0.54, 0.06, 0.85)
BARS = Rule("bars", 5.0, 0.0, -0.3, 0.6, 0.0)
"""Simulated bars part from sound ones without overlap, so the slope is bounded: 5 dB over -50 dB makes 94 %."""
GEAR = Rule("gear", 4.0, 2.0, -1.5, 0.4, 0.15)
OTHER = Rule("other", 6.0, 3.0, -3.0, 0.4, 0.15)
"""Neither is simulated, so not fitted: cautious."""

RULES: dict[Fault, Rule] = {
    **dict.fromkeys(BEARING_FAULTS, BEARING),
    Fault.BEARING_CAGE: CAGE,
    **dict.fromkeys(SHAFT_FAULTS, SHAFT),
    **dict.fromkeys(GEAR_FAULTS, GEAR),
    **dict.fromkeys(CURRENT_FAULTS, OTHER),
    Fault.RESONANCE: OTHER,
    Fault.BROKEN_ROTOR_BAR: BARS,
}


def confidence(fault: Fault, score: float, lead: float, is_doubted: bool) -> float:
    """Return the chance that the fault is there, given its score and its lead over the next of its kind [dB]."""
    rule = RULES[fault]
    capped = min(max(lead, -LARGEST_MARGIN), LARGEST_MARGIN)
    exponent = rule.offset + rule.per_score * score + rule.per_lead * capped
    chance = 1.0 / (1.0 + math.exp(-min(max(exponent, -30.0), 30.0)))
    return chance * _DOUBT if is_doubted else chance
