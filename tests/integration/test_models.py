"""The life of models: trained as a job in a child process, promoted, rolled back, carried out and in."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import InvalidInputError
from pdm.health.assessment import RULE_VERSION
from pdm.health.baseline.indicators import INDICATORS
from pdm.prognosis.model.model_file import pack_model
from pdm.service.platform.access import create_key
from pdm.service.prognosis import job_runner, registry, retraining_policy
from pdm.service.prognosis.training import train_fleet
from pdm.settings import Settings
from pdm.store.database.leases import Lease
from pdm.store.machines.registration import register
from pdm.store.models import jobs
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW, machine

Pool = ConnectionPool[Any]
FLEET = "default"
HOUR = timedelta(hours=1)


def live(conn: Connection[Any], key: str, seed: int, *, scale: float = 1.0, ended_at: datetime = NOW) -> None:
    """Write the course of a life that ends in failure: indicators that grow under noise."""
    random = np.random.default_rng(seed)
    count = int(random.integers(80, 140))
    rise = 25.0 * np.exp((np.arange(count) - count) / random.uniform(12, 30))
    values = scale * (rise[:, None] * np.linspace(0.2, 1.0, len(INDICATORS)) + random.normal(0, 1, (count, 1)))
    row = conn.execute("SELECT id FROM machine WHERE key = %s", (key,)).fetchone()
    assert row is not None
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO assessment (machine_id, measured_at, revision, learning_progress, operating_state, indicators,"
            " evidence, rule_version) VALUES (%s, %s, 0, 1, 'full', %s, '{}', %s)",
            [
                (row[0], ended_at - (count - number) * HOUR, list(map(float, values[number])), RULE_VERSION)
                for number in range(count)
            ],
        )
    conn.execute(
        "INSERT INTO work_event (machine_id, kind, occurred_at, actor) VALUES (%s, 'failure', %s, 'test')",
        (row[0], ended_at),
    )


@pytest.fixture
def failed(pool: Pool) -> Pool:
    """Six machines of one fleet that failed."""
    with pool.connection() as conn:
        for number in range(6):
            register(conn, machine(f"m-{number}"))
            live(conn, f"m-{number}", number)
    return pool


@dataclass(frozen=True)
class Stage:
    """A served API, and an administrator's client."""

    api: httpx.Client
    pool: Pool
    settings: Settings


