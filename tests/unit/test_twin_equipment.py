"""Gears, air gap, windings, supply and foundation of a simulated machine show their faults where physics says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

import features
from pdm.machines.model import ComponentKind
from pdm.twin.faults import COMPONENT, FaultKind
from pdm.twin.motor_current import current_scale, simulate_current
from pdm.twin.physics import (
    ACCELERATION_SCALE,
    CURRENT_RATE,
    VIBRATION_RATE,
    OperatingState,
    Physics,
    SimulatedRunning,
    draw_physics,
    equip,
)
from pdm.twin.plant import BEARINGS, plan_machine, register_equipment
from pdm.twin.vibration import simulate_vibration

LOAD = 0.95
Array = NDArray[np.float64]


def physics(seed: int = 0) -> Physics:
    rng = np.random.default_rng(seed)
    return equip(draw_physics(rng, BEARINGS[0], 22e3, (OperatingState("full", LOAD),)), rng)


def vibration(machine: Physics, severities: Mapping[FaultKind, float]) -> tuple[SimulatedRunning, Array]:
    running = machine.run(LOAD, 60.0)
    return running, simulate_vibration(machine, running, severities, np.random.default_rng(3)) * ACCELERATION_SCALE


def currents(machine: Physics, severities: Mapping[FaultKind, float]) -> tuple[SimulatedRunning, Array]:
    running = machine.run(LOAD, 60.0)
    counts = simulate_current(machine, running, severities, np.random.default_rng(3), 16384)
    return running, counts * current_scale(machine)


def level(x: Array, rate: float, frequency: float) -> float:
    window = np.hanning(len(x))
    spectrum = np.abs(np.fft.rfft((x - x.mean()) * window)) * 2 / window.sum()
    near = np.abs(np.fft.rfftfreq(len(x), 1 / rate) - frequency) <= 2 * rate / len(x)
    return float(spectrum[near].max())


def ratio(machine: Physics, kind: FaultKind, frequency: float) -> float:
    """Return by how much severity 0.8 raises a line of the vibration."""
    _, sound = vibration(machine, {})
    _, faulty = vibration(machine, {kind: 0.8})
    return level(faulty[0], VIBRATION_RATE, frequency) / level(sound[0], VIBRATION_RATE, frequency)


@pytest.mark.parametrize("seed", range(3))
def test_a_worn_gear_raises_the_second_harmonic_of_its_mesh_and_the_sidebands(seed: int) -> None:
    machine = physics(seed)
    running, _ = vibration(machine, {})
    assert machine.gear is not None
    mesh = machine.gear.teeth * running.speed
    assert ratio(machine, FaultKind.GEAR_WEAR, 2 * mesh) > 2.0
    assert ratio(machine, FaultKind.GEAR_WEAR, mesh + running.speed) > 2.0
    assert 0.8 < ratio(machine, FaultKind.GEAR_WEAR, mesh) < 1.25


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_tooth_makes_the_average_turn_impulsive_and_wear_does_not(seed: int) -> None:
    machine = physics(seed)
    assert machine.gear is not None
    fm4 = {}
    for kind in (None, FaultKind.GEAR_WEAR, FaultKind.GEAR_TOOTH):
        running, wave = vibration(machine, {} if kind is None else {kind: 0.8})
        table = features.extract(
            wave[:1].astype(np.float32),
            VIBRATION_RATE,
            names=("fm4",),
            speed=running.speed,
            gear_teeth=machine.gear.teeth,
        )
        fm4[kind] = float(table.column("fm4")[0, 0])
    assert fm4[FaultKind.GEAR_TOOTH] > 8.0
    assert fm4[None] < 5.0
    assert fm4[FaultKind.GEAR_WEAR] < 6.0


def test_a_static_eccentricity_raises_slot_harmonics_and_a_dynamic_one_their_neighbours() -> None:
    machine = physics()
    assert machine.rotor_slots is not None
    running, sound = currents(machine, {})
    _, static = currents(machine, {FaultKind.STATIC_ECCENTRICITY: 0.8})
    _, dynamic = currents(machine, {FaultKind.DYNAMIC_ECCENTRICITY: 0.8})
    slots = machine.rotor_slots * running.speed - running.supply_frequency
    beside = slots - running.speed
    assert level(static[0], CURRENT_RATE, slots) > 3 * level(sound[0], CURRENT_RATE, slots)
    assert level(dynamic[0], CURRENT_RATE, slots) < 1.6 * level(sound[0], CURRENT_RATE, slots)
    assert level(dynamic[0], CURRENT_RATE, beside) > 3 * level(static[0], CURRENT_RATE, beside)
    for faulty in (static, dynamic):
        side = running.supply_frequency + running.speed
        assert level(faulty[0], CURRENT_RATE, side) > 2 * level(sound[0], CURRENT_RATE, side)


def negative_sequence(phases: Array) -> float:
    table = features.extract(
        phases[None].astype(np.float32), CURRENT_RATE, quantity="current", names=("negative_sequence_ratio",),
        supply_frequency=60.0,
    )  # fmt: skip
    return float(table.column("negative_sequence_ratio")[0])


def test_shorted_turns_and_an_unbalanced_supply_add_negative_sequence_and_only_turns_their_lines() -> None:
    machine = physics()
    running, sound = currents(machine, {})
    _, turns = currents(machine, {FaultKind.SHORTED_TURNS: 0.8})
    _, supply = currents(machine, {FaultKind.SUPPLY_UNBALANCE: 0.8})
    assert negative_sequence(turns) > negative_sequence(sound) + 0.01
    assert negative_sequence(supply) == pytest.approx(0.8 * 0.24 / 0.954, rel=0.25)
    place = 3 * running.speed + running.supply_frequency
    assert level(turns[0], CURRENT_RATE, place) > 20 * level(sound[0], CURRENT_RATE, place)
    assert level(supply[0], CURRENT_RATE, place) < 2 * level(sound[0], CURRENT_RATE, place)


@pytest.mark.parametrize("kind", [FaultKind.STATIC_ECCENTRICITY, FaultKind.SHORTED_TURNS, FaultKind.SUPPLY_UNBALANCE])
def test_an_uneven_field_or_gap_shakes_at_twice_the_supply(kind: FaultKind) -> None:
    assert ratio(physics(), kind, 120.0) > 3.0


def test_a_resonant_foundation_rings_around_its_own_frequency() -> None:
    machine = physics(1)
    assert machine.mounting is not None
    assert ratio(machine, FaultKind.RESONANCE, machine.mounting.frequency) > 5.0
    assert 0.6 < ratio(machine, FaultKind.RESONANCE, 2500.0) < 1.6


def test_the_faults_of_equipment_need_the_equipment() -> None:
    bare = draw_physics(np.random.default_rng(0), BEARINGS[0], 22e3, (OperatingState("full", LOAD),))
    for kind in (FaultKind.GEAR_WEAR, FaultKind.GEAR_TOOTH, FaultKind.RESONANCE):
        assert np.array_equal(vibration(bare, {})[1], vibration(bare, {kind: 0.8})[1])


def test_a_machine_registers_the_gear_and_the_slots_that_it_has() -> None:
    machine, known = plan_machine(0, np.random.default_rng(0)), physics()
    registered = register_equipment(machine, known)
    (gear,) = (each for each in registered.components if each.kind is ComponentKind.GEAR)
    assert known.gear is not None
    assert (gear.key, gear.teeth, registered.rotor_slots) == ("gear", known.gear.teeth, known.rotor_slots)
    assert {each.key for each in registered.components} == set(COMPONENT.values())
