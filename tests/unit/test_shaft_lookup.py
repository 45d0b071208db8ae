"""Gears, rotors and tachometers: how they are described, and which shaft a point looks at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import machine_from_document, machine_to_document
from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.service.analysis.feature_extraction import vibration_rows
from pdm.service.analysis.shaft_lookup import FeatureChannel, bearing_orders, shafts_of

RATE = 10_000.0
SAMPLES = 16_384
AT = datetime(2026, 11, 1, tzinfo=UTC)
BEARING = Component("bearing", ComponentKind.BEARING, BearingGeometry(9, 0.00794, 0.03904, 0.0, "data sheet"))
PINION = Component("pinion", ComponentKind.GEAR, teeth=20)
WHEEL = Component("wheel", ComponentKind.GEAR, teeth=60, ratio=1 / 3)
TACHOMETER = MeasurementPoint("tacho", "tachometer", "V", RATE, pulses_per_turn=2)
DOCUMENT = {
    "key": "mill-01",
    "site": "busan",
    "line": "line-1",
    "rotor_slots": 28,
    "components": [{"key": "wheel", "kind": "gear", "teeth": 60, "ratio": 0.5}],
    "points": [
        {"key": "tacho", "quantity": "tachometer", "unit": "V", "sampling_rate_hz": 10000.0, "pulses_per_turn": 2}
    ],
}


def machine(*components: Component) -> Machine:
    points = (
        *(MeasurementPoint(f"at-{c.key}", "acceleration", "g", RATE, None, c.key) for c in components),
        TACHOMETER,
    )
    return Machine(key="mill-01", line="line-1", site="busan", components=components, points=points)


def channel(of: Machine, point: str, speed: float | None = 25.0, samples: np.ndarray | None = None) -> FeatureChannel:
    found = next(p for p in of.points if p.key == point)
    wave = np.zeros(SAMPLES, np.float32) if samples is None else samples.astype(np.float32)
    return FeatureChannel(1, AT, found, of, speed, wave, RATE, None)


def pulses(speed: float = 25.0) -> np.ndarray:
    return np.cos(2 * np.pi * 2 * speed * np.arange(SAMPLES) / RATE)


def test_documents_say_teeth_slots_and_pulses_and_come_back() -> None:
    read = machine_from_document(DOCUMENT)
    assert read.rotor_slots == 28
    assert read.components == (Component("wheel", ComponentKind.GEAR, None, 60, 0.5),)
    assert read.points[0].pulses_per_turn == 2
    written = machine_to_document(read)
    assert {key: written[key] for key in DOCUMENT} == DOCUMENT
    assert machine_from_document(written) == read


def test_documents_without_them_stay_as_they_were() -> None:
    plain = {"key": "a", "site": "b", "line": "c", "components": [{"key": "g", "kind": "gear"}]}
    assert machine_to_document(machine_from_document(plain))["components"] == plain["components"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"components": [{"key": "g", "kind": "gear", "teeth": 4}]}, "components[0].teeth"),
        ({"components": [{"key": "g", "kind": "gear", "ratio": 0.0}]}, "components[0].ratio"),
        ({"components": [{"key": "m", "kind": "motor", "teeth": 20}]}, "components[0].teeth"),
        ({"rotor_slots": 1}, "rotor_slots"),
        ({"points": [{**DOCUMENT["points"][0], "pulses_per_turn": 0}]}, "points[0].pulses_per_turn"),
        ({"points": [{"key": "t", "quantity": "tachometer", "unit": "V"}]}, "points[0].pulses_per_turn"),
        (
            {"points": [{"key": "t", "quantity": "voltage", "unit": "V", "pulses_per_turn": 1}]},
            "points[0].pulses_per_turn",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        machine_from_document(DOCUMENT | change)
    assert refusal.value.field == field


def test_a_point_on_a_gear_looks_at_its_shaft() -> None:
    whole = machine(BEARING, PINION, WHEEL)
    at_wheel, at_pinion, at_bearing = shafts_of(
        [channel(whole, "at-wheel"), channel(whole, "at-pinion"), channel(whole, "at-bearing")], []
    )
    assert (at_wheel.speed, at_wheel.teeth) == (pytest.approx(25 / 3), 60)
    assert (at_pinion.speed, at_pinion.teeth) == (25, 20)
    assert at_bearing.speed == 25
    assert np.isnan(at_bearing.teeth), "two gears: nothing says which"
    orders = bearing_orders(whole, whole.points[0])
    np.testing.assert_allclose(at_wheel.bearing_orders * at_wheel.speed, orders * 25)


def test_a_machines_only_gear_is_seen_from_other_points_if_it_turns_as_fast() -> None:
    same, slower = machine(BEARING, PINION), machine(BEARING, WHEEL)
    assert shafts_of([channel(same, "at-bearing")], [])[0].teeth == 20
    assert np.isnan(shafts_of([channel(slower, "at-bearing")], [])[0].teeth)


def test_a_tachometer_gives_angle_and_speed_of_the_shaft() -> None:
    whole = machine(PINION, WHEEL)
    tachometer = channel(whole, "tacho", None, pulses())
    (at_pinion, at_wheel) = shafts_of(
        [channel(whole, "at-pinion", None), channel(whole, "at-wheel", None)], [tachometer]
    )
    assert at_pinion.speed == pytest.approx(25, rel=1e-6)
    assert at_pinion.angle is not None
    assert at_wheel.angle is not None
    expected = 2 * np.pi * 25 * (SAMPLES - 1) / RATE
    assert at_pinion.angle[-1] - at_pinion.angle[0] == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(at_wheel.angle, at_pinion.angle / 3)


@pytest.mark.parametrize(
    "other",
    [
        lambda t: replace(t, samples=t.samples[:-1]),
        lambda t: replace(t, sampling_rate=RATE / 2),
        lambda t: replace(t, measured_at=AT.replace(hour=1)),
        lambda t: replace(t, samples=np.zeros(SAMPLES, np.float32)),
    ],
)
def test_pulses_of_other_samples_or_without_a_rise_say_nothing(other) -> None:  # type: ignore[no-untyped-def]
    whole = machine(PINION)
    tachometer = other(channel(whole, "tacho", None, pulses()))
    (shaft,) = shafts_of([channel(whole, "at-pinion", None)], [tachometer])
    assert shaft.angle is None
    assert np.isnan(shaft.speed)


def test_a_record_that_is_no_measurement_does_not_cost_the_others() -> None:
    whole = machine(PINION)
    good = np.random.default_rng(1).normal(size=SAMPLES)
    bad = good.copy()
    bad[100] = np.nan
    alone = vibration_rows([channel(whole, "at-pinion", samples=good)])
    rows = vibration_rows([channel(whole, "at-pinion", samples=bad), channel(whole, "at-pinion", samples=good)])
    assert np.isnan(rows.values[0]).all()
    assert rows.reasons[0] != 0
    np.testing.assert_array_equal(rows.values[1], alone.values[0])
