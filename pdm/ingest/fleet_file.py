"""Fleets as documents: YAML files and JSON bodies in engineering units, to machines and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from pdm.errors import InvalidInputError
from pdm.ingest.bearing_form import BearingForm, bearing_form, read_bearing
from pdm.ingest.point_form import PointForm, RangeForm, point_form, read_point
from pdm.machines.costs import Costs
from pdm.machines.kinds import kind_of
from pdm.machines.model import (
    Component,
    Machine,
    MeasurementPoint,
    SeverityLimits,
    Timeline,
)
from pdm.machines.names import read_name, read_tag
from pdm.machines.pulse_trains import BeltDrive
from pdm.machines.severity_classes import limits_of_class
from pdm.words.similar import suggest

_Form = TypeVar("_Form")
_Thing = TypeVar("_Thing")


class BeltForm(msgspec.Struct, forbid_unknown_fields=True):
    """A belt on two pulleys, in mm; the driver turns with the machine shaft."""

    length_mm: float
    driver_diameter_mm: float
    driven_diameter_mm: float


class ComponentForm(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A component of a machine."""

    key: str
    kind: str
    bearing: BearingForm | str | int | None = None
    teeth: int | None = None
    ratio: float = 1.0
    part: str | None = None
    vanes: int | None = None
    blades: int | None = None
    belt: BeltForm | None = None
    name: str = ""


class SeverityForm(msgspec.Struct, forbid_unknown_fields=True):
    """Zone limits of velocity RMS in mm/s, and their source."""

    a_b_mm_s: float
    b_c_mm_s: float
    c_d_mm_s: float
    source: str


