"""Rows of several feature versions: every reader takes the newest of a time, and no time counts twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from psycopg_pool import ConnectionPool

from features.catalogue import names
from pdm.store.analysis.feature_rows import fetch_features, insert_features
from tests.integration.plant import NOW, ask

Pool = ConnectionPool[Any]
MINUTE = timedelta(minutes=1)


def write(pool: Pool, version: int, times: list[datetime], rms: float, point: int = 1) -> None:
    columns = ("rms", "peak")
    values = np.array([[rms + i, 2 * rms] for i in range(len(times))], np.float32)
    reasons = np.zeros(len(times), np.uint32)
    for table in ("feature_vibration_v1", "feature_current_v1"):
        with pool.connection() as conn:
            insert_features(conn, table, columns, [point] * len(times), times, values, reasons, version)


def test_a_replay_reads_the_newest_version_of_each_time(pool: Pool) -> None:
    times = [NOW + i * MINUTE for i in range(3)]
    write(pool, 1, times, 1.0)
    write(pool, 2, times[1:2], 50.0)
    with pool.connection() as conn:
        found = fetch_features(conn, "feature_vibration_v1", names("vibration"), [1, 2], times)
    place = names("vibration").index("rms")
    assert {at: vector[place] for (_, at), vector in found.items()} == {times[0]: 1, times[1]: 50, times[2]: 3}
    assert np.isnan(found[1, times[1]][names("vibration").index("fm4")])


@pytest.mark.parametrize("kind", ["vibration", "current"])
def test_hourly_figures_count_each_time_once_in_its_newest_version(pool: Pool, kind: str) -> None:
    hours = [NOW, NOW + 60 * MINUTE, NOW + 120 * MINUTE]
    old = [hour + i * MINUTE for hour in hours[:2] for i in range(3)]
    write(pool, 1, old, 1.0)  # 1..3, 4..6
    write(pool, 2, old[4:], 100.0)  # 100, 101 in the second hour
    write(pool, 2, [hours[1] + 30 * MINUTE, hours[2]], 10.0)  # 10 in the second hour, 11 in the third
    write(pool, 1, [hours[0]], 7.0, point=2)
    hourly = f"SELECT point_id, bucket, acquisitions, rms_mean, rms_max FROM newest_feature_{kind}_hourly ORDER BY 1, 2"
    assert ask(pool, hourly) == [
        (1, hours[0], 3, 2.0, 3.0),
        (1, hours[1], 4, (4 + 100 + 101 + 10) / 4, 101.0),
        (1, hours[2], 1, 11.0, 11.0),
        (2, hours[0], 1, 7.0, 7.0),
    ]
    rows = f"SELECT count(*), max(feature_version) FROM newest_feature_{kind} WHERE point_id = 1"
    assert ask(pool, rows) == [(8, 2)]


@pytest.mark.parametrize("kind", ["vibration", "current"])
def test_the_views_have_every_column_of_their_tables(pool: Pool, kind: str) -> None:
    columns = "SELECT attname::text FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 ORDER BY attnum"
    assert ask(pool, columns.format(f"newest_feature_{kind}")) == ask(pool, columns.format(f"feature_{kind}_v1"))


def test_a_range_of_one_point_is_read_from_the_end_of_the_index(pool: Pool) -> None:
    plan = ask(
        pool,
        "EXPLAIN SELECT rms FROM newest_feature_vibration WHERE point_id = 1 "
        "AND measured_at BETWEEN '2026-11-01' AND '2026-11-02'",
    )
    assert not any("Seq Scan on feature" in line for (line,) in plan)
