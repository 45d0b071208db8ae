"""How far a machine is concluded again is readable while the replay, one transaction, has not ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from psycopg_pool import ConnectionPool
from typer.testing import CliRunner

from pdm.cli.app import app
from pdm.machines.work_events import Correction, EventStatus, WorkEvent, WorkEventKind
from pdm.replay.client import Client
from pdm.service.analysis import late_data
from pdm.service.analysis.reanalysis_progress import ReanalysisProgress
from pdm.service.analysis.worker import Worker
from pdm.service.machines.work_event_corrections import correct_work_event
from pdm.service.machines.work_events import record_work_event
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.machines.registration import register
from tests.integration.api_server import serve
from tests.integration.plant import NOW, ask, send
from tests.integration.test_events_of_components import STEP, two_components, wearing

Pool = ConnectionPool[Any]
KEY = "press-07"


def gauges(client: Client) -> dict[str, float]:
    lines = client._http.get("/metrics").text.splitlines()
    pairs = (line.split() for line in lines if line.startswith("pdm_") and "reanalys" in line)
    return {name: float(value) for name, value in pairs}


def test_the_progress_of_a_corrected_event_is_readable(
    pool: Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pool.connection() as conn:
        register(conn, replace(two_components(), key=KEY))
    worker = Worker(pool, replace(settings, reorder_horizon_s=float(STEP.total_seconds())))
    course = [replace(each, machine=KEY) for each in wearing()]
    event = WorkEvent(KEY, WorkEventKind.FAILURE, course[5].measured_at + STEP / 2, None)

    def work() -> None:
        while worker.round():
            pass

    send(pool, *course)
    work()
    number = record_work_event(pool, event, actor="kim", site_ids=None, now=NOW)[0]
    work()
    key = create_key(pool, name="reader", role="read", sites=None, actor="test")
    seen: list[dict[str, Any]] = []
    texts: list[str] = []
    shares: list[float] = []
    with serve(settings) as url, Client(url, key) as client:
        assert client.pages("/v1/reanalyses") == []
        correction = Correction(EventStatus.VOIDED, "another machine")
        correct_work_event(pool, KEY, number, correction, actor="lee", site_ids=None, now=NOW)
        (waiting,) = client.pages("/v1/reanalyses")
        assert (waiting["machine"], waiting["share"], waiting["started_at"]) == (KEY, 0.0, None)
        assert datetime.fromisoformat(waiting["from"]) == course[5].measured_at
        assert datetime.fromisoformat(waiting["to"]) == course[-1].measured_at
        assert waiting["asked_at"] is not None
        assert waiting["is_correction"]
        assert gauges(client)["pdm_reanalyses"] == 1.0

        class Observed(ReanalysisProgress):
            """Reads over the API and the command what was reported, while the replay has not ended."""

            def report(self, machine_id: int, done: int, acquisitions: int, reached: datetime | None) -> None:
                super().report(machine_id, done, acquisitions, reached)
                seen.extend(client.pages("/v1/reanalyses", machine=KEY))
                shares.append(gauges(client)["pdm_reanalysis_share"])
                if done and not texts:
                    texts.append(CliRunner().invoke(app, ["reanalyses", "--url", url, "--key", key]).output)

        monkeypatch.setattr(late_data, "CHUNK", 50)
        worker._methods = replace(worker._methods, progress=Observed(pool, every_s=0.0))
        work()
        assert client.pages("/v1/reanalyses") == []
        none = {"pdm_reanalyses": 0.0, "pdm_oldest_reanalysis_seconds": 0.0, "pdm_reanalysis_share": 1.0}
        assert gauges(client) == none
    assert len(seen) >= 2
    assert [each["done"] for each in seen] == list(range(0, 50 * len(seen), 50))
    assert {each["acquisitions"] for each in seen} == {seen[0]["acquisitions"]}
    assert [each["share"] for each in seen] == [each["done"] / each["acquisitions"] for each in seen] == shares
    assert seen[0]["reached"] is None
    reached = [datetime.fromisoformat(each["reached"]) for each in seen[1:]]
    assert reached == sorted(reached)
    assert course[5].measured_at < reached[-1] < course[-1].measured_at
    assert f"{KEY}: from {waiting['from']} to {waiting['to']}: " in texts[0]
    assert "of " + str(seen[0]["acquisitions"]) + " acquisitions" in texts[0]
    assert ask(pool, "SELECT count(*) FROM reanalysis_progress") == [(0,)]
