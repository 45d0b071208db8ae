"""Backfill on a real database: old rows stay, new ones appear once, whatever else goes on and whoever is killed."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from psycopg_pool import ConnectionPool

from features.catalogue import CATALOGUE, FEATURE_VERSION
from pdm.errors import InvalidInputError, NotFoundError
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.measurements import Acquisition, OperatingContext, Waveform
from pdm.service.analysis.backfill import backfill_features
from pdm.service.analysis.worker import Worker
from pdm.settings import Settings
from pdm.store.machines.registration import register
from tests.integration.plant import NOW, add, ask, machine, send, series

Pool = ConnectionPool[Any]
NEWEST = FEATURE_VERSION
RATE = 10_000.0
OLD_COLUMNS = [d.name for d in CATALOGUE if d.quantity == "vibration" and d.version == 1]
NEW_COLUMNS = [d.name for d in CATALOGUE if d.quantity == "vibration" and d.version == 2]


def run_dry(pool: Pool, settings: Settings) -> None:
    worker = Worker(pool, settings)
    while worker.round():
        pass


def make_old(pool: Pool) -> None:
    """Leave the features as version 1 of the catalogue computed them."""
    with pool.connection() as conn:
        conn.execute("DELETE FROM feature_vibration_v1")
        conn.execute("DELETE FROM feature_current_v1")
    for quantity in ("vibration", "current"):
        backfill_features(pool, quantity, version=1)


def rows_by_version(pool: Pool, table: str = "feature_vibration_v1") -> dict[int, int]:
    return dict(ask(pool, f"SELECT feature_version, count(*) FROM {table} GROUP BY 1"))


@pytest.fixture
def analysed(pool: Pool, settings: Settings) -> Pool:
    """Forty acquisitions of two points with features of version 1 alone."""
    add(pool)
    send(pool, *series(count=40))
    run_dry(pool, settings)
    make_old(pool)
    assert rows_by_version(pool) == {1: 80}
    return pool


def test_new_rows_stand_beside_the_old_and_are_those_of_the_worker(pool: Pool, settings: Settings) -> None:
    add(pool)
    send(pool, *series(count=12))
    run_dry(pool, settings)
    everything = f"SELECT * FROM feature_vibration_v1 WHERE feature_version = {NEWEST} ORDER BY point_id, measured_at"
    of_worker = ask(pool, everything)
    assert len(of_worker) == 24
    make_old(pool)
    report = backfill_features(pool, "vibration", batch=5)
    assert (report.computed, report.present, report.machines, report.failed) == (24, 0, 1, [])
    assert ask(pool, everything) == of_worker
    assert rows_by_version(pool) == {1: 24, NEWEST: 24}
    compared = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in OLD_COLUMNS)
    same = (
        "SELECT count(*) FROM feature_vibration_v1 a JOIN feature_vibration_v1 b USING (point_id, measured_at) "
        f"WHERE a.feature_version = 1 AND b.feature_version = {NEWEST} AND {compared}"
    )
    assert ask(pool, same) == [(24,)]
    known = ", ".join(f"count({name})" for name in NEW_COLUMNS)
    assert set(ask(pool, f"SELECT {known} FROM feature_vibration_v1 WHERE feature_version = 1")[0]) == {0}


def test_what_is_there_is_left_alone(analysed: Pool) -> None:
    assert backfill_features(analysed, "vibration").computed == 80
    before = ask(analysed, "SELECT xmin, ctid FROM feature_vibration_v1 ORDER BY ctid")
    again = backfill_features(analysed, "vibration")
    assert (again.computed, again.present) == (0, 80)
    assert ask(analysed, "SELECT xmin, ctid FROM feature_vibration_v1 ORDER BY ctid") == before


def test_a_range_of_time_and_a_machine_can_be_chosen(analysed: Pool) -> None:
    add(analysed, machine("press-08"))
    since, before = NOW - timedelta(minutes=300), NOW - timedelta(minutes=200)
    with pytest.raises(NotFoundError):
        backfill_features(analysed, "vibration", machine="press-99")
    assert backfill_features(analysed, "vibration", machine="press-08").computed == 0
    steps_done: list[tuple[str, int, int]] = []
    report = backfill_features(
        analysed,
        "vibration",
        machine="press-07",
        since=since,
        before=before,
        batch=3,
        progress=lambda *what: steps_done.append(what),
    )
    assert report.computed == 20
    assert steps_done[0] == ("vibration", 0, 20)
    assert steps_done[-1] == ("vibration", 20, 20)
    chosen = f"SELECT min(measured_at), max(measured_at) FROM feature_vibration_v1 WHERE feature_version = {NEWEST}"
    assert ask(analysed, chosen) == [(since, before - timedelta(minutes=10))]


@pytest.mark.parametrize("given", [{"version": 0}, {"version": NEWEST + 1}, {"batch": 0}])
def test_a_version_that_does_not_exist_is_refused(pool: Pool, given: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError):
        backfill_features(pool, "vibration", **given)  # type: ignore[arg-type]


def test_what_waits_is_left_to_the_worker(pool: Pool, settings: Settings) -> None:
    add(pool)
    send(pool, *series(count=4))
    report = backfill_features(pool, "vibration")
    assert (report.computed, report.waiting) == (0, 8)
    run_dry(pool, settings)
    assert backfill_features(pool, "vibration").present == 8


def test_what_cannot_be_computed_is_named_and_the_rest_goes_on(analysed: Pool) -> None:
    first = ask(analysed, "SELECT min(measured_at) FROM waveform")[0][0]
    with analysed.connection() as conn:
        conn.execute("UPDATE waveform SET codec = 99 WHERE measured_at = %s", (first,))
    report = backfill_features(analysed, "vibration", batch=7)
    assert report.computed == 78
    assert [(f.machine, f.measured_at) for f in report.failed] == [("press-07", first)]
    assert "codec 99" in report.failed[0].reason
    assert "codec 99" in report.text()


def test_what_was_set_aside_by_the_workers_is_not_tried(analysed: Pool) -> None:
    first = ask(analysed, "SELECT min(measured_at) FROM waveform")[0][0]
    with analysed.connection() as conn:
        conn.execute("DELETE FROM feature_vibration_v1 WHERE measured_at = %s", (first,))
        conn.execute(
            "INSERT INTO set_aside (machine_id, measured_at, reason) SELECT id, %s, 'workers died' FROM machine",
            (first,),
        )
    report = backfill_features(analysed, "vibration")
    assert (report.computed, report.set_aside) == (78, 2)


def motor(key: str = "fan-01") -> Machine:
    phases = tuple(MeasurementPoint(f"phase-{name}", "current", "A", RATE) for name in "abc")
    return Machine(
        key=key, line="line-1", site="busan", supply_frequency=50.0, pole_pairs=2, rotor_slots=28, points=phases
    )


def currents(index: int) -> Acquisition:
    time_axis = np.arange(8192) / RATE
    rng = np.random.default_rng(index)
    waves = tuple(
        Waveform(
            f"phase-{name}",
            (np.cos(2 * np.pi * (50 * time_axis - place / 3)) + 0.01 * rng.normal(size=8192)).astype(np.float32),
            RATE,
            "A",
        )
        for place, name in enumerate("abc")
    )
    return Acquisition("fan-01", NOW - timedelta(minutes=10 * (index + 1)), waves, (), OperatingContext(speed=24.3))


def test_phases_are_computed_together(pool: Pool, settings: Settings) -> None:
    add(pool, motor())
    send(pool, *[currents(i) for i in range(3)])
    run_dry(pool, settings)
    everything = f"SELECT * FROM feature_current_v1 WHERE feature_version = {NEWEST} ORDER BY point_id, measured_at"
    of_worker = ask(pool, everything)
    make_old(pool)
    with pool.connection() as conn:  # a run that was killed in a machine's middle
        conn.execute("DELETE FROM feature_current_v1")
    assert backfill_features(pool, "current", version=1).computed == 9
    assert backfill_features(pool, "current").computed == 9
    assert ask(pool, everything) == of_worker
    assert ask(pool, f"SELECT count(park_modulus) FROM feature_current_v1 WHERE feature_version = {NEWEST}") == [(3,)]


def test_a_row_that_a_worker_wrote_meanwhile_stays(analysed: Pool) -> None:
    """A channel that came late is in the worker's row, not in what backfill read before."""
    with analysed.connection() as conn:
        conn.execute(
            "INSERT INTO feature_vibration_v1 (point_id, measured_at, feature_version, rms) "
            "SELECT point_id, measured_at, %s, 42 FROM feature_vibration_v1 "
            "WHERE point_id = (SELECT min(point_id) FROM feature_vibration_v1)",
            (NEWEST,),
        )
    assert backfill_features(analysed, "vibration").computed == 40
    assert ask(analysed, "SELECT count(*) FROM feature_vibration_v1 WHERE rms = 42") == [(40,)]


