"""A state that an earlier release remembered: it is made again from the stored features, not read."""

from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

import migrations
from pdm.service.analysis.worker import Worker
from pdm.service.ingestion.record import record
from pdm.settings import Settings
from pdm.store.machines.registration import register
from tests.integration.plant import NOW, decoded, machine, series

FOLDER = Path(migrations.__file__).parent


@pytest.mark.parametrize(
    ("upgrade", "former", "present"),
    [("0007_over_life", "LIF2", "LIF3"), ("0017_season", "HLT2", "HLT4")],
)
def test_a_state_of_the_former_form_is_made_again_and_the_stream_goes_on(
    pool: ConnectionPool[Any], settings: Settings, upgrade: str, former: str, present: str
) -> None:
    worker = Worker(pool, settings)

    def follow(key: str, start: int, stop: int) -> None:
        record(pool, decoded(series(key, count=60)[start:stop]), actor="test", site_ids=None, now=NOW)
        while worker.round():
            pass

    for key in ("press-07", "press-08"):
        with pool.connection() as conn:
            register(conn, machine(key))
        follow(key, 0, 50)
    with pool.connection() as conn:
        for table in ("analysis_state", "analysis_checkpoint"):
            conn.execute(
                f"UPDATE {table} SET state = overlay(state PLACING '{former}'::bytea"
                f" FROM position('{present}'::bytea IN state))"
                " WHERE machine_id = (SELECT id FROM machine WHERE key = 'press-07')"
            )
        conn.execute((FOLDER / f"{upgrade}.sql").read_text())
    for key in ("press-07", "press-08"):
        follow(key, 50, 60)
    with pool.connection() as conn:
        states = conn.execute("SELECT state, dirty_from FROM analysis_state").fetchall()
        assert len(states) == 2
        assert states[0] == states[1]
        assert states[0][1] is None
        assert conn.execute("SELECT count(*) FROM set_aside").fetchone() == (0,)
        newest = "SELECT count(DISTINCT measured_at) FROM prognosis GROUP BY machine_id"
        assert conn.execute(newest).fetchall() == [(60,), (60,)]
