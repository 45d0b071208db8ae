"""A fault of the simulator is diagnosed by the worker and told by the API, with what it rests on."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from psycopg_pool import ConnectionPool

from pdm.health.diagnosis.model import Diagnosis
from pdm.machines.model import Machine
from pdm.measurements import Acquisition, Waveform
from pdm.service.analysis.worker import Worker
from pdm.service.diagnosis import runner
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.acquisitions.retention import drop_old
from pdm.store.analysis import diagnoses
from pdm.store.machines.registration import fetch_machine
from pdm.twin.faults import Degradation, FaultKind
from pdm.twin.fleet import demo_fleet
from pdm.twin.simulate import Life, simulate_acquisition
from tests.integration import plant
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW, ask

Pool = ConnectionPool[Any]
STEP = timedelta(hours=1)
SOUND, ALL = 18, 30
KEY = "fan-01"
PLACE = f"/v1/machines/{KEY}/diagnosis"


@dataclasses.dataclass(frozen=True)
class Simulated:
    """A machine of which an outer race begins to spall behind the acquisition `SOUND`."""

    machine: Machine
    acquisitions: tuple[Acquisition, ...]


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    one = demo_fleet(20, NOW).simulated[KEY]
    times = tuple(NOW - STEP * (ALL - place) for place in range(ALL))
    growth = Degradation(FaultKind.OUTER_RACE, times[SOUND], times[-1] + STEP * 4, 1.0)
    life = Life(9, times, (0,) * ALL, growth)
    made = tuple(simulate_acquisition(one.machine, one.physics, life, place, (7,)) for place in range(ALL))
    return Simulated(one.machine, made)


@pytest.fixture
def worker(pool: Pool, settings: Settings, simulated: Simulated) -> Worker:
    plant.add(pool, simulated.machine)
    return Worker(pool, settings)


@pytest.fixture
def caller(settings: Settings, pool: Pool) -> Iterator[httpx.Client]:
    key = create_key(pool, name="operator", role="operate", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as opened:
        yield opened


def _analyse(pool: Pool, worker: Worker, acquisitions: Sequence[Acquisition]) -> None:
    """Send acquisitions, and let the worker run until nothing of them waits and no diagnosis is due."""
    plant.send(pool, *acquisitions)
    give_up = time.monotonic() + 20.0
    while worker.round() or ask(pool, "SELECT FROM diagnosis_due WHERE not_before <= now()"):
        assert time.monotonic() < give_up, "a diagnosis stays due"


def _when(acquisition: Acquisition) -> str:
    return acquisition.measured_at.isoformat().replace("+00:00", "Z")


def test_a_growing_fault_is_diagnosed_on_request_of_state_detection_and_returned_with_its_evidence(
    pool: Pool, worker: Worker, caller: httpx.Client, simulated: Simulated
) -> None:
    sent = simulated.acquisitions
    for start in range(0, ALL, 6):
        _analyse(pool, worker, sent[start : start + 6])
    causes = [row[0] for row in ask(pool, "SELECT cause FROM diagnosis ORDER BY computed_at")]
    assert causes[0] == "interval"
    assert "severity" in causes
    diagnosis = caller.get(PLACE).json()
    assert diagnosis["verdict"] == "SUPPORTED"
    first = diagnosis["findings"][0]
    assert (first["fault"], first["component"], first["verdict"]) == ("bearing_outer_race", "de-bearing", "SUPPORTED")
    found = [line for line in first["lines"] if line["found_hz"] is not None]
    assert found
    assert all(abs(line["found_hz"] / line["expected_hz"] - 1) < 0.03 for line in found)
    assert first["text"] != first["fault"]
    assert len(first["check_texts"]) == len(first["checks"]) > 0
    assert set(diagnosis["acquisitions"]) <= {_when(each) for each in sent}
    assert diagnosis["acquisitions"][-1] == diagnosis["measured_at"]
    assert diagnosis["speed_source"] == "measured"
    assert diagnosis["rule_version"]
    assert caller.get(f"/v1/machines/{KEY}").json()["diagnosed_at"] == diagnosis["measured_at"]
    reasons = {reason["code"] for finding in diagnosis["findings"] for reason in finding["reasons"]}
    assert reasons
    sound = caller.get(PLACE, params={"at": _when(sent[SOUND - 1])}).json()
    assert sound["measured_at"] <= _when(sent[SOUND - 1])
    assert not any(f["verdict"] == "SUPPORTED" and f["fault"].startswith("bearing") for f in sound["findings"])


def test_a_requested_diagnosis_is_computed_within_a_round_from_the_acquisitions_that_were_named(
    pool: Pool, worker: Worker, caller: httpx.Client, simulated: Simulated
) -> None:
    _analyse(pool, worker, simulated.acquisitions[:10])
    wanted: dict[str, str | int] = {"at": _when(simulated.acquisitions[6]), "records": 3}
    asked = caller.post(PLACE, json=wanted)
    assert asked.status_code == 202
    assert asked.headers["location"] == PLACE
    waiting = caller.get(PLACE).json()["due"]
    assert (waiting["cause"], waiting["error"]) == ("request", None)
    worker.round()
    diagnosis = caller.get(PLACE, params={"at": wanted["at"]}).json()
    assert (diagnosis["cause"], diagnosis["due"]) == ("request", None)
    assert diagnosis["acquisitions"] == [_when(each) for each in simulated.acquisitions[4:7]]
    assert diagnosis["computed_at"] > asked.json()["asked_at"]
    assert ask(pool, "SELECT actor, target, detail->>'records' FROM audit WHERE action = 'diagnosis.request'") == [
        ("operator", KEY, "3")
    ]


def test_levels_are_doubted_until_the_operating_states_baseline_is_learned(
    pool: Pool, worker: Worker, caller: httpx.Client, simulated: Simulated
) -> None:
    def doubts(place: int) -> set[str]:
        wanted = _when(simulated.acquisitions[place])
        caller.post(PLACE, json={"at": wanted, "records": 1})
        worker.round()
        diagnosis = caller.get(PLACE, params={"at": wanted}).json()
        assert diagnosis["acquisitions"] == [wanted]
        unbalance = next(each for each in diagnosis["findings"] if each["fault"] == "unbalance")
        return {reason["code"] for reason in unbalance["reasons"]}

    learning = simulated.machine.baseline_acquisitions
    _analyse(pool, worker, simulated.acquisitions[: learning + 3])
    assert "state-not-learned" in doubts(4)
    assert "state-not-learned" not in doubts(learning + 2)


def test_what_the_recordings_do_not_allow_is_reported_with_its_reason(
    pool: Pool, worker: Worker, caller: httpx.Client, simulated: Simulated
) -> None:
    original = simulated.acquisitions[0]
    flat = tuple(
        Waveform(w.point, np.zeros_like(w.samples), w.sampling_rate, w.unit, w.scale) for w in original.waveforms
    )
    _analyse(pool, worker, [dataclasses.replace(original, waveforms=flat)])
    diagnosis = caller.get(PLACE).json()
    assert diagnosis["verdict"] == "REFUSED"
    assert diagnosis["reasons"]
    assert all(reason["code"] for reason in diagnosis["reasons"])
    assert {reason["point"] for reason in diagnosis["reasons"]} & {w.point for w in flat}
    (line, *_) = [each["text"] for each in diagnosis["reasons"] if each["code"] == "flat"]
    assert line.endswith("The signal does not change. Remedy: check the sensor.")
    korean = caller.get(PLACE, headers={"Accept-Language": "ko-KR,ko;q=0.9"}).json()
    assert [each["code"] for each in korean["reasons"]] == [each["code"] for each in diagnosis["reasons"]]
    assert all(any("가" <= letter <= "힣" for letter in each["text"]) for each in korean["reasons"])


def test_a_machine_without_a_diagnosis_says_what_to_do(pool: Pool, caller: httpx.Client, simulated: Simulated) -> None:
    plant.add(pool, simulated.machine)
    answer = caller.get(PLACE)
    assert answer.status_code == 404
    assert "POST" in answer.json()["detail"]
    assert caller.post(PLACE).status_code == 202
    assert "is in the queue" in caller.get(PLACE).json()["detail"]


def test_a_request_without_recordings_is_given_up_with_the_reason(
    pool: Pool, worker: Worker, caller: httpx.Client
) -> None:
    caller.post(PLACE)
    worker.round()
    assert "no waveforms" in caller.get(PLACE).json()["detail"]
    assert ask(pool, "SELECT count(*) FROM diagnosis") == [(0,)]
    assert "pdm_diagnoses_failed 1.0" in caller.get("/metrics").text


def test_a_failing_diagnosis_leaves_the_analysis_alone_and_is_tried_again_later(
    pool: Pool, worker: Worker, simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Diagnosis:
        raise ZeroDivisionError("on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(runner, "diagnose", fail)
        _analyse(pool, worker, simulated.acquisitions[:3])
    assert ask(pool, "SELECT count(*) FROM assessment") == [(3,)]
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    (row,) = ask(pool, "SELECT attempts, error, not_before > now() FROM diagnosis_due")
    assert row == (1, "ZeroDivisionError: on purpose", True)
    ask(pool, "UPDATE diagnosis_due SET not_before = now() RETURNING 1")
    _analyse(pool, worker, ())
    assert ask(pool, "SELECT count(*) FROM diagnosis") == [(1,)]
    assert ask(pool, "SELECT count(*) FROM diagnosis_due") == [(0,)]


def test_what_fails_while_asking_for_a_diagnosis_leaves_the_analysis_alone(
    pool: Pool, worker: Worker, simulated: Simulated, caplog: pytest.LogCaptureFixture
) -> None:
    with pool.connection() as conn:
        conn.execute("ALTER TABLE diagnosis_due ADD CHECK (cause = 'request')")
    plant.send(pool, *simulated.acquisitions[:3])
    assert worker.round() == 3
    assert ask(pool, "SELECT count(*) FROM assessment") == [(3,)]
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    assert ask(pool, "SELECT count(*) FROM diagnosis_watch") == [(0,)], "half of it was kept"
    assert "a diagnosis cannot be requested" in caplog.text


def test_a_diagnosis_that_kills_its_worker_is_given_up_and_left_alone_by_others(
    pool: Pool, worker: Worker, simulated: Simulated
) -> None:
    plant.send(pool, *simulated.acquisitions[:2])
    with pool.connection() as conn:
        stored = fetch_machine(conn, KEY)
        diagnoses.ask(conn, stored.id, "request", None, 4)
    for _ in range(diagnoses.MOST_ATTEMPTS):  # each takes it and dies
        with pool.connection() as conn:
            taken = diagnoses.claim(conn, unasked=True)
        assert taken is not None
        with pool.connection() as conn:
            assert diagnoses.claim(conn, unasked=True) is None, "two workers have the same diagnosis"
        ask(pool, "UPDATE diagnosis_due SET not_before = now() RETURNING 1")
    with pool.connection() as conn:
        assert diagnoses.claim(conn, unasked=True) is None
    worker.round()
    assert ask(pool, "SELECT count(*) FROM assessment") == [(2,)]


def test_what_is_asked_for_again_while_it_is_computed_stays_due(
    pool: Pool, worker: Worker, simulated: Simulated
) -> None:
    plant.send(pool, *simulated.acquisitions[:2])
    with pool.connection() as conn:
        stored = fetch_machine(conn, KEY)
        diagnoses.ask(conn, stored.id, "request", None, 4)
    with pool.connection() as conn:
        taken = diagnoses.claim(conn, unasked=False)
        assert taken is not None
    with pool.connection() as conn:
        diagnoses.ask(conn, stored.id, "request", None, 2)
    with pool.connection() as conn:
        diagnoses.finish(conn, taken)
    assert ask(pool, "SELECT records, attempts FROM diagnosis_due") == [(2, 0)]


def test_evidence_goes_before_the_clock_and_people_before_both(
    pool: Pool, worker: Worker, simulated: Simulated
) -> None:
    order = {"a": "interval", "b": "severity", "c": "request"}
    plant.add(pool, *(plant.machine(key) for key in order))
    with pool.connection() as conn:
        for key, cause in order.items():
            diagnoses.ask(conn, fetch_machine(conn, key).id, cause, None, 4)
        taken = [diagnoses.claim(conn, unasked=True) for _ in order]
    assert [due.cause for due in taken if due is not None] == ["request", "severity", "interval"]


def test_late_data_adds_no_diagnosis_and_changes_none(pool: Pool, worker: Worker, simulated: Simulated) -> None:
    sent = simulated.acquisitions
    _analyse(pool, worker, [*sent[:4], *sent[6:10]])
    before = ask(pool, "SELECT measured_at, computed_at, acquisitions FROM diagnosis ORDER BY computed_at")
    assert before
    _analyse(pool, worker, sent[4:6])
    assert ask(pool, "SELECT measured_at, computed_at, acquisitions FROM diagnosis ORDER BY computed_at") == before


def test_diagnoses_leave_after_the_long_window(pool: Pool, settings: Settings, simulated: Simulated) -> None:
    plant.add(pool, simulated.machine)
    with pool.connection() as conn:
        due = diagnoses.Due(fetch_machine(conn, KEY).id, KEY, True, "request", None, 4, NOW)
        diagnoses.insert_diagnosis(conn, due, [NOW], "1", {})
        for days, left in ((settings.feature_retention_days, 1), (settings.feature_retention_days + 40, 0)):
            conn.execute(
                "UPDATE _timescaledb_catalog.chunk SET creation_time = now() - make_interval(days => %s)", (days,)
            )
            drop_old(conn, settings)
            assert plant.count(conn, "diagnosis") == left


def test_no_share_means_that_only_requests_are_computed(
    pool: Pool, settings: Settings, simulated: Simulated, caller: httpx.Client
) -> None:
    plant.add(pool, simulated.machine)
    idle = Worker(pool, dataclasses.replace(settings, diagnosis_share=0.0))
    plant.send(pool, *simulated.acquisitions[:2])
    while idle.round():
        pass
    assert ask(pool, "SELECT cause FROM diagnosis") == []
    caller.post(PLACE)
    idle.round()
    assert ask(pool, "SELECT cause FROM diagnosis") == [("request",)]


def test_a_machine_of_scalars_alone_cannot_be_diagnosed(pool: Pool, caller: httpx.Client) -> None:
    described = plant.machine()
    plant.add(pool, dataclasses.replace(described, points=described.points[-1:]))
    answer = caller.post("/v1/machines/press-07/diagnosis")
    assert answer.status_code == 422
    assert "has no waveform point" in answer.json()["detail"]


def test_only_those_who_may_operate_the_site_ask_and_only_those_who_may_see_it_read(
    pool: Pool, settings: Settings, worker: Worker, simulated: Simulated
) -> None:
    _analyse(pool, worker, simulated.acquisitions[:1])
    plant.add(pool, plant.machine("press-07", "elsewhere"))
    keys = {
        (role, site): create_key(pool, name=f"{role}-{site}", role=role, sites=[site], actor="test")
        for role, site in (("read", "plant-1"), ("operate", "elsewhere"), ("operate", "plant-1"))
    }
    found = {}
    with serve(settings) as url:
        for who, key in keys.items():
            with client(url, key) as opened:
                found[who] = (opened.get(PLACE).status_code, opened.post(PLACE).status_code)
    assert found == {
        ("read", "plant-1"): (200, 403),
        ("operate", "elsewhere"): (404, 404),
        ("operate", "plant-1"): (200, 202),
    }
