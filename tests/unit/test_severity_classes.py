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


@pytest.mark.parametrize("group", ["group1", "group2"])
def test_a_flexible_foundation_allows_more_vibration(group):
    rigid, flexible = (limits_of_class(f"iso10816-3-{group}-{f}") for f in ("rigid", "flexible"))
    assert (flexible.a_b, flexible.b_c, flexible.c_d) > (rigid.a_b, rigid.b_c, rigid.c_d)


def test_every_class_says_where_its_limits_come_from():
    assert all(limits.source.startswith("ISO 10816-3:2009") for limits in SEVERITY_CLASSES.values())


def test_an_unknown_class_is_refused_with_those_there_are():
    with pytest.raises(InvalidInputError, match="iso10816-3-group1-rigid"):
        limits_of_class("iso10816-3-group9-rigid")


def test_a_machine_may_name_its_class_instead_of_limits():
    machine = machine_from_document({**ENTRY, "severity_class": "iso10816-3-group1-flexible"})
    assert machine.severity_limits == limits_of_class("iso10816-3-group1-flexible")


def test_limits_and_a_class_together_are_refused():
    limits = {"a_b_mm_s": 1.0, "b_c_mm_s": 2.0, "c_d_mm_s": 3.0, "source": "the maker"}
    with pytest.raises(InvalidInputError, match="not both"):
        machine_from_document({**ENTRY, "severity_limits": limits, "severity_class": "iso10816-3-group1-rigid"})
