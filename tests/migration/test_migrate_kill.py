"""A migration that is killed has happened or has not; the next one finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from pdm.store.database.migrate import migrate

pytestmark = pytest.mark.xdist_group("alone")

_MIGRATE = (
    "import sys; from pdm.store.database.migrate import migrate; print('begin', flush=True); migrate(sys.argv[1])"
)


def _relations(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as conn:
        rows = conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        return {row[0] for row in rows}


@pytest.mark.parametrize("delay_s", [0.02, 0.06, 0.12])
def test_a_killed_migration_resumes(empty_dsn: str, delay_s: float) -> None:
    process = subprocess.Popen([sys.executable, "-c", _MIGRATE, empty_dsn], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(delay_s)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    between = _relations(empty_dsn)
    assert ("machine" in between) == ("outbox" in between), "a file was applied by half"
    migrate(empty_dsn)
    assert migrate(empty_dsn) == []
    assert {"machine", "waveform", "feature_vibration_v1", "outbox"} <= _relations(empty_dsn)


def test_a_migration_whose_connection_dies_resumes(empty_dsn: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _MIGRATE, empty_dsn], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        while process.poll() is None:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    process.stdout.close()
    migrate(empty_dsn)
    assert migrate(empty_dsn) == []
