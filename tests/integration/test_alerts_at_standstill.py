"""Alerts of machines that stand still, and holds, reminders and lives as their history tells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.kinds.behaviour import Category
from pdm.alerts.lifecycle.holds import Ground, HoldKind
from pdm.alerts.states import Verb
from pdm.errors import ConflictError
from pdm.machines.work_events import LifeEnd, WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, OperatingContext
from pdm.service.alerting import data_gaps, escalation
from pdm.service.alerting.holds import WindowRequest, close_window, open_window
from pdm.service.alerting.operator_actions import HoldRequest, act_on_alert, hold_alert
from pdm.service.analysis.worker import Worker
from pdm.service.machines.queries import list_alert_history, read_alert
from pdm.service.machines.work_events import record_work_event
from pdm.service.maintenance import scheduler as clockwork
from pdm.settings import Settings
from pdm.store.alerts import alerts
from pdm.store.alerts.alert_views import HISTORY_SHOWN
from tests.integration import plant
from tests.integration.alert_plant import add_machine, add_subscription, change
from tests.integration.test_operator_actions import (
    KIM,
    LEE,
    MINUTE,
    NOW,
    SHELVE,
    asking,
    happen,
    history,
    only,
    sent_events,
)
from tests.integration.test_operator_actions import tick as advance

Pool = ConnectionPool[Any]
STEP = timedelta(minutes=10)
STOP = replace(change("suppressed", "warning"), reason="machine-off")
START_UP = replace(change("unsuppressed", "warning"), reason="machine-runs")


@pytest.fixture
def conn(dsn: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def machine_id(conn: Connection[Any]) -> int:
    return add_machine(conn, "press-07")


def steps(conn: Connection[Any]) -> list[tuple[str, str, str, str | None]]:
    return conn.execute("SELECT kind, actor, reason, withheld FROM alert_event ORDER BY id").fetchall()


def withheld(conn: Connection[Any]) -> list[str | None]:
    return [row[0] for row in conn.execute("SELECT withheld FROM alert ORDER BY cause")]


def test_an_alert_opened_at_standstill_is_notified_when_the_machine_runs_and_it_is_still_active(
    conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, change("opened", "warning"), STOP)
    assert steps(conn) == [
        ("opened", "analysis", "health-warning", "suppressed"),
        ("suppressed", "analysis", "machine-off", "suppressed"),
    ]
    assert (sent_events(conn), withheld(conn)) == ([], ["suppressed"])
    assert advance(conn, NOW + MINUTE).startswith("0 suppressions ended, 0 machines"), "the clock leaves it so"
    happen(conn, machine_id, STOP)
    happen(conn, machine_id, START_UP)
    assert steps(conn)[2:] == [("unsuppressed", "analysis", "machine-runs", None)]
    assert sent_events(conn) == ["alert.unsuppressed"]


def test_who_has_taken_notice_hears_nothing_of_stops_and_starts_and_who_has_not_hears_of_the_start(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, change("opened", "warning"))
    happen(conn, machine_id, STOP)
    happen(conn, machine_id, START_UP)
    assert sent_events(conn) == ["alert.opened", "alert.unsuppressed"], "it is unacknowledged and still active"
    act_on_alert(pool, KIM, only(conn), Verb.ACKNOWLEDGE, comment="", seen_version=None, now=NOW)
    happen(conn, machine_id, STOP)
    happen(conn, machine_id, START_UP)
    assert sent_events(conn)[2:] == ["alert.acknowledged"]
    assert [kind for kind, _ in history(conn)][-2:] == ["suppressed", "unsuppressed"]
    happen(conn, machine_id, STOP)
    happen(conn, machine_id, change("escalated", "critical"))
    act_on_alert(pool, KIM, only(conn), Verb.ACKNOWLEDGE, comment="", seen_version=None, now=NOW)
    happen(conn, machine_id, START_UP)
    assert sent_events(conn)[3:] == ["alert.unsuppressed"], "there was no notification of the escalation"


def test_an_alert_that_begins_and_ends_with_a_stop_requires_no_response(conn: Connection[Any], machine_id: int) -> None:
    add_subscription(conn)
    happen(conn, machine_id, asking("opened", "critical", needs_acknowledgement=True), STOP)
    happen(conn, machine_id, change("cleared", "critical"))
    assert conn.execute("SELECT state FROM alert").fetchall() == [("normal",)]
    assert sent_events(conn) == []


def test_an_alert_notified_before_the_stop_still_requires_acknowledgement(
    conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, asking("opened", "critical", needs_acknowledgement=True))
    happen(conn, machine_id, STOP)
    happen(conn, machine_id, change("cleared", "critical"))
    assert conn.execute("SELECT state, withheld FROM alert").fetchall() == [("returned", None)]
    assert sent_events(conn) == ["alert.opened", "alert.returned"]


def test_a_stop_and_a_window_overlap_and_the_last_to_end_releases_the_alert(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, change("opened", "warning"))
    wish = WindowRequest(HoldKind.SUPPRESSED, "oil change", machine="press-07", ground=Ground.MAINTENANCE)
    window = open_window(pool, KIM, wish, NOW)
    happen(conn, machine_id, STOP)
    close_window(pool, KIM, window.id, NOW + MINUTE)
    assert withheld(conn) == ["suppressed"]
    happen(conn, machine_id, START_UP)
    assert withheld(conn) == [None]
    assert [kind for kind, _ in history(conn)] == ["opened", "suppressed", "unsuppressed"]


def test_an_alert_that_opens_and_ends_within_a_batch_under_a_window_is_not_notified(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    open_window(pool, KIM, WindowRequest(HoldKind.SUPPRESSED, "x", site="seoul", ground=Ground.MAINTENANCE), NOW)
    happen(conn, machine_id, change("opened", "warning"), change("cleared", "warning"), at=NOW + MINUTE)
    assert sent_events(conn) == []
    assert [row[3] for row in steps(conn)] == ["suppressed", "suppressed"]


def test_the_history_names_who_has_ended_a_hold_whoever_looks_next(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    other = add_machine(conn, "press-99", site="busan")
    happen(conn, machine_id, change("opened", "warning"))
    happen(conn, other, change("opened", "warning"))
    timed = WindowRequest(
        HoldKind.SUPPRESSED, "a", machine="press-99", ground=Ground.MAINTENANCE, ends_at=NOW + 5 * MINUTE
    )
    open_window(pool, KIM, timed, NOW)
    mine = open_window(pool, KIM, replace(timed, machine="press-07", ends_at=None), NOW)
    close_window(pool, LEE, mine.id, NOW + 6 * MINUTE)
    ended = conn.execute(
        "SELECT m.key, e.actor, e.detail ->> 'hold' IS NOT NULL FROM alert_event e"
        " JOIN machine m ON m.id = e.machine_id WHERE e.kind = 'unsuppressed' ORDER BY m.key"
    ).fetchall()
    assert ended == [("press-07", "lee", True), ("press-99", "clock", True)]


def test_a_shelf_that_gives_way_says_why_and_gives_way_to_worse_only(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, change("opened", "warning"))
    hold_alert(pool, KIM, only(conn), SHELVE, seen_version=None, now=NOW)
    happen(conn, machine_id, change("escalated", "critical"))
    assert steps(conn)[-1][:3] == ("unshelved", "analysis", "escalated")
    hold_alert(pool, KIM, only(conn), SHELVE, seen_version=None, now=NOW)
    happen(conn, machine_id, change("cleared", "critical"), change("opened", "critical"))
    assert conn.execute("SELECT withheld FROM alert WHERE state <> 'normal'").fetchall() == [("shelved",)], "as it was"


def test_shelving_once_what_has_returned_already_is_refused(pool: Pool, conn: Connection[Any], machine_id: int) -> None:
    happen(conn, machine_id, asking("opened", "critical", needs_acknowledgement=True))
    happen(conn, machine_id, change("cleared", "critical"))
    with pytest.raises(ConflictError, match="returned"):
        hold_alert(pool, KIM, only(conn), HoldRequest(HoldKind.SHELVED, "x", one_shot=True), seen_version=None, now=NOW)


def test_a_shelf_that_is_over_is_in_nobodys_way_before_the_clock_has_looked(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    happen(conn, machine_id, change("opened", "warning"))
    hold_alert(pool, KIM, only(conn), SHELVE, seen_version=None, now=NOW)
    later = NOW + 61 * MINUTE
    again = replace(SHELVE, until=later + 60 * MINUTE)
    found = hold_alert(pool, LEE, only(conn), again, seen_version=None, now=later)
    assert found.withheld == "shelved"


def test_reminders_are_not_used_while_notifications_are_suppressed(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    add_subscription(conn)
    happen(conn, machine_id, asking("opened", "critical", needs_acknowledgement=True))
    wish = WindowRequest(
        HoldKind.SUPPRESSED, "x", site="seoul", ground=Ground.MAINTENANCE, ends_at=NOW + 48 * 60 * MINUTE
    )
    open_window(pool, KIM, wish, NOW)
    for hour in range(1, 48, 5):
        advance(conn, NOW + hour * 60 * MINUTE)
    assert [kind for kind, _ in history(conn)] == ["opened", "suppressed"]
    advance(conn, NOW + 48 * 60 * MINUTE)
    advance(conn, NOW + (48 * 60 + 14) * MINUTE)
    assert sent_events(conn)[-1] == "alert.unsuppressed", "it has its time again"
    advance(conn, NOW + (48 * 60 + 16) * MINUTE)
    row = conn.execute("SELECT kind, detail ->> 'step' FROM alert_event ORDER BY id DESC LIMIT 1").fetchone()
    assert row == ("overdue", "1")


def test_what_somebody_says_who_comes_second_is_kept(pool: Pool, conn: Connection[Any], machine_id: int) -> None:
    happen(conn, machine_id, change("opened", "warning"))
    for caller, comment in ((KIM, "seen"), (LEE, "it smells hot"), (LEE, "")):
        act_on_alert(pool, caller, only(conn), Verb.ACKNOWLEDGE, comment=comment, seen_version=None, now=NOW)
    rows = conn.execute("SELECT kind, actor, comment FROM alert_event ORDER BY id OFFSET 1").fetchall()
    assert rows == [("acknowledged", "kim", "seen"), ("commented", "lee", "it smells hot")]


def test_a_life_that_ends_takes_along_what_still_asked_for_somebody_but_not_the_instruments(
    conn: Connection[Any], machine_id: int
) -> None:
    happen(conn, machine_id, asking("opened", "critical", "motor", needs_acknowledgement=True))
    happen(conn, machine_id, change("cleared", "critical", "motor"))
    happen(conn, machine_id, change("opened", "advisory", "gear"))
    happen(conn, machine_id, asking("opened", "advisory", "sensor:de-h", category=Category.INSTRUMENT))
    ended_at = plant.NOW
    alerts.apply_all(conn, {}, reevaluated=False, now=NOW, life_ends={machine_id: [LifeEnd(ended_at)]})
    rows = conn.execute("SELECT cause, state FROM alert ORDER BY cause").fetchall()
    assert rows == [("gear", "normal"), ("motor", "normal"), ("sensor:de-h", "unacknowledged")]
    assert {row[:3] for row in steps(conn)[-2:]} == {("cleared", "analysis", "life-closed")}


def test_an_alert_tells_its_last_events_and_the_history_pages_through_all_of_one_alert(
    pool: Pool, conn: Connection[Any], machine_id: int
) -> None:
    happen(conn, machine_id, change("opened", "warning"))
    alert_id = only(conn)
    happen(conn, machine_id, change("opened", "warning", "motor"))
    conn.execute(
        "INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reason, comment)"
        " SELECT id, machine_id, 'commented', severity, now(), 'kim', 'comment', n::text"
        " FROM alert, generate_series(1, 700) n WHERE id = %s",
        (alert_id,),
    )
    shown = read_alert(pool, KIM, alert_id).history
    assert (len(shown), shown[0].comment, shown[-1].comment) == (HISTORY_SHOWN, "201", "700")
    before, found = 2**62, []
    while page := list_alert_history(pool, KIM, before=before, limit=300, alert_id=alert_id):
        found += page
        before = page[-1].id
    assert [row.alert_id for row in found] == [alert_id] * 701
    assert len(list_alert_history(pool, KIM, before=2**62, limit=900, machine="press-07")) == 702
    assert list_alert_history(pool, KIM, before=2**62, limit=9, machine="press-99") == []
    elsewhere = replace(KIM, site_ids=(-1,))
    assert list_alert_history(pool, elsewhere, before=2**62, limit=9, alert_id=alert_id) == []


def test_an_alert_clock_that_fails_looks_again_before_people_miss_it(
    pool: Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> str:
        raise psycopg.errors.DeadlockDetected("another has what it needs")

    monkeypatch.setattr(clockwork, "JOBS", {"alert-clock": (fail, escalation.INTERVAL)})
    assert list(clockwork.tick(pool, settings, NOW).failed) == ["alert-clock"]
    assert clockwork.tick(pool, settings, NOW + timedelta(seconds=29)).failed == {}
    assert list(clockwork.tick(pool, settings, NOW + timedelta(seconds=30)).failed) == ["alert-clock"]


def _run_dry(worker: Worker) -> None:
    while worker.round():
        pass


def _store(pool: Pool, acquisitions: Sequence[Acquisition]) -> None:
    plant.send(pool, *acquisitions)


def _off(acquisition: Acquisition) -> Acquisition:
    quiet = tuple(replace(w, samples=w.samples * 0.001) for w in acquisition.waveforms)
    return replace(acquisition, waveforms=quiet, context=OperatingContext(state="off"))


def _worn(count: int, worse_from: int) -> list[Acquisition]:
    stream = plant.series(count=count)
    loud = [replace(a, waveforms=tuple(replace(w, samples=w.samples * 20) for w in a.waveforms)) for a in stream]
    return [*stream[:worse_from], *loud[worse_from:]]


def test_a_machine_that_is_switched_off_rests_its_alert_and_owes_no_data_through_every_stage(
    pool: Pool, settings: Settings, conn: Connection[Any]
) -> None:
    plant.add(pool)
    worker = Worker(pool, settings)
    stream = _worn(64, 40)
    off = [_off(a) for a in stream[55:58]]
    _store(pool, stream[:55])
    _run_dry(worker)
    assert withheld(conn) == [None]
    _store(pool, [off[0], off[2]])
    _run_dry(worker)
    assert withheld(conn) == ["suppressed"]
    known = steps(conn)
    _store(pool, [off[1]])
    _run_dry(Worker(pool, settings))
    assert steps(conn) == known, "late data and a restart tell nothing twice"
    later = plant.NOW + timedelta(days=3)
    conn.execute("INSERT INTO gap_watch (since, looked_at) VALUES (%s, %s)", (plant.NOW, later))
    assert data_gaps.find_gaps(conn, later) == "0 opened, 0 ended, 1 quiet"
    _store(pool, stream[58:])
    _run_dry(worker)
    assert withheld(conn) == [None]
    assert steps(conn)[len(known) :] == [("unsuppressed", "analysis", "machine-runs", None)]


def test_a_replacement_that_is_written_down_afterwards_ends_the_alert_for_good(
    pool: Pool, settings: Settings, conn: Connection[Any]
) -> None:
    plant.add(pool)
    worker = Worker(pool, settings)
    stream = _worn(70, 40)
    mended = plant.series(count=70)[60:]
    _store(pool, [*stream[:60], *mended])
    _run_dry(worker)
    conn.execute("UPDATE alert SET needs_acknowledgement = true, is_latching = true WHERE state <> 'normal'")
    before = conn.execute("SELECT state FROM alert").fetchall()
    event = WorkEvent("press-07", WorkEventKind.REPLACEMENT, stream[59].measured_at + STEP / 2)
    record_work_event(pool, event, actor="kim", site_ids=None, now=plant.NOW)
    _run_dry(worker)
    assert before != [("normal",)]
    rows = conn.execute("SELECT state, cleared_at FROM alert").fetchall()
    assert rows == [("normal", event.occurred_at)]
    assert conn.execute("SELECT reason, reevaluated FROM alert_event ORDER BY id DESC LIMIT 1").fetchall() == [
        ("life-closed", True)
    ]
