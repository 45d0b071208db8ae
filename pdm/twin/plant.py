"""Registration of the machines of the simulated plant."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from pdm.machines.model import (
    BearingGeometry,
    Component,
    ComponentKind,
    Machine,
    MeasurementPoint,
    SeverityLimits,
    Timeline,
)
from pdm.twin.physics import CURRENT_RATE, VIBRATION_RATE, Physics
from pdm.twin.simulate import CURRENT_POINTS, TEMPERATURE_POINT, VIBRATION_POINTS

_INCH = 0.0254
_CWRU = "CWRU Bearing Data Center, bearing information"
BEARINGS = (
    BearingGeometry(9, 0.3126 * _INCH, 1.537 * _INCH, 0.0, f"6205 as in {_CWRU}"),
    BearingGeometry(8, 0.2656 * _INCH, 1.122 * _INCH, 0.0, f"6203 as in {_CWRU}"),
)
ISO_10816_3_GROUP_2_RIGID = SeverityLimits(
    1.4e-3, 2.8e-3, 4.5e-3, "ISO 10816-3:2009, table A.2, group 2 (15-300 kW), rigid foundation"
)
SCOPE_ABOVE_W = 15e3  # scope of ISO 10816-3: no zones for smaller machines
FLEET = "simulated"
_KINDS = (("pump", "utilities"), ("fan", "paint-shop"), ("press", "stamping"), ("mixer", "process"))
_POWERS_KW = (11.0, 18.5, 22.0, 30.0, 45.0)


def plan_machine(number: int, rng: np.random.Generator) -> Machine:
    """Return the registration of the fleet's machine `number` (0, 1, ...), with random power."""
    kind, line = _KINDS[number % len(_KINDS)]
    key = f"{kind}-{number // len(_KINDS) + 1:02d}"
    power = float(rng.choice(_POWERS_KW)) * 1e3
    return Machine(
        key=key,
        line=line,
        site="plant-1",
        name=f"{kind.capitalize()} {number // len(_KINDS) + 1}",
        fleet=FLEET,
        rated_speed=29.2,
        rated_power=power,
        supply_frequency=60.0,
        pole_pairs=2,
        severity_limits=ISO_10816_3_GROUP_2_RIGID if power > SCOPE_ABOVE_W else None,
        planning_horizon=5 * 86400.0,
        baseline_acquisitions=12,
        timeline=Timeline.REPLAY,
        components=(
            Component("de-bearing", ComponentKind.BEARING, _registered(number)),
            Component("motor", ComponentKind.MOTOR),
            Component("shaft", ComponentKind.SHAFT),
        ),
        points=(
            MeasurementPoint(VIBRATION_POINTS[0], "acceleration", "g", VIBRATION_RATE, "horizontal", "de-bearing"),
            MeasurementPoint(VIBRATION_POINTS[1], "acceleration", "g", VIBRATION_RATE, "vertical", "de-bearing"),
            *(MeasurementPoint(point, "current", "A", CURRENT_RATE, None, "motor") for point in CURRENT_POINTS),
            MeasurementPoint(TEMPERATURE_POINT, "temperature", "degC", None, None, "de-bearing"),
        ),
    )


def register_equipment(machine: Machine, physics: Physics) -> Machine:
    """Return the registration of a machine with the gear and the rotor slots that its physics have."""
    gears = () if physics.gear is None else (Component("gear", ComponentKind.GEAR, teeth=physics.gear.teeth),)
    points = tuple(
        replace(point, component=None) if gears and point.quantity == "acceleration" else point
        for point in machine.points
    )
    return replace(machine, components=(*machine.components, *gears), points=points, rotor_slots=physics.rotor_slots)


def _registered(number: int) -> BearingGeometry:
    geometry = BEARINGS[number % len(BEARINGS)]
    millimetres = (round(geometry.element_diameter * 1e3, 3), round(geometry.pitch_diameter * 1e3, 3))
    return BearingGeometry(
        geometry.rolling_elements,
        millimetres[0] / 1e3,
        millimetres[1] / 1e3,
        math.radians(0.0),
        geometry.source,
    )
