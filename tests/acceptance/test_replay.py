"""A real bearing, held out, goes through the whole service after it has learned from the others.

In `make test` the demo goes the same way with simulated lives; tests/unit/test_evaluate_pronostia.py leaves out real
ones.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pdm.replay.hold_out import CHECK_POINTS, replay_held_out
from pdm.replay.report import held_out_text
from pdm.store.cluster.embedded import EmbeddedCluster

FOLDER = Path(os.environ.get("PDM_DATA") or Path(__file__).parents[3] / "shared" / "data") / "pronostia"
HELD_OUT = "Bearing3_1"  # the shortest of the six


@pytest.mark.trust("replay")
@pytest.mark.real_data
@pytest.mark.timeout(1800)
def test_a_held_out_bearing_is_prognosed_over_its_life() -> None:
    if not (FOLDER / f"{HELD_OUT}.npz").is_file():
        message = f"{FOLDER} has no {HELD_OUT}.npz; set PDM_DATA to the folder of the recordings"
        if os.environ.get("PDM_REQUIRE_DATA") == "1" or os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    try:
        report = replay_held_out(FOLDER, HELD_OUT, mode="bulk", stack_name="held-out")
    finally:
        EmbeddedCluster("held-out").destroy()
    assert json.loads(json.dumps(report)) == report
    assert report["training_lives"] == 5
    assert [point["fraction"] for point in report["points"]] == list(CHECK_POINTS)
    assert any(row["source"] == "model" and row["rul_lower_s"] is not None for row in report["course"])
    for row in report["course"]:
        if row["rul_s"] is not None:
            assert 0 <= row["rul_lower_s"] <= row["rul_s"]
            assert row["rul_upper_s"] is None or row["rul_s"] <= row["rul_upper_s"]
    assert report["first_alert_lead_s"] is None or report["first_alert_lead_s"] >= 0
    assert report["rate_acquisitions_s"] > 0
    assert report["training_rate_acquisitions_s"] > 0
    assert report["held_out"] in held_out_text(report)
