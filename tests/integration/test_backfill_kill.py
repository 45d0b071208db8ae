"""Backfill is killed and resumed while acquisitions are received and analysed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from features.catalogue import FEATURE_VERSION
from pdm.service.analysis.worker import Worker
from pdm.settings import Settings
from tests.integration.plant import NOW, acquisition, add, ask, send, series
from tests.integration.test_backfill import make_old, rows_by_version, run_dry

pytestmark = pytest.mark.xdist_group("alone")

Pool = ConnectionPool[Any]
NEWEST = FEATURE_VERSION


class Plant:
    """Sends acquisitions and analyses them until told to stop."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._stop = threading.Event()
        self.sent = 0
        self.problems: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(self._send, pool)),
            threading.Thread(target=self._guarded, args=(self._work, Worker(pool, settings))),
        ]

    def __enter__(self) -> Plant:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, what: Any, given: Any) -> None:
        try:
            what(given)
        except BaseException as error:
            self.problems.append(error)

    def _send(self, pool: Pool) -> None:
        while not self._stop.wait(0.05):
            at = NOW + timedelta(seconds=self.sent + 1)
            send(pool, acquisition("press-07", at, seed=1000 + self.sent), now=at)
            self.sent += 1

    def _work(self, worker: Worker) -> None:
        while not self._stop.is_set():
            if not worker.round():
                time.sleep(0.01)


def start(settings: Settings, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pdm.cli", "backfill", *options],
        env={**os.environ, "PDM_DSN": settings.dsn},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def history(pool: Pool, settings: Settings) -> Pool:
    add(pool)
    send(pool, *series(count=200))
    run_dry(pool, settings)
    make_old(pool)
    return pool


@pytest.mark.trust("kills")
def test_killed_and_resumed_while_ingest_goes_on_it_loses_and_doubles_nothing(
    history: Pool, settings: Settings
) -> None:
    behind = f"SELECT count(*) FROM feature_vibration_v1 WHERE feature_version = {NEWEST} AND measured_at < '{NOW}'"
    with Plant(history, settings) as running:
        kills = 0
        for so_far in (1, 60, 160):
            process = start(settings, "--quantity", "vibration", "--batch", "2")
            deadline = time.monotonic() + 60
            while ask(history, behind)[0][0] < so_far:
                assert time.monotonic() < deadline
                assert process.poll() is None or ask(history, behind)[0][0] >= so_far
                time.sleep(0.005)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.communicate()
        assert kills >= 2
        assert 0 < ask(history, behind)[0][0] < 400
        last = start(settings, "--json")
        report = json.loads(last.communicate(timeout=120)[0])
        assert last.returncode == 0
    assert running.problems == []
    assert running.sent > 10
    run_dry(history, settings)
    assert report[0]["failed"] == []
    assert ask(history, behind) == [(400,)]
    assert rows_by_version(history) == {1: 400, NEWEST: 400 + 2 * running.sent}
    lacking = (
        "SELECT count(*) FROM waveform w WHERE NOT EXISTS (SELECT FROM feature_vibration_v1 f WHERE "
        f"f.point_id = w.point_id AND f.measured_at = w.measured_at AND f.feature_version = {NEWEST})"
    )
    assert ask(history, lacking) == [(0,)]
    assert ask(history, "SELECT count(*) FROM pending") == [(0,)]
    assert ask(history, "SELECT count(*) FROM set_aside") == [(0,)]
    assert ask(history, "SELECT count(*) FROM assessment") == [(200 + running.sent,)]
    assert ask(history, "SELECT count(*) FROM acquisition") == [(200 + running.sent,)]
