"""Bearings by the multipliers of the maker's sheet: read, checked against each other, and diagnosed as by geometry."""

from __future__ import annotations

import numpy as np
import pytest

import features
from pdm.errors import InvalidInputError
from pdm.health.diagnosis.bearing_orders import orders_of
from pdm.health.diagnosis.model import Fault, Verdict
from pdm.ingest.fleet_file import machine_from_document, machine_to_document
from pdm.machines.bearing_multipliers import BearingMultipliers
from pdm.machines.model import Component, ComponentKind
from pdm.service.analysis.shaft_lookup import bearing_orders
from tests.unit.diagnosis_cases import BPFO, GEOMETRY, RATE, SPEED, ask, find, machine, point, recording, strikes

SHEET = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398, "source": "maker's sheet"}


def document(**bearing: object) -> dict[str, object]:
    component = {"key": "de", "kind": "bearing", "bearing": bearing}
    return {"key": "m", "site": "s", "line": "l", "components": [component]}


def refusal(**bearing: object) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as refused:
        machine_from_document(document(**bearing))
    return refused.value


def test_multipliers_of_a_sheet_are_read_and_written_unchanged() -> None:
    read = machine_from_document(document(**SHEET))
    assert read.components[0].bearing == BearingMultipliers(3.585, 5.415, 2.357, 0.398, "maker's sheet")
    written = machine_to_document(read)
    assert written["components"] == document(**SHEET)["components"]
    assert machine_from_document(written) == read


def test_geometry_is_written_as_before() -> None:
    geometry = {
        "rolling_elements": 9,
        "element_diameter_mm": 7.94,
        "pitch_diameter_mm": 39.04,
        "source": "sheet",
        "contact_angle_deg": 0.0,
    }
    written = machine_to_document(machine_from_document(document(**geometry)))
    assert written["components"][0]["bearing"] == geometry


@pytest.mark.parametrize("decimals", [2, 3, 4, 6])
@pytest.mark.parametrize(
    ("elements", "ratio", "degrees"), [(9, 0.2034, 0), (8, 0.237, 0), (16, 0.1135, 15), (12, 0.2, 40)]
)
def test_multipliers_that_follow_from_a_geometry_are_accepted_as_sheets_round_them(
    elements: int, ratio: float, degrees: float, decimals: int
) -> None:
    truth = features.BearingGeometry(elements, ratio, 1.0, np.radians(degrees)).orders()
    rounded = [round(value, decimals) for value in (truth.bpfo, truth.bpfi, truth.bsf)]
    assert BearingMultipliers(*rounded, round(truth.ftf, max(decimals, 3)), "sheet").rolling_elements == elements


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"bpfi": 5.7}, "bpfi", "whole number"),
        ({"bpfo": 5.415, "bpfi": 3.585}, "bpfo", "below bpfi"),
        ({"ftf": 0.42}, "ftf", "= 0.3983"),
        ({"ftf": 0.602}, "ftf", "turns with the inner ring"),
        ({"bpfo": 106.4, "bpfi": 160.6, "bsf": 69.9, "ftf": 11.8}, "ftf", "divide frequencies in Hz"),
        ({"bpfo": 5.585, "bpfi": 7.415, "ftf": 0.35}, "ftf", "= 0.4296"),
        ({"bsf": 4.714}, "bsf", "twice"),
        ({"bsf": 3.0}, "bsf", "expected 1.6"),
        ({"bsf": 1.2}, "bsf", "to 2.357"),
        ({"bpfo": 0.0}, "bpfo", "positive"),
        ({"bpfo": float("nan")}, "bpfo", "positive"),
        ({"bpfi": float("inf")}, "bpfi", "positive"),
        ({"rolling_elements": 8}, "rolling_elements", "8"),
        ({"source": " "}, "source", "name the document"),
        ({"ftf": None}, "ftf", "missing"),
        ({"element_diameter_mm": 7.94}, "bpfo", "exclude each other"),
        ({"contact_angle_deg": 0.0}, "bpfo", "exclude each other"),
    ],
)
def test_multipliers_of_no_bearing_are_refused_with_what_is_expected(
    change: dict[str, object], field: str, expected: str
) -> None:
    error = refusal(**(SHEET | change))
    assert error.field == f"components[0].bearing.{field}"
    assert expected in error.message


def test_twice_the_spin_is_refused_with_the_value_to_give() -> None:
    assert "give the rate once per turn, 2.357" in refusal(**(SHEET | {"bsf": 4.714})).message


def test_a_bearing_without_numbers_names_what_is_missing_and_both_forms() -> None:
    error = refusal(source="6205", rolling_elements=9)
    assert error.field == "components[0].bearing.element_diameter_mm"
    assert "pitch_diameter_mm missing" in error.message
    assert "bpfo, bpfi, bsf, ftf" in error.message


def test_multipliers_of_another_component_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="allowed for: bearing"):
        Component("m", ComponentKind.MOTOR, BearingMultipliers(3.585, 5.415, 2.357, 0.398, "sheet"))


def test_features_take_the_multipliers_as_they_are() -> None:
    component = Component("de", ComponentKind.BEARING, BearingMultipliers(3.585, 5.415, 2.357, 0.398, "sheet"))
    np.testing.assert_array_equal(bearing_orders(machine(component), point()), [3.585, 5.415, 2.357, 0.398])


def test_an_outer_race_is_diagnosed_by_multipliers_as_by_geometry() -> None:
    truth = orders_of(Component("de", ComponentKind.BEARING, GEOMETRY))
    sheet = BearingMultipliers(truth.bpfo, truth.bpfi, truth.bsf, truth.ftf, "sheet")
    record = recording((point(), strikes(BPFO), RATE), speed=SPEED)
    by_sheet, by_geometry = (
        find(ask(machine(Component("de", ComponentKind.BEARING, bearing)), record), Fault.BEARING_OUTER_RACE)
        for bearing in (sheet, GEOMETRY)
    )
    assert by_sheet.verdict is Verdict.SUPPORTED
    assert by_sheet == by_geometry
