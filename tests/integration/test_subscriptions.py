"""Receivers over the API: kept secrets, honest tests, dead letters that can be replayed, work orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.service.delivery.dispatcher import DeliveryPolicy, deliver_due
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.alerts import alerts
from tests.integration import receivers
from tests.integration.alert_plant import add_machine, change
from tests.integration.api_server import client, serve
from tests.unit.test_webhook_sending import receiving

WORD = "S3cret-Word-98765"
EMAIL = {
    "host": "127.0.0.1", "port": 25, "username": "pdm", "password": WORD, "sender": "pdm@example.com",
    "recipients": ["a@example.com"],
}  # fmt: skip
MQTT = {"host": "127.0.0.1", "port": 1883, "tls": False, "username": "pdm", "password": WORD}


@pytest.fixture
def settings(dsn: str) -> Settings:
    return Settings(dsn=dsn, webhook_allowed_networks=receivers.LOOPBACK)


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def admin(settings: Settings, pool: ConnectionPool[Any]) -> Iterator[httpx.Client]:
    key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as caller:
        yield caller


def add(admin: httpx.Client, **question: Any) -> dict[str, Any]:
    answer = admin.post("/v1/subscriptions", json={"name": "plant", "min_severity": "advisory", **question})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def now(ahead: float = 0.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=ahead)


def test_a_secret_once_given_is_in_no_answer_and_in_no_audit(
    admin: httpx.Client, conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    made = [
        add(admin, kind="email", email=EMAIL),
        add(admin, kind="mqtt", mqtt=MQTT),
        add(admin, kind="alertmanager", url="http://127.0.0.1:1/", alertmanager={"token": WORD}),
        add(admin, kind="chat", url=f"mmost://127.0.0.1:1/{WORD}"),
    ]
    assert [each["secret"] for each in made] == [None] * 4
    alerts.apply_changes(conn, add_machine(conn, "press-07"), [change("opened", "critical")], False)
    assert deliver_due(pool, now(1), settings).failed == 4
    shown = [admin.get(f"/v1/subscriptions/{each['id']}").text for each in made]
    shown += [admin.post(f"/v1/subscriptions/{each['id']}/test").text for each in made]
    shown += [admin.get("/v1/subscriptions").text, str(made), caplog.text]
    shown += [str(row) for row in conn.execute("SELECT action, detail FROM audit")]
    shown += [str(row) for row in conn.execute("SELECT last_error FROM outbox")]
    assert not [text for text in shown if WORD in text]
    assert {row[0] for row in conn.execute("SELECT last_error IS NOT NULL FROM outbox")} == {True}
    assert made[3]["url"] == "mmost://***"
    assert made[0]["config"]["username"] == "pdm"
    assert made[0]["config"]["language"] == "en"


def test_a_removed_receivers_secrets_are_forgotten(admin: httpx.Client, conn: Connection[Any]) -> None:
    made = add(admin, kind="mqtt", mqtt=MQTT)
    assert admin.delete(f"/v1/subscriptions/{made['id']}").status_code == 204
    assert conn.execute("SELECT secret, credentials FROM subscription").fetchall() == [("", {})]


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"kind": "webhook"}, "url"),
        ({"kind": "mqtt"}, "mqtt"),
        ({"kind": "email", "email": EMAIL, "url": "http://example.com/"}, "url"),
        ({"kind": "email", "email": EMAIL | {"tls": "none"}}, "email.tls"),
        ({"kind": "email", "email": EMAIL | {"recipients": ["nobody"]}}, "email.recipients.0"),
        ({"kind": "email", "email": EMAIL | {"sender": "a@b>,c@d"}}, "email.sender"),
        ({"kind": "email", "email": EMAIL | {"authority": "no certificate"}}, "email.authority"),
        ({"kind": "email", "email": EMAIL | {"host": "10.0.0.1"}}, "email.host"),
        ({"kind": "mqtt", "mqtt": MQTT | {"host": "169.254.169.254"}}, "mqtt.host"),
        ({"kind": "mqtt", "mqtt": MQTT | {"prefix": "a//b"}}, "mqtt.prefix"),
        ({"kind": "mqtt", "mqtt": MQTT, "pacing": {"digest_s": 60}}, "pacing"),
        ({"kind": "alertmanager", "url": "http://10.0.0.1:9093"}, "url"),
        ({"kind": "alertmanager", "url": "http://example.com", "payload": "alertmanager"}, "payload"),
        ({"kind": "webhook", "url": "http://example.com", "mqtt": MQTT}, "mqtt"),
        ({"kind": "chat", "url": "nonsense://x/y"}, "url"),
        ({"kind": "chat", "url": "syslog://localhost"}, "url"),
        ({"kind": "chat", "url": "json://example.com/"}, "url"),
        ({"kind": "chat", "url": "ntfy://10.0.0.1/topic"}, "url"),
        ({"url": "http://example.com",
          "pacing": {"quiet_hours": {"start": "22:00", "end": "06:00", "time_zone": "Mars/Base"}}},
         "quiet_hours.time_zone"),
    ],
)  # fmt: skip
def test_a_receiver_that_cannot_be_right_is_refused_with_the_field(
    admin: httpx.Client, question: dict[str, Any], field: str
) -> None:
    answer = admin.post("/v1/subscriptions", json={"name": "plant", **question})
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert WORD not in answer.text


def test_the_test_button_shows_the_response_of_the_receiver(admin: httpx.Client) -> None:
    def answer(status: int, body: bytes) -> Any:
        head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return lambda connection: connection.sendall(head + body)

    with receiving(answer(202, b"noted")) as good, receiving(answer(403, b"who are you?")) as bad:
        found = admin.post(f"/v1/subscriptions/{add(admin, url=good.url)['id']}/test").json()
        assert (found["is_delivered"], found["answer"]) == (True, "the receiver answered 202: noted")
        assert found["message_id"].encode() in good.requests[0]
        found = admin.post(f"/v1/subscriptions/{add(admin, url=bad.url)['id']}/test").json()
        assert (found["is_delivered"], found["answer"]) == (False, "the receiver answered 403: who are you?")
    found = admin.post(f"/v1/subscriptions/{add(admin, url='http://127.0.0.1:1/')['id']}/test").json()
    assert not found["is_delivered"]
    assert "refused" in found["answer"]


def test_the_test_button_tries_a_broker_a_mail_server_and_a_chat(admin: httpx.Client, tmp_path: Any) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with (
        receivers.mosquitto(tmp_path) as port,
        receivers.mail_server() as mailbox,
        receiving(lambda c: c.sendall(reply)) as room,
        receivers.alertmanager(tmp_path) as url,
        receivers.listening(port) as present,
    ):
        mail = {
            "host": "127.0.0.1",
            "port": mailbox.port,
            "tls": "none",
            "sender": "p@e.com",
            "recipients": ["a@e.com"],
        }
        made = [
            add(admin, kind="mqtt", mqtt={"host": "127.0.0.1", "port": port, "tls": False}),
            add(admin, kind="email", email=mail),
            add(admin, kind="chat", url=f"ntfy://127.0.0.1:{room.port}/topic"),
            add(admin, kind="alertmanager", url=url),
        ]
        found = [admin.post(f"/v1/subscriptions/{each['id']}/test").json() for each in made]
        assert [each["is_delivered"] for each in found] == [True] * 4, found
        receivers.wait_until(lambda: present.on("pdm/test"))
        assert [alert["labels"]["alertname"] for alert in receivers.firing(url)] == ["PdmTest"]
    assert len(mailbox.mails) == len(room.requests) == 1


def test_a_dead_letter_can_be_read_and_is_sent_again_under_its_id(
    admin: httpx.Client, conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings
) -> None:
    policy = DeliveryPolicy(max_attempts=1)
    with receiving(lambda c: c.sendall(b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n")) as receiver:
        made = add(admin, url=receiver.url)
        for key in ("press-07", "press-08"):
            alerts.apply_changes(conn, add_machine(conn, key), [change("opened", "critical")], False)
        assert deliver_due(pool, now(1), settings, policy=policy).dead == 2
        letters = admin.get("/v1/dead-letters", params={"subscription": made["id"]}).json()["items"]
        assert [letter["last_error"] for letter in letters] == ["the receiver answered 500"] * 2
        assert {letter["payload"]["data"]["machine"] for letter in letters} == {"press-07", "press-08"}
        assert admin.post(f"/v1/dead-letters/{letters[0]['id']}/replay").status_code == 200
        assert admin.post(f"/v1/dead-letters/{letters[0]['id']}/replay").status_code == 404, "it waits already"
        assert [item["id"] for item in admin.get("/v1/dead-letters").json()["items"]] == [letters[1]["id"]]
        assert deliver_due(pool, now(2), settings, policy=policy).dead == 1
        assert f"webhook-id: {letters[0]['id']}".encode() in receiver.requests[-1]
        assert admin.post(f"/v1/subscriptions/{made['id']}/replay").json() == {"letters": 2}
        actions = conn.execute("SELECT count(*) FROM audit WHERE action = 'dead-letter.replay'").fetchone()
        assert actions == (2,)


def test_a_work_order_reported_twice_is_one_and_later_events_contain_it(
    admin: httpx.Client, conn: Connection[Any]
) -> None:
    machine = add_machine(conn, "press-07")
    add(admin, url="http://127.0.0.1:1/")
    alerts.apply_changes(conn, machine, [change("opened", "warning")], False)
    (alert,) = admin.get("/v1/alerts").json()["items"]
    order = {"reference": "WO-1042", "url": "https://cmms.example.com/WO-1042"}
    path = f"/v1/alerts/{alert['id']}/work-order"
    assert admin.post(path, json=order).json()["status"] == "open"
    assert admin.post(path, json={"reference": "WO-1042", "status": "done"}).status_code == 200
    (kept,) = admin.get(f"/v1/alerts/{alert['id']}/work-orders").json()
    assert (kept["reference"], kept["url"], kept["status"]) == ("WO-1042", order["url"], "done")
    alerts.apply_changes(conn, machine, [change("escalated", "critical")], False)
    rows = conn.execute("SELECT payload -> 'data' -> 'work_orders' FROM outbox ORDER BY alert_event_id").fetchall()
    assert [row[0] for row in rows] == [[], [{"reference": "WO-1042", "url": order["url"], "status": "done"}]]


def test_a_webhook_may_be_what_alertmanagers_webhooks_send(
    admin: httpx.Client, conn: Connection[Any], pool: ConnectionPool[Any], settings: Settings
) -> None:
    with receiving() as receiver:
        add(admin, url=receiver.url, payload="alertmanager")
        machine = add_machine(conn, "press-07")
        alerts.apply_changes(conn, machine, [change("opened", "warning"), change("cleared", "warning")], False)
        assert deliver_due(pool, now(1), settings).delivered == 2
    first, second = (receivers.orjson.loads(request.partition(b"\r\n\r\n")[2]) for request in receiver.requests)
    assert set(first) == {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
        "commonAnnotations", "externalURL", "alerts",
    }  # fmt: skip
    assert (first["version"], first["status"], second["status"]) == ("4", "firing", "resolved")
    assert first["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert first["alerts"][0]["fingerprint"] == second["alerts"][0]["fingerprint"]
    assert first["commonLabels"]["machine"] == "press-07"
    assert b"webhook-signature: v1," in receiver.requests[0]
