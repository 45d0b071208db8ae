"""Motor current signature analysis: rotor bars, eccentricity, stator windings and the supply.

ISO 20958:2013; W. T. Thomson, M. Fenger, "Current signature analysis to detect induction motor faults", IEEE
Industry Applications Magazine 7 (2001); M. E. H. Benbouzid, IEEE Trans. Ind. Electron. 47 (2000).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pdm.health.diagnosis.clock_jitter import swings_with_clock
from pdm.health.diagnosis.feature_batch import Values, Wanted, describe
from pdm.health.diagnosis.hypotheses import CURRENT_FAULTS, Hypothesis, refuse
from pdm.health.diagnosis.model import Fault, MatchedLine, Reason
from pdm.health.diagnosis.operating_speed import Running
from pdm.health.diagnosis.spectrum import SpectralLine
from pdm.health.diagnosis.usable_channels import Heard
from pdm.machines.model import ComponentKind, Machine
from pdm.measurements import OperatingContext

_PHASE = (
    "broken_bar_index",
    "broken_bar_prominence",
    "eccentricity_lower",
    "eccentricity_upper",
    "eccentricity_prominence",
)
_GROUP = ("negative_sequence_ratio", "zero_sequence_ratio")
_HEALTHY_BARS = -50.0  # dB below the supply: Thomson and Fenger call -54 sound and -45 the onset of damage
_HEALTHY_ECCENTRICITY = -48.0  # dB; sound machines of the literature read -60 to -50
_ZERO_SHARE = (0.03, 0.5)  # zero sequence, and its part of the negative: without a neutral, currents sum to nothing
_HEALTHY_SEQUENCE = 0.03  # negative sequence of current: 1 % of voltage gives 6 to 10 % (NEMA MG 1, 14.36)
_NOISE = 10.0  # dB of prominence that noise alone reaches
_LEAST_LOAD = 0.35  # fraction of rated load below which the current of the bars is too small for detection
# 1: below, the sidebands at 2 s f merge with the supply's line in a usual record; a motor near no load
_LEAST_SLIP = 0.004
_TURNS = ((3, 1), (5, 1), (1, 3), (3, 3))  # multiples of shaft and supply in lines of shorted turns (Thomson)
_TURNS_STAND = 15.0  # dB over the local floor from which lines of shorted turns are present
_TURNS_CLEAR = 6.0  # least distance in lines to harmonics of the supply and their sidebands at shaft speed
_EITHER = 3.0  # dB of weight of those lines between winding and supply
_FURTHER = 6.0  # dB of greatest additional weight for high levels
_ELECTRICAL = 1.0  # dB over the mechanical score up to which vibration explains lines at shaft speed


def current_tables(machine: Machine, runs: Sequence[tuple[Running, Sequence[Heard]]]) -> list[Values | None]:
    """Return the features behind `current_hypotheses` of each recording, medians over its phases; all in one call."""
    places, wanted = [], []
    for number, (running, heard) in enumerate(runs):
        phases = _alike(heard)
        if phases and _missing(machine, running) is None:
            rows = np.stack([channel.samples for channel in phases])
            places.append(number)
            wanted.append(Wanted(rows, phases[0].rate, _rotor_speed(machine, running)))
    feature_tables = describe(
        wanted,
        (*_PHASE, *_GROUP),
        "current",
        supply_frequency=machine.supply_frequency,
        pole_pairs=machine.pole_pairs,
        rotor_slots=machine.rotor_slots,
    )
    tables: list[Values | None] = [None for _ in runs]
    for number, each in zip(places, feature_tables, strict=True):
        tables[number] = {**{name: each.median(name) for name in _PHASE}, **each.group}
    return tables


def current_hypotheses(
    machine: Machine,
    running: Running,
    context: OperatingContext,
    heard: Sequence[Heard],
    mechanical: Sequence[Hypothesis],
    value: Values | None,
) -> list[Hypothesis]:
    """Return the hypotheses on the motor from the phases of the current; none for a machine without one."""
    phases = _alike(heard)
    motor = next((each.key for each in machine.components if each.kind is ComponentKind.MOTOR), None)
    if not phases and motor is None:
        return []
    missing = _missing(machine, running) if phases else Reason("current-not-measured", {}, None, "measure-three-phases")
    if missing is not None or value is None:
        return [refuse(fault, motor, *(() if missing is None else (missing,))) for fault in CURRENT_FAULTS]
    doubts = tuple(doubt for channel in phases for doubt in channel.doubts)
    return [
        _bars(motor, value, running, context, phases[0], (*doubts, *running.doubts)),
        _eccentricity(motor, value, running, phases[0], mechanical, (*doubts, *running.doubts)),
        *_windings(motor, value, running, phases, (*doubts, *running.clock)),
    ]


def _alike(heard: Sequence[Heard]) -> list[Heard]:
    """Return the currents with the sampling of the first."""
    currents = [channel for channel in heard if channel.point.quantity == "current"]
    return [
        each for each in currents if each.rate == currents[0].rate and len(each.samples) == len(currents[0].samples)
    ]


def _missing(machine: Machine, running: Running) -> Reason | None:
    if machine.supply_frequency is None:
        return Reason("supply-frequency-missing", {}, None, "give-supply-frequency")
    if running.supply is None:
        return Reason("supply-not-found", {"nominal_hz": machine.supply_frequency}, None, "check-sensor")
    return None


def _rotor_speed(machine: Machine, running: Running) -> float | None:
    """Return the speed from the slip, which is more precise than a stated speed."""
    is_slip = running.slip is not None and 0.0 < running.slip < 1.0 and machine.pole_pairs
    if is_slip and running.supply and machine.pole_pairs and running.slip is not None:
        return running.supply / machine.pole_pairs * (1.0 - running.slip)
    return running.speed


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
    found += _of_the_clock(score, phase, running.supply, abs(spread))
    return Hypothesis(fault, motor, score, lines, tuple(found))


def _of_the_clock(score: float, phase: Heard, supply: float, distance: float) -> list[Reason]:
    """Return a doubt if jitter of the converter's clock explains the evidence."""
    if score <= 0.0 or not swings_with_clock(phase, supply, distance):
        return []
    return [Reason("clock-swings", {"beat_hz": distance}, phase.point.key, "check-sampling-clock")]


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
        # Vibration, unbalance or misalignment of the rotor modulates the air gap as well.
        figures: dict[str, float | str] = {"mechanical_db": shaking, "electrical_db": score}
        found.append(Reason("mechanical-cause", figures, phase.point.key, "balance-and-align-first"))
    found += _of_the_clock(score, phase, running.supply, running.speed)
    lines = _lines(phase, running.supply, (("f - fr", -running.speed), ("f + fr", running.speed)))
    return Hypothesis(Fault.ECCENTRICITY, motor, score, lines, tuple(found))


