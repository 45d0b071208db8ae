"""Unknown fields of a registration are refused with similar and allowed ones, at every depth."""

from __future__ import annotations

from typing import Any

import pytest

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import machine_from_document, machines_from_document

PLAIN: dict[str, Any] = {"key": "fan-01", "site": "busan", "line": "line-1"}


@pytest.mark.parametrize(
    ("more", "field", "hint"),
    [
        ({"rated_speed": 1780}, "machine", "did you mean 'rated_speed_rpm'"),
        ({"nmae": "Fan"}, "machine", "did you mean 'name'"),
        ({"points": [{"key": "t", "quantity": "temperature", "units": "degC"}]}, "points[0]", "did you mean 'unit'"),
        ({"components": [{"key": "de", "type": "bearing"}]}, "components[0]", "allowed: key, kind, bearing"),
        ({"components": [{"key": "g", "kind": "gear", "tooth": 19}]}, "components[0]", "did you mean 'teeth'"),
        (
            {"components": [{"key": "b", "kind": "belt", "belt": {"lenght_mm": 900}}]},
            "components[0].belt",
            "did you mean 'length_mm'",
        ),
        ({"severity_limits": {"a_b": 1.4}}, "severity_limits", "allowed: a_b_mm_s, b_c_mm_s"),
        ({"costs": {"currencies": "EUR"}}, "costs", "did you mean 'currency'"),
    ],
)
def test_an_unknown_field_of_a_machine_gets_a_suggestion(more: dict[str, Any], field: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        machine_from_document(PLAIN | more)
    assert refused.value.message.startswith(f"{field}: unknown field '")
    assert hint in refused.value.message


def test_an_unknown_field_of_a_fleet_gets_a_suggestion() -> None:
    with pytest.raises(InvalidInputError, match="unknown field 'machine'; did you mean 'machines'"):
        machines_from_document({"machines": [PLAIN], "machine": []})
    with pytest.raises(InvalidInputError, match=r"sites\[0\]: unknown field 'nam'; did you mean 'name'"):
        machines_from_document({"machines": [PLAIN], "sites": [{"key": "busan", "nam": "Busan"}]})
    with pytest.raises(InvalidInputError, match=r"machines\[1\]: unknown field 'pionts'; did you mean 'points'"):
        machines_from_document({"machines": [PLAIN, PLAIN | {"pionts": []}]})
