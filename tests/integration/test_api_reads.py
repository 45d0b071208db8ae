"""What the API tells of a machine: the newest revision, what was known before, pages, trends and spectra."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from psycopg_pool import ConnectionPool

from features.catalogue.reasons import TEXTS, Reason
from pdm.ingest.encode import encode_raw
from pdm.measurements import Acquisition, OperatingContext, Waveform
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from tests.integration import plant
from tests.integration.api_server import client, serve

AT = datetime(2026, 10, 1, tzinfo=UTC)
HOURS = 30
MACHINE = "/v1/machines/press-07"


@pytest.fixture
def caller(settings: Settings, pool: ConnectionPool[Any]) -> Iterator[httpx.Client]:
    with pool.connection() as conn:
        plant.register(conn, plant.machine())
    key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as opened:
        yield opened


def _conclude(dsn: str) -> None:
    """A life of 30 hours, health falling; the last hour was assessed twice."""
    with psycopg.connect(dsn) as conn:
        machine_id = plant_id(conn)
        rows = [(hour, 0, AT + timedelta(days=1), 1 - hour / 100) for hour in range(HOURS)]
        rows.append((HOURS - 1, 1, AT + timedelta(days=9), 0.25))
        for hour, revision, computed_at, health in rows:
            at = AT + timedelta(hours=hour)
            conn.execute(
                "INSERT INTO assessment (machine_id, measured_at, revision, computed_at, health, learning_progress,"
                " operating_state, indicators, evidence, rule_version)"
                " VALUES (%s, %s, %s, %s, %s, 1, 'run', '{}', '{\"why\": 1}', '1')",
                (machine_id, at, revision, computed_at, health),
            )
            conn.execute(
                "INSERT INTO prognosis (machine_id, measured_at, revision, computed_at, source, rul, rul_lower,"
                " evidence) VALUES (%s, %s, %s, %s, 'model', 3600, 1800, '{}')",
                (machine_id, at, revision, computed_at),
            )


def plant_id(conn: psycopg.Connection[Any]) -> int:
    row = conn.execute("SELECT id FROM machine WHERE key = 'press-07'").fetchone()
    assert row is not None
    return int(row[0])


def test_a_machine_that_was_never_analysed_says_so(caller: httpx.Client) -> None:
    health = caller.get(f"{MACHINE}/health").json()
    assert (health["health"], health["learning_progress"]) == (None, 0.0)
    prognosis = caller.get(f"{MACHINE}/prognosis").json()
    assert (prognosis["source"], prognosis["rul_s"]) == ("none", None)
    assert prognosis["reason"]


def test_the_newest_revision_is_returned_and_the_previous_one_as_of_its_time(
    caller: httpx.Client, settings: Settings
) -> None:
    _conclude(settings.dsn)
    newest = caller.get(f"{MACHINE}/health").json()
    assert (newest["health"], newest["revision"], newest["evidence"]) == (0.25, 1, {"why": 1})
    known = caller.get(f"{MACHINE}/health", params={"as_of": "2026-10-05T00:00:00Z"}).json()
    assert known["health"] == pytest.approx(1 - (HOURS - 1) / 100)
    assert caller.get(f"{MACHINE}/health", params={"as_of": "2026-09-01T00:00:00Z"}).json()["health"] is None
    prognosis = caller.get(f"{MACHINE}/prognosis").json()
    assert (prognosis["rul_s"], prognosis["rul_lower_s"], prognosis["rul_upper_s"]) == (3600, 1800, None)
    fleet = caller.get("/v1/machines").json()["items"][0]
    assert (fleet["health"], fleet["rul_s"], fleet["alert"]) == (0.25, 3600, None)


def test_pages_of_a_history_meet_without_gap_or_overlap(caller: httpx.Client, settings: Settings) -> None:
    _conclude(settings.dsn)
    for kind in ("health", "prognosis"):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            parameters = {"limit": "7"} | ({"cursor": cursor} if cursor else {})
            page = caller.get(f"{MACHINE}/{kind}/history", params=parameters).json()
            seen += [item["measured_at"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == len(set(seen)) == HOURS


def test_a_stored_waveform_comes_back_in_si_with_its_spectrum(caller: httpx.Client) -> None:
    time = np.arange(2560) / plant.RATE
    wave = Waveform("de-h", np.sin(2 * np.pi * 1000 * time).astype(np.float32), plant.RATE, "g")
    content_type, body = encode_raw([Acquisition("press-07", AT, (wave,), context=OperatingContext(speed=25.0))])
    sent = caller.post("/v1/acquisitions", content=body, headers={"Content-Type": content_type})
    assert sent.status_code == 200
    found = caller.get(f"{MACHINE}/acquisitions").json()["items"][0]
    assert found["speed_rpm"] == 1500
    waveform = caller.get(f"{MACHINE}/acquisitions/{found['measured_at']}/waveforms/de-h").json()
    assert waveform["unit"] == "m/s2"
    np.testing.assert_allclose(waveform["samples"], wave.samples.astype(float) * 9.80665, rtol=1e-6)
    spectrum = caller.get(f"{MACHINE}/acquisitions/{found['measured_at']}/spectrum/de-h").json()
    peak = int(np.argmax(spectrum["amplitudes"]))
    assert peak * spectrum["resolution_hz"] == 1000
    assert spectrum["amplitudes"][peak] == pytest.approx(9.80665, rel=1e-6)


def test_features_are_returned_as_minimum_mean_and_maximum_of_steps(caller: httpx.Client, settings: Settings) -> None:
    with psycopg.connect(settings.dsn) as conn:
        for minute, rms in enumerate((1.0, 2.0, 6.0, 10.0)):
            conn.execute(
                "INSERT INTO feature_vibration_v1 (point_id, measured_at, feature_version, rms)"
                " SELECT id, %s, 1, %s FROM point WHERE key = 'de-h'",
                (AT + timedelta(minutes=minute), rms),
            )
    parameters = {"names": "rms,kurtosis", "from": AT.isoformat(), "to": "2026-10-01T01:00:00Z", "resolution_s": 180}
    trend = caller.get(f"{MACHINE}/features/de-h", params=parameters).json()
    assert trend["counts"] == [3, 1]
    assert trend["features"]["rms"] == {"minimum": [1, 10], "mean": [3, 10], "maximum": [6, 10]}
    assert trend["features"]["kurtosis"]["mean"] == [None, None]
    assert trend["feature_version"] == 1
    assert caller.get(f"{MACHINE}/features/de-h", params={"names": "no_such"}).status_code == 422
    finer = parameters | {"resolution_s": 0.01}
    assert caller.get(f"{MACHINE}/features/de-h", params=finer).status_code == 422


def test_of_two_versions_the_newest_counts_once_and_what_is_absent_says_why(
    caller: httpx.Client, settings: Settings
) -> None:
    too_short, supply = 4, 64
    with psycopg.connect(settings.dsn) as conn:
        for minute, version, rms, reasons in (
            (0, 1, 1.0, 0),
            (0, 2, 3.0, too_short),
            (1, 1, 5.0, 0),
            (2, 2, 7.0, supply),
        ):
            conn.execute(
                "INSERT INTO feature_vibration_v1 (point_id, measured_at, feature_version, rms, reasons, fm4)"
                " SELECT id, %s, %s, %s, %s, %s FROM point WHERE key = 'de-h'",
                (AT + timedelta(minutes=minute), version, rms, reasons, 3.0 if minute == 2 else None),
            )
    parameters = {"names": "rms,velocity_rms,fm4", "from": AT.isoformat(), "to": "2026-10-01T01:00:00Z"}
    trend = caller.get(f"{MACHINE}/features/de-h", params=parameters | {"resolution_s": 3600}).json()
    assert trend["counts"] == [3]
    assert trend["features"]["rms"] == {"minimum": [3], "mean": [5], "maximum": [7]}
    assert trend["feature_version"] == 2
    assert set(trend["absent"]) == {"velocity_rms", "fm4"}
    assert trend["absent"]["velocity_rms"] == {"count": 3, "reason": TEXTS[Reason.RECORD_TOO_SHORT]}
    assert trend["absent"]["fm4"]["count"] == 2
    assert "pdm backfill" in trend["absent"]["fm4"]["reason"]
    empty = caller.get(f"{MACHINE}/features/de-h", params=parameters | {"from": "2026-10-01T00:30:00Z"}).json()
    assert (empty["feature_version"], empty["absent"]) == (None, {})


def test_scalars_are_returned_in_their_declared_unit_in_steps_and_one_by_one(caller: httpx.Client) -> None:
    values = {0: 50.0, 1: 52.0, 2: 54.0, 5: 61.5}
    records = [
        {
            "machine": "press-07",
            "measured_at": (AT + timedelta(minutes=minute)).isoformat(),
            "scalars": [{"point": "oil", "unit": "degC", "value": value}],
        }
        for minute, value in values.items()
    ]
    assert caller.post("/v1/acquisitions", json={"acquisitions": records}).json()["stored"] == 4
    span = {"from": AT.isoformat(), "to": "2026-10-01T01:00:00Z"}
    trend = caller.get(f"{MACHINE}/scalars/oil", params=span | {"resolution_s": 180}).json()
    assert (trend["quantity"], trend["unit"]) == ("temperature", "degC")
    assert trend["starts"] == ["2026-10-01T00:00:00Z", "2026-10-01T00:03:00Z"]
    assert trend["counts"] == [3, 1]
    assert trend["values"] == {"minimum": [50, 61.5], "mean": [52, 61.5], "maximum": [54, 61.5]}
    assert trend["last"] == {"measured_at": "2026-10-01T00:05:00Z", "value": 61.5}
    assert caller.get(f"{MACHINE}/scalars/oil").json()["counts"] == [4], "by default up to the last value"
    later = caller.get(f"{MACHINE}/scalars/oil", params={"from": "2026-10-02T00:00:00Z"}).json()
    assert (later["counts"], later["last"]["value"]) == ([], 61.5)
    first = caller.get(f"{MACHINE}/scalars/oil/values", params={"limit": "3"}).json()
    second = caller.get(f"{MACHINE}/scalars/oil/values", params={"cursor": first["next_cursor"]}).json()
    items = [*first["items"], *second["items"]]
    assert [(each["value"], each["unit"]) for each in items] == [(v, "degC") for v in reversed(values.values())]
    finer = caller.get(f"{MACHINE}/scalars/oil", params=span | {"resolution_s": 0.01})
    assert (finer.status_code, finer.json()["field"]) == (422, "resolution_s")
    for path in ("features/oil", f"acquisitions/{AT.isoformat().replace('+00:00', 'Z')}/waveforms/oil"):
        refused = caller.get(f"{MACHINE}/{path}").json()
        assert f"read {MACHINE}/scalars/oil" in refused["detail"]
    refused = caller.get(f"{MACHINE}/scalars/de-h").json()
    assert f"read {MACHINE}/features/de-h" in refused["detail"]


def test_the_pages_and_their_files_are_served_from_here(caller: httpx.Client) -> None:
    page = caller.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for path in ("/static/dashboard/dashboard.js", "/static/dashboard/charts.js", "/static/dashboard/style.css"):
        assert caller.get(path).status_code == 200
    docs = caller.get("/docs").text
    assert "http://" not in docs
    assert "https://" not in docs
    assert caller.get("/static/swagger/swagger-ui-bundle.js").status_code == 200
