"""docs/rules.md says what the rules are: its example is one, its tables name every kind and every default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pdm.alerts.documents.parser import InvalidRulesError
from pdm.alerts.kinds import KINDS, signal
from pdm.alerts.rules.rule import DEFAULT_RULES
from pdm.health.detection.operating_states import OFF
from pdm.service.rules.rule_sets import check_text

TEXT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def test_the_example_is_a_set_of_rules() -> None:
    example = re.search(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
    assert example is not None
    document = check_text(example[1])
    assert [rule.key for rule in document.rules] == ["oil-hot", "vibration-rising"]
    assert document.off == ("life-warning",)


def test_the_table_of_kinds_names_each_kind() -> None:
    kinds = TEXT.partition("## Kinds")[2].partition("## Required response")[0]
    assert set(re.findall(r"^\| `([a-z-]+)`", kinds, flags=re.MULTILINE)) == set(KINDS)


def test_the_table_of_defaults_names_each_default() -> None:
    scopes = TEXT.partition("| default | |")[2].partition("## Data and")[0]
    rows = re.findall(r"^\|([^|]+)\|", scopes, flags=re.MULTILINE)
    named = {key for row in rows for key in re.findall(r"`([a-z-]+)`", row)}
    assert named == {rule.key for rule in DEFAULT_RULES.rules}


def test_the_refusal_shown_is_the_one_that_comes() -> None:
    shown = re.search(r"invalid-rules: (.*)\n", TEXT)
    assert shown is not None
    signal = "    signal: {quantity: temperature}\n    deadband: 1 K\n"
    text = 'rules:\n  - key: a\n    kind: threshold\n    above: "80"\n' + signal
    with pytest.raises(InvalidRulesError) as refused:
        check_text(text)
    assert refused.value.message == shown[1]


def test_off_is_the_name_that_state_detection_gives_it() -> None:
    assert signal.OFF == OFF
