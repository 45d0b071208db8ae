"""Measured values that rules read, and conditions on them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from pdm.alerts.kinds.behaviour import Observation
from pdm.alerts.kinds.declared_units import find_unit
from pdm.alerts.kinds.fields import MISSING, Fields, one_of, text_of
from pdm.alerts.kinds.history import Floats, MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Named, RuleKind
from pdm.alerts.kinds.quantities import parse_value
from pdm.alerts.kinds.rule_input import GROUP, SCALAR, Measured, Reading, rounded
from pdm.errors import InvalidInputError
from pdm.machines.model import Machine, MeasurementPoint, check_key
from pdm.machines.units import UNITS, si_unit

OFF, TRANSIENT = "off", "transient"
"""Operating states of a machine at standstill and in transition, as in `pdm.health.detection.transients`."""
FEATURED = ("acceleration", "current")
"""Quantities with features of waveforms."""

Side = Literal["above", "below"]


@dataclass(frozen=True)
class Signal:
    """Measured value that a rule reads: a feature of waveforms, or a scalar.

    Of several points the worst value is used. `quantity` is that of the points; `feature` is '' for scalars; `point`
    and `component` (a key, also a former one, or a kind) select points of the machine; `is_shared` marks a feature with
    one value for all phases of a machine. `unit` is the SI unit of the value.
    """

    quantity: str
    feature: str = SCALAR
    point: str | None = None
    component: str | None = None
    is_shared: bool = False
    unit: str = "1"

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the field `signal`."""
        inner = fields.inner("signal")
        if inner is None:
            return None
        before = len(inner.problems)
        feature = inner.read("feature", text_of, "")
        quantity = inner.read("quantity", one_of(*UNITS), "acceleration" if feature else MISSING)
        point = inner.read("point", lambda raw: check_key(raw, "point"), None)
        component = inner.read("component", lambda raw: check_key(raw, "component"), None)
        inner.refuse_the_rest()
        if len(inner.problems) > before:
            return None
        if not feature:
            return cls(quantity, "", point, component, unit=si_unit(quantity))
        known = inner.features.get((quantity, feature))
        if known is None:
            names = [name for kind, name in inner.features if kind == quantity]
            near = difflib.get_close_matches(feature, names, 3)
            hint = f"; similar: {', '.join(near)}" if near else ""
            where = quantity if quantity in FEATURED else f"{quantity}, whose points report scalars"
            inner.refuse("feature", f"{feature!r} is not a feature of {where}{hint}")
            return None
        return cls(quantity, feature, point, component, known.is_shared, known.unit)

    def identity(self) -> Document:
        """Return the canonical document of the signal for rule versions; field names are fixed here."""
        return {
            "quantity": self.quantity,
            "feature": self.feature,
            "point": self.point,
            "component": self.component,
            "is_shared": self.is_shared,
            "unit": self.unit,
        }

    def write(self) -> Document:
        """Return the field in the form that `parse` reads."""
        named = {"quantity": self.quantity, "feature": self.feature, "point": self.point, "component": self.component}
        return {name: value for name, value in named.items() if value}

    def keys(self, machine: Machine) -> tuple[Measured, ...]:
        """Return the keys of the value on a machine; empty if the machine does not have it."""
        names = {each.key: (each.key, each.kind.value, *each.former_keys) for each in machine.components}
        fitting = [point for point in machine.points if self._fits(point, names)]
        if self.is_shared:
            return ((GROUP, self.feature),) if fitting else ()
        return tuple((point.key, self.feature) for point in fitting)

    def _fits(self, point: MeasurementPoint, names: Mapping[str, tuple[str, ...]]) -> bool:
        if point.quantity != self.quantity or point.is_waveform != (self.feature != SCALAR):
            return False
        if self.point is not None and self.point not in (point.key, *point.former_keys):
            return False
        if self.component is None:
            return True
        return point.component is not None and self.component in names[point.component]


class OnValues(RuleKind):
    """A condition on measured values of some points of a machine; it reads no value until it is fitted."""

    written_as: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "limit": ("above", "below"),
        "horizon": ("within",),
        "span": ("over",),
    }
    signal: Signal
    keys: tuple[Measured, ...]

    def fit(self, machine: Machine) -> tuple[Self, ...]:
        """Return the condition fitted to a machine; empty if the machine has no such value."""
        keys = self.signal.keys(machine)
        return (replace(self, keys=keys),) if keys else ()  # type: ignore[type-var]

    @property
    def wanted(self) -> tuple[Measured, ...]:
        """The measured values that the condition reads."""
        return self.keys

    def names(self, reading: Reading) -> Named:
        """Return the component: that of state detection, otherwise that of the points."""
        if reading.assessment.component is not None:
            return reading.assessment.component, reading.assessment.confidence
        points = {key[0] for key in self.keys}
        components = {point.component for point in reading.machine.points if point.key in points}
        return (components.pop() if len(components) == 1 else None), None

    def fit_like(self, fitted: RuleKind) -> Self:
        """Return the condition with the points of another condition of the kind that is fitted to a machine."""
        assert isinstance(fitted, OnValues)
        return replace(self, keys=fitted.keys)  # type: ignore[type-var]

    def where_any(self, history: MachineHistory, holds: Callable[[Floats], Flags]) -> Flags:
        """Flag acquisitions in which any value of the condition was measured and satisfies `holds`."""
        return where_any(history, self.wanted, holds)


def where_any(history: MachineHistory, wanted: Iterable[Measured], holds: Callable[[Floats], Flags]) -> Flags:
    """Flag acquisitions in which any of some values was measured and satisfies `holds`."""
    flags: Flags = np.zeros(len(history), bool)
    for key in wanted:
        column = history.measured.get(key)
        if column is not None:
            flags |= column.is_present & holds(column.values)
    return flags


def compare(value: float, limit: float, deadband: float, side: Side) -> Observation:
    """Compare a value with a limit and its deadband."""
    beyond = value - limit if side == "above" else limit - value
    if beyond > 0:
        return Observation.VIOLATED
    return Observation.RETURNED if beyond < -deadband else Observation.IN_DEADBAND


def describe(
    signal: Signal,
    side: str,
    found: tuple[float, str] | None,
    keys: Iterable[Measured],
    machine: Machine,
    **more: float,
) -> dict[str, Any]:
    """Return the message parameters of a signal: values in its SI unit, and `declared` in the unit of the point."""
    parameters = {
        "signal": signal.feature or signal.quantity,
        "side": side,
        "value": rounded(found[0]) if found else None,
        "unit": signal.unit,
        "point": (found[1] if found else "") or None,
        **more,
    }
    points = [found[1]] if found else [key[0] for key in keys]
    unit = find_unit(machine, points, signal.quantity, signal.unit)
    if unit is None:
        return parameters
    declared: dict[str, Any] = {"unit": unit.name, "value": rounded(unit.show(found[0])) if found else None}
    declared |= {name: unit.show(more[name]) for name in ("limit",) if name in more}
    declared |= {name: unit.show(more[name], is_difference=True) for name in ("rate_per_s",) if name in more}
    return parameters | {"declared": declared}


def check(holds: bool, message: str, field: str) -> None:
    """Raise the error of a field unless `holds`."""
    if not holds:
        raise InvalidInputError(message, field=field)


def known(signal: Signal | None) -> Signal:
    """Return a signal that is known to be valid."""
    assert signal is not None
    return signal


def parse_side(fields: Fields, unit: str) -> tuple[Side, float]:
    """Read `above` or `below`, a limit in a unit."""
    side: Side = "below" if fields.has("below") else "above"
    return side, fields.read(side, lambda raw: parse_value(raw, unit))