def test_two_at_once_do_no_harm(analysed: Pool) -> None:
    computed: list[int] = []

    def one() -> None:
        computed.append(backfill_features(analysed, "vibration", batch=2).computed)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(computed) == 3
    assert sum(computed) == 80
    assert rows_by_version(analysed) == {1: 80, NEWEST: 80}


GEARED = Machine(
    key="mill-01",
    line="line-1",
    site="busan",
    components=(Component("pinion", ComponentKind.GEAR, teeth=20),),
    points=(
        MeasurementPoint("case", "acceleration", "g", RATE, None, "pinion"),
        MeasurementPoint("tacho", "tachometer", "V", RATE, pulses_per_turn=1),
    ),
)


def test_a_tachometer_of_the_same_acquisition_counts_for_its_vibration(pool: Pool, settings: Settings) -> None:
    with pool.connection() as conn:
        register(conn, GEARED)
    turned = 2 * np.pi * 25 * np.arange(16384) / RATE
    waves = (
        Waveform("case", np.cos(20 * turned).astype(np.float32), RATE, "g"),
        Waveform("tacho", np.cos(turned).astype(np.float32), RATE, "V"),
    )
    send(pool, Acquisition("mill-01", NOW, waves, (), OperatingContext()))
    run_dry(pool, settings)
    (row,) = ask(pool, "SELECT order_1x IS NULL, synchronous_rms, mesh_1 FROM feature_vibration_v1")
    assert row[0] is False, "the tachometer gives the speed that the context does not"
    assert row[1] == pytest.approx(9.80665 / np.sqrt(2), rel=0.01)
    of_worker = ask(pool, "SELECT * FROM feature_vibration_v1")
    with pool.connection() as conn:
        conn.execute("DELETE FROM feature_vibration_v1")
    assert backfill_features(pool, "vibration").computed == 1
    assert ask(pool, "SELECT * FROM feature_vibration_v1") == of_worker
