"""Conditions on measured values and their course: threshold, rate of change, forecast crossing, silent sensor."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

from pdm.alerts.conditions import Memory, Named
from pdm.alerts.conduct import LONGEST, Category, Observation
from pdm.alerts.readings import GROUP, SCALAR, Measured, Reading, finite, rounded
from pdm.alerts.trend import STEPS, Line, extend, fit
from pdm.errors import InvalidInputError
from pdm.machines.model import Machine, MeasurementPoint

OFF, TRANSIENT = "off", "transient"
"""The operating states of a machine that stands or runs up, as `pdm.health.steadiness` names them."""
FEATURED = ("acceleration", "current")
"""Quantities whose waveforms have features."""

Side = Literal["above", "below"]


@dataclass(frozen=True)
class Signal:
    """Which measured value a rule looks at: a feature of waveforms, or what points report themselves.

    Of several points the worst counts. `quantity` is the points'; `feature` is '' for scalars; `point` and
    `component` (a key or a kind) choose among the machine's points; `is_shared` is a feature that the phases
    of a machine have together. `unit` is the SI unit of the value.
    """

    quantity: str
    feature: str = SCALAR
    point: str | None = None
    component: str | None = None
    is_shared: bool = False
    unit: str = "1"

    def keys(self, machine: Machine) -> tuple[Measured, ...]:
        """Return where on a machine the value is found; nowhere is an empty answer."""
        kinds = {component.key: component.kind.value for component in machine.components}
        fitting = [point for point in machine.points if self._fits(point, kinds)]
        if self.is_shared:
            return ((GROUP, self.feature),) if fitting else ()
        return tuple((point.key, self.feature) for point in fitting)

    def _fits(self, point: MeasurementPoint, kinds: dict[str, str]) -> bool:
        if point.quantity != self.quantity or point.is_waveform != (self.feature != SCALAR):
            return False
        if self.point is not None and point.key != self.point:
            return False
        if self.component is None:
            return True
        return point.component is not None and self.component in (point.component, kinds[point.component])


class OnValues:
    """A condition on measured values of some points of a machine; until it is fitted it sees nothing."""

    category: ClassVar[Category] = Category.MACHINE
    needs_repetition: ClassVar[bool] = True
    signal: Signal
    keys: tuple[Measured, ...]

    def fit(self, machine: Machine) -> tuple[Self, ...]:
        """Return the condition as it stands for a machine; none where the machine has no such value."""
        keys = self.signal.keys(machine)
        return (replace(self, keys=keys),) if keys else ()  # type: ignore[type-var]

    @property
    def wanted(self) -> tuple[Measured, ...]:
        """The measured values that it reads."""
        return self.keys

    def names(self, reading: Reading) -> Named:
        """Return which component the acquisition speaks of: state detection's, else that of the points."""
        if reading.assessment.component is not None:
            return reading.assessment.component, reading.assessment.confidence
        points = {key[0] for key in self.keys}
        components = {point.component for point in reading.machine.points if point.key in points}
        return (components.pop() if len(components) == 1 else None), None

    def own_cause(self) -> str | None:
        """Return None: what is measured belongs to the machine's case."""
        return None


@dataclass(frozen=True)
class Threshold(OnValues):
    """A value lies beyond `limit` [SI]; it has returned beyond `limit` less `deadband` [SI]."""

    signal: Signal
    side: Side
    limit: float
    deadband: float
    keys: tuple[Measured, ...] = ()
    message: ClassVar[str] = "threshold-crossed"

    def __post_init__(self) -> None:
        _check(math.isfinite(self.limit), "limit must be finite", "limit")
        _check(0 < self.deadband < math.inf, "deadband must be positive; without it the alert chatters", "deadband")
        if self.signal.quantity == "temperature":
            _check(self.limit > 0, "limit must be above absolute zero", "limit")
        if self.side == "above" and self._cannot_be_negative and self.limit > 0:
            _check(
                self.deadband < self.limit,
                "limit minus deadband must not be negative, or the alert never clears",
                "deadband",
            )

    @property
    def _cannot_be_negative(self) -> bool:
        """A level of a waveform, or a temperature in K."""
        return self.signal.quantity == "temperature" or (self.signal.feature != SCALAR and self.signal.unit != "1")

    def observe(self, reading: Reading) -> Observation:
        """Return where the worst of the points lies; absent where none was measured."""
        found = reading.extreme(self.keys, largest=self.side == "above")
        return Observation.ABSENT if found is None else _compare(found[0], self.limit, self.deadband, self.side)

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people; values in the signal's SI unit."""
        found = reading.extreme(self.keys, largest=self.side == "above")
        return _described(self.signal, self.side, found, limit=self.limit)


