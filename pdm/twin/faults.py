"""Faults of simulated machines, and their growth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FaultKind(StrEnum):
    """Kinds of fault with simulated signals."""

    OUTER_RACE = "outer-race"
    INNER_RACE = "inner-race"
    BALL = "ball"
    CAGE = "cage"
    UNBALANCE = "unbalance"
    MISALIGNMENT = "misalignment"
    LOOSENESS = "looseness"
    BROKEN_BARS = "broken-bars"
    STATIC_ECCENTRICITY = "static-eccentricity"
    DYNAMIC_ECCENTRICITY = "dynamic-eccentricity"
    SHORTED_TURNS = "shorted-turns"
    SUPPLY_UNBALANCE = "supply-unbalance"
    GEAR_WEAR = "gear-wear"
    GEAR_TOOTH = "gear-tooth"
    RESONANCE = "resonance"


COMPONENT = {
    FaultKind.OUTER_RACE: "de-bearing",
    FaultKind.INNER_RACE: "de-bearing",
    FaultKind.BALL: "de-bearing",
    FaultKind.CAGE: "de-bearing",
    FaultKind.UNBALANCE: "shaft",
    FaultKind.MISALIGNMENT: "shaft",
    FaultKind.LOOSENESS: "shaft",
    FaultKind.BROKEN_BARS: "motor",
    FaultKind.STATIC_ECCENTRICITY: "motor",
    FaultKind.DYNAMIC_ECCENTRICITY: "motor",
    FaultKind.SHORTED_TURNS: "motor",
    FaultKind.SUPPLY_UNBALANCE: "motor",
    FaultKind.GEAR_WEAR: "gear",
    FaultKind.GEAR_TOOTH: "gear",
    FaultKind.RESONANCE: "shaft",
}

FINDING = {
    FaultKind.OUTER_RACE: "outer race spalled",
    FaultKind.INNER_RACE: "inner race spalled",
    FaultKind.BALL: "rolling element pitted",
    FaultKind.CAGE: "cage cracked",
    FaultKind.UNBALANCE: "rotor out of balance",
    FaultKind.MISALIGNMENT: "coupling misaligned",
    FaultKind.LOOSENESS: "foundation bolts loose",
    FaultKind.BROKEN_BARS: "rotor bars broken",
    FaultKind.STATIC_ECCENTRICITY: "rotor out of the bore's middle",
    FaultKind.DYNAMIC_ECCENTRICITY: "rotor turns off its own middle",
    FaultKind.SHORTED_TURNS: "turns of a winding shorted",
    FaultKind.SUPPLY_UNBALANCE: "supply voltages unequal",
    FaultKind.GEAR_WEAR: "teeth worn",
    FaultKind.GEAR_TOOTH: "tooth cracked",
    FaultKind.RESONANCE: "foundation resonant",
}


@dataclass(frozen=True)
class Degradation:
    """Growth of one fault: 0 before its onset, then exponential until severity 1, the functional failure.

    `rate` is the number of e-foldings between onset and failure.
    """

    fault: FaultKind
    onset_at: datetime
    failed_at: datetime
    rate: float

    def severity(self, at: datetime) -> float:
        """Return the severity at a time: 0 before onset, 1 at failure and after [1]."""
        progress = (at - self.onset_at) / (self.failed_at - self.onset_at)
        return math.expm1(self.rate * min(1.0, max(0.0, progress))) / math.expm1(self.rate)
