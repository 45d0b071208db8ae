from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from pdm.alerts.lifecycle.alert import AlertRecord
from pdm.alerts.states import AlertState, Verb
from pdm.errors import ConflictError, NotFoundError, PreconditionError
from pdm.service.alerting.operator_actions import RequestContext, act
from pdm.store.alerts import alerts
from tests.integration.alert_plant import START, add_machine, add_subscription, change

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def conn(dsn: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def events(conn: Connection[Any]) -> list[tuple[Any, ...]]:
    return conn.execute("SELECT kind, severity, reevaluated FROM alert_event ORDER BY id").fetchall()


def only_alert(conn: Connection[Any], machine_id: int) -> UUID:
    (alert,) = alerts.fetch_open(conn, machine_id)
    return alert.id


def acknowledge(
    conn: Connection[Any], alert_id: UUID, actor: str, version: int | None = None, site_ids: list[int] | None = None
) -> tuple[AlertRecord, bool]:
    with conn.transaction():
        return act(conn, alert_id, Verb.ACKNOWLEDGE, RequestContext(actor, NOW, version, site_ids))


def test_an_alert_lives_from_opened_to_cleared_with_every_event_kept(conn: Connection[Any]) -> None:
    machine_id = add_machine(conn, "press-07")
    alerts.apply_changes(conn, machine_id, [change("opened", "warning")], False)
    acknowledged, is_new = acknowledge(conn, only_alert(conn, machine_id), "kim", 1)
    assert (acknowledged.state, acknowledged.version, is_new) == ("acknowledged", 2, True)
    alerts.apply_changes(conn, machine_id, [change("escalated", "critical")], False)
    (alert,) = alerts.fetch_open(conn, machine_id)
    assert (alert.state, alert.severity, alert.version) == (AlertState.UNACKNOWLEDGED, "critical", 3)
    alerts.apply_changes(conn, machine_id, [change("eased", "warning"), change("cleared", "warning")], True)
    assert alerts.fetch_open(conn, machine_id) == []
    assert events(conn) == [
        ("opened", "warning", False), ("acknowledged", "warning", False), ("escalated", "critical", False),
        ("eased", "warning", True), ("cleared", "warning", True),
    ]  # fmt: skip
    row = conn.execute("SELECT state, cleared_at, message, parameters, evidence FROM alert").fetchone()
    assert row == ("normal", START, "health-low", {"health": 0.5, "limit": 0.6}, {"health": None})


def test_a_cause_never_has_two_open_alerts_whatever_the_caller_believes(conn: Connection[Any]) -> None:
    machine_id = add_machine(conn, "press-07")
    alerts.apply_changes(conn, machine_id, [change("opened", "warning"), change("opened", "warning")], False)
    alerts.apply_changes(conn, machine_id, [change("opened", "critical")], False)
    alerts.apply_changes(conn, machine_id, [change("opened", "warning", "motor")], False)
    assert [alert.cause for alert in alerts.fetch_open(conn, machine_id)] == ["machine", "motor"]
    assert events(conn) == [
        ("opened", "warning", False), ("escalated", "critical", False), ("opened", "warning", False),
    ]  # fmt: skip


def test_an_escalation_of_an_alert_that_is_not_open_opens_it_and_a_clearing_does_nothing(
    conn: Connection[Any],
) -> None:
    machine_id = add_machine(conn, "press-07")
    alerts.apply_changes(conn, machine_id, [change("cleared", "warning"), change("eased", "warning")], False)
    assert events(conn) == []
    alerts.apply_changes(conn, machine_id, [change("escalated", "critical")], False)
    assert events(conn) == [("opened", "critical", False)]


def delivered(conn: Connection[Any], subscription_id: UUID) -> list[str]:
    rows = conn.execute(
        "SELECT payload ->> 'type' FROM outbox WHERE subscription_id = %s ORDER BY alert_event_id", (subscription_id,)
    )
    return [row[0] for row in rows]


def test_subscribers_are_notified_by_site_and_severity_and_of_the_end_of_notified_alerts(
    conn: Connection[Any],
) -> None:
    machine_id = add_machine(conn, "press-07")
    add_machine(conn, "press-08", site="busan")
    everything = add_subscription(conn)
    here = add_subscription(conn, site="seoul", min_severity="critical")
    elsewhere = add_subscription(conn, site="busan")
    disabled = add_subscription(conn, is_enabled=False)
    for step in (("opened", "warning"), ("escalated", "critical"), ("eased", "warning"), ("cleared", "warning")):
        alerts.apply_changes(conn, machine_id, [change(*step)], False)
    assert delivered(conn, everything) == ["alert.opened", "alert.escalated", "alert.eased", "alert.cleared"]
    assert delivered(conn, here) == ["alert.escalated", "alert.eased", "alert.cleared"]
    assert delivered(conn, elsewhere) == []
    assert delivered(conn, disabled) == []


def test_changes_of_one_call_reach_a_subscriber_who_hears_of_the_alert_first_in_it(conn: Connection[Any]) -> None:
    machine_id = add_machine(conn, "press-07")
    severe = add_subscription(conn, min_severity="critical")
    steps = [change("opened", "critical"), change("eased", "warning"), change("cleared", "warning")]
    alerts.apply_changes(conn, machine_id, steps, False)
    assert delivered(conn, severe) == ["alert.opened", "alert.eased", "alert.cleared"]


def test_the_payload_says_what_a_receiver_must_know(conn: Connection[Any]) -> None:
    machine_id = add_machine(conn, "press-07")
    add_subscription(conn)
    alerts.apply_changes(conn, machine_id, [change("opened", "warning", "bearing-de")], True)
    row = conn.execute("SELECT payload FROM outbox").fetchone()
    assert row is not None
    data = row[0]["data"]
    assert data["alert_id"] == str(only_alert(conn, machine_id))
    assert data["opened_at"] == "2026-01-01T00:00:00.000000Z"
    wanted = {
        "machine": "press-07", "site": "seoul", "cause": "bearing-de", "component": "bearing-de", "kind": "opened",
        "severity": "warning", "state": "unacknowledged", "reevaluated": True, "version": 1, "message": "health-low",
        "rule_version": "1.test", "parameters": {"health": 0.5, "limit": 0.6},
    }  # fmt: skip
    assert {key: data[key] for key in wanted} == wanted


def test_nothing_of_a_replayed_machine_goes_out(conn: Connection[Any]) -> None:
    machine_id = add_machine(conn, "press-07", timeline="replay")
    subscription_id = add_subscription(conn)
    alerts.apply_changes(conn, machine_id, [change("opened", "critical")], False)
    acknowledge(conn, only_alert(conn, machine_id), "kim")
    assert delivered(conn, subscription_id) == []
    assert len(events(conn)) == 2


def test_acknowledging_again_changes_nothing_and_is_refused_with_the_version_of_before(conn: Connection[Any]) -> None:
    machine_id = add_machine(conn, "press-07")
    alerts.apply_changes(conn, machine_id, [change("opened", "warning")], False)
    alert_id = only_alert(conn, machine_id)
    first, _ = acknowledge(conn, alert_id, "kim", 1)
    again, is_new = acknowledge(conn, alert_id, "lee")
    assert (again.version, again.acknowledged_by, is_new) == (first.version, "kim", False)
    with pytest.raises(PreconditionError):
        acknowledge(conn, alert_id, "lee", 1)
    assert len(events(conn)) == 2


def test_acknowledging_refuses_what_changed_what_cleared_and_what_is_not_the_callers(conn: Connection[Any]) -> None:
    machine_id = add_machine(conn, "press-07")
    alerts.apply_changes(conn, machine_id, [change("opened", "warning")], False)
    alert_id = only_alert(conn, machine_id)
    alerts.apply_changes(conn, machine_id, [change("escalated", "critical")], False)
    with pytest.raises(PreconditionError):
        acknowledge(conn, alert_id, "kim", 1)
    with pytest.raises(NotFoundError):
        acknowledge(conn, alert_id, "kim", site_ids=[-1])
    with pytest.raises(NotFoundError):
        acknowledge(conn, uuid4(), "kim")
    alerts.apply_changes(conn, machine_id, [change("cleared", "critical")], False)
    with pytest.raises(ConflictError):
        acknowledge(conn, alert_id, "kim")


def test_of_operators_who_acknowledge_at_once_one_is_noted(conn: Connection[Any], dsn: str) -> None:
    machine_id = add_machine(conn, "press-07")
    alerts.apply_changes(conn, machine_id, [change("opened", "warning")], False)
    alert_id = only_alert(conn, machine_id)
    outcomes: list[bool] = []

    def press(name: str) -> None:
        with psycopg.connect(dsn) as own:
            try:
                outcomes.append(acknowledge(own, alert_id, name, 1)[1])
            except PreconditionError:
                outcomes.append(False)

    operators = [threading.Thread(target=press, args=(f"operator-{n}",)) for n in range(8)]
    for operator in operators:
        operator.start()
    for operator in operators:
        operator.join()
    assert sorted(outcomes) == [False] * 7 + [True]
    assert [kind for kind, _, _ in events(conn)] == ["opened", "acknowledged"]


def test_listeners_are_woken_when_the_changes_are_visible(conn: Connection[Any], dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as listener:
        listener.execute("LISTEN pdm_alert")
        alerts.notify(conn)
        assert [note.payload for note in listener.notifies(timeout=5, stop_after=1)] == [""]
