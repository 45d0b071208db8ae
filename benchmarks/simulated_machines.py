"""Simulated machines for diagnosis: sound, in noise, and with each fault, in two operating states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pdm.health.diagnosis.model import Fault, RecordedChannel, Recording
from pdm.machines.model import Component, Machine, MeasurementPoint
from pdm.machines.units import STANDARD_GRAVITY
from pdm.measurements import OperatingContext
from pdm.twin.faults import FaultKind
from pdm.twin.motor_current import current_scale, simulate_current
from pdm.twin.physics import (
    ACCELERATION_SCALE,
    CURRENT_RATE,
    VIBRATION_RATE,
    OperatingState,
    Physics,
    draw_physics,
    equip,
)
from pdm.twin.plant import BEARINGS, plan_machine, register_equipment
from pdm.twin.simulate import CURRENT_POINTS, VIBRATION_POINTS
from pdm.twin.vibration import simulate_vibration

AT = datetime(2026, 1, 1, tzinfo=UTC)
SIMULATED = {
    FaultKind.OUTER_RACE: Fault.BEARING_OUTER_RACE,
    FaultKind.INNER_RACE: Fault.BEARING_INNER_RACE,
    FaultKind.BALL: Fault.BEARING_ROLLING_ELEMENT,
    FaultKind.CAGE: Fault.BEARING_CAGE,
    FaultKind.UNBALANCE: Fault.UNBALANCE,
    FaultKind.MISALIGNMENT: Fault.MISALIGNMENT,
    FaultKind.LOOSENESS: Fault.LOOSENESS,
    FaultKind.RESONANCE: Fault.RESONANCE,
    FaultKind.GEAR_WEAR: Fault.GEAR_WEAR,
    FaultKind.GEAR_TOOTH: Fault.GEAR_TOOTH,
    FaultKind.BROKEN_BARS: Fault.BROKEN_ROTOR_BAR,
    FaultKind.STATIC_ECCENTRICITY: Fault.ECCENTRICITY,
    FaultKind.DYNAMIC_ECCENTRICITY: Fault.ECCENTRICITY,
    FaultKind.SHORTED_TURNS: Fault.STATOR,
    FaultKind.SUPPLY_UNBALANCE: Fault.SUPPLY_UNBALANCE,
}
SEVERITIES = (0.2, 0.4, 0.8)
LOADS = {"part load": (0.45, 0.65), "full load": (0.85, 1.0)}
"""The two operating states: ranges of load as fractions of rated load."""
_NOISY = 3.0  # times the background noise of a quiet day


@dataclass(frozen=True)
class Case:
    """One measurement of a simulated machine: its true fault, severity and operating conditions."""

    machine: Machine
    recording: Recording
    kind: FaultKind | None
    severity: float
    state: str

    @property
    def truth(self) -> Fault | None:
        """The correct diagnosis, None for a sound machine."""
        return None if self.kind is None else SIMULATED[self.kind]


def simulate_cases(machines: int, seed: int) -> Iterator[Case]:
    """Yield each machine sound, sound in noise, and with each fault at three severities, in two states.

    The input of diagnosis has a geometry error of up to 1 % and a speed error of up to 0.5 %; resonances, transfer
    paths, strength of the fault and usual unbalance of the supply differ between machines and are not input.
    """
    for number in range(machines):
        rng = np.random.default_rng((seed, number))
        machine = plan_machine(number, rng)
        power = machine.rated_power or 0.0
        physics = equip(draw_physics(rng, BEARINGS[number % len(BEARINGS)], power, (OperatingState("run", 1.0),)), rng)
        machine = register_equipment(machine, physics)
        machine = replace(machine, components=tuple(_blurred(each, rng) for each in machine.components))
        noisy = replace(physics, background=_NOISY * physics.background)
        for state, span in LOADS.items():
            load = float(rng.uniform(*span))
            yield _case(machine, physics, load, state, None, 0.0, rng)
            yield _case(machine, noisy, load, state, None, 0.0, rng)
            for kind in SIMULATED:
                for severity in SEVERITIES:
                    yield _case(machine, physics, load, state, kind, severity, rng)


def _case(
    machine: Machine,
    physics: Physics,
    load: float,
    state: str,
    kind: FaultKind | None,
    severity: float,
    rng: np.random.Generator,
) -> Case:
    running = physics.run(load, physics.supply_frequency * (1 + 3e-4 * rng.standard_normal()))
    wrong = {} if kind is None else {kind: severity}
    vibration = simulate_vibration(physics, running, wrong, rng)
    current = simulate_current(physics, running, wrong, rng)
    points = {point.key: point for point in machine.points}
    channels = (
        *_channels(points, VIBRATION_POINTS, vibration, VIBRATION_RATE, ACCELERATION_SCALE * STANDARD_GRAVITY),
        *_channels(points, CURRENT_POINTS, current, CURRENT_RATE, current_scale(physics)),
    )
    context = OperatingContext(speed=running.speed * (1 + rng.uniform(-0.005, 0.005)), load=load, state=state)
    return Case(machine, Recording(AT, channels, context), kind, severity, state)


def _blurred(component: Component, rng: np.random.Generator) -> Component:
    if component.bearing is None:
        return component
    ratio = 1 + 0.01 * rng.uniform(-1, 1)
    geometry = replace(component.bearing, element_diameter=component.bearing.element_diameter * ratio)
    return replace(component, bearing=geometry)


def _channels(
    points: dict[str, MeasurementPoint], keys: Sequence[str], counts: Any, rate: float, scale: float
) -> list[RecordedChannel]:
    return [RecordedChannel(points[key], row, rate, scale) for key, row in zip(keys, counts, strict=True)]


def only(recording: Recording, keys: Sequence[str]) -> Recording:
    """Return the recording with these points alone."""
    return replace(recording, channels=tuple(each for each in recording.channels if each.point.key in keys))
