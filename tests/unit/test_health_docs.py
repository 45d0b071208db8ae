"""What docs/health.md says beside what the code does."""

import re
from pathlib import Path

import pytest

from pdm.health.baseline.baseline import DOUBTS
from pdm.health.detection.control_charts import ALLOWANCE, DECISION, cusum_run_length, siegmund_run_length
from pdm.health.detection.state_detection import RELATION_SEVERITY, WARNING_SEVERITY, health_of
from pdm.health.detection.symptoms import LEAST_SEVERITY
from pdm.machines.severity_classes import SEVERITY_CLASSES

DOCS = (Path(__file__).parents[2] / "docs" / "health.md").read_text()


def test_every_severity_class_is_listed_with_its_source():
    for name, limits in SEVERITY_CLASSES.items():
        if name.startswith("iso10816-1-"):
            assert "`iso10816-1-class1` to `4`" in DOCS
        else:
            stem, last = name.rsplit("-", 1)
            row = next(line for line in DOCS.splitlines() if stem in line and last in line)
            documented = {float(number) for number in re.findall(r"\d+\.?\d*", row.split("|", 3)[3])}
            assert {round(limit * 1e3, 3) for limit in (limits.a_b, limits.b_c, limits.c_d)} <= documented
        assert limits.source.split(",")[0] in DOCS or "the same" in DOCS


def test_the_run_lengths_are_those_of_the_charts():
    assert f"{cusum_run_length(ALLOWANCE, DECISION):.1e}".replace("e+0", "e") in DOCS
    assert f"{siegmund_run_length(ALLOWANCE, DECISION):.1e}".replace("e+0", "e") in DOCS
    assert f"{cusum_run_length(ALLOWANCE, DECISION, 3.0):.1f}" in DOCS


@pytest.mark.parametrize(
    "reason",
    [
        *DOUBTS,
        "learning-prolonged",
        "learning-in-zone",
        "learning-beside",
        "learning-component",
        "beyond-learned",
        "states-widened",
    ],
)
def test_every_reason_is_explained(reason):
    assert reason in DOCS


def test_the_levels_are_those_of_the_code():
    assert f"**{health_of(WARNING_SEVERITY):.1f} at {WARNING_SEVERITY:g} (warning)**" in DOCS
    assert f"from severity {LEAST_SEVERITY:g} on" in DOCS
    assert RELATION_SEVERITY == 1.0
