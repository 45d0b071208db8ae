"""Bearings by designation: each row by formula and with its source, suffixes, unknown ones, and a file of one's own."""

from __future__ import annotations

import csv
import math
from dataclasses import astuple
from importlib.resources import files
from pathlib import Path

import pytest

import features
from pdm.errors import ConfigurationError, InvalidInputError
from pdm.health.diagnosis.bearing_orders import orders_of
from pdm.ingest.fleet_file import machine_from_document, machine_to_document, read_fleet
from pdm.machines.bearing_multipliers import BearingMultipliers
from pdm.machines.bearing_table import COLUMNS, MILLIMETRES, find_bearing, known_bearings, read_bearings
from pdm.machines.model import BearingGeometry, Component, ComponentKind

TABLE = files("pdm.machines").joinpath("bearings.csv").read_text(encoding="utf-8").splitlines()
ROWS = list(csv.DictReader(TABLE))
OWN = f"""{",".join(COLUMNS)}
X-100,ACME,10,10.0,50.0,mm,0,,,,,drawing 4711
X-200,,,,,,,3.585,5.415,2.357,0.398,sheet
6203,,8,6.75,28.5,mm,0,,,,,our own measurement
"""


def component(bearing: object) -> Component:
    document = {
        "key": "m",
        "site": "s",
        "line": "l",
        "components": [{"key": "b", "kind": "bearing", "bearing": bearing}],
    }
    machine = machine_from_document(document)
    assert machine_from_document(machine_to_document(machine)) == machine
    return machine.components[0]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["designation"])
def test_each_row_follows_the_formula_and_has_a_source(row: dict[str, str]) -> None:
    diameters = (float(row[name]) * MILLIMETRES[row["unit"]] for name in ("element_diameter", "pitch_diameter"))
    angle = math.radians(float(row["contact_angle_deg"]))
    orders = features.BearingGeometry(int(row["rolling_elements"]), *diameters, angle).orders()
    assert orders.bpfo + orders.bpfi == pytest.approx(int(row["rolling_elements"]))
    for name in ("bpfo", "bpfi", "bsf", "ftf"):
        if row[name]:
            assert getattr(orders, name) == pytest.approx(float(row[name]), rel=5e-4), name
    assert len(row["source"]) > 20
    found = orders_of(Component("b", ComponentKind.BEARING, find_bearing(row["designation"])))
    assert astuple(found) == pytest.approx(astuple(orders), rel=1e-9)


@pytest.mark.parametrize(
    ("designation", "basic"),
    [
        ("6205", "6205"),
        ("6205-2RS C3", "6205"),
        ("6205-2RS JEM", "6205"),
        ("6205 2rsh/c3", "6205"),
        ("6205ZZ", "6205"),
        ("6205/C3", "6205"),
        ("6205-2RSC3", "6205"),
        ("SKF 6205-2RS", "SKF 6205"),
        ("６２０３", "6203"),  # full width
        (" uc 204 ", "UC204"),
        ("ZA2115", "ZA-2115"),
        ("za 2115", "ZA-2115"),
    ],
)
def test_suffixes_and_separators_lead_to_the_basic_designation(designation: str, basic: str) -> None:
    found, row = find_bearing(designation), known_bearings()[basic]
    assert isinstance(found, BearingGeometry)
    assert isinstance(row, BearingGeometry)
    assert (found.rolling_elements, found.pitch_diameter) == (row.rolling_elements, row.pitch_diameter)
    assert f"row {basic}: {row.source}" in found.source


@pytest.mark.parametrize(
    "designation", ["6206", "6305-2RS", "62052RS", "NSK 6205", "16205", "NU205", "6205X1-", "2205"]
)
def test_unknown_designations_are_refused_and_ask_for_multipliers(designation: str) -> None:
    with pytest.raises(InvalidInputError, match="multipliers") as refused:
        find_bearing(designation)
    assert refused.value.field == "bearing.designation"
    assert "6205" in refused.value.message


