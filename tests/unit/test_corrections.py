"""Corrections of measurements: which applies at a time, and how a value is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pdm.machines.corrections import CorrectedField, Corrections, MeasurementCorrection, Reading
from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.quality.memory import SIZE
from pdm.service.analysis.recalculation import _without_replaced
from pdm.store.machines.registration import StoredMachine
from tests.integration import plant

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ONE, TWO = 1, 2
EIGHT, NINE = (BearingGeometry(n, 0.008, 0.04, 0.0, "sheet") for n in (8, 9))


def made(
    number: int, field: str, value: Any, begin: int, end: int | None = None, point: int | None = ONE, **more: Any
) -> MeasurementCorrection:
    until = None if end is None else START + end * DAY
    more = {"quantity": "acceleration", "unit": "g", "registered": None} | more
    return MeasurementCorrection(
        number, CorrectedField(field), value, begins_at=START + begin * DAY, ends_at=until, point_id=point, **more
    )


def test_the_last_of_several_corrections_counts_and_applies_to_what_was_sent() -> None:
    both = Corrections((made(1, "factor", 0.1, 0), made(2, "factor", 10.0, 5, 8)))
    assert [both.reading(ONE, START + day * DAY).gain for day in (-1, 0, 5, 8)] == [1.0, 0.1, 10.0, 0.1]
    assert both.reading(TWO, START + DAY) == Reading(TWO)


def test_values_sent_in_another_unit_are_converted_into_that_of_the_point() -> None:
    oil = {"quantity": "temperature", "unit": "degC"}
    sent = Corrections((made(1, "unit", "degF", 0, **oil), made(2, "factor", 2.0, 0, **oil)))
    read = sent.reading(ONE, START)
    assert read.gain * 61.0 + read.offset == pytest.approx(50.0), "122 degF, of which half was sent"


def test_channels_are_swapped_in_both_directions_until_they_are_swapped_again() -> None:
    swaps = Corrections(tuple(made(n, "swap_with", "two", day, swapped_with=TWO) for n, day in ((1, 2), (2, 5))))
    days = [START + day * DAY for day in (1, 2, 4, 5)]
    assert [swaps.counterpart(ONE, at) for at in days] == [ONE, TWO, TWO, ONE]
    assert [swaps.counterpart(TWO, at) for at in days] == [TWO, ONE, ONE, TWO]


def test_spans_say_where_the_values_of_a_point_are_and_how_they_are_read() -> None:
    swap = made(1, "swap_with", "two", 2, 4, swapped_with=TWO)
    of = Corrections((swap, made(2, "factor", 0.5, 3, point=TWO)))
    spans = of.spans(ONE, START, START + 6 * DAY)
    assert [((s.since - START).days, s.source_id, s.gain, s.is_corrected) for s in spans] == [
        (0, ONE, 1.0, False),
        (2, TWO, 1.0, True),
        (3, TWO, 0.5, True),
        (4, ONE, 1.0, False),
    ]
    assert [c.id for c in of.applied(ONE, START, START + 6 * DAY)] == [1, 2]
    assert [c.id for c in of.applied(ONE, START + 4 * DAY, START + 6 * DAY)] == []
    assert [s.source_id for s in Corrections().spans(ONE, START, START + DAY)] == [ONE]


def test_a_corrected_bearing_applies_until_another_one_is_registered() -> None:
    def machine(bearing: BearingGeometry) -> Machine:
        return Machine("m", "l", "s", components=(Component("b", ComponentKind.BEARING, bearing),))

    of = Corrections((made(1, "bearing", NINE, 2, None, None, component="b", registered=EIGHT),))
    assert of.correct_machine(machine(EIGHT), START).components[0].bearing == EIGHT
    assert of.correct_machine(machine(EIGHT), START + 3 * DAY).components[0].bearing == NINE
    other = BearingGeometry(12, 0.008, 0.06, 0.0, "sheet")
    assert of.correct_machine(machine(other), START + 3 * DAY).components[0].bearing == other


def test_direction_and_rate_of_a_point_are_corrected_in_their_span() -> None:
    point = MeasurementPoint("p", "acceleration", "g", 25600.0, "radial")
    of = Corrections(
        (
            made(1, "direction", "axial", 0, 2, registered="radial"),
            made(2, "sampling_rate_hz", 12800.0, 1, registered=25600.0),
        )
    )
    found = [of.correct_point(point, ONE, START + day * DAY) for day in (0, 1, 2)]
    assert [(each.direction, each.sampling_rate) for each in found] == [
        ("axial", 25600.0),
        ("axial", 12800.0),
        ("radial", 12800.0),
    ]


def test_the_correlation_with_a_replaced_sensor_is_forgotten_with_its_own_memory() -> None:
    stored = StoredMachine(
        1, plant.machine(), {"de-h": 1, "de-v": 2}, {}, former_rates={"de-v": [(plant.NOW, 25600.0)]}
    )
    own, pair = [1.0] * SIZE, [2.0, 30.0, 0.5, 0.01]
    known = {1: own + pair, 2: own, 3: [*own, 4.0, 30.0, 0.5, 0.01]}
    after = _without_replaced(stored, known, plant.NOW - timedelta(hours=1), plant.NOW)
    assert after == {1: own, 3: known[3]}
