"""Records whose analysis fails: row 12. They stand aside with the reason, and the rest goes on."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pdm.replay.client import Client
from pdm.replay.feed import batches
from pdm.replay.stack import Stack
from tests.database import own_name
from tests.fault.load import acquisition, machines


def _poison_is_isolated(tmp_path: Path, per_machine: int, every: int) -> None:
    names = [machine.key for machine in machines(2)]
    with (
        Stack(own_name("poison"), workers=0, fresh=True, log_folder=tmp_path) as stack,
        Client(stack.url, stack.admin_key) as client,
    ):
        client.register(machines(2))
        stream = (acquisition(name, index) for index in range(per_machine) for name in names)
        for batch in batches(stream, 64):
            client.send(batch)
        with psycopg.connect(stack.dsn) as conn:
            spoiled = conn.execute(
                "SELECT point_id, measured_at, payload FROM (SELECT *, row_number() OVER (ORDER BY measured_at, "
                "point_id) AS n FROM waveform WHERE point_id IN (SELECT id FROM point WHERE key = 'h')) w "
                "WHERE n %% %s = %s",
                (every, every // 2),
            ).fetchall()
            assert spoiled
            for point_id, measured_at, _ in spoiled:
                conn.execute(
                    r"UPDATE waveform SET payload = '\xdeadbeef' WHERE point_id = %s AND measured_at = %s",
                    (point_id, measured_at),
                )
        stack.launch("worker-0")
        client.wait_until_analysed(120.0)
        with psycopg.connect(stack.dsn) as conn:
            aside = conn.execute("SELECT reason FROM set_aside").fetchall()
            assert len(aside) == len(spoiled)
            assert all(reason for (reason,) in aside)
            assessed = conn.execute("SELECT count(*) FROM assessment").fetchone()
            assert assessed == (2 * per_machine - len(spoiled),)
            for point_id, measured_at, payload in spoiled:
                conn.execute(
                    "UPDATE waveform SET payload = %s WHERE point_id = %s AND measured_at = %s",
                    (payload, point_id, measured_at),
                )
        for name in names:
            client.requeue_set_aside(name)
        client.wait_until_analysed(120.0)
        with psycopg.connect(stack.dsn) as conn:
            assert conn.execute("SELECT count(*) FROM set_aside").fetchone() == (0,)
            whole = conn.execute("SELECT count(DISTINCT (machine_id, measured_at)) FROM assessment").fetchone()
            assert whole == (2 * per_machine,)
    stack.cluster.destroy()


def test_poison_is_isolated_and_can_be_replayed(tmp_path: Path) -> None:
    _poison_is_isolated(tmp_path, per_machine=100, every=75)


@pytest.mark.trust("load")
@pytest.mark.timeout(1200)
def test_one_poison_record_in_a_thousand_leaves_the_rest_alone(tmp_path: Path) -> None:
    _poison_is_isolated(tmp_path, per_machine=5000, every=1000)