def _windings(
    motor: str | None, value: Mapping[str, float], running: Running, phases: list[Heard], doubts: tuple[Reason, ...]
) -> list[Hypothesis]:
    """Return the hypotheses of winding and supply from an unbalance of the phase currents."""
    ratio, point = value["negative_sequence_ratio"], phases[0].point.key
    if math.isnan(ratio):
        single = Reason("phases-missing", {}, point, "measure-three-phases")
        return [refuse(fault, motor, single) for fault in (Fault.STATOR, Fault.SUPPLY_UNBALANCE)]
    score = 20.0 * math.log10(max(ratio, 1e-5) / _HEALTHY_SEQUENCE)
    zero = value["zero_sequence_ratio"]
    if zero > max(_ZERO_SHARE[0], _ZERO_SHARE[1] * ratio):
        figures: dict[str, float | str] = {"zero": zero, "negative": ratio}
        doubts = (*doubts, Reason("phases-do-not-add-up", figures, point, "check-current-sensors"))
    turns = _turns(running, phases)
    found, weight = doubts, -_EITHER
    if not turns:
        found = (*doubts, Reason("voltage-not-measured", {}, point, "measure-supply-voltages"))
        weight = 0.0
    elif (highest := max(line.level or 0.0 for line in turns)) >= _TURNS_STAND:
        weight = _EITHER + min(_FURTHER, (highest - _TURNS_STAND) / 3.0)
    return [
        Hypothesis(Fault.STATOR, motor, score + weight, turns, found),
        Hypothesis(Fault.SUPPLY_UNBALANCE, motor, score - weight, (), found),
    ]


def _turns(running: Running, phases: list[Heard]) -> tuple[MatchedLine, ...]:
    """Return the lines specific to shorted turns; none if the record does not resolve them.

    At low slip some lie within one or two lines of those of eccentricity, and would measure those.
    """
    if running.speed is None or running.supply is None:
        return ()
    named = []
    for turns, multiple in _TURNS:
        place = turns * running.speed + multiple * running.supply
        found = (_clear_line(phase, place, running.supply, running.speed) for phase in phases)
        best = max((line for line in found if line is not None), key=lambda line: line.level, default=None)
        if best is not None:
            name = f"{turns} fr + {multiple if multiple > 1 else ''}f".replace("1 fr", "fr")
            prominent_place = best.place if best.is_prominent else None
            named.append(MatchedLine(name, "current", phases[0].point.key, place, prominent_place, best.level))
    return tuple(named)


def _clear_line(phase: Heard, place: float, supply: float, speed: float) -> SpectralLine | None:
    """Return the line at a place, None where a harmonic of the supply, or one of the rotor's lines, is too near."""
    if phase.spectrum is None:
        return None
    rotor = (place, place - speed, place + speed)
    apart = min(abs(each - round(each / supply) * supply) for each in rotor)
    return None if apart < _TURNS_CLEAR * phase.spectrum.step else phase.spectrum.line(place)


def _lines(phase: Heard, supply: float, chosen: Sequence[tuple[str, float]]) -> tuple[MatchedLine, ...]:
    named = []
    for name, distance in chosen:
        expected = abs(supply + distance)
        line = None if phase.spectrum is None else phase.spectrum.line(expected)
        found = line.place if line is not None and line.is_prominent else None
        level = None if line is None else line.level
        named.append(MatchedLine(name, "current", phase.point.key, expected, found, level))
    return tuple(named)
