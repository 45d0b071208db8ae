"""Corrections over the API: work events, and machines, points and sensors out of use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from psycopg_pool import ConnectionPool

from pdm.ingest.encode import encode_raw
from pdm.ingest.fleet_file import machine_to_document
from pdm.measurements import Acquisition, Scalar, Waveform
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.machines.registration import register
from tests.integration import plant
from tests.integration.api_server import client, serve

M = "/v1/machines/press-07"
AT = "2026-10-01T00:00:00Z"
NUL = {"rolling_elements": 9, "element_diameter_mm": 8, "pitch_diameter_mm": 40, "source": "a\x00"}
FAILURE = {"kind": "failure", "component": "bearing-de", "occurred_at": AT, "finding": "spalled"}


@pytest.fixture
def kim(settings: Settings, pool: ConnectionPool[Any]) -> Iterator[httpx.Client]:
    with pool.connection() as conn:
        register(conn, plant.machine())
    key = create_key(pool, name="kim", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as caller:
        yield caller


def send(kim: httpx.Client, point: str, rate: float, minute: int) -> dict[str, Any]:
    at = plant.NOW.replace(minute=minute, year=2025)
    wave = Waveform(point, np.ones(64, np.float32), rate, "g")
    content_type, body = encode_raw([Acquisition("press-07", at, (wave,))])
    answer = kim.post("/v1/acquisitions", content=body, headers={"Content-Type": content_type})
    result: dict[str, Any] = answer.json()["results"][0]
    return result


def test_a_work_event_is_voided_with_a_reason_and_both_are_listed(kim: httpx.Client) -> None:
    event = kim.post(f"{M}/work-events", json=FAILURE).json()
    voided = kim.patch(f"{M}/work-events/{event['id']}", json={"status": "voided", "reason": "wrong machine"})
    assert voided.status_code == 200
    (listed,) = kim.get(f"{M}/work-events").json()["items"]
    assert (listed["status"], listed["kind"], listed["component"]) == ("voided", "failure", "bearing-de")
    (correction,) = listed["corrections"]
    assert (correction["status"], correction["reason"], correction["actor"]) == ("voided", "wrong machine", "kim")
    again = kim.post(f"{M}/work-events", json=FAILURE)
    assert (again.status_code, again.json()["field"]) == (409, "occurred_at")
    assert "status 'confirmed'" in again.json()["detail"]


def test_a_work_event_is_corrected_field_by_field(kim: httpx.Client) -> None:
    path = f"{M}/work-events/{kim.post(f'{M}/work-events', json=FAILURE).json()['id']}"
    found = kim.patch(path, json={"status": "corrected", "reason": "all of it", "component": None})
    assert (found.status_code, found.json()["component"], found.json()["occurred_at"]) == (200, None, AT)
    moved = kim.patch(path, json={"status": "corrected", "reason": "clock", "occurred_at": "2026-10-02T00:00:00Z"})
    assert (moved.json()["component"], moved.json()["occurred_at"]) == (None, "2026-10-02T00:00:00Z")
    assert [each["status"] for each in moved.json()["corrections"]] == ["corrected", "corrected"]
    for wrong, field in (
        ({"status": "voided", "reason": " "}, "reason"),
        ({"status": "gone", "reason": "x"}, "status"),
        ({"status": "corrected", "reason": "x"}, "status"),
        ({"status": "corrected", "reason": "x", "kind": None}, "kind"),
        ({"status": "voided", "reason": "x", "kind": "stop"}, "kind"),
    ):
        refused = kim.patch(path, json=wrong)
        assert (refused.status_code, field in str(refused.json())) == (422, True), refused.text
    assert kim.patch(f"{M}/work-events/999", json={"status": "voided", "reason": "x"}).status_code == 404


def test_a_failure_entered_twice_is_asked_about_until_it_is_confirmed(kim: httpx.Client) -> None:
    first = kim.post(f"{M}/work-events", json=FAILURE).json()
    second = kim.post(f"{M}/work-events", json=FAILURE | {"occurred_at": "2026-10-01T01:00:00Z"}).json()
    (doubt,) = second["doubts"]
    assert (doubt["code"], doubt["failure"], doubt["earlier"]) == ("failure-entered-twice", second["id"], first["id"])
    assert doubt["question"].endswith("is it the same failure?")
    assert [len(each["doubts"]) for each in kim.get(f"{M}/work-events").json()["items"]] == [1, 1]
    kim.patch(f"{M}/work-events/{second['id']}", json={"status": "confirmed", "reason": "it failed again"})
    assert [each["doubts"] for each in kim.get(f"{M}/work-events").json()["items"]] == [[], []]


def test_a_sensor_is_replaced_by_one_of_another_rate_in_one_call(kim: httpx.Client) -> None:
    assert send(kim, "de-h", plant.RATE, 1)["outcome"] == "stored"
    question = {"at": "2025-11-01T12:10:00Z", "sampling_rate_hz": 12800, "reason": "broken"}
    done = kim.post(f"{M}/points/de-h/replace", json=question)
    assert done.status_code == 200, done.text
    assert [p["sampling_rate_hz"] for p in done.json()["points"] if p["point"] == "de-h"] == [12800]
    assert send(kim, "de-h", 12800.0, 20)["outcome"] == "stored"
    assert send(kim, "de-h", plant.RATE, 5)["outcome"] == "stored", "measured before, delivered late"
    (problem, *_) = send(kim, "de-h", plant.RATE, 30)["problems"]
    assert problem["code"] == "sampling-rate"


def test_a_sensor_moves_to_another_machine_in_one_call(kim: httpx.Client) -> None:
    other = {"key": "fan-2", "site": "busan", "line": "line-1", "components": [], "points": []}
    assert kim.put("/v1/machines/fan-2", json=other).status_code in (200, 201)
    question = {"at": AT, "machine": "fan-2", "reason": "it is needed there"}
    moved = kim.post(f"{M}/points/de-h/replace", json=question)
    assert moved.status_code == 200, moved.text
    assert (moved.json()["machine"], [p["point"] for p in moved.json()["points"]]) == ("fan-2", ["de-h"])
    assert moved.json()["points"][0]["component"] is None, "of the other machine unless it is named"
    assert "de-h" not in [p["point"] for p in kim.get(M).json()["points"]]
    again = kim.post(f"{M}/points/de-v/replace", json=question | {"key": "de-h"})
    assert (again.status_code, "has a point 'de-h' already" in again.text) == (409, True)
    unknown = kim.post(f"{M}/points/de-v/replace", json=question | {"machine": "fan-9"})
    assert (unknown.status_code, "fan-9" in unknown.text) == (404, True)
    kim.post("/v1/machines/fan-2/retire", json={"reason": "sold"})
    retired = kim.post(f"{M}/points/de-v/replace", json=question)
    assert (retired.status_code, "restore it first" in retired.text) == (409, True)


def test_how_far_ahead_a_time_may_be_is_as_configured_for_events_sensors_and_corrections(
    settings: Settings, pool: ConnectionPool[Any]
) -> None:
    with pool.connection() as conn:
        register(conn, plant.machine())
    key = create_key(pool, name="kim", role="admin", sites=None, actor="test")
    ahead = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    calls = [
        (f"{M}/work-events", FAILURE | {"occurred_at": ahead}),
        (f"{M}/points/de-h/replace", {"at": ahead, "sampling_rate_hz": 12800, "reason": "broken"}),
        (f"{M}/points/de-v/correct", {"from": ahead, "factor": 2, "reason": "gain"}),
    ]
    with serve(settings) as url, client(url, key) as caller:
        assert [caller.post(path, json=body).status_code for path, body in calls] == [422, 422, 422]
    with serve(replace(settings, future_tolerance_s=3600.0)) as url, client(url, key) as caller:
        assert [caller.post(path, json=body).status_code for path, body in calls] == [201, 200, 200]


def test_a_retired_point_is_neither_missing_nor_accepted_until_it_is_restored(kim: httpx.Client) -> None:
    missing = [each["field"] for each in send(kim, "de-h", plant.RATE, 1)["problems"]]
    assert missing == ["de-v"]
    retired = kim.post(f"{M}/points/de-v/retire", json={"reason": "cable torn"})
    assert retired.status_code == 200, retired.text
    assert [p["point"] for p in retired.json()["points"]] == ["de-h", "oil"]
    assert [(p["point"], p["retired_reason"]) for p in retired.json()["retired_points"]] == [("de-v", "cable torn")]
    assert send(kim, "de-h", plant.RATE, 2)["problems"] == []
    (problem,) = send(kim, "de-v", plant.RATE, 3)["problems"]
    assert problem["code"] == "retired-point"
    assert f"POST {M}/points/de-v/restore" in problem["detail"]
    again = kim.put(M, json=machine_to_document(plant.machine())).json()
    assert (again["outcome"], again["stays_retired"]) == ("unchanged", ["de-v"])
    assert kim.post(f"{M}/points/de-v/restore", json={"reason": "new cable"}).status_code == 200
    assert send(kim, "de-v", plant.RATE, 4)["outcome"] == "stored"
    assert kim.post(f"{M}/points/dee/retire", json={"reason": "x"}).status_code == 404


def test_a_retired_machine_leaves_the_fleet_and_its_site_until_it_is_restored(kim: httpx.Client) -> None:
    send(kim, "de-h", plant.RATE, 1)
    retired = kim.post(f"{M}/retire", json={"reason": "scrapped"})
    assert (retired.status_code, retired.json().get("retired_reason")) == (200, "scrapped")
    assert kim.get("/v1/machines").json()["items"] == []
    assert [each["machine"] for each in kim.get("/v1/machines?retired=true").json()["items"]] == ["press-07"]
    assert kim.get("/v1/sites/busan/health").status_code == 404
    assert send(kim, "de-h", plant.RATE, 2)["problems"][0]["code"] == "retired-machine"
    assert kim.get(M).json()["retired_at"] is not None
    back = kim.post(f"{M}/restore", json={"reason": "bought back"})
    assert (back.json()["retired_at"], back.json()["retired_reason"]) == (None, None)
    assert len(kim.get("/v1/machines").json()["items"]) == 1
    assert send(kim, "de-h", plant.RATE, 2)["outcome"] == "stored"


def _acquire(kim: httpx.Client, minute: int, level: float, oil: float) -> str:
    at = plant.NOW.replace(minute=minute, year=2025)
    waves = tuple(Waveform(point, np.full(64, level, np.float32), plant.RATE, "g") for point in ("de-h", "de-v"))
    content_type, body = encode_raw([Acquisition("press-07", at, waves, (Scalar("oil", oil, "degC"),))])
    assert kim.post("/v1/acquisitions", content=body, headers={"Content-Type": content_type}).status_code == 200
    return at.isoformat().replace("+00:00", "Z")


def test_a_corrected_measurement_is_read_corrected_and_says_so(kim: httpx.Client) -> None:
    first, second = _acquire(kim, 1, 4.0, 50.0), _acquire(kim, 2, 4.0, 122.0)
    wrong = {"from": second, "reason": "10 mV/g entered for a 100 mV/g sensor", "factor": 0.25}
    made = kim.post(f"{M}/points/de-h/correct", json=wrong)
    assert made.status_code == 200, made.text
    found = made.json()
    assert (found["field"], found["value"], found["registered"], found["point"]) == ("factor", 0.25, 1.0, "de-h")
    assert (found["from"], found["until"], found["is_open_ended"], found["status"]) == (second, None, True, "in-force")
    assert "still to come" in found["notice"] and found["actor"] == "kim"
    assert (found["not_corrected"], found["progress"], found["voided"]) == (None, "done", None)
    as_sent, read = (kim.get(f"{M}/acquisitions/{at}/waveforms/de-h").json() for at in (first, second))
    assert as_sent["samples"][0] == pytest.approx(4 * 9.80665) and as_sent["corrections"] == []
    assert read["samples"][0] == pytest.approx(9.80665)
    assert read["corrections"] == [{"id": found["id"], "field": "factor", "registered": 1.0, "value": 0.25}]
    spectrum = kim.get(f"{M}/acquisitions/{second}/spectrum/de-h").json()
    assert [each["id"] for each in spectrum["corrections"]] == [found["id"]]
    trend = kim.get(f"{M}/features/de-h").json()
    assert [each["id"] for each in trend["corrections"]] == [found["id"]]


def test_corrected_scalars_and_swapped_channels_are_read_corrected(kim: httpx.Client) -> None:
    _acquire(kim, 1, 4.0, 50.0)
    second = _acquire(kim, 2, 4.0, 122.0)
    assert kim.post(f"{M}/points/oil/correct", json={"from": second, "unit": "degF", "reason": "x"}).status_code == 200
    values = kim.get(f"{M}/scalars/oil/values").json()["items"]
    assert [(round(v["value"], 9), v["unit"], v["is_corrected"]) for v in values] == [
        (50.0, "degC", True),
        (50.0, "degC", False),
    ]
    trend = kim.get(f"{M}/scalars/oil").json()
    assert (trend["last"]["value"], trend["values"]["maximum"][-1]) == (pytest.approx(50), pytest.approx(50))
    assert [each["field"] for each in trend["corrections"]] == ["unit"]
    swapped = {"from": second, "swap_with": "de-v", "reason": "cables"}
    number = kim.post(f"{M}/points/de-h/correct", json=swapped).json()["id"]
    kim.post(f"{M}/points/de-v/correct", json={"from": second, "factor": 0.5, "reason": "gain"})
    read = kim.get(f"{M}/acquisitions/{second}/waveforms/de-h").json()
    assert read["samples"][0] == pytest.approx(2 * 9.80665), "what was sent as de-v, with its correction"
    assert [each["field"] for each in read["corrections"]] == ["swap_with", "factor"]
    listed = kim.get(f"{M}/corrections").json()["items"]
    assert [each["field"] for each in listed] == ["factor", "swap_with", "unit"]
    voided = kim.patch(f"{M}/corrections/{number}", json={"status": "voided", "reason": "they were right"})
    assert (voided.status_code, voided.json()["status"], voided.json()["voided"]["actor"]) == (200, "voided", "kim")
    read = kim.get(f"{M}/acquisitions/{second}/waveforms/de-h").json()
    assert (read["samples"][0], read["corrections"]) == (pytest.approx(4 * 9.80665), [])
    assert kim.get(f"{M}/corrections").json()["items"][1]["status"] == "voided"


def test_a_corrected_bearing_is_listed_and_the_registered_one_stays(kim: httpx.Client) -> None:
    made = kim.post(f"{M}/components/bearing-de/correct", json={"from": AT, "bearing": "6205", "reason": "nameplate"})
    assert made.status_code == 200, made.text
    assert (made.json()["component"], made.json()["registered"]) == ("bearing-de", None)
    assert made.json()["value"]["rolling_elements"] == 9


def test_former_keys_are_corrected_as_present_ones(kim: httpx.Client) -> None:
    for place, key in (("", "press-9"), ("/points/de-h", "drive-h"), ("/points/de-v", "drive-v")):
        assert kim.post(f"{M}{place}/rename", json={"key": key, "reason": "scheme"}).status_code == 200
    assert kim.post(f"{M}/components/bearing-de/rename", json={"key": "drive", "reason": "scheme"}).status_code == 200
    swapped = kim.post(f"{M}/points/de-h/correct", json={"from": AT, "swap_with": "de-v", "reason": "cables"})
    assert (swapped.status_code, swapped.json()["value"]) == (200, "drive-v"), swapped.text
    made = kim.post(f"{M}/components/bearing-de/correct", json={"from": AT, "bearing": "6205", "reason": "nameplate"})
    assert (made.status_code, made.json()["component"]) == (200, "drive"), made.text
    listed = kim.get(f"{M}/corrections").json()["items"]
    assert [(each["point"], each["component"]) for each in listed] == [(None, "drive"), ("drive-h", None)]


@pytest.mark.parametrize(
    ("path", "change", "status", "named"),
    [
        ("points/de-h", {}, 422, "give exactly one of factor, unit"),
        ("points/de-h", {"factor": 2, "unit": "mg"}, 422, "2 corrected fields are given (factor, unit)"),
        ("points/de-h", {"factor": None}, 422, "factor cannot be null"),
        ("points/de-h", {"factr": 2}, 422, "factor"),
        ("points/de-h", {"factor": 2, "from": None}, 422, "from"),
        ("points/de-h", {"factor": 2, "until": "2026-09-01T00:00:00Z"}, 422, "must be before 'until'"),
        ("points/de-h", {"factor": 2, "reason": " "}, 422, "reason"),
        ("points/de-h", {"factor": 2, "from": "2099-01-01T00:00:00Z"}, 422, "ahead of the server's clock"),
        ("points/de-h", {"unit": "gg"}, 422, "m/s2, g, mg"),
        ("points/de-x", {"factor": 2}, 404, "de-h"),
        ("points/de-h", {"factor": "1e999"}, 422, "factor"),
        ("points/de-h", {"direction": "a\x00"}, 422, "direction"),
        ("components/bearing-de", {"bearing": NUL}, 422, "source"),
        ("components/bearing-de", {"bearing": True}, 422, "bearing"),
        ("components/bearing-de", {"bearing": "9999"}, 422, "9999"),
        ("components/bearing-de", {"bearing": {"balls": 9}}, 422, "balls"),
        ("components/bearing-dd", {"bearing": "6205"}, 404, "bearing-de"),
    ],
)
def test_wrong_corrections_are_refused_by_name(
    kim: httpx.Client, path: str, change: dict[str, Any], status: int, named: str
) -> None:
    refused = kim.post(f"{M}/{path}/correct", json={"from": AT, "reason": "x"} | change)
    assert (refused.status_code, named in refused.text) == (status, True), refused.text
