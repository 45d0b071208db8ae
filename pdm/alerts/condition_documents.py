"""What a rule looks at, as documents write it: each kind of condition, read from its fields."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from pdm.alerts import document_fields as read
from pdm.alerts import rules
from pdm.alerts.document_fields import MISSING, Fields, make, one_of, several_of
from pdm.alerts.measured_conditions import FEATURED, Side
from pdm.alerts.quantities import parse_duration, parse_rate, parse_value
from pdm.alerts.rules import Condition, Signal
from pdm.health.diagnosis.model import Fault
from pdm.machines.model import check_key
from pdm.machines.units import UNITS, si_unit

FAULTS = tuple(fault.value for fault in Fault)
SYMPTOMS = (*FAULTS, "bearing_wear", "overheating", "overall_vibration", "process_change")
"""What state detection may name (`pdm.health.symptoms`): a fault, or what is less sure than one."""


def _made(fields: Fields, before: int, build: Callable[[], Condition]) -> Condition | None:
    """Return the condition unless a field of it was wrong."""
    condition: Condition | None = None if len(fields.problems) > before else make(fields, build)
    return condition


def _zone(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    zone = fields.read("zone", str)
    return _made(fields, before, lambda: rules.ZoneReached(zone))


def _health(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    below = fields.read("below", read.number)
    deadband = fields.read("deadband", read.number, 0.1)
    return _made(fields, before, lambda: rules.HealthLow(below, round(below + deadband, 9)))


def _remaining_life(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    more: dict[str, Any] = {"bound": fields.read("bound", str, "lower")}
    if fields.has("within"):
        more["horizon"] = fields.read("within", parse_duration)
    else:
        more["horizon_fraction"] = fields.read("horizon_fraction", read.number, 1.0)
    more["clear_ratio"] = fields.read("clear_ratio", read.number, 1.5)
    more["health_below"] = fields.read("health_below", read.number, None)
    more["healthy_above"] = fields.read("healthy_above", read.number, 0.85)
    return _made(fields, before, lambda: rules.RemainingLifeShort(**more))


def _symptom(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    confidence = fields.read("confidence", read.number)
    symptoms = fields.read("symptoms", several_of(*SYMPTOMS), ())
    deadband = fields.read("deadband", read.number, 0.1)
    return _made(fields, before, lambda: rules.SymptomNamed(confidence, symptoms, deadband))


def _diagnosis(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    confidence = fields.read("confidence", read.number)
    faults = fields.read("faults", several_of(*FAULTS), ())
    return _made(fields, before, lambda: rules.FaultDiagnosed(confidence, faults))


def _threshold(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    signal = _signal(fields)
    unit = signal.unit if signal else "1"
    side, limit = _side(fields, unit)
    deadband = fields.read("deadband", lambda raw: parse_value(raw, unit, is_difference=True))
    return _made(fields, before, lambda: rules.Threshold(_known(signal), side, limit, deadband))


def _rate(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    signal = _signal(fields)
    unit = signal.unit if signal else "1"
    direction = "falling" if fields.has("falling") else "rising"
    rate = fields.read(f"{direction}", lambda raw: parse_rate(raw, unit))
    deadband = fields.read("deadband", lambda raw: parse_rate(raw, unit), None)
    span = fields.read("over", parse_duration)
    return _made(
        fields,
        before,
        lambda: rules.RateOfChange(_known(signal), direction, rate, rate / 2 if deadband is None else deadband, span),  # type: ignore[arg-type]
    )


def _forecast(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    is_health = fields.read("of", one_of("health", "signal"), "signal") == "health"
    signal = None if is_health else _signal(fields)
    side, limit = _side(fields, signal.unit if signal else "1")
    horizon = fields.read("within", parse_duration)
    span = fields.read("over", parse_duration)
    ratio = fields.read("clear_ratio", read.number, 1.5)
    return _made(fields, before, lambda: rules.ForecastCrossing(signal, side, limit, horizon, span, ratio))


def _sensor_fault(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    point = fields.read("point", lambda raw: check_key(raw, "point"), None)
    return _made(fields, before, lambda: rules.SensorFault(point))


def _data_gap(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    after = fields.read("after", parse_duration)
    return _made(fields, before, lambda: rules.DataGap(after))


CONDITIONS: Mapping[str, Callable[[Fields], Condition | None]] = {
    "zone": _zone,
    "health": _health,
    "remaining-life": _remaining_life,
    "symptom": _symptom,
    "diagnosis": _diagnosis,
    "threshold": _threshold,
    "rate": _rate,
    "forecast": _forecast,
    "sensor-fault": _sensor_fault,
    "data-gap": _data_gap,
}
"""By kind."""


def _signal(fields: Fields) -> Signal | None:
    inner = fields.inner("signal")
    if inner is None:
        return None
    before = len(inner.problems)
    feature = inner.read("feature", read.text_of, "")
    quantity = inner.read("quantity", one_of(*UNITS), "acceleration" if feature else MISSING)
    point = inner.read("point", lambda raw: check_key(raw, "point"), None)
    component = inner.read("component", lambda raw: check_key(raw, "component"), None)
    inner.refuse_the_rest()
    if len(inner.problems) > before:
        return None
    if not feature:
        return Signal(quantity, "", point, component, unit=si_unit(quantity))
    known = inner.features.get((quantity, feature))
    if known is None:
        names = [name for kind, name in inner.features if kind == quantity]
        near = difflib.get_close_matches(feature, names, 3)
        hint = f"; similar: {', '.join(near)}" if near else ""
        where = quantity if quantity in FEATURED else f"{quantity}, whose points report scalars"
        inner.refuse("feature", f"{feature!r} is not a feature of {where}{hint}")
        return None
    return Signal(quantity, feature, point, component, known.is_shared, known.unit)


def _known(signal: Signal | None) -> Signal:
    assert signal is not None
    return signal


def _side(fields: Fields, unit: str) -> tuple[Side, float]:
    side: Side = "below" if fields.has("below") else "above"
    return side, fields.read(side, lambda raw: parse_value(raw, unit))
