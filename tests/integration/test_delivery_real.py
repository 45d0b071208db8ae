"""Alerts to receivers as people run them: Mosquitto, Prometheus Alertmanager, Prometheus, an SMTP server, a chat."""

from __future__ import annotations

import email
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.notify.pacing import Pacing, RateLimit
from pdm.service.delivery.dispatcher import DeliveryCounts, deliver_due
from pdm.settings import Settings
from pdm.store.alerts import alerts
from pdm.store.database.connection import open_pool
from tests.integration import receivers
from tests.integration.alert_plant import add_machine, add_receiver, change, mail_config, mqtt_config
from tests.integration.api_server import serve
from tests.integration.receivers import firing, listening, wait_until
from tests.unit.test_webhook_sending import receiving

pytestmark = pytest.mark.xdist_group("alone")

OPENED, ESCALATED = change("opened", "warning"), change("escalated", "critical")
CLEARED = change("cleared", "critical")


@pytest.fixture
def settings(dsn: str) -> Settings:
    return Settings(dsn=dsn, webhook_allowed_networks=receivers.LOOPBACK, public_url="https://pdm.example.com")


@pytest.fixture
def pool(settings: Settings) -> Iterator[ConnectionPool[Any]]:
    with open_pool(settings) as opened:
        yield opened


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def now(ahead: float = 0.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=ahead)


def deliver(pool: ConnectionPool[Any], settings: Settings, ahead: float = 0.5) -> DeliveryCounts:
    return deliver_due(pool, now(ahead), settings)


def test_alertmanager_fires_escalates_and_resolves_as_the_alert_does(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings, tmp_path: Path
) -> None:
    machine = add_machine(conn, "press-07")
    with receiving() as pager, receivers.alertmanager(tmp_path, webhook=pager.url) as url:
        add_receiver(conn, "alertmanager", url)
        alerts.apply_changes(conn, machine, [OPENED], False)
        assert deliver(pool, settings).delivered == 1
        (alert,) = firing(url)
        assert alert["labels"]["machine"] == "press-07"
        assert alert["labels"]["severity"] == "warning"
        assert alert["generatorURL"].startswith("https://pdm.example.com/v1/alerts/")
        alerts.apply_changes(conn, machine, [ESCALATED], False)
        assert deliver(pool, settings).delivered == 1
        assert [alert["labels"]["severity"] for alert in firing(url)] == ["critical"]
        alerts.apply_changes(conn, machine, [CLEARED], False)
        assert deliver(pool, settings).delivered == 1
        wait_until(lambda: firing(url) == [])
        wait_until(lambda: {"critical"} <= _resolved(pager.requests), 20)


def _resolved(requests: list[bytes]) -> set[str]:
    bodies = [orjson.loads(request.partition(b"\r\n\r\n")[2]) for request in requests]
    alerts = [alert for body in bodies for alert in body["alerts"]]
    return {alert["labels"]["severity"] for alert in alerts if alert["status"] == "resolved"}


def test_an_alertmanager_that_lost_its_state_gets_it_within_a_minute_from_a_restarted_service(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings, tmp_path: Path
) -> None:
    machine, port = add_machine(conn, "press-07"), receivers.free_port()
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with receivers.alertmanager(tmp_path / "one", port) as url:
        add_receiver(conn, "alertmanager", url)
        alerts.apply_changes(conn, machine, [OPENED], False)
        deliver(pool, settings)
        assert len(firing(url)) == 1
    with receivers.alertmanager(tmp_path / "two", port) as url:
        deliver(pool, settings, 30)
        assert firing(url) == [], "too early: it was notified 30 s ago"
        assert deliver(pool, settings, 61) == DeliveryCounts()
        (alert,) = firing(url)
        ends = datetime.fromisoformat(alert["endsAt"])
        assert timedelta(minutes=4) < ends - now() < timedelta(minutes=7)


def test_a_new_alertmanager_gets_the_active_alerts_and_no_suppressed_ones(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings, tmp_path: Path
) -> None:
    for key in ("press-07", "press-08"):
        alerts.apply_changes(conn, add_machine(conn, key), [OPENED], False)
    conn.execute(
        "UPDATE alert SET withheld = 'shelved' WHERE machine_id = (SELECT id FROM machine WHERE key = 'press-08')"
    )
    with receivers.alertmanager(tmp_path) as url:
        add_receiver(conn, "alertmanager", url)
        deliver(pool, settings)
        assert [alert["labels"]["machine"] for alert in firing(url)] == ["press-07"]


