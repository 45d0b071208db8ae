"""Machines, subscriptions and alert changes for the tests of alerts and their delivery."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.alerts.evaluation.evaluate import AlertChange, ChangeKind
from pdm.alerts.rules.rule import Severity
from pdm.notify.pacing import Pacing
from pdm.notify.webhook import new_secret

START = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = new_secret()


def add_machine(conn: Connection[Any], key: str, site: str = "seoul", timeline: str = "live") -> int:
    conn.execute("INSERT INTO site (key) VALUES (%s) ON CONFLICT DO NOTHING", (site,))
    conn.execute(
        "INSERT INTO line (site_id, key) SELECT id, 'line-1' FROM site WHERE key = %s ON CONFLICT DO NOTHING", (site,)
    )
    row = conn.execute(
        "INSERT INTO machine (site_id, line_id, key, fleet, planning_horizon, baseline_acquisitions, timeline) "
        "SELECT l.site_id, l.id, %s, 'default', 3600, 30, %s FROM line l JOIN site s ON s.id = l.site_id "
        "WHERE s.key = %s RETURNING id",
        (key, timeline, site),
    ).fetchone()
    assert row is not None
    return int(row[0])


def add_subscription(
    conn: Connection[Any],
    url: str = "http://127.0.0.1:1/",
    min_severity: str = "advisory",
    site: str | None = None,
    is_enabled: bool = True,
) -> UUID:
    subscription_id = uuid4()
    conn.execute(
        "INSERT INTO subscription (id, name, url, secret, site_id, min_severity, is_enabled) "
        "VALUES (%s, 'test', %s, %s, (SELECT id FROM site WHERE key = %s), %s, %s)",
        (subscription_id, url, SECRET, site, min_severity, is_enabled),
    )
    return subscription_id


def add_receiver(
    conn: Connection[Any],
    kind: str,
    url: str = "",
    config: dict[str, Any] | None = None,
    credentials: dict[str, Any] | None = None,
    pacing: Pacing | None = None,
) -> UUID:
    """A receiver of any kind, past the checks of the API; one that keeps a state is due to be told all."""
    subscription_id = uuid4()
    conn.execute(
        "INSERT INTO subscription (id, name, kind, url, secret, min_severity, config, credentials, pacing, refresh_at)"
        " VALUES (%(id)s, 'plant', %(kind)s, %(url)s, %(secret)s, 'advisory', %(config)s, %(credentials)s, %(pacing)s,"
        " CASE WHEN %(kind)s IN ('alertmanager', 'mqtt') THEN now() END)",
        {
            "id": subscription_id,
            "kind": kind,
            "url": url,
            "secret": SECRET,
            "config": Jsonb(config or {}),
            "credentials": Jsonb(credentials or {}),
            "pacing": Jsonb((pacing or Pacing()).to_document()),
        },
    )
    return subscription_id


def mqtt_config(port: int, **more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "tls": False, "protocol": "5", "prefix": "pdm", **more}


def mail_config(port: int, **more: Any) -> dict[str, Any]:
    recipients = ["a@example.com", "b@example.com"]
    return {
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "sender": "p@example.com",
        "recipients": recipients,
    } | more


def change(kind: str, severity: str, cause: str = "machine", at: datetime = START) -> AlertChange:
    return AlertChange(
        ChangeKind(kind), cause, None if cause == "machine" else cause, Severity(severity), at, "health-low",
        {"health": 0.5, "limit": 0.6}, {"health": float("nan")}, "health-warning", "1.test",
    )  # fmt: skip
