"""The recipe of docs/recipes/work_orders.md: an alert opens a work order, carries it, and closes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.service.delivery.dispatcher import DeliveryPolicy, run
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.alerts import alerts
from tests.integration import receivers
from tests.integration.alert_plant import add_machine, change
from tests.integration.api_server import client, serve
from tests.integration.receivers import wait_until

pytestmark = pytest.mark.xdist_group("services")

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"


@pytest.fixture
def settings(dsn: str) -> Settings:
    return Settings(dsn=dsn, webhook_allowed_networks=receivers.LOOPBACK)


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def read_orders(folder: Path) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


def test_an_alert_opens_one_work_order_carries_it_and_closes_it(
    settings: Settings, pool: ConnectionPool[Any], conn: Connection[Any], tmp_path: Path
) -> None:
    admin_key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    operator_key = create_key(pool, name="maintenance", role="operate", sites=None, actor="test")
    port, stop = receivers.free_port(), threading.Event()
    policy = DeliveryPolicy(first_wait=0.2)
    dispatcher = threading.Thread(target=run, args=(pool, settings, stop), kwargs={"policy": policy})
    with serve(settings) as url, client(url, admin_key) as admin:
        question = {"name": "maintenance", "url": f"http://127.0.0.1:{port}/", "min_severity": "warning"}
        made = admin.post("/v1/subscriptions", json=question).json()
        machine = add_machine(conn, "press-07")
        alerts.apply_changes(conn, machine, [change("opened", "warning"), change("escalated", "critical")], False)
        dispatcher.start()
        try:
            wait_until(lambda: conn.execute("SELECT 1 FROM outbox WHERE last_error IS NOT NULL").fetchone())
            environment = os.environ | {
                "PDM_SECRET": made["secret"], "PDM_URL": url, "PDM_KEY": operator_key, "PORT": str(port),
                "ORDERS": str(tmp_path),
            }  # fmt: skip
            command = [sys.executable, str(RECIPES / "work_order_receiver.py")]
            process = subprocess.Popen(command, env=environment)
            try:
                _follow(admin, conn, machine, tmp_path, port)
            finally:
                process.kill()
                process.wait()
        finally:
            stop.set()
            dispatcher.join(20)


def _follow(admin: httpx.Client, conn: Connection[Any], machine: int, orders: Path, port: int) -> None:
    (alert,) = admin.get("/v1/alerts").json()["items"]
    wait_until(lambda: _undelivered(conn) == 0, 30)
    assert {key: order["status"] for key, order in read_orders(orders).items()} == {"WO-1": "open"}
    (linked,) = admin.get(f"/v1/alerts/{alert['id']}/work-orders").json()
    assert (linked["reference"], linked["status"], linked["actor"]) == ("WO-1", "open", "maintenance")
    forged = httpx.post(f"http://127.0.0.1:{port}/", json={"type": "alert.opened"}, trust_env=False)
    assert forged.status_code == 401
    alerts.apply_changes(conn, machine, [change("cleared", "critical")], False)
    wait_until(lambda: _undelivered(conn) == 0, 30)
    assert read_orders(orders)["WO-1"]["status"] == "done"
    (linked,) = admin.get(f"/v1/alerts/{alert['id']}/work-orders").json()
    assert linked["status"] == "done"
    row = conn.execute("SELECT payload -> 'data' -> 'work_orders' FROM outbox ORDER BY alert_event_id DESC").fetchone()
    assert row is not None
    assert [order["reference"] for order in row[0]] == ["WO-1"]


def _undelivered(conn: Connection[Any]) -> int:
    row = conn.execute("SELECT count(*) FROM outbox WHERE delivered_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])