def test_an_mqtt_broker_has_every_event_in_order_and_the_state_for_whoever_comes_later(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings, tmp_path: Path
) -> None:
    machine = add_machine(conn, "press-07")
    with receivers.mosquitto(tmp_path) as port:
        lane = add_receiver(conn, "mqtt", config=mqtt_config(port))
        with listening(port) as present:
            alerts.apply_changes(conn, machine, [OPENED, ESCALATED], False)
            assert deliver(pool, settings).delivered == 2
            wait_until(lambda: len(present.on("alerts/event")) >= 2 and present.on("alerts/state"))
        events = present.on("alerts/event")
        assert [event["type"] for event in events] == ["alert.opened", "alert.escalated"]
        rows = conn.execute("SELECT id::text FROM outbox WHERE subscription_id = %s ORDER BY alert_event_id", (lane,))
        assert [event["id"] for event in events] == [row[0] for row in rows]
        with listening(port) as late:
            wait_until(lambda: late.messages)
            ((topic, state, is_retained),) = late.messages
        assert (topic, is_retained) == ("pdm/seoul/press-07/alerts/state", True)
        assert (state["severity"], [alert["cause"] for alert in state["alerts"]]) == ("critical", ["machine"])
        alerts.apply_changes(conn, machine, [CLEARED], False)
        deliver(pool, settings)
        with listening(port) as later:
            wait_until(lambda: later.messages)
            assert (later.messages[0][1]["severity"], later.messages[0][1]["alerts"]) == (None, [])


def test_a_broker_is_notified_after_an_outage(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings, tmp_path: Path
) -> None:
    machine, port = add_machine(conn, "press-07"), receivers.free_port()
    add_receiver(conn, "mqtt", config=mqtt_config(port))
    alerts.apply_changes(conn, machine, [OPENED], False)
    counts = deliver(pool, settings)
    assert (counts.delivered, counts.failed) == (0, 1)
    with receivers.mosquitto(tmp_path, port), listening(port) as present:
        assert deliver(pool, settings, 10).delivered == 1
        wait_until(lambda: present.on("alerts/event"))


def test_a_broker_that_refuses_the_password_or_the_topic_is_a_failed_attempt_that_says_so(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "acl").write_text("user plant\ntopic write other/#\n")
    (tmp_path / "passwords").write_text("")
    receivers.subprocess.run(
        ["mosquitto_passwd", "-b", str(tmp_path / "passwords"), "plant", "right-word"], check=True, capture_output=True
    )
    extra = f"allow_anonymous false\npassword_file {tmp_path / 'passwords'}\nacl_file {tmp_path / 'acl'}\n"
    machine = add_machine(conn, "press-07")
    with receivers.mosquitto(tmp_path, extra=extra) as port:
        lanes = {
            word: add_receiver(conn, "mqtt", config=mqtt_config(port, username="plant"), credentials={"password": word})
            for word in ("wrong-word", "right-word")
        }
        alerts.apply_changes(conn, machine, [OPENED], False)
        assert deliver(pool, settings).failed == 2
    errors = dict(conn.execute("SELECT subscription_id, last_error FROM outbox").fetchall())
    assert "Not authorized" in errors[lanes["right-word"]]
    assert "rejected the connection" in errors[lanes["wrong-word"]]
    assert not any("word" in error for error in errors.values())


def test_a_mail_says_what_happened_and_is_known_by_the_events_id(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings
) -> None:
    with receivers.mail_server() as mailbox:
        add_receiver(conn, "email", config=mail_config(mailbox.port))
        alerts.apply_changes(conn, add_machine(conn, "press-07"), [OPENED, ESCALATED], False)
        mailbox.answer = "451 try later"
        assert deliver(pool, settings).failed == 1
        assert conn.execute("SELECT max(last_error) FROM outbox").fetchone() == ("the server answered 451 try later",)
        mailbox.answer = "250 taken"
        assert deliver(pool, settings, 10).delivered == 2
    first, second = (email.message_from_bytes(mail.content, policy=policy.default) for mail in mailbox.mails)
    assert mailbox.mails[0].rcpt_tos == ["a@example.com", "b@example.com"]
    text = "health 50 %, below the limit of 60 %; no symptom identified"
    assert first["Subject"] == f"[warning] press-07: {text} (raised)"
    assert second["References"] == first["References"]
    assert first["Auto-Submitted"] == "auto-generated"
    ids = [row[0] for row in conn.execute("SELECT id::text FROM outbox ORDER BY alert_event_id")]
    assert [first["Message-ID"], second["Message-ID"]] == [f"<{event}@pdm.invalid>" for event in ids]
    assert "https://pdm.example.com/v1/alerts/" in first.get_content()


