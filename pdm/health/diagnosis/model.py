"""What a diagnosis says: faults in order, each with its verdict, its lines, its reasons and what to check."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pdm.machines.model import MeasurementPoint
from pdm.measurements import OperatingContext


class Verdict(StrEnum):
    """Whether the data carry what is said."""

    SUPPORTED = "SUPPORTED"
    WEAK = "WEAK"
    REFUSED = "REFUSED"


class Fault(StrEnum):
    """Faults (conditions, ISO 13372) that are told apart."""

    BEARING_OUTER_RACE = "bearing_outer_race"
    BEARING_INNER_RACE = "bearing_inner_race"
    BEARING_ROLLING_ELEMENT = "bearing_rolling_element"
    BEARING_CAGE = "bearing_cage"
    UNBALANCE = "unbalance"
    MISALIGNMENT = "misalignment"
    LOOSENESS = "looseness"
    RESONANCE = "resonance"
    GEAR_WEAR = "gear_wear"
    GEAR_TOOTH = "gear_tooth"
    BROKEN_ROTOR_BAR = "broken_rotor_bar"
    ECCENTRICITY = "eccentricity"
    STATOR = "stator"
    SUPPLY_UNBALANCE = "supply_unbalance"


@dataclass(frozen=True)
class Reason:
    """Why a verdict is not better: a code, and the figures that make it a sentence in any language.

    `point` is the measurement point concerned. `remedy` is the code of what would make the verdict strong.
    """

    code: str
    parameters: dict[str, float | str] = field(default_factory=dict)
    point: str | None = None
    remedy: str | None = None


@dataclass(frozen=True)
class MatchedLine:
    """A spectral line that a fault predicts: where it was expected, where found [Hz], level over local floor [dB].

    `source` says in which spectrum: velocity, acceleration, envelope, current or park. `found` is None where
    nothing stands out; `level` is then that of the strongest line within tolerance.
    """

    name: str
    source: str
    point: str
    expected: float
    found: float | None
    level: float | None


@dataclass(frozen=True)
class Finding:
    """One fault: score, calibrated confidence [1], verdict, and why."""

    fault: Fault
    component: str | None
    verdict: Verdict
    score: float
    confidence: float
    lines: tuple[MatchedLine, ...] = ()
    reasons: tuple[Reason, ...] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """Findings in falling order of score, and what the records themselves allow.

    `verdict` is SUPPORTED where a finding is, REFUSED where no record could be judged at all, otherwise WEAK:
    no clear evidence. `speed` is the shaft speed [Hz] that was used, from `speed_source`: measured, estimated or
    unknown. `acquisitions` are the records behind it.
    """

    machine: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    reasons: tuple[Reason, ...]
    speed: float | None
    speed_source: str
    supply: float | None
    slip: float | None
    acquisitions: tuple[datetime, ...]
    rule_version: str


@dataclass(frozen=True)
class RecordedChannel:
    """One channel of a recording: samples [SI, or int16 counts of `scale` SI units], and its point.

    `doubts` are what whoever read it knows of it: times that lie beside an even grid, a unit that was assumed.
    """

    point: MeasurementPoint
    samples: NDArray[np.float32] | NDArray[np.int16]
    sampling_rate: float
    scale: float | None = None
    doubts: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Recording:
    """Channels sampled together, and how the machine ran.

    `is_state_learned` says whether the machine's baseline has learned the operating state it ran in, None where
    there is no baseline to ask.
    """

    measured_at: datetime
    channels: tuple[RecordedChannel, ...]
    context: OperatingContext = field(default_factory=OperatingContext)
    is_state_learned: bool | None = None
