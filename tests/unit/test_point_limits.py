"""What a point can measure is declared in its registration, and judges its values."""

from __future__ import annotations

import pytest

from pdm.ingest.fleet_file import machine_from_document, machine_to_document

OIL = {"key": "oil", "quantity": "temperature", "unit": "degC"}


@pytest.mark.xfail(strict=True, reason="a point declares no range, no values of faults and no rate of change")
def test_a_point_says_what_it_can_measure_and_the_document_comes_back() -> None:
    declared = {
        "range": {"lowest": -40.0, "highest": 125.0},
        "not_a_measurement": [999.0, -127.0],
        "rate_limit_per_s": 2.5,
    }
    document = {"key": "press-07", "site": "busan", "line": "line-1", "points": [{**OIL, **declared}]}
    assert machine_to_document(machine_from_document(document))["points"] == document["points"]