@pytest.mark.parametrize("suffix", ["ETN9", "-12", "M", "TN9/C3", " SKF"])
def test_suffixes_that_may_stand_for_other_elements_are_refused(suffix: str) -> None:
    with pytest.raises(InvalidInputError, match="other elements"):
        find_bearing(f"6205{suffix}")


@pytest.mark.parametrize("bearing", ["6205-2RS C3", {"designation": "6205-2RS C3"}])
def test_a_designation_gives_geometry_source_and_part(bearing: object) -> None:
    found = component(bearing)
    assert isinstance(found.bearing, BearingGeometry)
    assert found.bearing.pitch_diameter == pytest.approx(1.537 * 0.0254)
    assert found.bearing.source.startswith("6205-2RS C3, row 6205: Case Western Reserve")
    assert found.part == "6205-2RS C3"


@pytest.mark.parametrize("bearing", [6205, {"designation": 6205, "source": "name plate"}])
def test_a_designation_that_yaml_reads_as_a_number_is_one(bearing: object) -> None:
    assert component(bearing).part == "6205"


def test_numbers_take_precedence_over_the_table_and_keep_the_designation() -> None:
    sheet = {"bpfo": 3.6, "bpfi": 5.4, "bsf": 2.4, "ftf": 0.4}
    found = component({"designation": "6206-2RS", **sheet})
    assert found.bearing == BearingMultipliers(**sheet, source="6206-2RS")
    assert found.part == "6206-2RS"
    assert component({"designation": "6206", "source": "sheet 6206", **sheet}).bearing.source == "sheet 6206"
    assert component({"designation": "6206", "source": "sheet", **sheet}).bearing.source == "6206, sheet"


def test_a_refused_designation_names_its_place_in_a_fleet_file(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text("machines:\n- {key: m, site: s, line: l, components: [{key: b, kind: bearing, bearing: 6299-2RS}]}")
    with pytest.raises(InvalidInputError, match=r"fleet\.yaml: machines\[0\].components\[0\].bearing.designation"):
        read_fleet(path)


def test_a_file_of_ones_own_adds_to_the_table_and_takes_precedence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(OWN, encoding="utf-8-sig")
    monkeypatch.setenv("PDM_BEARINGS", str(path))
    assert component("ACME X100 C3").bearing.rolling_elements == 10
    assert component("X-200-ZZ").bearing.bpfo == 3.585
    assert component("6203").bearing.source == "6203, row 6203: our own measurement"
    assert component("6205").bearing == find_bearing("6205", known_bearings())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("maker", "brand", f"unknown column 'brand'; allowed: {', '.join(COLUMNS)}"),
        ("50.0,mm", "5.0,mm", "line 2: element diameter"),
        ("50.0,mm", "50.0,cm", "line 2: unit 'cm'"),
        ("10,10.0", "ten,10.0", "line 2: rolling_elements 'ten'"),
        ("0,,,,,drawing 4711", "0,,,,,", "line 2: the source"),
        ("0,,,,,drawing 4711", "0,,,,,drawing, 4711", "line 2: more cells"),
        ("0,,,,,drawing 4711", "0,4.5,5.5,4.95,0.45,drawing", "line 2: bpfo 4.5 does not agree"),
        ("5.415", "5.7", "line 3: bpfo + bpfi"),
        ("X-200", "X-100", "line 3: designation 'X-100' is given twice"),
        ("X-200", "", "line 3: designation '' is missing"),
        ("3.585,5.415,2.357,0.398", ",,,", "line 3: give"),
    ],
)
def test_a_row_that_is_no_bearing_is_reported_with_its_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(OWN.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read_bearings(path)
    assert expected in refused.value.message
    assert "own.csv" in refused.value.message


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDM_BEARINGS", "/nowhere/own.csv")
    with pytest.raises(ConfigurationError, match=r"/nowhere/own\.csv"):
        component("6205")
