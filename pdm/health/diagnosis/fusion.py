"""Fusion of vibration and current evidence of one fault: agreement raises a score, contradiction lowers it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from pdm.health.diagnosis.bearings import rates
from pdm.health.diagnosis.hypotheses import BEARING_FAULTS, Hypothesis
from pdm.health.diagnosis.model import Fault, MatchedLine, Reason
from pdm.health.diagnosis.operating_speed import Running
from pdm.health.diagnosis.shaft import a_b_limit
from pdm.health.diagnosis.spectrum import STANDING, SpectralLine
from pdm.health.diagnosis.usable_channels import Heard
from pdm.machines.model import ComponentKind, Machine

_AGREES, _CONTRADICTS = 1.5, -1.5  # dB: small relative to the evidence itself, because the second path is weaker
_SURE = STANDING + 3.0  # dB: 3 over the level of a prominent line, so that noise seldom passes in either direction
_PARTED = 3.0  # lines between components that a Hann window resolves
_EVIDENT = 3.0  # dB from which an eccentricity explains a vibration at shaft speed that is not stronger
_PULLS, _QUIET = 0.5, 0.1  # of the A/B limit: vibration at twice the supply that agrees, and that contradicts
_MAGNETIC = (Fault.STATOR, Fault.ECCENTRICITY, Fault.SUPPLY_UNBALANCE)
_SUPPLY_REACH = 0.003  # relative: frequency deviation of a grid


def fuse(
    machine: Machine, running: Running, heard: Sequence[Heard], hypotheses: Sequence[Hypothesis]
) -> list[Hypothesis]:
    """Return the hypotheses with the evidence of the other quantity added."""
    current = next((each for each in heard if each.point.quantity == "current"), None)
    vibration = [each for each in heard if each.is_vibration]
    gap = max((h.score for h in hypotheses if h.fault is Fault.ECCENTRICITY and h.score is not None), default=0.0)
    fused = []
    for each in hypotheses:
        if each.score is None:
            fused.append(each)
        elif each.fault is Fault.UNBALANCE and current is not None and gap >= max(_EVIDENT, each.score):
            fused.append(_explained_by_gap(each, gap, current))
        elif each.fault is Fault.BROKEN_ROTOR_BAR and vibration:
            fused.append(_bars(each, running, vibration))
        elif each.fault in BEARING_FAULTS and current is not None:
            fused.append(_bearing(each, machine, running, current))
        elif each.fault in _MAGNETIC and current is not None:
            fused.append(_magnetic(each, machine, running, vibration))
        else:
            fused.append(each)
    return fused


def _bars(each: Hypothesis, running: Running, vibration: Sequence[Heard]) -> Hypothesis:
    """Weigh sidebands of 1x at twice the slip frequency: broken bars modulate the torque (Thomson)."""
    if running.speed is None or running.slip is None or running.supply is None:
        return each
    pole_pass = 2.0 * running.slip * running.supply
    named = []
    for channel in vibration:
        if channel.spectrum is None or pole_pass < _PARTED * channel.spectrum.step:
            continue
        for name, place in (("1x - 2sf", running.speed - pole_pass), ("1x + 2sf", running.speed + pole_pass)):
            named.append(_named(name, "velocity", channel, place, channel.spectrum.line(place)))
    return _weigh(each, named)


def _explained_by_gap(each: Hypothesis, gap: float, current: Heard) -> Hypothesis:
    """Return the unbalance with a doubt: an eccentric rotor causes a force once per turn as well."""
    figures: dict[str, float | str] = {"mechanical_db": each.score or 0.0, "electrical_db": gap}
    reason = Reason("electrical-cause", figures, current.point.key, "switch-off-test")
    return replace(each, doubts=(*each.doubts, reason))


def _magnetic(each: Hypothesis, machine: Machine, running: Running, vibration: Sequence[Heard]) -> Hypothesis:
    """Weigh vibration at twice the supply, from an uneven field or air gap (Cameron, Thomson and Dow 1986)."""
    if running.supply is None:
        return each
    heard = []
    for channel in vibration:
        reach = _clear_of_shaft(channel, 2.0 * running.supply, running.speed)
        line = None if channel.spectrum is None or reach is None else channel.spectrum.line(2.0 * running.supply, reach)
        if line is not None:
            heard.append((line.rms if line.is_prominent else 0.0, line, channel))
    if not heard:
        return each
    rms, line, channel = max(heard, key=lambda one: one[0])
    named = _named("2f", "velocity", channel, 2.0 * running.supply, line)
    share = rms / a_b_limit(machine)
    weight = _AGREES if share >= _PULLS else _CONTRADICTS if share <= _QUIET else 0.0
    return replace(each, score=(each.score or 0.0) + weight, lines=(*each.lines, named))


def _bearing(each: Hypothesis, machine: Machine, running: Running, current: Heard) -> Hypothesis:
    """Weigh sidebands of the supply at the rate: a fault moves the rotor in its air gap (Benbouzid 2000)."""
    bearing = next((c for c in machine.components if c.kind is ComponentKind.BEARING and c.key == each.component), None)
    if bearing is None or running.speed is None or running.supply is None or current.spectrum is None:
        return each
    rate = next(rate for rate in rates(bearing) if rate.fault is each.fault)
    beat = rate.order * running.speed
    named = []
    for name, place in ((f"f - {rate.name}", abs(running.supply - beat)), (f"f + {rate.name}", running.supply + beat)):
        line = current.spectrum.line(place, 0.01 * beat)
        if line is not None:
            named.append(_named(name, "current", current, place, line))
    return replace(each, lines=(*each.lines, *named), score=_raised(each, named))


def _raised(each: Hypothesis, named: Sequence[MatchedLine]) -> float:
    """Return the score, raised by lines in the current; the absence of so weak lines is no evidence."""
    agrees = len(named) == 2 and all(line.level is not None and line.level >= _SURE for line in named)
    return (each.score or 0.0) + (_AGREES if agrees else 0.0)


def _weigh(each: Hypothesis, named: list[MatchedLine]) -> Hypothesis:
    if not named:
        return each
    agrees = any(line.level is not None and line.level >= _SURE for line in named)
    score = (each.score or 0.0) + (_AGREES if agrees else _CONTRADICTS)
    return replace(each, score=score, lines=(*each.lines, *named))


def _named(name: str, source: str, channel: Heard, place: float, line: SpectralLine | None) -> MatchedLine:
    found = line.place if line is not None and line.is_prominent else None
    return MatchedLine(name, source, channel.point.key, place, found, None if line is None else line.level)


def electrical_vibration(machine: Machine, running: Running, heard: Sequence[Heard]) -> list[Hypothesis]:
    """Return the hypotheses from vibration at twice the supply frequency, which the motor causes, not the coupling.

    Without a recorded current it indicates windings, air gap or supply without distinction, so it stays weak.
    """
    if machine.supply_frequency is None:
        return []
    motor = next((c.key for c in machine.components if c.kind is ComponentKind.MOTOR), None)
    twice = 2.0 * (running.supply or machine.supply_frequency)
    found = []
    for channel in heard:
        reach = _clear_of_shaft(channel, twice, running.speed)
        if not channel.is_vibration or channel.spectrum is None or reach is None:
            continue
        line = channel.spectrum.line(twice, reach)
        if line is None or not line.is_prominent:
            continue
        score = 20.0 * math.log10(max(line.rms / a_b_limit(machine), 1e-3))
        reason = Reason("current-not-measured", {"found_hz": line.place}, channel.point.key, "measure-three-phases")
        named = (_named("2f", "velocity", channel, twice, line),)
        found += [Hypothesis(fault, motor, score, named, (reason, *channel.doubts)) for fault in _MAGNETIC]
    return found


def _clear_of_shaft(channel: Heard, twice: float, speed: float | None) -> float | None:
    """Return the search range [Hz] around twice the supply, None if a multiple of shaft speed is too near."""
    if speed is None or channel.spectrum is None:
        return None
    apart = abs(twice - round(twice / speed) * speed)
    return None if apart < _PARTED * channel.spectrum.step else min(_SUPPLY_REACH * twice, 0.5 * apart)
