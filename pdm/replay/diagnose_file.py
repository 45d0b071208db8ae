"""Diagnose one recording in a file, without a service or a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pdm.errors import InvalidInputError
from pdm.health.diagnosis.diagnose import diagnose
from pdm.health.diagnosis.model import Diagnosis, Finding, Reason, Recording, Verdict
from pdm.ingest.fleet_file import read_fleet
from pdm.ingest.recording_files import Declared, read_recordings
from pdm.ingest.recordings.content import Reading
from pdm.machines.model import Machine
from pdm.machines.names import normal_form
from pdm.service.diagnosis.document import to_document
from pdm.words.phrases import say, say_doubt

_MOST_WEAK = 3  # most findings without clear evidence that are printed in full


@dataclass(frozen=True)
class FileDiagnosis:
    """A diagnosis with its machine and first recording, the channel of each point, and what of the file is not used."""

    machine: Machine
    recording: Recording
    diagnosis: Diagnosis
    channels: Mapping[str, str]
    notes: tuple[str, ...] = ()


def find_in_fleet(path: Path, key: str | None) -> Machine:
    """Return the machine of a fleet YAML: its only one, or the one of a key or a tag.

    Raises
    ------
    InvalidInputError
        The file is not a fleet file, has no such machine, or has several and no key was given.
    """
    machines = {machine.key: machine for machine in read_fleet(path)}
    if key is None and len(machines) == 1:
        return next(iter(machines.values()))
    if key in machines:
        return machines[key]
    tagged = [machine for machine in machines.values() if key is not None and machine.tag == normal_form(key)]
    if len(tagged) == 1:
        return tagged[0]
    what = "several machines; select one with --key" if key is None else f"no machine {key!r}"
    raise InvalidInputError(
        f"{path.name}: {what}; machines in the file: {', '.join(machines) or 'none'}", field="machine"
    )


def declare(
    points: Sequence[str],
    scales: Sequence[str],
    *,
    speed_rpm: float | None = None,
    rate: float | None = None,
    unit: str | None = None,
    unknown_unit: str | None = None,
    reading: Reading | None = None,
) -> Declared:
    """Return the declarations of a command line: points as POINT=CHANNEL, scales as CHANNEL=VALUE or one VALUE.

    Raises
    ------
    InvalidInputError
        A declaration does not have this form.
    """
    named = dict(_pair(each, "--point", "POINT=CHANNEL") for each in points)
    worth: dict[str, float] = {}
    for each in scales:
        name, value = _pair(each, "--scale", "CHANNEL=VALUE") if "=" in each else ("", each)
        try:
            worth[name] = float(value)
        except ValueError:
            raise InvalidInputError(f"--scale {each}: {value!r} is not a number", field="scale") from None
    speed = None if speed_rpm is None else speed_rpm / 60
    return Declared(named, speed, rate, unit, worth, unknown_unit, reading or Reading())


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InvalidInputError(f"{option} {text}: expected {option} {form}", field=option.strip("-"))
    return name, value


def diagnose_file(path: Path, machine: Machine, declared: Declared | None = None) -> FileDiagnosis:
    """Read a recording and diagnose it; an uneven clock makes every verdict weak.

    Raises
    ------
    InvalidInputError
        As `pdm.ingest.recording_files.read_recordings`.
    """
    found = read_recordings(path, machine, declared)
    first = found[0]
    diagnosis = diagnose(machine, [each.recording for each in found])
    return FileDiagnosis(machine, first.recording, diagnosis, first.channels, first.notes)


def file_document(found: FileDiagnosis) -> dict[str, Any]:
    """Return the diagnosis as a JSON document, as in the API, with the channels."""
    diagnosis = found.diagnosis
    return {
        "machine": diagnosis.machine,
        "acquisitions": [at.isoformat() for at in diagnosis.acquisitions],
        "rule_version": diagnosis.rule_version,
        "channels": dict(found.channels),
        "notes": list(found.notes),
        **to_document(diagnosis),
    }


def diagnosis_text(found: FileDiagnosis, width: int = 110) -> str:
    """Return the diagnosis as text: verdict, findings with lines, reasons and checks."""
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(Group(*_parts(found)))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _parts(found: FileDiagnosis) -> list[RenderableType]:
    diagnosis = found.diagnosis
    parts: list[RenderableType] = [Text(f"{diagnosis.machine}: {say(f'verdict.{diagnosis.verdict}')}")]
    parts.append(Text(_running(diagnosis)))
    parts.append(Text("channels: " + ", ".join(f"{key} = {name}" for key, name in found.channels.items())))
    parts += [Text(f"note: {note}") for note in found.notes]
    parts += [Text(_explain(reason)) for reason in diagnosis.reasons]
    supported = [each for each in diagnosis.findings if each.verdict is Verdict.SUPPORTED]
    weak = [each for each in diagnosis.findings if each.verdict is Verdict.WEAK]
    for each in supported or weak[:_MOST_WEAK]:
        parts += [Text(), *_finding(each)]
    others = weak if supported else weak[_MOST_WEAK:]
    if others:
        parts += [Text(), Text("Weak evidence: " + ", ".join(_name(each) for each in others))]
    parts += _refused([each for each in diagnosis.findings if each.verdict is Verdict.REFUSED])
    return parts


def _running(diagnosis: Diagnosis) -> str:
    figures = []
    if diagnosis.speed is None:
        figures.append("speed unknown")
    else:
        figures.append(f"speed {diagnosis.speed * 60:.1f} rpm ({diagnosis.speed_source})")
    if diagnosis.supply is not None:
        figures.append(f"supply {diagnosis.supply:.3f} Hz")
    if diagnosis.slip is not None:
        figures.append(f"slip {diagnosis.slip:.2%}")
    return ", ".join(figures)


def _name(finding: Finding) -> str:
    where = f" ({finding.component})" if finding.component else ""
    return say(f"fault.{finding.fault}") + where


def _finding(finding: Finding) -> list[RenderableType]:
    parts: list[RenderableType] = [
        Text(
            f"{say(f'verdict.{finding.verdict}')}: {_name(finding)}, confidence {_percent(finding.confidence)}, "
            f"{finding.score:.1f} dB"
        )
    ]
    if finding.lines:
        parts.append(Padding(_lines(finding), (0, 0, 0, 2)))
    parts += [_set_in(_explain(reason)) for reason in finding.reasons]
    if finding.checks:
        parts.append(_set_in("Check: " + "; ".join(say(f"check.{check}") for check in finding.checks)))
    return parts


def _explain(reason: Reason) -> str:
    return say_doubt(reason.code, reason.parameters, reason.point, reason.remedy)


def _set_in(text: str) -> Padding:
    return Padding(Text(text), (0, 0, 0, 2))


def _percent(confidence: float) -> str:
    return "over 99%" if confidence > 0.99 else f"{confidence:.0%}"


def _lines(finding: Finding) -> Table:
    table = Table("line", "spectrum", "point", box=None, pad_edge=False)
    for title in ("expected [Hz]", "found [Hz]", "level [dB]"):
        table.add_column(Text(title), justify="right")
    for line in finding.lines:
        found = "-" if line.found is None else f"{line.found:.2f}"
        level = "-" if line.level is None else f"{line.level:.1f}"
        table.add_row(line.name, line.source, line.point, f"{line.expected:.2f}", found, level)
    return table


def _refused(findings: Sequence[Finding]) -> list[RenderableType]:
    """Return the faults that could not be evaluated, grouped by reasons."""
    alike: dict[str, list[str]] = {}
    for each in findings:
        alike.setdefault(" ".join(_explain(reason) for reason in each.reasons), []).append(_name(each))
    parts: list[RenderableType] = []
    for why, names in alike.items():
        parts += [Text(), Text(f"Cannot judge: {', '.join(names)}. {why}")]
    return parts
