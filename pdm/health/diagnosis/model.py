"""The result of a diagnosis: faults in order, each with verdict, lines, reasons and recommended checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pdm.machines.model import MeasurementPoint
from pdm.machines.pulse_trains import PulseTrain
from pdm.measurements import OperatingContext


class Verdict(StrEnum):
    """Whether the data support the fault."""

    SUPPORTED = "SUPPORTED"
    WEAK = "WEAK"
    REFUSED = "REFUSED"


class Fault(StrEnum):
    """Faults (conditions, ISO 13372) that the diagnosis distinguishes."""

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
    """Why a verdict is limited: a code, and the figures of its message in any language.

    `point` is the measurement point concerned. `remedy` is the code of the measure that would remove the limitation.
    """

    code: str
    parameters: dict[str, float | str] = field(default_factory=dict)
    point: str | None = None
    remedy: str | None = None


@dataclass(frozen=True)
class MatchedLine:
    """A spectral line that a fault predicts: where it was expected, where found [Hz], level over local floor [dB].

    `source` is the spectrum: velocity, acceleration, envelope, current or park. `found` is None if no line is
    prominent; `level` is then that of the strongest line within tolerance.
    """

    name: str
    source: str
    point: str
    expected: float
    found: float | None
    level: float | None


@dataclass(frozen=True)
class Finding:
    """One fault: score, calibrated confidence [1], verdict and reasons."""

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
    """Findings in descending order of score, and the limitations of the records.

    `verdict` is SUPPORTED if a finding is, REFUSED if no record could be evaluated, otherwise WEAK: no clear evidence.
    `speed` is the shaft speed [Hz] that was used, from `speed_source`: measured, estimated or unknown. `acquisitions`
    are the records that were used. `known_lines` are lines of a sound machine, by its description.
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
    known_lines: tuple[PulseTrain, ...] = ()


@dataclass(frozen=True)
class RecordedChannel:
    """One channel of a recording: samples [SI, or int16 counts of `scale` SI units], and its point.

    `doubts` come from the reader of the file: times off an even grid, an assumed unit.
    """

    point: MeasurementPoint
    samples: NDArray[np.float32] | NDArray[np.int16]
    sampling_rate: float
    scale: float | None = None
    doubts: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Recording:
    """Channels sampled together, and the operating conditions.

    `is_state_learned` is whether the baseline of the operating state is learned, None without a baseline.
    """

    measured_at: datetime
    channels: tuple[RecordedChannel, ...]
    context: OperatingContext = field(default_factory=OperatingContext)
    is_state_learned: bool | None = None
