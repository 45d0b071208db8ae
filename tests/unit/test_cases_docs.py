"""The examples of docs/cases.md and docs/kpi.md run and say what they show, and name what there is."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
import yaml

import pdm
from api.metrics import Metrics
from pdm.ingest.fleet_file import machines_from_document
from pdm.words.catalogue import messages

DOCS = Path(pdm.__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", ["cases.md", "kpi.md"])
def test_the_examples_say_what_they_show(name: str) -> None:
    found = doctest.testfile(str(DOCS / name), module_relative=False, encoding="utf-8")
    assert found.attempted > 3
    assert found.failed == 0


def test_the_fleet_of_the_guide_is_one() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "cases.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    (machine,) = machines_from_document(yaml.safe_load(text))
    assert machine.costs is not None
    assert machine.costs.unplanned - machine.costs.planned == 61e6
    assert machine.components[0].part == "6310-2Z/C3"


def test_every_deadline_is_in_the_guide() -> None:
    documented = set(re.findall(r"`(act-by\.[a-z-]+)`", (DOCS / "cases.md").read_text(encoding="utf-8")))
    assert documented == {key for key in messages("en") if key.startswith("act-by.")}


def test_every_metric_of_the_alarms_is_in_the_guide() -> None:
    documented = set(re.findall(r"`(pdm_alarm[a-z_]+)`", (DOCS / "kpi.md").read_text(encoding="utf-8")))
    served = {family.name for family in Metrics().registry.collect() if family.name.startswith("pdm_alarm")}
    assert documented == served
