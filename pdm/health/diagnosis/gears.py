"""Gears: the mesh with its harmonics and sidebands, and the residual of the time synchronous average.

J. J. Zakrajsek, D. P. Townsend, H. J. Decker, NASA TM-105950 (1993): FM4, M6A, M8A; ISO 13373-3:2015, annex D.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from features import Reason as Absence
from pdm.health.diagnosis.feature_batch import FeatureTable, Wanted, describe
from pdm.health.diagnosis.hypotheses import GEAR_FAULTS, Hypothesis, refuse
from pdm.health.diagnosis.model import Fault, MatchedLine, Reason
from pdm.health.diagnosis.operating_speed import Running
from pdm.health.diagnosis.usable_channels import Heard
from pdm.machines.model import Component, ComponentKind, Machine

_COLUMNS = ("mesh_1", "mesh_2", "mesh_3", "fm4", "m6a", "m8a", "sideband_index", "sideband_level_factor")
_HEALTHY_FM4 = 4.5  # 3 for noise; averages of few turns scatter to here
_HEALTHY_SIDEBANDS = 0.2  # of the mesh: eccentric but sound gears stay below
_HEALTHY_HARMONICS = 0.7  # of the mesh: 2x or 3x as strong as the mesh indicates a worn profile
_DOMINANT = 0.75  # sidebands over mesh that modulation cannot exceed: full modulation gives one half
_REACH = 0.005  # relative: error of a stated speed
_ABSENT = (
    (Absence.FEW_TURNS, "record-too-short", "record-longer"),
    (Absence.SPEED_VARIES, "speed-varies", "add-tachometer"),
    (Absence.MESH_UNRESOLVED, "mesh-unresolved", "sample-faster"),
)


def gear_tables(
    machine: Machine, runs: Sequence[tuple[Running, Sequence[Heard]]]
) -> list[dict[tuple[str, str], FeatureTable]]:
    """Return the features behind `gear_hypotheses` of each recording, by point and gear; all in one call."""
    places, wanted = [], []
    for number, (running, heard) in enumerate(runs):
        for channel, gear in _seen(machine, heard):
            if running.speed is not None and gear.teeth is not None:
                places.append((number, (channel.point.key, gear.key)))
                speed = running.speed * gear.ratio
                wanted.append(Wanted(channel.samples[None], channel.rate, speed, teeth=gear.teeth))
    tables: list[dict[tuple[str, str], FeatureTable]] = [{} for _ in runs]
    for (number, key), feature_table in zip(places, describe(wanted, _COLUMNS), strict=True):
        tables[number][key] = feature_table
    return tables


def gear_hypotheses(
    machine: Machine, running: Running, heard: Sequence[Heard], table: Mapping[tuple[str, str], FeatureTable]
) -> list[Hypothesis]:
    """Return the hypotheses of each accelerometer on its gear, or on every gear if it is mounted on none."""
    found = []
    for channel, gear in _seen(machine, heard):
        found += _judge(channel, gear, running, table.get((channel.point.key, gear.key)))
    return found


def _seen(machine: Machine, heard: Sequence[Heard]) -> Iterator[tuple[Heard, Component]]:
    gears = [each for each in machine.components if each.kind is ComponentKind.GEAR]
    for channel in heard:
        if channel.point.quantity == "acceleration":
            own = [each for each in gears if each.key == channel.point.component]
            yield from ((channel, gear) for gear in own or gears)


def _judge(channel: Heard, gear: Component, running: Running, feature_table: FeatureTable | None) -> list[Hypothesis]:
    if gear.teeth is None:
        missing = Reason("teeth-missing", {}, None, "give-teeth")
        return [refuse(fault, gear.key, missing) for fault in GEAR_FAULTS]
    if running.speed is None or feature_table is None:
        unknown = Reason("speed-unknown", {}, None, "measure-speed")
        return [refuse(fault, gear.key, unknown) for fault in GEAR_FAULTS]
    speed = running.speed * gear.ratio
    value = {name: feature_table.mean(name) for name in _COLUMNS}
    if any(math.isnan(value[name]) for name in ("mesh_1", "fm4", "sideband_index")):
        absent = _absence(feature_table.absence, channel)
        return [refuse(fault, gear.key, absent) for fault in GEAR_FAULTS]
    lines = _lines(channel, gear.teeth, speed)
    doubts = (*channel.doubts, *running.doubts)
    if lines[0].found is None:
        # Without a mesh line, its sidebands and a tooth fault cannot be distinguished from noise.
        figures: dict[str, float | str] = {"mesh_hz": gear.teeth * speed, "level_db": lines[0].level or 0.0}
        doubts = (*doubts, Reason("mesh-not-found", figures, channel.point.key, "check-teeth-and-speed"))
    tooth = 20.0 * math.log10(max(value["fm4"], 1e-3) / _HEALTHY_FM4)
    return [
        Hypothesis(Fault.GEAR_WEAR, gear.key, _wear(value), lines, (*doubts, *_dominance(value, channel))),
        Hypothesis(Fault.GEAR_TOOTH, gear.key, tooth, lines, doubts),
    ]


def _absence(bits: Absence, channel: Heard) -> Reason:
    for absence, code, remedy in _ABSENT:
        if bits & absence:
            return Reason(code, {"seconds": channel.seconds}, channel.point.key, remedy)
    return Reason("mesh-unresolved", {"seconds": channel.seconds}, channel.point.key, "sample-faster")


def _dominance(value: dict[str, float], channel: Heard) -> tuple[Reason, ...]:
    """Return a doubt if the mesh is one of many similar multiples of shaft speed, as of one impact per turn."""
    share = value["sideband_index"] / max(value["mesh_1"], 1e-9)
    if share <= _DOMINANT:
        return ()
    figures: dict[str, float | str] = {"sidebands_over_mesh": share, "limit": _DOMINANT}
    return (Reason("mesh-not-dominant", figures, channel.point.key, "look-for-blows"),)


def _wear(value: dict[str, float]) -> float:
    """Return the excess [dB] of sidebands or mesh harmonics over the values of sound gears."""
    mesh = max(value["mesh_1"], 1e-9)
    higher = [value[name] for name in ("mesh_2", "mesh_3") if not math.isnan(value[name])]
    sidebands = value["sideband_index"] / mesh / _HEALTHY_SIDEBANDS
    harmonics = max(higher, default=0.0) / mesh / _HEALTHY_HARMONICS
    return 20.0 * math.log10(max(sidebands, harmonics, 1e-3))


def _lines(channel: Heard, teeth: int, speed: float) -> tuple[MatchedLine, ...]:
    spectrum, named = channel.spectrum, []
    assert spectrum is not None
    for name, order in (
        ("mesh", teeth),
        ("2 x mesh", 2 * teeth),
        ("mesh - 1x", teeth - 1),
        ("mesh + 1x", teeth + 1),
    ):
        line = spectrum.line(order * speed, min(0.3 * speed, _REACH * order * speed))
        found = line.place if line is not None and line.is_prominent else None
        level = None if line is None else line.level
        named.append(MatchedLine(name, "velocity", channel.point.key, order * speed, found, level))
    return tuple(named)
