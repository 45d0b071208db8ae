"""Structure of JSON bodies and raw headers, validated by msgspec, and the records made from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from pdm.ingest.records import (
    MAX_CHANNELS,
    Decoded,
    RefusedPartError,
    assemble,
    make_context,
    make_scalar,
    parse_measured_at,
    refuse_numeric_time,
    refused_record,
)
from pdm.measurements import OperatingContext, Problem, Scalar, Waveform
from pdm.words.similar import suggest

_Form = TypeVar("_Form")


class ContextForm(msgspec.Struct, forbid_unknown_fields=True):
    """The operating context of a record."""

    speed_rpm: float | None = None
    speed_hz: float | None = None
    load: float | None = None
    state: str | None = None


class ScalarForm(msgspec.Struct, forbid_unknown_fields=True):
    """One scalar of a record."""

    point: str
    unit: str
    value: float


class HeadForm(msgspec.Struct, forbid_unknown_fields=True):
    """A record without its channels."""

    machine: str
    measured_at: str
    context: ContextForm | None = None


def make_record(
    index: int,
    head: HeadForm,
    waveforms: Sequence[_Form | Problem],
    scalars: Sequence[ScalarForm | Problem],
    to_waveform: Callable[[_Form, str], Waveform],
) -> Decoded:
    """Make one record of its forms; a rejected channel is omitted and its problem recorded."""
    try:
        measured_at = parse_measured_at(head.measured_at)
        context = _context(head.context)
    except RefusedPartError as refusal:
        return refused_record(index, head.machine, head.measured_at, [refusal.problem])
    problems: list[Problem] = []
    good_waveforms: list[Waveform] = []
    good_scalars: list[Scalar] = []
    for place, form in enumerate(waveforms):
        if isinstance(form, Problem):
            problems.append(form)
            continue
        try:
            good_waveforms.append(to_waveform(form, f"waveforms[{place}]"))
        except RefusedPartError as refusal:
            problems.append(refusal.problem)
    for place, scalar in enumerate(scalars):
        if isinstance(scalar, Problem):
            problems.append(scalar)
            continue
        try:
            good_scalars.append(make_scalar(scalar.point, scalar.unit, scalar.value, f"scalars[{place}]"))
        except RefusedPartError as refusal:
            problems.append(refusal.problem)
    return assemble(index, head.machine, measured_at, good_waveforms, good_scalars, context, problems)


def read_record(
    index: int, plain: Any, waveform_form: type[_Form], to_waveform: Callable[[_Form, str], Waveform]
) -> Decoded:
    """Make one record of plain JSON values part by part, so that an invalid part does not affect the valid ones."""
    if not isinstance(plain, dict):
        return refused_record(
            index,
            None,
            None,
            [Problem("wrong-type", f"record {index} is not an object", f"acquisitions[{index}]")],
        )
    machine, measured_at = plain.get("machine"), plain.get("measured_at")
    try:
        if isinstance(measured_at, int | float) and not isinstance(measured_at, bool):
            raise refuse_numeric_time(measured_at)
        rest = {key: value for key, value in plain.items() if key not in ("waveforms", "scalars")}
        head = convert(rest, HeadForm, "")
        waveforms = _channels(plain, "waveforms", waveform_form)
        scalars = _channels(plain, "scalars", ScalarForm)
    except RefusedPartError as refusal:
        return refused_record(index, machine, measured_at, [refusal.problem])
    return make_record(index, head, waveforms, scalars, to_waveform)


def convert(value: Any, form: type[_Form], field: str) -> _Form:
    """Convert a value to a form.

    Raises
    ------
    RefusedPartError
        The value does not match the form; field and reason come from msgspec.
    """
    try:
        return msgspec.convert(value, form, strict=True)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), field, form) from None
    except (RecursionError, OverflowError, ValueError) as error:
        raise RefusedPartError("wrong-type", f"{field}: {error}"[:300], field) from None


def _channels(plain: dict[str, Any], name: str, form: type[_Form]) -> list[_Form | Problem]:
    entries = plain.get(name, [])
    if not isinstance(entries, list):
        raise RefusedPartError("wrong-type", f"{name} must be a list", name)
    if len(entries) > MAX_CHANNELS:
        detail = f"{len(entries)} {name} in one record; at most {MAX_CHANNELS} channels are allowed"
        raise RefusedPartError("too-many-channels", detail, name)
    forms: list[_Form | Problem] = []
    for place, entry in enumerate(entries):
        try:
            forms.append(convert(entry, form, f"{name}[{place}]"))
        except RefusedPartError as refusal:
            forms.append(refusal.problem)
    return forms


def _refusal(message: str, field: str, form: type[Any]) -> RefusedPartError:
    reason, _, path = message.partition(" - at `$")
    path = path.removesuffix("`")
    place = f"{field}{path}".lstrip(".")
    if "missing required field" in reason:
        code = "missing-field"
    elif "unknown field" in reason:
        code = "unknown-field"
        name = reason.partition("`")[2].rstrip("`")[:64]
        known = _known_fields(ContextForm if path == ".context" else form)
        return RefusedPartError(code, f"{place or 'record'}: unknown field {name!r}; {suggest(name, known)}", place)
    elif "null" in reason and ".samples[" in place:
        code, reason = "not-finite", f"{reason}: a sample has no value"
    else:
        code = "wrong-type"
    return RefusedPartError(code, f"{place or 'record'}: {reason}"[:300], place)


def _known_fields(form: type[Any]) -> list[str]:
    """Return the fields that a sender may give: those of a record include its channels."""
    names = [name for name in form.__struct_fields__ if name != "offset"]
    return [*names, "waveforms", "scalars"] if form is HeadForm else names


def _context(form: ContextForm | None) -> OperatingContext:
    if form is None:
        return OperatingContext()
    if form.speed_rpm is not None and form.speed_hz is not None:
        raise RefusedPartError(
            "wrong-type", "speed_rpm and speed_hz exclude each other; give one of them", "context.speed_rpm"
        )
    speed = form.speed_hz if form.speed_rpm is None else form.speed_rpm / 60
    return make_context(speed, form.load, form.state, "context")
