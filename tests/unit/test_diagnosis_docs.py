"""Every fault that a diagnosis tells apart is explained on the page and simulated with a known truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.simulated_machines import SIMULATED
from pdm.health.diagnosis.model import Fault

PAGE = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("| fault | evidence")[2].partition("\n\n")[0]


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_has_a_row_in_the_docs(fault: Fault) -> None:
    cells = re.findall(r"^\| ([^|]+?) \|", TABLE, re.MULTILINE)
    explained = {name for cell in cells for name in cell.split(", ")}
    assert ("bearing parts" if fault.value.startswith("bearing_") else fault.value.replace("_", " ")) in explained


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_is_simulated(fault: Fault) -> None:
    assert fault in SIMULATED.values()
