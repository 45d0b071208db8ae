import re

import pytest

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import machine_from_document
from pdm.machines.severity_classes import SEVERITY_CLASSES, limits_of_class
from pdm.twin.plant import ISO_10816_3_GROUP_2_RIGID

ENTRY = {
    "key": "fan-01",
    "site": "ulsan",
    "line": "paint-shop",
    "points": [{"key": "de", "quantity": "acceleration", "unit": "g", "sampling_rate_hz": 25600.0}],
}


def test_the_class_of_the_simulated_machines_has_the_limits_they_are_registered_with():
    assert limits_of_class("iso10816-3-group2-rigid") == ISO_10816_3_GROUP_2_RIGID


@pytest.mark.parametrize("group", ["group1", "group2", "group3", "group4"])
def test_a_flexible_foundation_allows_more_vibration(group):
    rigid, flexible = (limits_of_class(f"iso10816-3-{group}-{f}") for f in ("rigid", "flexible"))
    assert (flexible.a_b, flexible.b_c, flexible.c_d) > (rigid.a_b, rigid.b_c, rigid.c_d)


def test_every_class_says_where_its_limits_come_from():
    cited = re.compile(r"ISO 10816-[137]:(1995|1998|2009), table [AB]\.[1-4], \S")
    assert all(cited.match(limits.source) for limits in SEVERITY_CLASSES.values())


def test_a_pump_of_critical_duty_is_allowed_less_than_one_of_general_duty():
    for size in ("small", "large"):
        critical, general = (limits_of_class(f"iso10816-7-category{n}-{size}") for n in (1, 2))
        assert (critical.a_b, critical.b_c, critical.c_d) < (general.a_b, general.b_c, general.c_d)


def test_the_classes_are_those_that_the_standards_publish():
    """A/B, B/C and C/D [mm/s], typed again from the tables so that one slip shows."""
    published = {
        "iso10816-3-group1-rigid": (2.3, 4.5, 7.1),
        "iso10816-3-group1-flexible": (3.5, 7.1, 11.0),
        "iso10816-3-group2-rigid": (1.4, 2.8, 4.5),
        "iso10816-3-group2-flexible": (2.3, 4.5, 7.1),
        "iso10816-7-category1-small": (2.5, 4.0, 6.6),
        "iso10816-7-category2-large": (4.2, 6.1, 9.5),
        "iso10816-1-class1": (0.71, 1.8, 4.5),
        "iso10816-1-class4": (2.8, 7.1, 18.0),
    }
    for name, limits in published.items():
        known = limits_of_class(name)
        assert (known.a_b * 1e3, known.b_c * 1e3, known.c_d * 1e3) == pytest.approx(limits)


def test_an_unknown_class_is_refused_with_those_there_are():
    with pytest.raises(InvalidInputError, match="iso10816-3-group1-rigid"):
        limits_of_class("iso10816-3-group9-rigid")


def test_a_machine_may_name_its_class_instead_of_limits():
    machine = machine_from_document({**ENTRY, "severity_class": "iso10816-3-group1-flexible"})
    assert machine.severity_limits == limits_of_class("iso10816-3-group1-flexible")


def test_limits_and_a_class_together_are_refused():
    limits = {"a_b_mm_s": 1.0, "b_c_mm_s": 2.0, "c_d_mm_s": 3.0, "source": "the maker"}
    with pytest.raises(InvalidInputError, match="exclude each other"):
        machine_from_document({**ENTRY, "severity_limits": limits, "severity_class": "iso10816-3-group1-rigid"})
