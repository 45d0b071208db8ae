"""Confidence of a finding: limits of score and lead for support, and the calibrated probability of the fault."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pdm.health.diagnosis.hypotheses import BEARING_FAULTS, SHAFT_FAULTS
from pdm.health.diagnosis.model import Fault

LARGEST_MARGIN = 10.0
"""dB beyond which a greater lead over the next fault does not raise the confidence."""
LEAST_CHANCE = 0.5
"""Confidence below which a fault is not supported, whatever its score."""
JUDGEMENTS = frozenset({"too-faint", "rival-near", "unsure"})
"""Codes of reasons from score and lead; all others are doubts about the evidence."""


@dataclass(frozen=True)
class EvidenceRule:
    """Rule of one family of faults: least score and lead [dB] for support, and the coefficients of its logistic.

    `doubted` is the factor on the probability if a doubt exists.
    """

    family: str
    least_score: float
    least_lead: float
    offset: float
    per_score: float
    per_lead: float
    doubted: float


# Offsets, slopes and doubt factors: logistic regression of "the fault is present" on every finding of 40 simulated
# machines (`python -m benchmarks.diagnosis --fit --machines 40`) with every fault at three severities in two states, by
# vibration, current and both, geometry off by up to 1 %, speed by 0.5 %; other machines than those of the evaluation.
# Least scores and leads: above all values of CWRU's sound bearing, in eleven records, and of simulated machines without
# that fault.
BEARING = EvidenceRule("bearing", 3.5, 2.0, -7.5, 0.46, 0.99, 0.98)
CAGE = EvidenceRule("cage", 3.5, 2.0, 0.9, 0.21, 0.83, 0.6)
"""Stricter: a damaged element causes lines at the cage's rate as well (Smith and Randall 2015, ball faults)."""
# As above, from the same fit.
SHAFT = EvidenceRule("shaft", 4.0, 2.0, -1.21, 0.2, 0.58, 0.5)
BARS = EvidenceRule("bars", 5.0, 0.0, -2.1, 0.47, 0.47, 0.6)
WEAR = EvidenceRule("wear", 2.0, 2.0, 3.5, 0.0, 1.39, 0.6)
TOOTH = EvidenceRule("tooth", 6.0, 2.0, -8.6, 0.68, 0.44, 0.6)
GAP = EvidenceRule("gap", 3.0, 0.0, -0.8, 0.75, 0.0, 0.5)
STATOR = EvidenceRule("stator", 4.0, 3.0, 2.0, 0.0, 1.21, 0.22)
SUPPLY = EvidenceRule("supply", 4.0, 3.0, -10.5, 1.52, 0.0, 0.51)
RESONANCE = EvidenceRule("resonance", 6.0, 0.0, -9.0, 0.77, 0.76, 1.0)
"""Always doubted, as a hint: its coefficients are fitted with the doubt."""

RULES: dict[Fault, EvidenceRule] = {
    **dict.fromkeys(BEARING_FAULTS, BEARING),
    Fault.BEARING_CAGE: CAGE,
    **dict.fromkeys(SHAFT_FAULTS, SHAFT),
    Fault.GEAR_WEAR: WEAR,
    Fault.GEAR_TOOTH: TOOTH,
    Fault.ECCENTRICITY: GAP,
    Fault.STATOR: STATOR,
    Fault.SUPPLY_UNBALANCE: SUPPLY,
    Fault.RESONANCE: RESONANCE,
    Fault.BROKEN_ROTOR_BAR: BARS,
}


def confidence(fault: Fault, score: float, lead: float, is_doubted: bool) -> float:
    """Return the probability of the fault, given its score and its lead over the next of its kind [dB]."""
    rule = RULES[fault]
    capped = min(max(lead, -LARGEST_MARGIN), LARGEST_MARGIN)
    exponent = rule.offset + rule.per_score * score + rule.per_lead * capped
    chance = 1.0 / (1.0 + math.exp(-min(max(exponent, -30.0), 30.0)))
    return chance * rule.doubted if is_doubted else chance
