"""docs/develop/constants.md: each tuned constant with the value that it has in the code."""

from __future__ import annotations

import importlib
import re

import pytest

from docs import constants as document
from pdm.health.diagnosis.confidence import RULES

PAGE = document.PAGE.read_text(encoding="utf-8")


def _page_rows() -> dict[tuple[str, str], str]:
    rows = {}
    for section in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]:
        module = section.partition("`")[2].partition("`")[0]
        for name, value in re.findall(r"^\| `([^`]+)` \| (.*?) \| ", section, re.MULTILINE):
            rows[module, name] = value
    return rows


def test_each_name_and_value_on_the_page_is_that_of_the_code() -> None:
    of_code = {(each.module, each.name): each.value for each in document.constants()}
    assert _page_rows() == of_code, "docs/develop/constants.md is old: python -m docs.constants"
    assert len(of_code) > 250


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        ("pdm.health.detection.state_detection", "SMOOTHING", 0.15),
        ("features.kernels.current", "LARGEST_HARMONIC", 40),
        ("pdm.prognosis.model.tree_fitting", "TREES", 300),
    ],
)
def test_a_value_that_is_read_from_the_text_is_the_one_that_is_imported(module: str, name: str, value: float) -> None:
    assert _page_rows()[module, name] == f"`{value}`"
    assert getattr(importlib.import_module(module), name) == value


def test_the_fitted_figures_are_on_the_page_with_the_command_that_fits_them() -> None:
    section = PAGE.partition("### `pdm.health.diagnosis.confidence`")[2].partition("### ")[0]
    for rule in RULES.values():
        assert f"'{rule.family}', {rule.least_score}, {rule.least_lead}, {rule.offset}" in section
    assert section.count("python -m benchmarks.diagnosis --fit --machines 40") >= 2


def test_every_constant_has_an_origin() -> None:
    assert "no reason is recorded" not in PAGE
