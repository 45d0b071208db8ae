"""Unbalance, misalignment and looseness: multiples of shaft speed in the velocity spectrum.

Multiples of each fault: ISO 13373-3:2015, annex D, and ISO 13373-1:2002, annex C. Reference level: the zones of ISO
20816, at which a line alone would exceed zone A.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pdm.health.diagnosis.hypotheses import SHAFT_FAULTS, Hypothesis, refuse
from pdm.health.diagnosis.model import Fault, MatchedLine, Reason
from pdm.health.diagnosis.operating_speed import Running
from pdm.health.diagnosis.spectrum import SpectralLine
from pdm.health.diagnosis.usable_channels import Heard
from pdm.machines.model import ComponentKind, Machine
from pdm.machines.pulse_trains import PulseTrain

SMALL_MACHINE = 0.71e-3
"""m/s RMS: the lowest A/B limit of ISO 20816-1:2016, table C.1, for a machine without limits."""
LEAST_TURNS = 16.0
"""Least turns for resolving half orders under a Hann window, with lines between them for the floor."""
# evaluated multiples of shaft speed; half orders and 4x to 6x indicate looseness (ISO 13373-3:2015, annex D)
_ORDERS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
_HALVES = (0.5, 1.5, 2.5)  # half orders: looseness
_HIGH = (4.0, 5.0, 6.0)  # high orders: looseness
_COUPLING = (1.0, 2.0, 3.0)  # orders of misalignment
_REACH = 0.005  # relative: error of a stated speed
_PARTED = 3.0  # lines between two components that a Hann window resolves
_UNBALANCE_DOMINANCE = 6.0  # dB by which 1x exceeds the other multiples: unbalance is one force per turn
_MISALIGNMENT_SHARE = -2.5  # dB of 2x over 1x: 2x above 3/4 of 1x
_LOOSENESS_SHARE = 0.3  # of the limit: looseness spreads its energy over many multiples
_AXIAL_BONUS = 3.0  # dB: a misaligned coupling causes axial force
_LEAST_SERIES = 3  # lines, half orders and high ones together
_MISSING_SERIES = 6.0  # dB less without half orders, and without high ones


class _Orders(NamedTuple):
    """Prominent lines at multiples of shaft speed; `shared` are those that may be of the supply or a pulse train."""

    lines: Mapping[float, SpectralLine]
    expected: Mapping[float, float]
    shared: Mapping[float, Reason]

    def rms(self, *orders: float) -> float:
        """Return the velocity at these multiples together [m/s RMS]; lines that are not prominent count as 0."""
        return math.hypot(*(self.lines[each].rms for each in orders if each in self.lines))

    def alone(self) -> _Orders:
        """Return the lines that are certainly the shaft's."""
        mine = {order: line for order, line in self.lines.items() if order not in self.shared}
        return self._replace(lines=mine, shared={})


def shaft_hypotheses(machine: Machine, running: Running, heard: Sequence[Heard]) -> list[Hypothesis]:
    """Return the hypotheses on the shaft from each vibration point."""
    channels = [channel for channel in heard if channel.is_vibration]
    component = _shaft(machine)
    if not channels:
        absent = Reason("vibration-not-measured", {}, None, "measure-acceleration")
        return [] if component is None else [refuse(fault, component, absent) for fault in SHAFT_FAULTS]
    if running.speed is None:
        unknown = Reason("speed-unknown", {}, None, "measure-speed")
        return [refuse(fault, component, unknown) for fault in SHAFT_FAULTS]
    limit = a_b_limit(machine)
    found = []
    for channel in channels:
        if channel.seconds * running.speed < LEAST_TURNS:
            needed = LEAST_TURNS / running.speed
            figures: dict[str, float | str] = {"seconds": channel.seconds, "needed": needed}
            short = Reason("record-too-short", figures, channel.point.key, "record-longer")
            found += [refuse(fault, component, short) for fault in SHAFT_FAULTS]
            continue
        orders = _measure(channel, machine, running, running.speed)
        found += _judge(channel, orders, component, limit, running)
    return found


def a_b_limit(machine: Machine) -> float:
    """Return the velocity [m/s RMS] up to which the machine is in zone A."""
    return SMALL_MACHINE if machine.severity_limits is None else machine.severity_limits.a_b


def _shaft(machine: Machine) -> str | None:
    for kind in (ComponentKind.SHAFT, ComponentKind.MOTOR):
        for component in machine.components:
            if component.kind is kind:
                return component.key
    return None


def _measure(channel: Heard, machine: Machine, running: Running, speed: float) -> _Orders:
    spectrum = channel.spectrum
    assert spectrum is not None
    lines, expected, shared = {}, {}, {}
    supply = running.supply or machine.supply_frequency
    electrical = 2.0 * supply if supply else math.inf
    for order in _ORDERS:
        place = order * speed
        apart = abs(place - electrical)
        reach = 0.5 * apart
        expected[order] = place
        if apart < _PARTED * spectrum.step:
            shared[order] = _unresolved(channel, place, electrical)
            reach = math.inf
        line = spectrum.line(place, min(_REACH * place, reach))
        if line is not None and line.is_prominent:
            lines[order] = line
            train = _train_at(machine, order, max(_REACH * order, _PARTED * spectrum.step / speed))
            if train is not None:
                shared.setdefault(order, _known(channel, train, speed))
    return _Orders(lines, expected, shared)


