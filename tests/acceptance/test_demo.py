"""The demo keeps its promise on a fleet that nobody tuned on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pdm.replay.demo import as_document, run_demo
from pdm.replay.report import demo_text
from pdm.replay.stack import Stack
from tests.database import own_name

SEED = 20261


@pytest.mark.timeout(360)
def test_the_demo_warns_of_failures_and_leaves_healthy_machines_alone(tmp_path: Path) -> None:
    steps: set[str] = set()
    with Stack(own_name("acceptance"), fresh=True, log_folder=tmp_path) as stack:
        report = run_demo(stack, SEED, lambda what, done, total: steps.add(what))
        stack.cluster.destroy()
    document = as_document(report)
    assert report.is_passed, document
    assert report.precision is not None
    assert report.precision >= 0.8, document
    assert len(report.verdicts) >= 12
    assert {"recorded histories", "training", "live data"} <= steps
    assert any(verdict.rul_source == "model" for verdict in report.verdicts), "the trained model serves"
    assert all(verdict.rul_upper_s is None or verdict.rul_lower_s is not None for verdict in report.verdicts)
    assert json.loads(json.dumps(document))["passed"] is True
    assert demo_text(report) is not None
