"""What operators and the clock do to alerts, over the real database."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.evaluation.changes import AlertChange
from pdm.alerts.kinds.behaviour import Category
from pdm.alerts.lifecycle.holds import Ground, HoldKind
from pdm.alerts.states import Verb
from pdm.errors import ConflictError, InvalidInputError, NotFoundError, PreconditionError
from pdm.service.alerting import escalation
from pdm.service.alerting.holds import WindowRequest, close_window, list_windows, open_window
from pdm.service.alerting.operator_actions import HoldRequest, act_on_alert, hold_alert, release_alert
from pdm.service.platform.access import Caller, Role
from pdm.settings import Settings
from pdm.store.alerts import alerts
from pdm.store.alerts.alert_views import Alert
from tests.integration.alert_plant import add_machine, add_subscription, change

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KIM = Caller(1, "kim", Role.OPERATE, None)
LEE = Caller(2, "lee", Role.OPERATE, None)
SHELVE = HoldRequest(HoldKind.SHELVED, "known, part is ordered", NOW + 60 * MINUTE)
Pool = ConnectionPool[Any]


@pytest.fixture
def conn(dsn: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def machine_id(conn: Connection[Any]) -> int:
    return add_machine(conn, "press-07")


def happen(conn: Connection[Any], machine_id: int, *changes: AlertChange, at: datetime = NOW) -> None:
    alerts.apply_all(conn, {machine_id: changes}, reevaluated=False, now=at)


def asking(kind: str, severity: str, cause: str = "machine", **asks: Any) -> AlertChange:
    return replace(change(kind, severity, cause), **asks)


def only(conn: Connection[Any]) -> UUID:
    row = conn.execute("SELECT id FROM alert").fetchone()
    assert row is not None
    return UUID(str(row[0]))


def states(conn: Connection[Any]) -> dict[str, tuple[str, str | None]]:
    rows = conn.execute("SELECT cause, state, withheld FROM alert ORDER BY raised_at")
    return {cause: (state, withheld) for cause, state, withheld in rows}


def history(conn: Connection[Any]) -> list[tuple[str, str]]:
    return conn.execute("SELECT kind, actor FROM alert_event ORDER BY id").fetchall()


def sent_events(conn: Connection[Any]) -> list[str]:
    return [row[0] for row in conn.execute("SELECT payload ->> 'type' FROM outbox ORDER BY alert_event_id")]


def do(pool: Pool, alert_id: UUID, verb: Verb, caller: Caller = KIM, **more: Any) -> Alert:
    return act_on_alert(pool, caller, alert_id, verb, **{"comment": "", "seen_version": None, "now": NOW, **more})


def tick(conn: Connection[Any], at: datetime) -> str:
    with conn.transaction():
        return escalation.advance(conn, Settings(), at)


def test_a_critical_alert_that_returned_waits_for_its_acknowledgement_and_keeps_who_when_and_why(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, asking("opened", "critical", needs_acknowledgement=True))
    happen(conn, machine_id, change("cleared", "critical"))
    assert states(conn) == {"machine": ("returned", None)}
    found = do(pool, only(conn), Verb.ACKNOWLEDGE, comment="bearing was greased")
    assert (found.state, found.acknowledged_by, found.acknowledged_at) == ("normal", "kim", NOW)
    steps = [(e.kind, e.actor, e.state, e.comment) for e in found.history]
    assert steps == [
        ("opened", "analysis", "unacknowledged", ""),
        ("returned", "analysis", "returned", ""),
        ("acknowledged", "kim", "normal", "bearing was greased"),
        ("cleared", "kim", "normal", "bearing was greased"),
    ]
    assert sent_events(conn) == ["alert.opened", "alert.returned", "alert.acknowledged", "alert.cleared"]


def test_a_latched_alert_ends_when_somebody_resets_it_and_comes_back_as_the_same(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    happen(conn, machine_id, asking("opened", "warning", is_latching=True))
    alert_id = only(conn)
    with pytest.raises(ConflictError, match="latched"):
        do(pool, alert_id, Verb.RESET)
    do(pool, alert_id, Verb.ACKNOWLEDGE)
    happen(conn, machine_id, change("cleared", "warning"))
    assert states(conn) == {"machine": ("latched", None)}
    happen(conn, machine_id, asking("opened", "warning", is_latching=True))
    assert states(conn) == {"machine": ("unacknowledged", None)}
    happen(conn, machine_id, change("cleared", "warning"))
    found = do(pool, alert_id, Verb.RESET, caller=LEE, comment="looked at it")
    assert found.state == "normal"
    assert [kind for kind, actor in history(conn) if actor == "lee"] == ["reset", "cleared"]


def test_confirming_commenting_and_assigning_are_kept_and_do_not_move_the_alert(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    happen(conn, machine_id, change("opened", "warning"))
    alert_id = only(conn)
    with pytest.raises(ConflictError, match="acknowledge"):
        do(pool, alert_id, Verb.CONFIRM)
    do(pool, alert_id, Verb.COMMENT, comment="smells hot")
    do(pool, alert_id, Verb.ASSIGN, assignee="park")
    do(pool, alert_id, Verb.ACKNOWLEDGE)
    found = do(pool, alert_id, Verb.CONFIRM, caller=LEE, comment="fan was blocked")
    assert (found.state, found.assignee, found.confirmed_by) == ("acknowledged", "park", "lee")
    kinds = [(event.kind, event.comment) for event in found.history]
    assert kinds == [
        ("opened", ""), ("commented", "smells hot"), ("assigned", ""), ("acknowledged", ""),
        ("confirmed", "fan was blocked"),
    ]  # fmt: skip
    assert found.history[2].detail == {"assignee": "park", "was": None}
    audited = conn.execute("SELECT action, actor FROM audit ORDER BY id").fetchall()
    assert audited[-1] == ("alert.confirm", "lee")


def test_of_two_operators_who_saw_the_same_one_is_refused(pool: Pool, conn: Connection[Any], machine_id: int) -> None:
    happen(conn, machine_id, change("opened", "warning"))
    alert_id = only(conn)
    barrier = threading.Barrier(2)
    outcomes: dict[str, str] = {}

    def assign(caller: Caller) -> None:
        barrier.wait()
        try:
            found = do(pool, alert_id, Verb.ASSIGN, caller, assignee=caller.name, seen_version=1)
            outcomes[caller.name] = f"stored {found.assignee}"
        except PreconditionError:
            outcomes[caller.name] = "refused"

    threads = [threading.Thread(target=assign, args=(caller,)) for caller in (KIM, LEE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = next(name for name, outcome in outcomes.items() if outcome != "refused")
    assert outcomes == {winner: f"stored {winner}", {"kim": "lee", "lee": "kim"}[winner]: "refused"}
    assert conn.execute("SELECT assignee, version FROM alert").fetchone() == (winner, 2)
    assert history(conn) == [("opened", "analysis"), ("assigned", winner)]


def test_a_shelved_alert_remains_listed_is_not_notified_and_is_unshelved_when_the_time_is_over(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, change("opened", "warning"))
    found = hold_alert(pool, KIM, only(conn), SHELVE, seen_version=1, now=NOW)
    assert (found.state, found.withheld, found.version) == ("unacknowledged", "shelved", 2)
    assert found.history[-1].reason == "known, part is ordered"
    with pytest.raises(ConflictError, match="already"):
        hold_alert(pool, LEE, only(conn), SHELVE, seen_version=None, now=NOW)
    happen(conn, machine_id, change("cleared", "warning"), change("opened", "warning"), at=NOW + MINUTE)
    assert states(conn)["machine"] == ("unacknowledged", "shelved")
    assert sent_events(conn) == ["alert.opened", "alert.shelved", "alert.cleared"], "who heard of it hears its end"
    assert tick(conn, NOW + 59 * MINUTE).startswith("0 suppressions ended, 0 machines")
    assert tick(conn, NOW + 61 * MINUTE).startswith("1 suppressions ended, 1 machines")
    assert [kind for kind, _ in history(conn)][-4:] == ["cleared", "opened", "shelved", "unshelved"]
    assert sent_events(conn)[-1] == "alert.unshelved"
    assert list_windows(pool, KIM, before=NOW + 9999 * MINUTE, before_id=UUID(int=0), limit=9, is_live=True) == []


def test_shelving_once_lasts_until_the_alert_has_returned(pool: Pool, conn: Connection[Any], machine_id: int) -> None:
    happen(conn, machine_id, change("opened", "warning"))
    hold_alert(pool, KIM, only(conn), HoldRequest(HoldKind.SHELVED, "known", one_shot=True), seen_version=None, now=NOW)
    happen(conn, machine_id, change("cleared", "warning"))
    happen(conn, machine_id, change("opened", "warning"))
    assert [row[0] for row in conn.execute("SELECT withheld FROM alert ORDER BY raised_at")] == ["shelved", None]
    assert conn.execute("SELECT ended_by FROM alert_hold").fetchall() == [("one-shot",)]


@pytest.mark.parametrize("steps", [[("escalated", "critical")], [("cleared", "warning"), ("opened", "critical")]])
def test_a_shelf_never_swallows_what_has_become_critical(
    pool: Pool, conn: Connection[Any], machine_id: int, steps: list[tuple[str, str]]
) -> None:
    add_subscription(conn, min_severity="critical")
    happen(conn, machine_id, change("opened", "warning"))
    hold_alert(pool, KIM, only(conn), SHELVE, seen_version=None, now=NOW)
    for step in steps:
        happen(conn, machine_id, change(*step))
    assert states(conn)["machine"] == ("unacknowledged", None)
    assert f"alert.{steps[-1][0]}" in sent_events(conn)
    assert conn.execute("SELECT ended_by FROM alert_hold").fetchall() == [("escalated",)]


def test_shelving_needs_an_end_and_an_open_alert_and_is_undone_by_hand(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    happen(conn, machine_id, change("opened", "warning"))
    alert_id = only(conn)
    for wish in (HoldRequest(HoldKind.SHELVED, "x"), HoldRequest(HoldKind.SHELVED, "x", NOW - MINUTE)):
        with pytest.raises(InvalidInputError):
            hold_alert(pool, KIM, alert_id, wish, seen_version=None, now=NOW)
    with pytest.raises(ConflictError):
        release_alert(pool, KIM, alert_id, HoldKind.SHELVED, seen_version=None, now=NOW)
    hold_alert(pool, KIM, alert_id, SHELVE, seen_version=None, now=NOW)
    found = release_alert(pool, LEE, alert_id, HoldKind.SHELVED, seen_version=2, now=NOW)
    assert (found.withheld, found.history[-1].kind, found.history[-1].actor) == (
        None,
        "unshelved",
        "lee",
    )
    happen(conn, machine_id, change("cleared", "warning"))
    with pytest.raises(ConflictError, match="ended"):
        hold_alert(pool, KIM, alert_id, SHELVE, seen_version=None, now=NOW)


def test_an_alert_out_of_service_is_not_notified_until_returned_to_service(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, change("opened", "advisory"))
    hold_alert(
        pool, KIM, only(conn), HoldRequest(HoldKind.OUT_OF_SERVICE, "sensor is replaced"), seen_version=None, now=NOW
    )
    happen(conn, machine_id, change("escalated", "critical"))
    assert states(conn)["machine"] == ("unacknowledged", "out-of-service")
    release_alert(pool, KIM, only(conn), HoldKind.OUT_OF_SERVICE, seen_version=None, now=NOW)
    assert sent_events(conn) == ["alert.opened", "alert.removed-from-service", "alert.returned-to-service"]


def test_a_maintenance_window_of_a_line_withholds_its_machines_alone_present_and_coming(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    elsewhere = add_machine(conn, "press-99", site="busan")
    add_subscription(conn)
    happen(conn, machine_id, change("opened", "warning", "motor"))
    wish = WindowRequest(
        HoldKind.SUPPRESSED, "yearly revision", site="seoul", line="line-1", ground=Ground.MAINTENANCE,
        starts_at=NOW + 10 * MINUTE, ends_at=NOW + 70 * MINUTE,
    )  # fmt: skip
    open_window(pool, KIM, wish, NOW)
    assert states(conn)["motor"] == ("unacknowledged", None), "it has not begun"
    tick(conn, NOW + 11 * MINUTE)
    happen(conn, machine_id, change("opened", "critical", "bearing-de"), at=NOW + 20 * MINUTE)
    happen(conn, elsewhere, change("opened", "warning", "gear"), at=NOW + 20 * MINUTE)
    assert states(conn) == {
        "motor": ("unacknowledged", "suppressed"), "bearing-de": ("unacknowledged", "suppressed"),
        "gear": ("unacknowledged", None),
    }  # fmt: skip
    assert sent_events(conn) == ["alert.opened", "alert.suppressed", "alert.opened"]
    tick(conn, NOW + 71 * MINUTE)
    assert sent_events(conn)[3:] == ["alert.unsuppressed", "alert.unsuppressed"]
    assert set(states(conn).values()) == {("unacknowledged", None)}


def test_a_window_is_ended_early_by_who_may_and_refused_where_it_makes_no_sense(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    happen(conn, machine_id, change("opened", "warning"))
    window = open_window(
        pool, KIM, WindowRequest(HoldKind.SUPPRESSED, "off", machine="press-07", ground=Ground.MACHINE_OFF), NOW
    )
    assert (window.site, window.line, window.machine) == ("seoul", "line-1", "press-07")
    assert states(conn)["machine"][1] == "suppressed"
    with pytest.raises(NotFoundError):
        close_window(pool, replace(LEE, site_ids=(-1,)), window.id, NOW)
    close_window(pool, LEE, window.id, NOW + MINUTE)
    assert states(conn)["machine"][1] is None
    assert history(conn)[-1] == ("unsuppressed", "lee")
    with pytest.raises(ConflictError):
        close_window(pool, LEE, window.id, NOW + MINUTE)
    maintenance = WindowRequest(HoldKind.SUPPRESSED, "x", ground=Ground.MAINTENANCE)
    for wrong in (
        maintenance,
        replace(maintenance, machine="press-07", site="seoul"),
        replace(maintenance, site="seoul", cause="motor"),
        replace(maintenance, site="seoul", ground=None),
        replace(maintenance, site="seoul", ends_at=NOW),
        WindowRequest(HoldKind.SHELVED, "x", machine="press-07", ends_at=NOW + MINUTE),
    ):
        with pytest.raises(InvalidInputError):
            open_window(pool, KIM, wrong, NOW)
    for missing in (replace(maintenance, site="mars"), replace(maintenance, site="seoul", line="line-9")):
        with pytest.raises(NotFoundError):
            open_window(pool, KIM, missing, NOW)


def test_an_unacknowledged_alert_is_notified_repeatedly_by_severity_until_acknowledged(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, asking("opened", "critical", needs_acknowledgement=True))
    happen(conn, machine_id, change("opened", "warning", "motor"))
    happen(conn, machine_id, asking("opened", "warning", "gear", escalate_after=3600.0))
    tick(conn, NOW + 14 * MINUTE)
    assert "alert.overdue" not in sent_events(conn)
    tick(conn, NOW + 16 * MINUTE)
    tick(conn, NOW + 17 * MINUTE)
    tick(conn, NOW + 61 * MINUTE)
    tick(conn, NOW + 77 * MINUTE)
    late = conn.execute(
        "SELECT a.cause, e.kind, e.actor, e.detail ->> 'step' FROM alert_event e JOIN alert a ON a.id = e.alert_id"
        " WHERE e.actor = 'clock' ORDER BY e.id"
    ).fetchall()
    assert late == [
        ("machine", "overdue", "clock", "1"), ("gear", "overdue", "clock", "1"), ("machine", "reminded", "clock", "2"),
    ]  # fmt: skip
    assert sent_events(conn)[3:] == ["alert.overdue", "alert.overdue", "alert.reminded"]
    for (alert_id,) in conn.execute("SELECT id FROM alert").fetchall():
        do(pool, alert_id, Verb.ACKNOWLEDGE)
    assert tick(conn, NOW + 10_000 * MINUTE).endswith("0 alerts overdue")


def test_a_faulty_sensor_inhibits_what_rests_on_it_alone_but_nothing_critical(
    conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    evidence = {"assessment": {"contributors": [{"point": "de-h", "deviation": 9.0}]}}  # what is stored of the points
    of_point = {"evidence": evidence, "points": ("de-h",)}
    happen(conn, machine_id, asking("opened", "warning", "motor", **of_point))
    silent = asking("opened", "advisory", "sensor:de-h", parameters={"point": "de-h"}, category=Category.INSTRUMENT)
    happen(conn, machine_id, silent)
    assert states(conn) == {"motor": ("unacknowledged", "inhibited"), "sensor:de-h": ("unacknowledged", None)}
    row = conn.execute(
        "SELECT a.inhibited_by, e.reason FROM alert a JOIN alert_event e ON e.alert_id = a.id"
        " WHERE e.kind = 'suppressed'"
    ).fetchone()
    assert row == ("sensor:de-h", "sensor-fault")
    happen(conn, machine_id, asking("escalated", "critical", "motor", **of_point))
    assert states(conn)["motor"] == ("unacknowledged", None)
    assert sent_events(conn)[-2:] == ["alert.escalated", "alert.unsuppressed"]
    happen(conn, machine_id, asking("eased", "warning", "motor", points=("de-h",)))
    assert states(conn)["motor"][1] == "inhibited"
    happen(conn, machine_id, change("cleared", "advisory", "sensor:de-h"))
    assert states(conn)["motor"] == ("unacknowledged", None)


def test_a_storm_of_one_batch_is_stored_grouped_and_queued_in_a_few_statements(conn: Connection[Any]) -> None:
    add_subscription(conn)
    machines = [add_machine(conn, f"press-{n:03d}") for n in range(200)]
    storm = {m: [change("opened", "warning"), change("escalated", "critical")] for m in machines}
    alerts.apply_all(conn, storm, reevaluated=False, now=NOW)
    assert conn.execute("SELECT count(*), count(DISTINCT machine_id) FROM alert").fetchone() == (200, 200)
    assert conn.execute("SELECT count(*) FROM outbox").fetchone() == (400,)
    again = {machine: [change("opened", "critical")] for machine in machines}
    alerts.apply_all(conn, again, reevaluated=False, now=NOW)
    assert conn.execute("SELECT count(*) FROM alert_event").fetchone() == (400,), (
        "a known state gives no further notification"
    )


def test_a_cause_that_another_transaction_opens_meanwhile_has_one_alert_as_severe_as_the_worst(
    dsn: str, conn: Connection[Any], machine_id: int
) -> None:
    with psycopg.connect(dsn) as other:
        happen(other, machine_id, change("opened", "warning"))
        late = threading.Thread(target=happen, args=(conn, machine_id, change("opened", "critical")))
        late.start()
        late.join(0.5)
        assert late.is_alive(), "it waits for the other to end"
        other.commit()
        late.join()
    assert conn.execute("SELECT severity, state FROM alert").fetchall() == [("critical", "unacknowledged")]
    assert [kind for kind, _ in history(conn)] == ["opened", "escalated"]