def _unresolved(channel: Heard, shaft: float, supply: float) -> Reason:
    """Return the reason that a multiple of shaft speed and twice the supply are not resolved: it counts for neither."""
    figures: dict[str, float | str] = {
        "shaft_hz": shaft,
        "supply_hz": supply,
        "seconds": channel.seconds,
        "needed": _PARTED / max(abs(shaft - supply), 1e-3),
    }
    return Reason("twice-supply-unresolved", figures, channel.point.key, "record-longer")


def _train_at(machine: Machine, order: float, reach: float) -> PulseTrain | None:
    """Return the pulse train that a multiple of shaft speed above 1x is not resolved from, or None."""
    trains = (train for component in machine.components for train in component.pulse_trains)
    return next((train for train in trains if order != 1.0 and abs(train.order - order) <= reach), None)


def _known(channel: Heard, train: PulseTrain, speed: float) -> Reason:
    """Return the reason that a multiple of shaft speed may be a line of a sound machine: it counts for no looseness."""
    figures: dict[str, float | str] = {
        "component": train.component,
        "name": train.name,
        "line_hz": train.order * speed,
    }
    return Reason("known-line", figures, channel.point.key, "compare-with-baseline")


def _judge(channel: Heard, orders: _Orders, component: str | None, limit: float, running: Running) -> list[Hypothesis]:
    doubts = (*channel.doubts, *running.doubts)
    is_axial = channel.point.direction == "axial"
    unresolved = tuple(reason for order, reason in orders.shared.items() if order in _COUPLING)
    misaligned = Hypothesis(
        Fault.MISALIGNMENT,
        component,
        _misalignment(orders, limit, is_axial=is_axial),
        _named(orders, channel, _COUPLING),
        (*doubts, *unresolved),
    )
    if is_axial:
        return [misaligned]
    alone = orders.alone()
    unbalance, loose = _unbalance(alone, limit), _looseness(alone, limit)
    return [
        Hypothesis(Fault.UNBALANCE, component, unbalance, _named(orders, channel, (1.0,)), doubts),
        misaligned,
        Hypothesis(Fault.LOOSENESS, component, loose, _named(orders, channel, (*_HALVES, *_HIGH)), doubts),
    ]


def _named(orders: _Orders, channel: Heard, chosen: Sequence[float]) -> tuple[MatchedLine, ...]:
    named = []
    for order in chosen:
        line = orders.lines.get(order)
        found, level = (line.place, line.level) if line else (None, None)
        named.append(MatchedLine(f"{order:g}x", "velocity", channel.point.key, orders.expected[order], found, level))
    return tuple(named)


def _decibels(ratio: float) -> float:
    return 20.0 * math.log10(max(ratio, 1e-3))


def _unbalance(orders: _Orders, limit: float) -> float:
    """Return 1x over the limit [dB], less its deficit to 6 dB over the sum of the others."""
    first = orders.rms(1.0)
    others = orders.rms(0.5, 1.5, 2.0, 3.0)
    lacking = _UNBALANCE_DOMINANCE - _decibels(first / max(others, 1e-9))
    return _decibels(first / limit) - max(0.0, lacking)


def _misalignment(orders: _Orders, limit: float, *, is_axial: bool) -> float:
    """Return 2x and 3x over the limit [dB], less the deficit of 2x to 3/4 of 1x, and less if half orders show play."""
    second, first = orders.rms(2.0), orders.rms(1.0)
    both = orders.rms(1.0, 2.0, 3.0) if is_axial else orders.rms(2.0, 3.0)
    lacking = 0.0 if is_axial else _MISALIGNMENT_SHARE - _decibels(second / max(first, 1e-9))
    loose = _decibels(orders.rms(*_HALVES) / max(second, 1e-9)) + 4 * _UNBALANCE_DOMINANCE / 2
    bonus = _AXIAL_BONUS if is_axial else 0.0
    return _decibels(both / limit) + bonus - max(0.0, lacking) - min(max(0.0, loose), _MISSING_SERIES)


def _looseness(orders: _Orders, limit: float) -> float:
    """Return half orders and high ones over a third of the limit [dB], less if either series is missing."""
    halves = sum(each in orders.lines for each in _HALVES)
    high = sum(each in orders.lines for each in _HIGH)
    missing = _MISSING_SERIES * ((halves == 0) + (high < 2))
    score = _decibels(orders.rms(*_HALVES, *_HIGH) / (_LOOSENESS_SHARE * limit)) - missing
    # One or two lines are not a series, whatever their level.
    return score if halves + high >= _LEAST_SERIES else min(score, 0.0)
