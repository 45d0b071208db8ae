"""Roll from an older revision to this one while records are sent: none is lost, nothing is learned again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from pdm.errors import UnavailableError
from pdm.machines.model import Timeline
from pdm.measurements import Acquisition
from pdm.replay.client import Client
from pdm.store.cluster.embedded import EmbeddedCluster
from tests.migration.old_plant import acquisition, machines

ROOT = Path(__file__).parents[2]
FROM = os.environ.get("PDM_UPGRADE_FROM", "080f245")
"""The revision that is rolled from."""
KEYS = ("press-07", "motor-01", "pump-02")
BEFORE, BETWEEN, AFTER = 20, 5, 10  # records of each machine: past the baseline, with old and new at once, on the new

pytestmark = [pytest.mark.trust("upgrade"), pytest.mark.timeout(1800)]


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Path]:
    """A checkout of the older revision."""
    known = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{FROM}^{{commit}}"], cwd=ROOT, capture_output=True, check=False
    )
    if known.returncode:
        pytest.skip(f"revision {FROM} is not in this clone (shallow?); git fetch --unshallow, or set PDM_UPGRADE_FROM")
    folder = tmp_path / "older"
    subprocess.run(["git", "worktree", "add", "--detach", "--quiet", str(folder), FROM], cwd=ROOT, check=True)
    yield folder
    subprocess.run(["git", "worktree", "remove", "--force", str(folder)], cwd=ROOT, check=True)


@dataclass
class Release:
    """The processes of one revision over one database."""

    folder: Path
    dsn: str
    logs: Path
    port: int = field(default_factory=lambda: _free_port())
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "PDM_DSN": self.dsn,
            "PDM_HOST": "127.0.0.1",
            "PDM_PORT": str(self.port),
        }

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "pdm.cli", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, what: str) -> None:
        command = [sys.executable, "-m", "pdm.cli", what]
        with (self.logs / f"{self.folder.name}-{what}.log").open("ab") as log:
            self.running[what] = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self, what: str) -> None:
        process = self.running.pop(what)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5.0, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 120
        while not self.is_ready():
            assert time.monotonic() < deadline, f"{self.folder} is not ready"
            time.sleep(0.1)


class Sender(threading.Thread):
    """Sends one record of each machine after another to whichever API serves, until each is acknowledged."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__()
        self.url, self.key, self.acknowledged, self.wanted = url, key, 0, 0
        self.error: BaseException | None = None
        self.finished = False

    def run(self) -> None:
        try:
            while not self.finished or self.acknowledged < self.wanted:
                if self.acknowledged >= self.wanted:
                    time.sleep(0.01)
                    continue
                for key in KEYS:
                    self._send(key)
                self.acknowledged += 1
        except BaseException as error:
            self.error = error

    def _send(self, key: str) -> None:
        while True:
            try:
                with Client(self.url, self.key) as client:
                    client.send([_recorded(key, self.acknowledged)])
                return
            except (UnavailableError, httpx.TransportError):
                time.sleep(0.05)

    def send_more(self, count: int) -> None:
        """Return once so many more records of each machine are acknowledged."""
        self.wanted = self.acknowledged + count
        while self.acknowledged < self.wanted:
            assert self.error is None, self.error
            time.sleep(0.02)


def test_a_release_is_rolled_out_while_records_are_sent_and_none_is_lost(older: Path, tmp_path: Path) -> None:
    cluster = EmbeddedCluster("roll")
    cluster.destroy()
    dsn = cluster.start()
    was, now = Release(older, dsn, tmp_path), Release(ROOT, dsn, tmp_path)
    try:
        key = json.loads(was.run("migrate", "--json"))["first_admin_key"]
        was.start("serve")
        was.start("work")
        was.wait_until_ready()
        with Client(was.url, key) as client:
            client.register(replace(machine, timeline=Timeline.REPLAY) for machine in machines())
        sender = Sender(was.url, key)
        sender.start()
        try:
            sender.send_more(BEFORE)
            _wait_until_analysed(was.url, key)
            was.stop("work")
            sender.wanted = sender.acknowledged + BETWEEN  # they come while the schema changes
            now.run("migrate")
            assert was.is_ready(), "the older API goes on serving the newer schema"
            now.start("work")
            now.start("serve")
            now.wait_until_ready()
            sender.send_more(BETWEEN)
            sender.url = now.url
            was.stop("serve")
            sender.send_more(AFTER)
        finally:
            sender.finished = True
            sender.join(120)
        assert sender.error is None
        _wait_until_analysed(now.url, key)
        _audit(dsn, sender.acknowledged)
    finally:
        for release in (was, now):
            for process in release.running.values():
                process.kill()
                process.wait()
        cluster.destroy()


def _recorded(key: str, number: int) -> Acquisition:
    """An acquisition of long ago: the processes go by the wall clock."""
    one = acquisition(key, number)
    return replace(one, measured_at=one.measured_at - timedelta(days=2000))


def _wait_until_analysed(url: str, key: str) -> None:
    with Client(url, key) as client:
        client.wait_until_analysed()


def _audit(dsn: str, count: int) -> None:
    needed = {machine.key: machine.baseline_acquisitions for machine in machines()}
    with psycopg.connect(dsn) as conn:
        for key in KEYS:
            rows = conn.execute(
                "SELECT evidence -> 'reasons' FROM assessment a JOIN machine m ON m.id = a.machine_id "
                "WHERE m.key = %s ORDER BY measured_at",
                (key,),
            ).fetchall()
            assert len(rows) == count, f"{key}: {len(rows)} of {count} acquisitions are assessed"
            learning = [place for place, (reasons,) in enumerate(rows) if "learning" in reasons]
            assert learning == list(range(needed[key])), f"{key} learned again"
            assert not [reasons for (reasons,) in rows if "points-changed" in reasons]
        stored = conn.execute("SELECT count(*) FROM acquisition").fetchone()
        assert stored == (count * len(KEYS),)
        assert conn.execute("SELECT count(*) FROM set_aside").fetchone() == (0,)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