@pytest.fixture
def stage(settings: Settings, failed: Pool) -> Iterator[Stage]:
    key = create_key(failed, name="boss", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as api:
        yield Stage(api, failed, settings)


def work(stage: Stage) -> None:
    while job_runner.run_one(stage.pool, stage.settings, threading.Event()):
        pass


def test_a_training_asked_for_runs_in_a_child_process_and_can_be_followed(stage: Stage) -> None:
    asked = stage.api.post("/v1/models/train", json={"fleet": FLEET, "seed": 3, "reason": "first"})
    assert asked.status_code == 202
    job = asked.json()
    assert (job["status"], job["progress"], job["actor"]) == ("waiting", 0.0, "boss")
    again = stage.api.post("/v1/models/train", json={"fleet": FLEET})
    assert again.json()["id"] == job["id"]
    work(stage)
    done = stage.api.get(f"/v1/jobs/{job['id']}").json()
    assert (done["status"], done["progress"], done["error"]) == ("done", 1.0, None)
    assert done["result"]["is_champion"] is True
    model = stage.api.get(f"/v1/models/{done['model_id']}").json()
    assert model["status"] == "champion"
    assert model["trained_on"]["seed"] == 3
    assert [event["kind"] for event in model["events"]] == ["registered", "promoted"]
    with stage.pool.connection() as conn:
        assert conn.execute("SELECT count(*) FROM training_part").fetchone() == (0,)
    assert stage.api.get("/v1/jobs", params={"fleet": FLEET}).json()["items"] == [done]


def test_a_refused_training_says_why_and_an_unknown_fleet_is_not_found(stage: Stage) -> None:
    assert stage.api.post("/v1/models/train", json={"fleet": "nowhere"}).status_code == 404
    with stage.pool.connection() as conn:
        conn.execute("DELETE FROM work_event")
    job = stage.api.post("/v1/models/train", json={"fleet": FLEET}).json()
    work(stage)
    failed = stage.api.get(f"/v1/jobs/{job['id']}").json()
    assert failed["status"] == "failed"
    assert failed["error"].startswith("refused: 0 run-to-failure histories in this fleet")


def test_a_training_whose_process_is_killed_goes_on_with_what_was_finished(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = job_runner._start
    kills = []

    def start_and_kill(*arguments: Any) -> Any:
        child = start(*arguments)
        if not kills:
            deadline = time.monotonic() + 60
            while _parts(stage.pool) < 2 and time.monotonic() < deadline:
                time.sleep(0.005)
            child.kill()
            kills.append(_parts(stage.pool))
        return child

    monkeypatch.setattr(job_runner, "_start", start_and_kill)
    job = stage.api.post("/v1/models/train", json={"fleet": FLEET}).json()
    work(stage)
    done = stage.api.get(f"/v1/jobs/{job['id']}").json()
    assert kills[0] >= 2
    assert (done["status"], done["attempts"]) == ("done", 2)
    direct = train_fleet(stage.pool, FLEET)
    with stage.pool.connection() as conn:
        digests = conn.execute(
            "SELECT sha256 FROM model WHERE id IN (%s, %s)", (done["model_id"], direct.model_id)
        ).fetchall()
    assert digests[0] == digests[1]
    assert not direct.is_champion


def _parts(pool: Pool) -> int:
    with pool.connection() as conn:
        row = conn.execute("SELECT count(*) FROM training_part").fetchone()
    assert row is not None
    return int(row[0])


def test_a_job_that_its_worker_left_behind_is_taken_over_and_given_up_after_three_deaths(stage: Stage) -> None:
    job = stage.api.post("/v1/models/train", json={"fleet": FLEET}).json()["id"]
    with stage.pool.connection() as conn:
        for attempt in (1, 2, 3):
            assert jobs.claim(conn, timedelta()) == Lease(job, attempt)
    assert job_runner.run_one(stage.pool, stage.settings, threading.Event())
    job_state = stage.api.get(f"/v1/jobs/{job}").json()
    assert job_state["status"] == "failed"
    assert "ended 3 times" in job_state["error"]


def test_a_stopping_worker_gives_its_job_back(stage: Stage) -> None:
    job = stage.api.post("/v1/models/train", json={"fleet": FLEET}).json()["id"]
    stop = threading.Event()
    stop.set()
    job_runner.run_one(stage.pool, stage.settings, stop)
    job_state = stage.api.get(f"/v1/jobs/{job}").json()
    assert (job_state["status"], job_state["attempts"]) == ("waiting", 0)


def test_promotion_needs_a_better_validation_or_force_and_the_way_back_is_one_call(stage: Stage) -> None:
    first, second = (train_fleet(stage.pool, FLEET, seed=0) for _ in range(2))
    assert first.is_champion
    assert not second.is_champion
    assert second.verdict["rmse"] == second.verdict["champion_rmse"]
    promote = f"/v1/models/{second.model_id}/promote"
    refused = stage.api.post(promote, json={"reason": "try it"})
    assert refused.status_code == 409
    assert "has not validated better" in refused.json()["detail"]
    assert stage.api.post(promote, json={"reason": "try it", "force": True}).json()["status"] == "champion"
    assert stage.api.post(promote, json={"reason": "again", "force": True}).status_code == 409
    back = stage.api.post("/v1/models/rollback", json={"fleet": FLEET, "reason": "worse on line 2"})
    assert back.json()["id"] == first.model_id
    assert back.json()["events"][-1]["reason"] == "worse on line 2"
    again = stage.api.post("/v1/models/rollback", json={"fleet": FLEET, "reason": "further"})
    assert again.status_code == 409
    assert stage.api.post("/v1/models/999/promote", json={"reason": "x"}).status_code == 404


def test_a_model_is_exported_as_a_file_and_serves_elsewhere_only_after_promotion(stage: Stage) -> None:
    own = train_fleet(stage.pool, FLEET)
    answer = stage.api.get(f"/v1/models/{own.model_id}/export")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert 'filename="default-v1.pdm-model"' in answer.headers["content-disposition"]
    taken = send(stage, answer.content)
    assert taken.status_code == 201
    model = taken.json()
    assert (model["status"], model["version"]) == ("challenger", 2)
    assert model["sha256"] == hashlib.sha256(answer.content.partition(b"\n")[2]).hexdigest()
    assert model["events"][0]["kind"] == "imported"
    assert "comparison" not in model["metrics"]
    forced = stage.api.post(f"/v1/models/{model['id']}/promote", json={"reason": "from plant 2", "force": True})
    assert forced.json()["status"] == "champion"


def send(stage: Stage, file: bytes) -> httpx.Response:
    return stage.api.post(
        "/v1/models/import",
        params={"fleet": FLEET},
        content=file,
        headers={"Content-Type": "application/octet-stream"},
    )


def test_a_hundred_mutated_files_are_refused_and_the_service_lives(stage: Stage) -> None:
    own = train_fleet(stage.pool, FLEET)
    file = stage.api.get(f"/v1/models/{own.model_id}/export").content
    random = np.random.default_rng(0)
    for number in range(100):
        mutated = bytearray(file)
        place = int(random.integers(0, len(file)))
        if number % 4 == 0:
            mutated[place] ^= 1 << int(random.integers(0, 8))
        elif number % 4 == 1:
            del mutated[place:]
        elif number % 4 == 2:
            mutated[place:place] = random.bytes(3)
        else:
            other = int(random.integers(0, len(file)))
            mutated[place : place + 50] = mutated[other : other + 50]
            if mutated == file:
                continue
        answer = send(stage, bytes(mutated))
        assert answer.status_code == 422, (number, answer.text)
    assert stage.api.get("/v1/models").status_code == 200
    assert len(stage.api.get("/v1/models").json()["items"]) == 1


HOSTILE = {
    "no JSON": lambda text: text[:-20],
    "a member twice": lambda text: text.replace('"cap":', '"cap": 1.0, "cap":', 1),
    "not a number": lambda text: text.replace('"cap":', '"longest_age": NaN, "cap2":', 1),
    "another format": lambda text: text.replace("fleet-3", "fleet-9"),
    "a column that does not exist": lambda text: _in_trees(text, "split_feature=", "999999"),
    "a node that is its own child": lambda text: _in_trees(text, "left_child=", "0"),
    "a node far outside": lambda text: _in_trees(text, "right_child=", "123456789"),
    "an infinite leaf": lambda text: _in_trees(text, "leaf_value=", "inf"),
    "a huge leaf": lambda text: _in_trees(text, "leaf_value=", "1e30"),
    "another number of leaves": lambda text: _in_trees(text, "num_leaves=", "2000000000"),
    "wrong sizes of trees": lambda text: _in_trees(text, "tree_sizes=", "7"),
    "categorical splits": lambda text: _in_trees(text, "num_cat=", "3"),
    "linear leaves": lambda text: _in_trees(text, "is_linear=", "1"),
    "trees that read more columns": lambda text: _in_trees(text, "max_feature_idx=", "5"),
    "a level above one": lambda text: _changed(text, ("calibration", "level"), 1.5),
    "no centres": lambda text: _changed(text, ("calibration", "centres"), []),
    "a negative cap": lambda text: _changed(text, ("cap",), -1.0),
    "a text for the cap": lambda text: _changed(text, ("cap",), "x"),
    "no trees at all": lambda text: _changed(text, ("ensembles",), []),
    "more folds than trees": lambda text: _changed(text, ("ensembles", 0, "folds"), [0] * 50),
    "a zero step": lambda text: _changed(text, ("ensembles", 0, "trees_each"), 0),
    "a deep nest": lambda text: '{"ensembles":' + "[" * 100000 + "]" * 100000 + "}",
}


def _in_trees(text: str, name: str, value: str) -> str:
    """Change the first number of a field of the trees; sizes of trees are made to agree unless they are meant."""
    document = json.loads(text)
    trees = document["ensembles"][0]["trees"]
    head, _, rest = trees.partition(name)
    _, separator, rest = rest.partition(rest[next(i for i, c in enumerate(rest) if c in " \n")])
    changed = head + name + value + separator + rest
    if name != "tree_sizes=":
        starts = [i for i in range(len(changed)) if changed.startswith("\nTree=", i)]
        ends = [*starts[1:], changed.index("end of trees") - 1]
        sizes = " ".join(str(b - a) for a, b in zip(starts, ends, strict=True))
        before, _, after = changed.partition("tree_sizes=")
        changed = before + "tree_sizes=" + sizes + "\n" + after.partition("\n")[2]
    document["ensembles"][0]["trees"] = changed
    return json.dumps(document)


def _changed(text: str, path: tuple[Any, ...], value: Any) -> str:
    document = json.loads(text)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(document)


@pytest.fixture
def body(failed: Pool) -> bytes:
    own = train_fleet(failed, FLEET)
    return registry.export_model(failed, own.model_id)[1].partition(b"\n")[2]


def test_hostile_models_with_a_right_checksum_are_refused_by_the_process_that_reads_them(
    failed: Pool, body: bytes
) -> None:
    for name, damage in HOSTILE.items():
        damaged = damage(body.decode()).encode()
        assert damaged != body, name
        with pytest.raises(InvalidInputError) as refused:
            registry.import_model(failed, FLEET, pack_model(damaged), actor="test")
        assert refused.value.message, name
    for file in (b"", b"PDM-MODEL-1 ", b"x" * 1000, pack_model(b"")):
        with pytest.raises(InvalidInputError):
            registry.import_model(failed, FLEET, file, actor="test")
    with failed.connection() as conn:
        assert conn.execute("SELECT count(*) FROM model").fetchone() == (1,)


def test_trainings_are_asked_for_when_they_are_due(failed: Pool, settings: Settings) -> None:
    def ask(now: datetime) -> str:
        with failed.connection() as conn:
            return retraining_policy.ask_where_due(conn, settings, now)

    def finish() -> None:
        job_runner.run_one(failed, settings, threading.Event())

    clock = _now(failed)
    assert ask(clock) == "default: 6 failures and no model yet"
    finish()
    assert ask(clock + timedelta(hours=2)) == "nothing is due"
    assert ask(clock + timedelta(days=40)) == "nothing is due"
    with failed.connection() as conn:
        register(conn, machine("m-6"))
        live(conn, "m-6", 6)
    assert ask(clock + timedelta(days=2)) == "nothing is due"
    assert ask(clock + timedelta(days=40)) == "default: scheduled: 1 failures since the champion was trained"
    finish()
    with failed.connection() as conn:
        conn.execute("UPDATE job SET created_at = created_at - INTERVAL '8 days'")
        for number in range(3):
            key = f"hot-{number}"
            register(conn, machine(key))
            live(conn, key, number, scale=40.0, ended_at=clock)
            conn.execute("DELETE FROM work_event WHERE machine_id = (SELECT id FROM machine WHERE key = %s)", (key,))
    assert "drift of features" in ask(clock)
    assert "the range of the training data" in _last_reason(failed)


def test_a_model_that_errs_more_than_it_did_is_trained_again(failed: Pool, settings: Settings) -> None:
    model = train_fleet(failed, FLEET)
    with failed.connection() as conn:
        for number in range(3):
            key = f"late-{number}"
            register(conn, machine(key))
            live(conn, key, 20 + number)
            conn.execute(
                "INSERT INTO prognosis (machine_id, measured_at, revision, source, rul, rul_lower, level, model_id,"
                " evidence) SELECT machine_id, measured_at, 0, 'model', 0, 0, 0.8, %s, '{}' FROM assessment"
                " WHERE machine_id = (SELECT id FROM machine WHERE key = %s)",
                (model.model_id, key),
            )
        reason = retraining_policy.ask_where_due(conn, settings, _now(failed) + timedelta(days=2))
    assert "drift of residuals: error of" in reason
    assert "on 3 histories that failed since" in reason


def _now(pool: Pool) -> datetime:
    with pool.connection() as conn:
        row = conn.execute("SELECT now()").fetchone()
    assert row is not None
    return row[0]


def _last_reason(pool: Pool) -> str:
    with pool.connection() as conn:
        row = conn.execute("SELECT reason FROM job ORDER BY id DESC LIMIT 1").fetchone()
    assert row is not None
    return str(row[0])
