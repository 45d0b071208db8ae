"""The motor by its current: rotor bars, eccentricity, stator windings and the supply.

ISO 20958:2013; W. T. Thomson, M. Fenger, "Current signature analysis to detect induction motor faults", IEEE
Industry Applications Magazine 7 (2001); M. E. H. Benbouzid, IEEE Trans. Ind. Electron. 47 (2000).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

import features
from pdm.health.diagnosis.heard import Heard
from pdm.health.diagnosis.hypotheses import CURRENT_FAULTS, Hypothesis, refuse
from pdm.health.diagnosis.model import Fault, MatchedLine, Reason
from pdm.health.diagnosis.running import Running
from pdm.machines.model import ComponentKind, Machine
from pdm.measurements import OperatingContext

_PHASE = (
    "broken_bar_index",
    "broken_bar_prominence",
    "eccentricity_lower",
    "eccentricity_upper",
    "eccentricity_prominence",
    "stator_turns",
    "noise_floor",
)
_GROUP = ("negative_sequence_ratio",)
_HEALTHY_BARS = -50.0  # dB below the supply: Thomson and Fenger call -54 sound and -45 the onset of damage
_HEALTHY_ECCENTRICITY = -48.0  # dB; sound machines of the literature read -60 to -50
_HEALTHY_SEQUENCE = 0.03  # negative sequence of current: 1 % of voltage gives 6 to 10 % (NEMA MG 1, 14.36)
_NOISE = 10.0  # dB of prominence that noise alone reaches
_LEAST_LOAD = 0.35  # fraction of rated load under which the bars carry too little current to show
_LEAST_SLIP = 0.004
_TURNS_STAND = 15.0  # dB of lines of shorted turns over the noise floor
_EITHER = 3.0  # dB that those lines weigh between winding and supply
_ELECTRICAL = 1.0  # dB over the mechanical score up to which vibration explains lines at the shaft's speed


def current_hypotheses(
    machine: Machine,
    running: Running,
    context: OperatingContext,
    heard: Sequence[Heard],
    mechanical: Sequence[Hypothesis],
) -> list[Hypothesis]:
    """Return what the phases of the current say of the motor; nothing of a machine without one."""
    phases = _alike([channel for channel in heard if channel.point.quantity == "current"])
    motor = next((each.key for each in machine.components if each.kind is ComponentKind.MOTOR), None)
    if not phases and motor is None:
        return []
    missing = _missing(machine, running) if phases else Reason("current-not-measured", {}, None, "measure-three-phases")
    if missing is not None:
        return [refuse(fault, motor, missing) for fault in CURRENT_FAULTS]
    value = _describe(machine, running, phases)
    doubts = tuple(doubt for channel in phases for doubt in channel.doubts)
    point = phases[0].point.key
    return [
        _bars(motor, value, running, context, phases[0], (*doubts, *running.doubts)),
        _eccentricity(motor, value, running, phases[0], mechanical, (*doubts, *running.doubts)),
        *_windings(motor, value, point, doubts),
    ]


def _alike(currents: list[Heard]) -> list[Heard]:
    """Return the channels sampled as the first is."""
    return [
        each for each in currents if each.rate == currents[0].rate and len(each.samples) == len(currents[0].samples)
    ]


def _missing(machine: Machine, running: Running) -> Reason | None:
    if machine.supply_frequency is None:
        return Reason("supply-frequency-missing", {}, None, "give-supply-frequency")
    if running.supply is None:
        return Reason("supply-not-found", {"nominal_hz": machine.supply_frequency}, None, "check-sensor")
    return None


def _describe(machine: Machine, running: Running, phases: list[Heard]) -> Mapping[str, float]:
    """Return the median over the phases of each feature, NaN where it is absent."""
    is_slip = running.slip is not None and 0.0 < running.slip < 1.0 and machine.pole_pairs
    speed = running.speed
    if is_slip and running.supply and machine.pole_pairs and running.slip is not None:
        speed = running.supply / machine.pole_pairs * (1.0 - running.slip)
    table = features.extract(
        np.stack([channel.samples for channel in phases])[None],
        phases[0].rate,
        quantity="current",
        names=(*_PHASE, *_GROUP),
        speed=speed,
        supply_frequency=machine.supply_frequency,
        pole_pairs=machine.pole_pairs,
        rotor_slots=machine.rotor_slots,
    )
    value = {name: _median(table.column(name)[0]) for name in _PHASE}
    return {**value, **{name: float(table.column(name)[0]) for name in _GROUP}}


def _median(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan


def _bars(
    motor: str | None,
    value: Mapping[str, float],
    running: Running,
    context: OperatingContext,
    phase: Heard,
    doubts: tuple[Reason, ...],
) -> Hypothesis:
    fault, point = Fault.BROKEN_ROTOR_BAR, phase.point.key
    index, prominence = value["broken_bar_index"], value["broken_bar_prominence"]
    if math.isnan(index) or math.isnan(prominence) or running.slip is None or running.supply is None:
        return refuse(fault, motor, _no_slip(running, phase))
    found = [*doubts, *running.clock]
    if prominence < _NOISE:
        noise: dict[str, float | str] = {"prominence_db": prominence, "needed": _NOISE}
        found.append(Reason("sidebands-in-noise", noise, point, "record-longer"))
    load = context.load
    if running.slip < _LEAST_SLIP or (load is not None and load < _LEAST_LOAD):
        figures: dict[str, float | str] = {"slip": running.slip, "needed_slip": _LEAST_SLIP, "needed_load": _LEAST_LOAD}
        found.append(Reason("load-too-low", figures, point, "repeat-at-full-load"))
    spread = 2.0 * running.slip * running.supply
    lines = _lines(phase, running.supply, (("f (1 - 2s)", -spread), ("f (1 + 2s)", spread)))
    score = min(index - _HEALTHY_BARS, prominence - _NOISE)
    return Hypothesis(fault, motor, score, lines, tuple(found))


def _no_slip(running: Running, phase: Heard) -> Reason:
    if running.slip is None:
        return Reason("slip-unknown", {}, phase.point.key, "measure-speed")
    # Twice the slip frequency must lie two main lobes of the window, eight lines, from the supply.
    supply = running.supply or 1.0
    needed = 8.0 / max(2.0 * abs(running.slip) * supply, 1e-3)
    figures: dict[str, float | str] = {"slip": running.slip, "seconds": phase.seconds, "needed": needed}
    return Reason("slip-unresolved", figures, phase.point.key, "record-longer")


def _eccentricity(
    motor: str | None,
    value: Mapping[str, float],
    running: Running,
    phase: Heard,
    mechanical: Sequence[Hypothesis],
    doubts: tuple[Reason, ...],
) -> Hypothesis:
    level = np.nanmax([value["eccentricity_lower"], value["eccentricity_upper"], -200.0])
    if level <= -200.0 or running.speed is None or running.supply is None:
        reason = Reason("shaft-unresolved", {"seconds": phase.seconds}, phase.point.key, "record-longer")
        if running.speed is None:
            reason = Reason("speed-unknown", {}, phase.point.key, "measure-speed")
        return refuse(Fault.ECCENTRICITY, motor, reason)
    found = [*doubts, *running.clock]
    score = min(float(level) - _HEALTHY_ECCENTRICITY, value["eccentricity_prominence"] - _NOISE)
    shaking = max((each.score for each in mechanical if each.score is not None), default=-math.inf)
    if shaking > 0.0 and shaking > score - _ELECTRICAL:
        # A rotor that is shaken, out of balance or out of line swings its air gap as well.
        figures: dict[str, float | str] = {"mechanical_db": shaking, "electrical_db": score}
        found.append(Reason("mechanical-cause", figures, phase.point.key, "balance-and-align-first"))
    lines = _lines(phase, running.supply, (("f - fr", -running.speed), ("f + fr", running.speed)))
    return Hypothesis(Fault.ECCENTRICITY, motor, score, lines, tuple(found))


def _windings(
    motor: str | None, value: Mapping[str, float], point: str, doubts: tuple[Reason, ...]
) -> list[Hypothesis]:
    """Return the winding's and the supply's share in a current that is not the same in all phases."""
    ratio = value["negative_sequence_ratio"]
    if math.isnan(ratio):
        single = Reason("phases-missing", {}, point, "measure-three-phases")
        return [refuse(fault, motor, single) for fault in (Fault.STATOR, Fault.SUPPLY_UNBALANCE)]
    score = 20.0 * math.log10(max(ratio, 1e-5) / _HEALTHY_SEQUENCE)
    turns = value["stator_turns"] - value["noise_floor"]
    found = doubts
    if math.isnan(turns):
        found = (*doubts, Reason("voltage-not-measured", {}, point, "measure-supply-voltages"))
    either = _EITHER if turns > _TURNS_STAND else -_EITHER
    return [
        Hypothesis(Fault.STATOR, motor, score + either, (), found),
        Hypothesis(Fault.SUPPLY_UNBALANCE, motor, score - either, (), found),
    ]


def _lines(phase: Heard, supply: float, chosen: Sequence[tuple[str, float]]) -> tuple[MatchedLine, ...]:
    named = []
    for name, distance in chosen:
        expected = abs(supply + distance)
        line = None if phase.spectrum is None else phase.spectrum.line(expected)
        found = line.place if line is not None and line.stands else None
        level = None if line is None else line.level
        named.append(MatchedLine(name, "current", phase.point.key, expected, found, level))
    return tuple(named)
