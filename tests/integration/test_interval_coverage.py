"""Intervals that were told of machines are held against their failures, on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.prognosis.evaluation.live_coverage import LifeOutcome
from pdm.service.maintenance.scheduler import tick
from pdm.service.platform.access import create_key
from pdm.service.prognosis import interval_coverage
from pdm.settings import Settings
from pdm.store.machines.registration import register
from pdm.store.models import live_coverage
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW, machine

Pool = ConnectionPool[Any]
HOUR = timedelta(hours=1)
Interval = tuple[float, float | None]


def tell(
    conn: Connection[Any],
    key: str,
    intervals: Sequence[Interval],
    *,
    failed_at: datetime | None = NOW,
    computed_at: datetime | None = None,
    revision: int = 0,
) -> None:
    """Write intervals [h] told of a machine in the hours before its failure, the last an hour before."""
    row = conn.execute("SELECT id FROM machine WHERE key = %s", (key,)).fetchone()
    assert row is not None
    for number, (lower, upper) in enumerate(intervals):
        at = (failed_at or NOW) - (len(intervals) - number) * HOUR
        conn.execute(
            "INSERT INTO prognosis (machine_id, measured_at, revision, computed_at, source, rul, rul_lower, rul_upper,"
            " level, evidence) VALUES (%s, %s, %s, %s, 'trend', %s, %s, %s, 0.83, '{}')",
            (row[0], at, revision, computed_at or at, 3600 * lower, 3600 * lower, upper and 3600 * upper),
        )
    if failed_at is not None:
        conn.execute(
            "INSERT INTO work_event (machine_id, kind, occurred_at, actor) VALUES (%s, 'failure', %s, 'test')",
            (row[0], failed_at),
        )


@pytest.fixture
def conn(pool: Pool) -> Any:
    with pool.connection() as conn:
        for number in range(12):
            register(conn, machine(f"m-{number}"))
        yield conn


def outcome(conn: Connection[Any], key: str) -> dict[tuple[str, float], tuple[int, int]]:
    found = {each.machine: each for each in live_coverage.fetch_outcomes(conn, "default", 50)}
    return found[key].counts if key in found else {}


def test_covered_intervals_are_counted_and_an_open_end_covers_all_beyond(conn: Connection[Any]) -> None:
    tell(conn, "m-0", [(1, 6), (1, None), (2.5, None), (2, 3), (0, 0.5)])  # 5, 4, 3, 2 and 1 h before the failure
    assert outcome(conn, "m-0") == {("trend", 0.83): (5, 4)}
    assert live_coverage.fetch_outcomes(conn, "default", 50) == [
        LifeOutcome("m-0", NOW.timestamp(), {("trend", 0.83): (5, 4)})
    ]


def test_predictions_of_the_previous_life_or_after_the_failure_was_known_do_not_count(conn: Connection[Any]) -> None:
    tell(conn, "m-0", [(0, 9)] * 3, failed_at=NOW - 10 * HOUR)
    tell(conn, "m-0", [(0, 9)] * 4)
    found = live_coverage.fetch_outcomes(conn, "default", 50)
    assert sorted(each.counts["trend", 0.83] for each in found) == [(3, 3), (4, 4)]
    conn.execute("UPDATE work_event SET recorded_at = %s", (NOW,))
    tell(conn, "m-1", [(0, 9)] * 4, computed_at=NOW + timedelta(days=900))
    assert outcome(conn, "m-1") == {}


def test_the_first_prediction_counts_and_its_revision_by_late_data_does_not(conn: Connection[Any]) -> None:
    tell(conn, "m-0", [(5, 9)] * 2, failed_at=None)
    tell(conn, "m-0", [(0, 9)] * 2, revision=1)
    assert outcome(conn, "m-0") == {("trend", 0.83): (2, 0)}


def test_only_the_last_lives_count(conn: Connection[Any]) -> None:
    for number in range(4):
        tell(conn, f"m-{number}", [(0, 9)], failed_at=NOW - number * HOUR)
    assert {each.machine for each in live_coverage.fetch_outcomes(conn, "default", 2)} == {"m-0", "m-1"}


def test_the_clockwork_tracks_new_failures_and_the_api_says_what_no_longer_holds(
    pool: Pool, settings: Settings, conn: Connection[Any]
) -> None:
    for number in range(10):
        tell(conn, f"m-{number}", [(30, 40)] * 3)
    tell(conn, "m-11", [(30, 40)], failed_at=None)
    conn.commit()
    assert tick(pool, settings, NOW).done["live-coverage"] == "1 fleets"
    key = create_key(pool, name="reader", role="read", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as api:
        found = api.get("/v1/models/coverage", params={"fleet": "default"}).json()["items"]
        assert [(f["source"], f["level"], f["lives"], f["coverage"], f["verdict"]) for f in found] == [
            ("trend", 0.83, 10, 0.0, "has-stopped-holding")
        ]
        assert found[0]["chance"] < 1e-6
        assert api.get("/v1/models/coverage", params={"fleet": "other"}).json()["items"] == []
        assert api.get("/v1/machines/m-11/prognosis").json()["interval_verdict"] == "has-stopped-holding"
        assert api.get("/v1/machines/m-10/prognosis").json()["interval_verdict"] is None
        assert 'pdm_interval_coverage{fleet="default",level="0.83",source="trend"} 0.0' in api.get("/metrics").text
    with pool.connection() as other:
        assert live_coverage.fetch_fleets_with_new_failures(other) == ["default"]  # by the test's clock, of 2026-11-01
        interval_coverage.track(other, settings, NOW + timedelta(days=900))
        assert live_coverage.fetch_fleets_with_new_failures(other) == []
