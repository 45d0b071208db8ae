"""`pdm import` end to end: what is read is sent, the rest is listed, and the exit status is 1 until nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pdm.replay.client import Client
from pdm.replay.stack import Stack
from tests.database import own_name

pytestmark = pytest.mark.xdist_group("services")
FLEET = """
machines:
- {key: p-1, site: s, line: l, timeline: replay, rated_speed_rpm: 1796, components: [{key: motor, kind: motor}],
   points: [{key: de, quantity: acceleration, unit: g, sampling_rate_hz: 12000}]}
"""
SIGNAL = np.sin(np.arange(600) * 0.7).astype(np.float32)


def run(stack: Stack, folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "pdm.cli", "import", str(folder), "--json", *options],
        env={**stack.environment, "PDM_URL": stack.url, "PDM_KEY": stack.admin_key},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_an_import_ends_with_a_list_until_nothing_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    (folder / "p-1").mkdir(parents=True)
    (folder / "fleet.yaml").write_text(FLEET)
    with Stack(own_name("import"), fresh=True, workers=0, log_folder=tmp_path / "logs") as stack:
        empty = {"machines": 1, "acquisitions": 0, "work_events": 0, "left_out": []}
        status, report = run(stack, folder)
        (warning,) = report.pop("warnings")
        assert (status, report) == (1, empty)
        assert warning.startswith("p-1, motor: ")
        table = "\n".join(["de", *(f"{value:.9g}" for value in SIGNAL)]) + "\n"
        (folder / "p-1" / "20261101T100000Z.CSV").write_text(table)
        np.savez(folder / "p-1" / "20261101T101000Z.npz", de=SIGNAL, fs=12000.0)
        bad = folder / "p-1" / "20261101T102000Z.csv"
        bad.write_text("\n".join([*table.split("\n")[:600], "Over", ""]))
        (folder / "p-1" / "work_events.yaml").write_text("- {kind: inspection, occurred_at: 2026-11-01T12:00:00Z}")
        status, report = run(stack, folder)
        assert (status, report["acquisitions"], report["work_events"]) == (1, 2, 1)
        assert report["left_out"] == ["p-1/20261101T102000Z.csv: column 'de', line 601: 'Over' is not a number"]
        bad.write_text(table)
        status, report = run(stack, folder)
        assert (status, report) == (0, {**empty, "acquisitions": 3, "work_events": 1, "warnings": [warning]})
        with Client(stack.url, stack.admin_key) as client:
            assert len(client.pages("/v1/machines/p-1/acquisitions")) == 3
        stack.cluster.destroy()
