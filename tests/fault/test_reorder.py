"""Records out of order, doubled and late: row 5. The outcome is that of the orderly stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, OperatingContext, Waveform
from pdm.replay.client import Client
from pdm.replay.feed import batches
from pdm.replay.stack import Stack
from tests.database import own_name
from tests.fault.load import SAMPLES, SAMPLING_RATE, START, machines

STEP = timedelta(minutes=30)
HORIZON_STEPS = int(timedelta(days=7) / STEP)

OUTCOMES = {
    "features": "SELECT * FROM feature_vibration_v1 ORDER BY point_id, measured_at",
    "assessments": (
        "SELECT DISTINCT ON (machine_id, measured_at) machine_id, measured_at, health, learning_progress, "
        "operating_state, zone, symptom, component, confidence, indicators::text, evidence, rule_version "
        "FROM assessment ORDER BY machine_id, measured_at, revision DESC"
    ),
    "prognoses": (
        "SELECT DISTINCT ON (machine_id, measured_at) machine_id, measured_at, source, rul, rul_lower, rul_upper, "
        "level, reason, evidence FROM prognosis ORDER BY machine_id, measured_at, revision DESC"
    ),
    "states": "SELECT machine_id, state, last_measured_at, dirty_from FROM analysis_state ORDER BY machine_id",
    "open alerts": "SELECT machine_id, cause, severity FROM alert WHERE state <> 'normal' ORDER BY 1, 2",
}


def _record(machine: str, index: int, total: int) -> Acquisition:
    """A bearing that wears out over the course, so that health, prognosis and alerts have something to say."""
    rng = np.random.default_rng([int(machine[-2:]), index])
    severity = (index / total) ** 6
    samples = rng.standard_normal((2, SAMPLES), dtype=np.float32) * np.float32(1 + 6 * severity)
    samples[:, ::29] += np.float32(20 * severity)
    return Acquisition(
        machine,
        START + STEP * index,
        tuple(Waveform(axis, samples[row], SAMPLING_RATE, "g") for row, axis in enumerate(("h", "v"))),
        (),
        OperatingContext(speed=25.0, load=0.8),
    )


def _arrival_order(count: int, rng: np.random.Generator) -> list[int]:
    """5 % up to 7 days late, everything shuffled a little, 20 % sent twice."""
    delay = rng.uniform(0, 3, count)
    late = rng.random(count) < 0.05
    delay[late] = rng.uniform(0, HORIZON_STEPS - 8, late.sum())
    delay[0] = 0
    repeats = np.flatnonzero(rng.random(count) < 0.20)
    indices = np.concatenate([np.arange(count), repeats])
    arrival = np.concatenate([np.arange(count) + delay, repeats + delay[repeats] + rng.uniform(0, 200, len(repeats))])
    return indices[np.argsort(arrival, kind="stable")].tolist()


def _outcome(log_folder: Path, order: Sequence[int], total: int) -> dict[str, list[Any]]:
    names = [machine.key for machine in machines(2)]
    with (
        Stack(own_name("reorder"), fresh=True, log_folder=log_folder) as stack,
        Client(stack.url, stack.admin_key) as client,
    ):
        client.register(machines(2))
        replaced_at: datetime = START + STEP * (total // 3) + STEP / 2
        client.record_work_event(WorkEvent(names[1], WorkEventKind.REPLACEMENT, replaced_at))
        stream = (_record(name, index, total) for index in order for name in names)
        for batch in batches(stream, 64):
            client.send(batch)
        client.wait_until_analysed(600.0)
        with psycopg.connect(stack.dsn) as conn:
            found = {name: conn.execute(statement).fetchall() for name, statement in OUTCOMES.items()}
            repeated = conn.execute(
                "SELECT count(*) FROM (SELECT alert_id, kind, occurred_at FROM alert_event WHERE NOT reevaluated "
                "GROUP BY 1, 2, 3 HAVING count(*) > 1) doubled"
            ).fetchone()
            assert repeated == (0,)
            assert conn.execute("SELECT machine_id, measured_at, reason FROM set_aside LIMIT 3").fetchall() == []
    stack.cluster.destroy()
    return found


def _same_whatever_the_order(tmp_path: Path, per_machine: int) -> None:
    orderly = _outcome(tmp_path / "orderly", range(per_machine), per_machine)
    order = _arrival_order(per_machine, np.random.default_rng(5))
    shuffled = _outcome(tmp_path / "shuffled", order, per_machine)
    assert len(orderly["features"]) == 4 * per_machine
    assert len(orderly["assessments"]) == 2 * per_machine
    for name, rows in orderly.items():
        differing = [pair for pair in zip(rows, shuffled[name], strict=False) if pair[0] != pair[1]]
        assert not differing and len(shuffled[name]) == len(rows), (name, len(differing), differing[:1])


def test_a_shuffled_stream_with_duplicates_and_late_records_ends_as_the_orderly_one(tmp_path: Path) -> None:
    _same_whatever_the_order(tmp_path, 250)


@pytest.mark.trust("reorder")
@pytest.mark.timeout(2700)
def test_ten_thousand_shuffled_records_end_as_the_orderly_ones(tmp_path: Path) -> None:
    _same_whatever_the_order(tmp_path, 5000)