def test_what_a_rate_limit_holds_back_comes_as_one_mail_under_one_id_at_every_repeat(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings
) -> None:
    pacing = Pacing(rate_limit=RateLimit(2, 60.0), critical_overrides=True)
    with receivers.mail_server() as mailbox:
        add_receiver(conn, "email", config=mail_config(mailbox.port), pacing=pacing)
        machines = [add_machine(conn, f"press-{number}") for number in range(12)]
        for machine in machines[:10]:
            alerts.apply_changes(conn, machine, [OPENED], False)
        mailbox.answer = "451 try later"
        assert deliver(pool, settings).failed == 10
        (digest,) = {row[0] for row in conn.execute("SELECT digest_id FROM outbox")}
        mailbox.answer = "250 taken"
        alerts.apply_changes(conn, machines[10], [change("opened", "critical")], False)
        alerts.apply_changes(conn, machines[11], [OPENED], False)
        assert deliver(pool, settings, 10).delivered == 11, "two messages a minute, and the digest was one"
        assert deliver(pool, settings, 71).delivered == 1
        mails = [email.message_from_bytes(mail.content, policy=policy.default) for mail in mailbox.mails]
    assert [mail["Subject"].partition("]")[0] for mail in mails] == ["[critical", "[warning", "[warning"]
    assert mails[1]["Subject"] == "[warning] 10 alert events: press-0, press-1, press-2 +7"
    assert mails[1]["Message-ID"] == f"<{digest}@pdm.invalid>"


def test_a_digest_collects_for_its_time_and_what_is_critical_does_not_wait(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings
) -> None:
    with receiving() as receiver:
        add_receiver(conn, "webhook", receiver.url, pacing=Pacing(digest_s=60.0))
        one, two = add_machine(conn, "press-07"), add_machine(conn, "press-08")
        alerts.apply_changes(conn, one, [OPENED], False)
        alerts.apply_changes(conn, two, [OPENED], False)
        assert deliver(pool, settings).delivered == 0
        alerts.apply_changes(conn, two, [ESCALATED], False)
        assert deliver(pool, settings).delivered == 2, "the alert that turned critical, in order"
        alerts.apply_changes(conn, one, [change("cleared", "warning")], False)
        assert deliver(pool, settings, 61).delivered == 2
    bodies = [orjson.loads(request.partition(b"\r\n\r\n")[2]) for request in receiver.requests]
    assert [body["type"] for body in bodies] == ["alert.opened", "alert.escalated", "alert.digest"]
    assert [event["type"] for event in bodies[2]["data"]["events"]] == ["alert.opened", "alert.cleared"]
    assert {event["data"]["machine"] for event in bodies[2]["data"]["events"]} == {"press-07"}


def test_a_chat_service_is_notified_by_apprise(
    conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    with receiving(lambda c: c.sendall(answer)) as room:
        add_receiver(conn, "chat", credentials={"url": f"ntfy://127.0.0.1:{room.port}/plant-topic"})
        alerts.apply_changes(conn, add_machine(conn, "press-07"), [OPENED, ESCALATED], False)
        assert deliver(pool, settings).delivered == 2
    assert [b"(raised)" in request for request in room.requests] == [True, False]
    assert all(b"press-07" in request for request in room.requests)


@contextmanager
def worker_metrics(settings: Settings) -> Iterator[str]:
    with serve(settings) as url:
        yield url.removeprefix("http://")


def test_prometheus_reads_how_much_waits_for_receivers(
    conn: Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    add_receiver(conn, "email", config=mail_config(1))
    alerts.apply_changes(conn, add_machine(conn, "press-07"), [OPENED], False)
    with worker_metrics(settings) as target, receivers.prometheus(tmp_path, target) as url:

        def value(expression: str) -> list[str]:
            answer = receivers.httpx.get(f"{url}/api/v1/query", params={"query": expression}, trust_env=False).json()
            return [series["value"][1] for series in answer["data"]["result"]]

        wait_until(lambda: value("pdm_undelivered") == ["1"], 30)
        assert value('pdm_open_alerts{severity="warning"}') == ["1"]
        assert value("up") == ["1"]