class CostsForm(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Costs of a planned and an unplanned stop, in one currency."""

    currency: str
    lost_production_per_h: float
    planned_stop_h: float
    unplanned_stop_h: float
    repair: float = 0.0
    secondary_damage: float = 0.0


class MachineForm(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A machine in a document."""

    key: str
    site: str
    line: str
    name: str = ""
    fleet: str = "default"
    rated_speed_rpm: float | None = None
    rated_power_kw: float | None = None
    supply_frequency_hz: float | None = None
    pole_pairs: int | None = None
    rotor_slots: int | None = None
    severity_limits: SeverityForm | None = None
    severity_class: str | None = None
    planning_horizon_h: float = 336.0
    baseline_acquisitions: int = 30
    timeline: Timeline = Timeline.LIVE
    costs: CostsForm | None = None
    components: list[ComponentForm] = []
    points: list[PointForm] = []
    site_name: str = ""
    line_name: str = ""
    tag: str = ""


class LineForm(msgspec.Struct, forbid_unknown_fields=True):
    """A line of a site with its name."""

    key: str
    name: str


class SiteForm(msgspec.Struct, forbid_unknown_fields=True):
    """A site with its name, and its lines."""

    key: str
    name: str = ""
    lines: list[LineForm] = []


_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_NAME = re.compile(r"\.([a-z_]+)")
_FORMS: dict[str, type[msgspec.Struct]] = {
    "components": ComponentForm,
    "points": PointForm,
    "range": RangeForm,
    "bearing": BearingForm,
    "belt": BeltForm,
    "severity_limits": SeverityForm,
    "costs": CostsForm,
    "lines": LineForm,
}


def read_fleet(path: Path) -> list[Machine]:
    """Read the machines of a fleet YAML.

    Raises
    ------
    InvalidInputError
        The file is not valid YAML, or an entry is not a valid machine; the message names the place in the file.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInputError(f"{path.name}: {error}") from error
    try:
        return machines_from_document(document)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path.name}: {error.message}", field=error.field) from error


def write_fleet(machines: Iterable[Machine], path: Path) -> None:
    """Write machines as a fleet YAML for `read_fleet`."""
    document = {"machines": [machine_to_document(machine) for machine in machines]}
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


def machines_from_document(document: Any) -> list[Machine]:
    """Return the machines of a document `{"machines": [...], "sites": [...]}`; `sites` gives names of sites and lines.

    Raises
    ------
    InvalidInputError
        The document or a machine in it is invalid; `field` is the place.
    """
    if not isinstance(document, dict) or not isinstance(document.get("machines"), list):
        raise InvalidInputError("a fleet must be an object with a list 'machines'", field="machines")
    if other := [key for key in document if key not in ("machines", "sites")]:
        hint = suggest(str(other[0]), ("machines", "sites"))
        raise InvalidInputError(f"unknown field {other[0]!r}; {hint}", field=str(other[0]))
    machines = [machine_from_document(entry, f"machines[{i}]") for i, entry in enumerate(document["machines"])]
    seen: set[str] = set()
    for index, machine in enumerate(machines):
        if machine.key in seen:
            place = f"machines[{index}].key"
            raise InvalidInputError(f"{place}: machine {machine.key!r} is given twice", field=place)
        seen.add(machine.key)
    _check_tags(machines)
    return _named(machines, document.get("sites") or [])


def _check_tags(machines: list[Machine]) -> None:
    """Check that each tag is of one machine of its site."""
    tags: dict[tuple[str, str], str] = {}
    for index, machine in enumerate(machines):
        if machine.tag and tags.setdefault((machine.site, machine.tag), machine.key) != machine.key:
            place = f"machines[{index}].tag"
            other = tags[machine.site, machine.tag]
            raise InvalidInputError(f"{place}: tag {machine.tag!r} is that of machine {other!r} too", field=place)


def _named(machines: list[Machine], sites: Any) -> list[Machine]:
    """Return the machines with the names of their sites and lines, from a list of sites."""
    names = _site_names(sites, {(m.site, m.line) for m in machines} | {(m.site, "") for m in machines})
    named = [
        replace(
            machine,
            site_name=machine.site_name or names.get((machine.site, ""), ""),
            line_name=machine.line_name or names.get((machine.site, machine.line), ""),
        )
        for machine in machines
    ]
    for index, machine in enumerate(named):
        for field, place, name in (
            ("site_name", (machine.site, ""), machine.site_name),
            ("line_name", (machine.site, machine.line), machine.line_name),
        ):
            if name and names.setdefault(place, name) != name:
                where = f"machines[{index}].{field}"
                raise InvalidInputError(f"{where}: {name!r} differs from {names[place]!r}, given before", field=where)
    return named


def _site_names(sites: Any, used: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the name by site and line, the line empty for the site; every one must be of a machine of the document."""
    try:
        forms = msgspec.convert(sites, list[SiteForm], strict=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _malformed(error, "sites", SiteForm) from None
    found: dict[tuple[str, str], str] = {}
    for number, site in enumerate(forms):
        parts = [(f"sites[{number}]", "", site.name)]
        parts += [(f"sites[{number}].lines[{i}]", line.key, line.name) for i, line in enumerate(site.lines)]
        for place, line, name in parts:
            if (site.key, line) not in used or (site.key, line) in found:
                what = f"line {line!r} of site {site.key!r}" if line else f"site {site.key!r}"
                why = "is given twice" if (site.key, line) in found else "has no machine in this document"
                raise InvalidInputError(f"{place}.key: {what} {why}", field=f"{place}.key")
            found[site.key, line] = _placed(read_name, name, place)
    return found


def _malformed(error: Exception, place: str, form: type[msgspec.Struct]) -> InvalidInputError:
    """Return the error of a form that does not fit, with its place in the document."""
    reason, _, path = str(error).partition(" - at `$")
    path = path.removesuffix("`")
    field = f"{place}{path}".lstrip(".")
    unknown = _UNKNOWN.search(reason)
    if unknown is not None:
        reason = f"unknown field {unknown[1][:64]!r}; {suggest(unknown[1], _fields_at(path, form))}"
    return InvalidInputError(f"{field or 'machine'}: {reason}", field=field)


def _fields_at(path: str, form: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the allowed fields at a place within a form."""
    names = [name for name in _NAME.findall(path) if name in _FORMS]
    return (_FORMS[names[-1]] if names else form).__struct_fields__


def machine_from_document(entry: Any, place: str = "") -> Machine:
    """Return the machine of one entry; `place` is its place for errors.

    Raises
    ------
    InvalidInputError
        The entry is not a valid machine.
    """
    try:
        form = msgspec.convert(entry, MachineForm, strict=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _malformed(error, place, MachineForm) from None
    components = tuple(_placed(_component, c, f"{place}.components[{i}]") for i, c in enumerate(form.components))
    points = tuple(_placed(read_point, p, f"{place}.points[{i}]") for i, p in enumerate(form.points))
    limits = None
    if form.severity_limits is not None and form.severity_class is not None:
        raise InvalidInputError(
            f"{place}: severity_limits and severity_class exclude each other; give one of them", field="severity_class"
        )
    if form.severity_limits is not None:
        limits = _placed(_limits, form.severity_limits, f"{place}.severity_limits")
    if form.severity_class is not None:
        limits = _placed(limits_of_class, form.severity_class, f"{place}.severity_class")
    costs = None if form.costs is None else _placed(_costs, form.costs, f"{place}.costs")
    return _placed(lambda f: replace(_machine(f, components, points, limits), costs=costs), form, place)


def machine_to_document(machine: Machine) -> dict[str, Any]:
    """Return a machine as plain values in engineering units."""
    form = MachineForm(
        key=machine.key,
        site=machine.site,
        line=machine.line,
        name=machine.name,
        fleet=machine.fleet,
        rated_speed_rpm=_scaled(machine.rated_speed, 60),
        rated_power_kw=_scaled(machine.rated_power, 1e-3),
        supply_frequency_hz=machine.supply_frequency,
        pole_pairs=machine.pole_pairs,
        rotor_slots=machine.rotor_slots,
        severity_limits=None if machine.severity_limits is None else _limits_form(machine.severity_limits),
        planning_horizon_h=_round(machine.planning_horizon / 3600),
        baseline_acquisitions=machine.baseline_acquisitions,
        timeline=machine.timeline,
        costs=None if machine.costs is None else _costs_form(machine.costs),
        components=[_component_form(c) for c in machine.components],
        points=[point_form(p) for p in machine.points],
        site_name=machine.site_name,
        line_name=machine.line_name,
        tag=machine.tag,
    )
    document: dict[str, Any] = msgspec.to_builtins(form)
    return document


def _placed(make: Callable[[_Form], _Thing], form: _Form, place: str) -> _Thing:
    """Call `make` on a form; an error names the place."""
    try:
        return make(form)
    except InvalidInputError as error:
        field = f"{place}.{error.field}".lstrip(".") if error.field else place
        raise InvalidInputError(f"{field}: {error.message}", field=field) from error


def _component(form: ComponentForm) -> Component:
    described = BearingForm(designation=form.bearing) if isinstance(form.bearing, str | int) else form.bearing
    bearing, part = None, form.part
    if described is not None:
        bearing = read_bearing(described)
        part = str(described.designation) if part is None and described.designation is not None else part
    belt = None if form.belt is None else BeltDrive(*(1e-3 * length for length in msgspec.structs.astuple(form.belt)))
    return Component(
        form.key,
        kind_of(form.kind),
        bearing,
        form.teeth,
        form.ratio,
        part,
        form.vanes,
        form.blades,
        belt,
        read_name(form.name),
    )


def _limits(form: SeverityForm) -> SeverityLimits:
    return SeverityLimits(form.a_b_mm_s * 1e-3, form.b_c_mm_s * 1e-3, form.c_d_mm_s * 1e-3, form.source)


def _machine(
    form: MachineForm,
    components: tuple[Component, ...],
    points: tuple[MeasurementPoint, ...],
    limits: SeverityLimits | None,
) -> Machine:
    return Machine(
        key=form.key,
        line=form.line,
        site=form.site,
        name=read_name(form.name),
        fleet=form.fleet,
        rated_speed=None if form.rated_speed_rpm is None else form.rated_speed_rpm / 60,
        rated_power=None if form.rated_power_kw is None else form.rated_power_kw * 1e3,
        supply_frequency=form.supply_frequency_hz,
        pole_pairs=form.pole_pairs,
        rotor_slots=form.rotor_slots,
        severity_limits=limits,
        planning_horizon=form.planning_horizon_h * 3600,
        baseline_acquisitions=form.baseline_acquisitions,
        timeline=form.timeline,
        components=components,
        points=points,
        site_name=read_name(form.site_name, "site_name"),
        line_name=read_name(form.line_name, "line_name"),
        tag=read_tag(form.tag),
    )


def _limits_form(limits: SeverityLimits) -> SeverityForm:
    return SeverityForm(
        a_b_mm_s=_round(limits.a_b * 1e3),
        b_c_mm_s=_round(limits.b_c * 1e3),
        c_d_mm_s=_round(limits.c_d * 1e3),
        source=limits.source,
    )


def _component_form(component: Component) -> ComponentForm:
    bearing = None if component.bearing is None else bearing_form(component.bearing)
    belt = None if component.belt is None else BeltForm(*(_round(1e3 * size) for size in astuple(component.belt)))
    return ComponentForm(
        component.key,
        component.kind.value,
        bearing,
        component.teeth,
        component.ratio,
        component.part,
        component.vanes,
        component.blades,
        belt,
        component.name,
    )


def _costs(form: CostsForm) -> Costs:
    return Costs(
        form.currency,
        form.lost_production_per_h,
        form.planned_stop_h,
        form.unplanned_stop_h,
        form.repair,
        form.secondary_damage,
    )


def _costs_form(costs: Costs) -> CostsForm:
    return CostsForm(
        costs.currency,
        costs.lost_production,
        costs.planned_stop,
        costs.unplanned_stop,
        costs.repair,
        costs.secondary_damage,
    )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else _round(value * factor)


def _round(value: float) -> float:
    """Round the error of binary arithmetic, so that 1780 rpm remains 1780 rpm after both conversions."""
    return float(f"{value:.12g}")
