"""Names beside keys: any script, one normal form, no control characters; of sites and lines once a document."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import machine_from_document, machine_to_document, machines_from_document, read_fleet
from pdm.machines.names import LONGEST_NAME

FAN = {
    "key": "fan-3",
    "site": "seoul",
    "line": "paint",
    "name": "3호기 송풍기",
    "components": [{"key": "de", "kind": "fan", "name": "구동측 베어링"}],
    "points": [{"key": "t", "quantity": "temperature", "unit": "degC", "name": "베어링 온도"}],
}
SITES = [{"key": "seoul", "name": "서울 공장", "lines": [{"key": "paint", "name": "도장 라인"}]}]


def fleet(*machines: dict[str, Any], sites: Any = SITES) -> list[Any]:
    return machines_from_document({"machines": list(machines), "sites": sites})


def test_names_of_all_parts_are_read_and_written() -> None:
    (machine,) = fleet(FAN)
    assert (machine.name, machine.site_name, machine.line_name) == ("3호기 송풍기", "서울 공장", "도장 라인")
    assert machine.components[0].name == "구동측 베어링"
    assert machine.points[0].name == "베어링 온도"
    assert machine_from_document(machine_to_document(machine)) == machine


def test_names_in_a_fleet_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    text = """
    sites: [{key: seoul, name: 서울 공장, lines: [{key: paint, name: 도장 라인}]}]
    machines: [{key: fan-3, site: seoul, line: paint, name: 3호기 송풍기}]
    """
    path.write_text(text, encoding="utf-8")
    (machine,) = read_fleet(path)
    assert (machine.site_name, machine.line_name) == ("서울 공장", "도장 라인")


def test_a_name_is_stored_in_one_normal_form() -> None:
    decomposed = unicodedata.normalize("NFD", "3호기 송풍기")
    assert decomposed != "3호기 송풍기"
    assert machine_from_document(FAN | {"name": f"  {decomposed} "}).name == "3호기 송풍기"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "fan\n3"}, "name"),
        ({"name": "fan\x003"}, "name"),
        ({"name": "fan\u202e3"}, "name"),
        ({"name": "fan\ud8003"}, "name"),
        ({"name": "x" * (LONGEST_NAME + 1)}, "name"),
        ({"name": 3}, "name"),
        ({"site_name": "a\tb"}, "site_name"),
        ({"line_name": "a\x7fb"}, "line_name"),
        ({"components": [{"key": "c", "kind": "fan", "name": "a\rb"}]}, "components[0].name"),
        ({"points": [{"key": "t", "quantity": "temperature", "unit": "K", "name": "a\u200bb"}]}, "points[0].name"),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused_by_its_place(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        machine_from_document(FAN | change)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("sites", "place"),
    [
        ([{"key": "busan", "name": "부산"}], "sites[0].key"),
        ([{"key": "seoul", "lines": [{"key": "press", "name": "프레스"}]}], "sites[0].lines[0].key"),
        (SITES * 2, "sites[1].key"),
        ([{"key": "seoul", "name": "a\nb"}], "sites[0].name"),
        ([{"key": "seoul", "title": "서울"}], "sites[0]"),
        ({"seoul": "서울"}, "sites"),
    ],
)
def test_names_of_sites_that_no_machine_takes_are_refused(sites: Any, place: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        fleet(FAN, sites=sites)
    assert refused.value.field == place


def test_a_site_or_line_has_one_name_in_a_document() -> None:
    other = {"key": "fan-4", "site": "seoul", "line": "paint"}
    assert [each.line_name for each in fleet(FAN, other)] == ["도장 라인"] * 2
    with pytest.raises(InvalidInputError, match="differs from '서울 공장'") as refused:
        fleet(FAN, other | {"site_name": "서울"})
    assert refused.value.field == "machines[1].site_name"


def test_a_document_without_names_is_written_as_before() -> None:
    plain = {"key": "a", "site": "b", "line": "c", "components": [{"key": "g", "kind": "gear"}]}
    assert not [key for key in machine_to_document(machine_from_document(plain)) if "name" in key]


@pytest.mark.parametrize("tag", ["P-101A", "3호기", "펌프 3 (예비)", "p-101", "A" * 64])
def test_a_tag_keeps_its_case_and_comes_back(tag: str) -> None:
    machine = machine_from_document(FAN | {"tag": unicodedata.normalize("NFD", tag)})
    assert machine.tag == tag
    assert machine_to_document(machine)["tag"] == tag


@pytest.mark.parametrize("tag", ["A" * 65, "a/b", "a?b", "a#b", "50%", "a\nb", "..", "a\u200bb"])
def test_a_tag_that_is_no_part_of_an_address_is_refused(tag: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        machine_from_document(FAN | {"tag": tag})
    assert refused.value.field == "tag"


def test_a_tag_is_unique_in_a_site_of_a_document() -> None:
    one, other = FAN | {"tag": "3호기"}, {"key": "fan-4", "site": "seoul", "line": "paint", "tag": "3호기"}
    with pytest.raises(InvalidInputError, match="machine 'fan-3' too") as refused:
        fleet(one, other)
    assert refused.value.field == "machines[1].tag"
    assert len(fleet(one, other | {"site": "busan"})) == 2
