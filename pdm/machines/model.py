"""Structure of a plant: site, line, machine, component and measurement point."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from pdm.errors import InvalidInputError
from pdm.machines.bearing_multipliers import BearingMultipliers
from pdm.machines.costs import Costs
from pdm.machines.kinds import TAKEN_BY
from pdm.machines.kinds import ComponentKind as ComponentKind
from pdm.machines.point_limits import PointLimits
from pdm.machines.pulse_trains import BeltDrive, PulseTrain, trains_of
from pdm.machines.units import si_conversion

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
AMBIENT = "ambient"
"""Beginning of the key of a temperature point on no component that measures the ambient temperature."""


def check_key(key: str, field: str) -> str:
    """Check that `key` is valid in a URL, a file name and a topic, and return it.

    Raises
    ------
    InvalidInputError
        The key is not 1-63 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise InvalidInputError(
            f"{field} {key!r} must be 1-63 characters of a-z, 0-9, '.', '_', '-' and begin with a letter or digit",
            field=field,
        )
    return key


class Timeline(StrEnum):
    """Clock of a machine's data: the wall clock, or the clock of a recording."""

    LIVE = "live"
    REPLAY = "replay"


@dataclass(frozen=True)
class BearingGeometry:
    """A rolling bearing's geometry [m, rad] and its source."""

    rolling_elements: int
    element_diameter: float
    pitch_diameter: float
    contact_angle: float
    source: str

    def __post_init__(self) -> None:
        if self.rolling_elements < 3:
            raise InvalidInputError("a bearing must have at least 3 rolling elements", field="bearing.rolling_elements")
        if not 0 < self.element_diameter < self.pitch_diameter:
            raise InvalidInputError(
                f"element diameter {self.element_diameter} m must be between 0 and the pitch diameter "
                f"{self.pitch_diameter} m",
                field="bearing.element_diameter",
            )
        if not 0 <= self.contact_angle < 1.5707:
            raise InvalidInputError("contact angle must be in [0, pi/2) rad", field="bearing.contact_angle")
        if not self.source.strip():
            raise InvalidInputError(
                "the source of the geometry is missing; name the document or the designation", field="bearing.source"
            )


Bearing = BearingGeometry | BearingMultipliers
"""What determines the fault frequencies of a rolling bearing."""


@dataclass(frozen=True)
class Component:
    """A part of a machine that can fail separately and is replaced as a whole.

    `teeth` applies to gears, `vanes` or `blades` to pumps, fans and their like; the component turns `ratio` times the
    speed of the machine. `part` is the spare part to order: a designation or a stock number. `former_keys` are those
    that it had before it was renamed.
    """

    key: str
    kind: ComponentKind
    bearing: Bearing | None = None
    teeth: int | None = None
    ratio: float = 1.0
    part: str | None = None
    vanes: int | None = None
    blades: int | None = None
    belt: BeltDrive | None = None
    name: str = ""
    former_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_key(self.key, "component")
        for name, kinds in TAKEN_BY.items():
            value = getattr(self, name)
            if self.kind not in kinds and (value != 1.0 if name == "ratio" else value is not None):
                raise InvalidInputError(
                    f"component {self.key!r} is a {self.kind}, which takes no {name}; {name} is allowed for: "
                    f"{', '.join(kinds)}",
                    field=name,
                )
        _check_count(self.teeth, 5, "teeth")
        _check_count(self.vanes, 1, "vanes")
        _check_count(self.blades, 1, "blades")
        if self.vanes is not None and self.blades is not None:
            raise InvalidInputError(
                f"component {self.key!r}: vanes and blades exclude each other; give one of them", field="blades"
            )
        if self.part is not None and not 0 < len(self.part.strip()) <= 200:
            raise InvalidInputError(f"component {self.key!r}: part must have 1 to 200 characters", field="part")
        if not 1e-4 <= self.ratio <= 1e4:
            raise InvalidInputError(
                f"the ratio of a {self.kind} must be 0.0001 to 10000, not {self.ratio}", field="ratio"
            )

    @property
    def pulse_trains(self) -> list[PulseTrain]:
        """The lines of this component in the spectrum of a sound machine."""
        vanes = None if self.vanes is None else ("vane", self.vanes)
        blades = None if self.blades is None else ("blade", self.blades)
        turns = self.kind is ComponentKind.ROLLER
        return trains_of(self.key, ratio=self.ratio, passes=vanes or blades, belt=self.belt, turns=turns)


