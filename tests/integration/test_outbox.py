from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from pdm.store.alerts import alerts
from pdm.store.delivery import outbox
from tests.integration.alert_plant import add_machine, add_subscription, change

LEASE = timedelta(seconds=30)


@pytest.fixture
def conn(dsn: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def lane(conn: Connection[Any]) -> UUID:
    """One subscription to which two alerts, of three events and of one, must be told."""
    subscription_id = add_subscription(conn)
    machine_id = add_machine(conn, "press-07")
    steps = [change("opened", "warning"), change("escalated", "critical"), change("cleared", "critical")]
    alerts.apply_changes(conn, machine_id, steps, False)
    alerts.apply_changes(conn, machine_id, [change("opened", "warning", "motor")], False)
    return subscription_id


def now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def claim(conn: Connection[Any], lane: UUID, at: datetime, limit: int = 10) -> list[outbox.OutboxRow]:
    return outbox.claim(conn, lane, at, LEASE, limit)


def kinds(parcels: list[outbox.OutboxRow]) -> list[str]:
    return [f"{parcel.payload['data']['cause']} {parcel.payload['data']['kind']}" for parcel in parcels]


def test_an_event_waits_for_the_earlier_ones_of_its_alert_and_for_no_other(conn: Connection[Any], lane: UUID) -> None:
    at = now()
    assert outbox.fetch_due_lanes(conn, at) == [lane]
    first = claim(conn, lane, at)
    assert kinds(first) == ["machine opened", "motor opened"]
    assert claim(conn, lane, at) == []
    outbox.mark_delivered(conn, [first[0]], at)
    second = claim(conn, lane, at)
    assert kinds(second) == ["machine escalated"]
    outbox.mark_failed(conn, [second[0]], at, error="away", next_attempt_at=at + LEASE, is_dead=False)
    assert claim(conn, lane, at) == []
    (repeat,) = [parcel for parcel in claim(conn, lane, at + LEASE) if parcel.id == second[0].id]
    outbox.mark_failed(conn, [repeat], at, error="away", next_attempt_at=at, is_dead=True)
    assert "machine cleared" in kinds(claim(conn, lane, at + LEASE))


def test_a_lease_that_ran_out_gives_the_same_id_again(conn: Connection[Any], lane: UUID) -> None:
    at = now()
    first = claim(conn, lane, at)
    assert claim(conn, lane, at + LEASE - timedelta(seconds=1)) == []
    again = claim(conn, lane, at + LEASE)
    assert [parcel.id for parcel in again] == [parcel.id for parcel in first]
    assert {parcel.attempts for parcel in again} == {2}


def test_what_an_outdated_holder_says_of_a_failure_does_not_count(conn: Connection[Any], lane: UUID) -> None:
    at = now()
    (stale, *_) = claim(conn, lane, at)
    (fresh, *_) = claim(conn, lane, at + LEASE)
    outbox.mark_failed(conn, [stale], at, error="stale", next_attempt_at=at, is_dead=True)
    outbox.mark_delivered(conn, [fresh], at)
    outbox.mark_failed(conn, [fresh], at, error="late", next_attempt_at=at, is_dead=True)
    row = conn.execute("SELECT delivered_at, dead_at, last_error FROM outbox WHERE id = %s", (fresh.id,)).fetchone()
    assert row == (at, None, None)


def test_two_dispatchers_never_hold_the_same_row(conn: Connection[Any], dsn: str, lane: UUID) -> None:
    at = now()
    with psycopg.connect(dsn) as one, psycopg.connect(dsn) as other:
        ours = claim(one, lane, at, limit=1)
        theirs = claim(other, lane, at)
        assert {parcel.id for parcel in ours}.isdisjoint(parcel.id for parcel in theirs)
        assert (len(ours), len(theirs)) == (1, 1)


def test_released_rows_are_due_at_once_and_not_counted_as_attempts(conn: Connection[Any], lane: UUID) -> None:
    at = now()
    outbox.release(conn, claim(conn, lane, at), at)
    again = claim(conn, lane, at)
    assert {parcel.attempts for parcel in again} == {1}
    assert len(again) == 2


def test_a_disabled_subscription_is_not_sent_to_and_keeps_what_waits(conn: Connection[Any], lane: UUID) -> None:
    conn.execute("UPDATE subscription SET is_enabled = false")
    assert outbox.fetch_due_lanes(conn, now()) == []
    assert claim(conn, lane, now()) == []
    assert outbox.count_waiting_and_dead(conn) == (4, 0)


def test_dead_letters_can_be_revived_under_their_ids_and_delivered_ones_are_swept(
    conn: Connection[Any], lane: UUID
) -> None:
    at = now()
    first, second = claim(conn, lane, at)
    outbox.mark_failed(conn, [first], at, error="away", next_attempt_at=at, is_dead=True)
    outbox.mark_delivered(conn, [second], at)
    assert outbox.count_waiting_and_dead(conn) == (2, 1)
    assert outbox.sweep(conn, at) == 0
    assert outbox.sweep(conn, at + LEASE) == 1
    assert outbox.revive_dead(conn, lane, at) == 1
    assert [parcel.id for parcel in claim(conn, lane, at)] == [first.id]
