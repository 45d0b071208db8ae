"""What analysis reads and leaves behind: samples, features, checkpoints, lives and models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from features.catalogue import FEATURE_VERSION, names
from pdm.errors import ConflictError, ModelError, NotFoundError
from pdm.health.assessment import Assessment
from pdm.machines.model import Timeline
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import OperatingContext
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.statistics.conformal import Calibration
from pdm.service.machines.work_events import record_work_event
from pdm.store.analysis import analysis_inputs, assessments_write, feature_rows
from pdm.store.models import models, registry
from tests.integration.plant import NOW, acquisition, add, ask, machine, send, series

Pool = ConnectionPool[Any]
COLUMNS = names("vibration", "channel")


@pytest.fixture
def conn(pool: Pool, dsn: str) -> Iterator[Connection[Any]]:
    add(pool, machine("a"), machine("b"))
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def _id(conn: Connection[Any], key: str) -> int:
    row = conn.execute("SELECT id FROM machine WHERE key = %s", (key,)).fetchone()
    assert row is not None
    return int(row[0])


def test_samples_scalars_and_context_of_many_acquisitions_come_back_as_sent(pool: Pool, conn: Connection[Any]) -> None:
    sent = [*series("a", 4), *series("b", 4)]
    send(pool, *sent)
    keys = [(_id(conn, item.machine), item.measured_at) for item in sent if item.measured_at != sent[1].measured_at]
    contexts = analysis_inputs.fetch_contexts(conn, keys)
    assert contexts == {key: OperatingContext(29.5, 0.8, "drawing") for key in keys}
    assert sorted(analysis_inputs.fetch_scalars(conn, keys).values()) == [61.5] * 6
    point_ids = {(row[0], row[1]): row[2] for row in ask(pool, "SELECT machine_id, key, id FROM point")}
    stored = {(one.point_id, one.measured_at): one for one in analysis_inputs.fetch_waveforms(conn, keys)}
    assert len(stored) == 12
    for item in sent:
        for waveform in item.waveforms:
            key = point_ids[_id(conn, item.machine), waveform.point], item.measured_at
            if item.measured_at == sent[1].measured_at:
                assert key not in stored
            else:
                np.testing.assert_array_equal(stored[key].samples, waveform.samples)


def test_features_come_back_bit_for_bit_and_absent_ones_are_null(pool: Pool, conn: Connection[Any]) -> None:
    values = np.random.default_rng(1).normal(size=(6, len(COLUMNS))).astype(np.float32)
    values[2, 3] = np.nan
    values[0, 0] = np.float32(1e-30)
    times = [NOW + timedelta(microseconds=i, days=i) for i in range(3)]
    points, measured_at = [1] * 3 + [2] * 3, times * 2
    reasons = np.arange(6, dtype=np.uint32)
    for attempt in range(2):
        write = values + 1 if attempt == 0 else values  # a late channel completes what was written before
        with conn.transaction():
            feature_rows.insert_features(
                conn, "feature_vibration_v1", COLUMNS, points, measured_at, write, reasons, FEATURE_VERSION
            )
    stored = feature_rows.fetch_features(conn, "feature_vibration_v1", COLUMNS, [1, 2], times)
    for key, vector in zip(zip(points, measured_at, strict=True), values, strict=True):
        np.testing.assert_array_equal(stored[key], vector)
    assert ask(pool, f"SELECT point_id, measured_at FROM feature_vibration_v1 WHERE {COLUMNS[3]} IS NULL") == [
        (1, times[2])
    ]


def test_checkpoints_behind_the_horizon_go_but_the_newest_of_them(conn: Connection[Any]) -> None:
    machine_id = _id(conn, "a")
    times = [NOW - timedelta(days=day) for day in (9, 8, 3, 1)]
    assessments_write.save_checkpoints(conn, [(machine_id, at, at.isoformat().encode()) for at in times])
    assessments_write.prune_checkpoints(conn, {machine_id: NOW - timedelta(days=7)})
    assert assessments_write.fetch_checkpoint_before(conn, machine_id, times[1]) is None
    assert assessments_write.fetch_checkpoint_before(conn, machine_id, times[2]) == (
        times[1],
        times[1].isoformat().encode(),
    )
    assert assessments_write.fetch_checkpoint_times(conn, [machine_id]) == {machine_id: times[3]}
    assessments_write.drop_checkpoints_from(conn, machine_id, times[2])
    assert assessments_write.fetch_checkpoint_times(conn, [machine_id]) == {machine_id: times[1]}


def _assess(conn: Connection[Any], key: str, at: datetime, value: float, revision: int = 0) -> None:
    made = Assessment(at, 0.9, 1.0, "run", None, None, None, None, np.array([value, np.nan], np.float32), {}, "rules-1")
    assessments_write.insert_assessments(conn, [(_id(conn, key), revision, made)])


def test_lives_end_at_closing_events_and_hold_the_newest_revisions(pool: Pool, conn: Connection[Any]) -> None:
    start = NOW - timedelta(days=10)
    for day in range(8):
        _assess(conn, "a", start + timedelta(days=day), float(day))
    _assess(conn, "a", start, 100.0, revision=1)
    _assess(conn, "b", start, 7.0)
    for kind, day in ((WorkEventKind.FAILURE, 2.5), (WorkEventKind.INSPECTION, 4.0), (WorkEventKind.REPLACEMENT, 5.5)):
        event = WorkEvent("a", kind, start + timedelta(days=day), "bearing-de")
        record_work_event(pool, event, actor="kim", site_ids=None, now=NOW)
    lives = models.fetch_lives(conn, "default", "rules-1")
    read = [(life.machine, life.ended_by, life.values[:, 0].tolist()) for life in lives]
    assert read == [
        ("a", "failure", [100.0, 1.0, 2.0]),
        ("a", "replacement", [3.0, 4.0, 5.0]),
        ("a", "censored", [6.0, 7.0]),
        ("b", "censored", [7.0]),
    ]
    assert lives[0].ended_at == (start + timedelta(days=2.5)).timestamp()
    assert np.isnan(lives[0].values[:, 1]).all()
    assert models.fetch_lives(conn, "default", "rules-2") == []


def _model(cap: float) -> FleetModel:
    calibration = Calibration(0.8, 1.0, 4, (0.0, 1.0), (0.1, 0.1), (0.1, 0.1), ())
    return FleetModel("i-1", ("c",), cap, 1.0, (), calibration, ((),), (), {}, {"error": 1.0}, {"lives": 4})


def test_a_fleet_has_one_champion_and_the_way_back_is_open(conn: Connection[Any]) -> None:
    with conn.transaction():
        (first, version), (second, next_version) = (
            models.insert_model(conn, "presses", _model(cap), actor="test") for cap in (1.0, 2.0)
        )
    assert (version, next_version) == (1, 2)
    assert registry.fetch_champion_ids(conn, ["presses"]) == {}
    for chosen in (first, second, first):
        with conn.transaction():
            registry.promote(conn, "presses", chosen, actor="test", reason="because")
        assert registry.fetch_champion_ids(conn, ["presses", "other"]) == {"presses": chosen}
    with pytest.raises(NotFoundError), conn.transaction():
        registry.promote(conn, "other", first, actor="test", reason="")
    assert registry.fetch_champion_ids(conn, ["presses", "other"]) == {"presses": first}
    for back in (second, first):
        with conn.transaction():
            assert registry.roll_back(conn, "presses", actor="test", reason="worse") == back
    with pytest.raises(ConflictError), conn.transaction():
        registry.roll_back(conn, "presses", actor="test", reason="worse")
    kinds = [event.kind for event in registry.fetch_events(conn, first)]
    assert kinds == ["registered", "promoted", "promoted", "rolled-back"]


def test_a_model_whose_bytes_changed_is_refused(conn: Connection[Any]) -> None:
    with conn.transaction():
        model_id, _ = models.insert_model(conn, "presses", _model(1.0), actor="test")
    conn.execute("UPDATE model SET body = set_byte(body, 20, get_byte(body, 20) # 1)")
    with pytest.raises(ModelError):
        models.fetch_model(conn, model_id)
    with pytest.raises(NotFoundError):
        models.fetch_model(conn, model_id + 1)


def test_a_replayed_machine_is_read_like_any_other(pool: Pool, conn: Connection[Any]) -> None:
    add(pool, machine("old", timeline=Timeline.REPLAY))
    at = NOW - timedelta(days=3000)
    send(pool, acquisition("old", at))
    key = (_id(conn, "old"), at)
    assert len(analysis_inputs.fetch_waveforms(conn, [key])) == 2
    assert analysis_inputs.fetch_times_between(conn, key[0], at - timedelta(1), at) == []
    conn.execute("DELETE FROM pending")
    assert analysis_inputs.fetch_times_between(conn, key[0], at - timedelta(1), at) == [at]