class OnCourse(OnValues):
    """A condition on how a value moves within `span` [s]."""

    span: float

    def recall(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return what the course up to this acquisition says, and the course."""
        found = reading.extreme(self.keys, largest=self._largest)
        if found is None or reading.assessment.operating_state in (OFF, TRANSIENT):
            return Observation.ABSENT, memory
        memory = extend(memory, reading.assessment.measured_at.timestamp(), found[0], self.span)
        line = fit(memory)
        return (Observation.ABSENT if line is None else self._judge(line)), memory

    @property
    def _largest(self) -> bool:
        raise NotImplementedError

    def _judge(self, line: Line) -> Observation:
        raise NotImplementedError


@dataclass(frozen=True)
class RateOfChange(OnCourse):
    """A value rises or falls faster than `rate` [SI/s], as a robust line over `span` [s] tells."""

    signal: Signal
    direction: Literal["rising", "falling"]
    rate: float
    deadband: float
    span: float
    keys: tuple[Measured, ...] = ()
    message: ClassVar[str] = "changing-fast"

    def __post_init__(self) -> None:
        _check(0 < self.rate < math.inf, "rate must be positive; 'direction' gives the sign", "rate")
        _check(0 < self.deadband < self.rate, "0 < deadband < rate is required", "deadband")
        _check_times(self.span)

    @property
    def _largest(self) -> bool:
        return self.direction == "rising"

    def _judge(self, line: Line) -> Observation:
        slope = line.slope if self.direction == "rising" else -line.slope
        if slope > self.rate and line.is_significant:
            return Observation.VIOLATED
        return Observation.RETURNED if slope < self.rate - self.deadband else Observation.HELD

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people; values in the signal's SI unit."""
        found = reading.extreme(self.keys, largest=self._largest)
        return _described(self.signal, self.direction, found, rate_per_s=self.rate, span_s=self.span)


@dataclass(frozen=True)
class ForecastCrossing(OnCourse):
    """A value, or health where `signal` is None, will cross `limit` within `horizon` [s] if it goes on as over `span`.

    Beyond the limit it has crossed. It has returned where the crossing is more than `clear_ratio` horizons
    away or nothing moves towards it.
    """

    signal: Signal | None  # type: ignore[assignment]
    side: Side
    limit: float
    horizon: float
    span: float
    clear_ratio: float = 1.5
    keys: tuple[Measured, ...] = ()
    message: ClassVar[str] = "limit-ahead"

    def __post_init__(self) -> None:
        _check(math.isfinite(self.limit), "limit must be finite", "limit")
        _check(0 < self.horizon < 10 * LONGEST, "horizon must be positive, below 310 years", "horizon")
        _check_times(self.span)
        _check(1 < self.clear_ratio <= 100, "clear_ratio must be in (1, 100]: it is the deadband", "clear_ratio")
        if self.signal is None:
            _check(
                0 < self.limit < 1 and self.side == "below",
                "the limit of health must be in (0, 1) and 'side' below",
                "limit",
            )

    def fit(self, machine: Machine) -> tuple[Self, ...]:
        """Return the condition as it stands for a machine; none where the machine has no such value."""
        return (self,) if self.signal is None else super().fit(machine)

    def recall(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return what the course up to this acquisition says, and the course."""
        if self.signal is not None:
            return super().recall(reading, memory)
        health = finite(reading.assessment.health)
        if health is None:
            return Observation.ABSENT, memory
        memory = extend(memory, reading.assessment.measured_at.timestamp(), health, self.span)
        line = fit(memory)
        return (Observation.ABSENT if line is None else self._judge(line)), memory

    def time_to_limit(self, line: Line) -> float:
        """Return when a line crosses the limit [s from its end]; 0 where it has, infinite where it will not."""
        left = self.limit - line.level if self.side == "above" else line.level - self.limit
        towards = line.slope if self.side == "above" else -line.slope
        if left <= 0:
            return 0.0
        return left / towards if towards > 0 else math.inf

    @property
    def _largest(self) -> bool:
        return self.side == "above"

    def _judge(self, line: Line) -> Observation:
        ahead = self.time_to_limit(line)
        if ahead < self.horizon and (line.is_significant or ahead == 0.0):
            return Observation.VIOLATED
        return Observation.RETURNED if ahead > self.horizon * self.clear_ratio else Observation.HELD

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people; values in the signal's SI unit, times in s."""
        if self.signal is None:
            return {
                "signal": "health",
                "side": self.side,
                "value": rounded(reading.assessment.health),
                "limit": self.limit,
                "unit": "1",
                "point": None,
                "horizon_s": self.horizon,
            }
        found = reading.extreme(self.keys, largest=self._largest)
        return _described(self.signal, self.side, found, limit=self.limit, horizon_s=self.horizon)


def _compare(value: float, limit: float, deadband: float, side: Side) -> Observation:
    beyond = value - limit if side == "above" else limit - value
    if beyond > 0:
        return Observation.VIOLATED
    return Observation.RETURNED if beyond < -deadband else Observation.HELD


def _described(signal: Signal, side: str, found: tuple[float, str] | None, **more: float) -> dict[str, Any]:
    return {
        "signal": signal.feature or signal.quantity,
        "side": side,
        "value": rounded(found[0]) if found else None,
        "unit": signal.unit,
        "point": (found[1] if found else "") or None,
        **more,
    }


def _check_times(span: float) -> None:
    _check(
        STEPS <= span < LONGEST, f"span must be {STEPS} s at least (one second per step) and less than 31 years", "over"
    )


def _check(holds: bool, message: str, field: str) -> None:
    if not holds:
        raise InvalidInputError(message, field=field)
