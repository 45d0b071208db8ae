"""The threads beside the analysis: one that dies ends the worker; outages and removed receivers do not last."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from pdm.service.delivery import dispatcher
from pdm.service.prognosis import job_runner
from pdm.settings import Settings
from pdm.store.alerts import alerts
from pdm.store.database.connection import open_pool
from pdm.store.models import jobs
from tests.integration import receivers
from tests.integration.alert_plant import add_machine, add_receiver, change, mqtt_config
from tests.integration.receivers import wait_until

Pool = ConnectionPool[Any]


# What no thread needs that is tried here: the kernels, whose loading takes longer than the rest, and a safe server.
_WORK = """
import features, pdm.bootstrap
from pdm.cli.app import main
features.warm = lambda: None
pdm.bootstrap.check_server = lambda conn: None
main()
"""


@contextmanager
def _worker(dsn: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _WORK, "work"],
            env={**os.environ, "PDM_DSN": dsn},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("thread", "relation"), [("tick", "timer"), ("jobs", "job"), ("deliver", "subscription"), ("deliver", "outbox")]
)
def test_a_worker_whose_side_thread_dies_says_so_and_ends(dsn: str, tmp_path: Path, thread: str, relation: str) -> None:
    log = tmp_path / "worker.log"
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(f"ALTER TABLE {relation} RENAME TO lost")
        with _worker(dsn, log) as process:
            assert process.wait(240) != 0
        output = log.read_text()
        assert "Traceback" in output
        assert f'relation "{relation}" does not exist' in output
        ((name, error),) = conn.execute("SELECT thread, error FROM worker_death").fetchall()
        assert name == thread
        assert relation in error


def test_a_training_that_meets_an_outage_is_tried_again(pool: Pool, settings: Settings, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn, _jobs_running(pool, settings):
        add_machine(conn, "press-07")
        with conn.transaction():
            conn.execute("LOCK TABLE work_event IN ACCESS EXCLUSIVE MODE")
            with psycopg.connect(dsn, autocommit=True) as other:
                job, _ = jobs.ask_for_training(other, "default", seed=0, actor="test", reason="")
                blocked = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'work_event'::regclass"
                wait_until(lambda: other.execute(blocked).fetchone(), 130)
                other.execute(f"SELECT pg_terminate_backend(pid) FROM ({blocked}) p")
        wait_until(lambda: conn.execute("SELECT status FROM job").fetchone() == ("failed",), 130)
        found = jobs.find_job(conn, job)
        assert found is not None
        assert found.error.startswith("refused: 0 run-to-failure histories"), "the training itself had its say"
        assert found.attempts == 2


@contextmanager
def _jobs_running(pool: Pool, settings: Settings) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=job_runner.run, args=(pool, settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_process_that_cannot_be_started_costs_a_training_no_attempt_and_no_worker(
    pool: Pool, settings: Settings
) -> None:
    with pool.connection() as conn:
        add_machine(conn, "press-07")
        job, _ = jobs.ask_for_training(conn, "default", seed=0, actor="test", reason="")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pool.connection():  # a file would be the next that this process opens
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())), limit[1]))
        try:
            assert not job_runner.run_one(pool, settings, threading.Event())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    with pool.connection() as conn:
        found = jobs.find_job(conn, job)
    assert found is not None
    assert (found.status, found.attempts) == ("waiting", 0)


def test_outages_without_end_fail_a_training_at_last(pool: Pool) -> None:
    with pool.connection() as conn:
        add_machine(conn, "press-07")
        job, _ = jobs.ask_for_training(conn, "default", seed=0, actor="test", reason="")
    for _ in range(job_runner.MOST_OUTAGES + 1):
        with pool.connection() as conn:
            conn.execute("UPDATE job SET lease_until = now() WHERE status = 'running'")
            claimed = jobs.claim(conn, job_runner.LEASE)
        assert claimed is not None
        job_runner._settle(pool, claimed, job_runner.RETRY_STATUS, "the database is away", threading.Event())
    with pool.connection() as conn:
        found = jobs.find_job(conn, job)
    assert found is not None
    assert found.status == "failed"
    assert "database" in found.error


def test_a_removed_broker_loses_its_connection_and_its_thread(dsn: str, tmp_path: Path) -> None:
    settings = replace(Settings(), dsn=dsn, webhook_allowed_networks=receivers.LOOPBACK)
    with psycopg.connect(dsn, autocommit=True) as conn, receivers.mosquitto(tmp_path) as port:
        machine = add_machine(conn, "press-07")
        lane = add_receiver(conn, "mqtt", config=mqtt_config(port))
        alerts.apply_changes(conn, machine, [change("opened", "warning")], False)
        with _delivering(settings) as threads:
            wait_until(lambda: conn.execute("SELECT delivered_at FROM outbox").fetchone() != (None,))
            assert len(threads()) == 1
            conn.execute("UPDATE subscription SET is_enabled = false WHERE id = %s", (lane,))
            wait_until(lambda: threads() == [], 5)
            wait_until(lambda: "disconnected" in (tmp_path / "mosquitto.log").read_text(), 5)


@contextmanager
def _delivering(settings: Settings) -> Iterator[Any]:
    """Run the delivery; yields how to list the threads that keep a connection to a broker."""
    before, stop = set(threading.enumerate()), threading.Event()
    with open_pool(settings) as pool:
        thread = threading.Thread(target=dispatcher.run, args=(pool, settings, stop))
        thread.start()
        try:
            yield lambda: [t for t in set(threading.enumerate()) - before if "paho" in t.name]
        finally:
            stop.set()
            thread.join()