@dataclass(frozen=True)
class MeasurementPoint:
    """A place on a machine where one quantity is measured in one direction and in a declared unit.

    `sampling_rate` [Hz] is None for a point that reports scalars. A tachometer gives `pulses_per_turn`
    pulses per turn of the shaft that defines the machine's speed; sampled together with vibration, it gives the shaft
    angle at each sample. `limits` is what the point can measure, as declared. `former_keys` are those that the point
    had before it was renamed, the first one first.
    """

    key: str
    quantity: str
    unit: str
    sampling_rate: float | None = None
    direction: str | None = None
    component: str | None = None
    pulses_per_turn: int | None = None
    name: str = ""
    limits: PointLimits = field(default_factory=PointLimits)
    former_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_key(self.key, "point")
        si_conversion(self.quantity, self.unit)
        if self.sampling_rate is not None and not 0 < self.sampling_rate <= 10e6:
            raise InvalidInputError(
                f"point {self.key!r}: sampling rate {self.sampling_rate} Hz must be in (0, 10 MHz]",
                field="sampling_rate_hz",
            )
        if (self.quantity == "tachometer") != (self.pulses_per_turn is not None):
            raise InvalidInputError(
                f"point {self.key!r}: pulses_per_turn is required for tachometers and not allowed for other points",
                field="pulses_per_turn",
            )
        _check_count(self.pulses_per_turn, 1, "pulses_per_turn")
        if self.is_waveform and self.limits.of_scalars:
            field = self.limits.of_scalars[0]
            raise InvalidInputError(
                f"point {self.key!r} delivers waveforms, for which {field} is not allowed; it is for points without "
                "sampling_rate_hz; range is allowed for both",
                field=field,
            )

    @property
    def is_waveform(self) -> bool:
        """Whether the point delivers sampled waveforms rather than scalars."""
        return self.sampling_rate is not None


@dataclass(frozen=True)
class SeverityLimits:
    """Zone limits A/B, B/C, C/D of velocity RMS [m/s] and their source."""

    a_b: float
    b_c: float
    c_d: float
    source: str

    def __post_init__(self) -> None:
        if not 0 < self.a_b < self.b_c < self.c_d:
            raise InvalidInputError(
                "zone limits must be positive and increase from A/B to C/D", field="severity_limits"
            )
        if not self.source.strip():
            raise InvalidInputError(
                "the source of the limits is missing; name the standard or document", field="severity_limits"
            )


@dataclass(frozen=True)
class Machine:
    """A machine, its drive, its components and its measurement points.

    Speeds and frequencies are in Hz, power in W, times in s. `severity_limits` is None where no standard's zones apply
    (a test rig, a machine below 15 kW). `planning_horizon` is the lead time of maintenance: a remaining life that may
    end within it raises an alert. Machines with the same `fleet` are similar enough to share a remaining-life model.
    `baseline_acquisitions` is the number of acquisitions in one operating state for its baseline. `costs` are the costs
    of a stop, for the expected cost of a delay. `name`, `site_name` and `line_name` are for display; an empty name of
    a site or a line leaves the registered one. `tag` is the plant's own designation, unique in the site; an empty one
    leaves it too.
    """

    key: str
    line: str
    site: str
    name: str = ""
    fleet: str = "default"
    rated_speed: float | None = None
    rated_power: float | None = None
    supply_frequency: float | None = None
    pole_pairs: int | None = None
    rotor_slots: int | None = None
    severity_limits: SeverityLimits | None = None
    planning_horizon: float = 14 * 86400.0
    baseline_acquisitions: int = 30
    timeline: Timeline = Timeline.LIVE
    costs: Costs | None = None
    components: tuple[Component, ...] = ()
    points: tuple[MeasurementPoint, ...] = ()
    site_name: str = ""
    line_name: str = ""
    tag: str = ""

    def __post_init__(self) -> None:
        check_key(self.key, "machine")
        check_key(self.line, "line")
        check_key(self.site, "site")
        check_key(self.fleet, "fleet")
        _check_positive(self.rated_speed, "rated_speed_rpm")
        _check_positive(self.rated_power, "rated_power_kw")
        _check_positive(self.supply_frequency, "supply_frequency_hz")
        _check_positive(self.pole_pairs, "pole_pairs")
        _check_count(self.rotor_slots, 2, "rotor_slots")
        _check_positive(self.planning_horizon, "planning_horizon_h")
        if self.baseline_acquisitions < 10:
            raise InvalidInputError("a baseline requires at least 10 acquisitions", field="baseline_acquisitions")
        component_keys = _unique([component.key for component in self.components], "component")
        _unique([point.key for point in self.points], "point")
        for point in self.points:
            if point.component is not None and point.component not in component_keys:
                raise InvalidInputError(
                    f"component {point.component!r} of point {point.key!r} is not a component of machine {self.key!r}",
                    field="component",
                )


def _check_positive(value: float | None, field: str) -> None:
    if value is not None and not 0 < value < float("inf"):
        raise InvalidInputError(f"{field} must be positive, not {value}", field=field)


def _check_count(value: int | None, least: int, field: str) -> None:
    if value is not None and not least <= value <= 100_000:
        raise InvalidInputError(f"{field} must be {least} to 100000, not {value}", field=field)


def _unique(keys: list[str], field: str) -> set[str]:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise InvalidInputError(f"{field} {key!r} is given twice", field=field)
        seen.add(key)
    return seen
