"""Deliver alert events from the outbox: one lane per receiver, in order within an alert, at least once.

An attempt runs outside any transaction, under a lease on its outbox row. After a crash of the dispatcher the
lease expires; the repeated message has the same id, the one of the row.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg_pool import ConnectionPool

from pdm.notify.message import STATE_KINDS, Attempt, Sender
from pdm.notify.senders import make_sender
from pdm.notify.targets import parse_networks
from pdm.service.delivery.messages import Batch, OutgoingMessage, claim_messages, claim_reminder
from pdm.service.platform.failures import AWAY, describe, is_of_schema
from pdm.settings import Settings
from pdm.store.database.leases import BackOff
from pdm.store.delivery import outbox

log = logging.getLogger(__name__)

POLL_S = 0.2  # if nothing is due, a poll reads one page of an empty index
DEFERRED_REST_S = 1.0  # pause of a lane with a deferred message


@dataclass(frozen=True)
class DeliveryPolicy:
    """Number and timing of attempts.

    `timeout` limits one attempt [s]; `lease` limits the time of a claim on a row [s].
    The n-th retry waits about `first_wait` * 2^(n-1) [s], `longest_wait` [s] at most, shortened by up to
    half at random, so that retries are spread. With the defaults a receiver may be unavailable for about
    three days.
    """

    timeout: float = 10.0
    lease: float = 30.0
    first_wait: float = 2.0
    longest_wait: float = 3600.0
    max_attempts: int = 100
    claim: int = 16
    lanes: int = 128

    def wait(self, attempts: int, rng: random.Random) -> float:
        """Return the waiting time after `attempts` failed attempts [s]."""
        back_off = BackOff(timedelta(seconds=self.first_wait), timedelta(seconds=self.longest_wait))
        return back_off.wait(attempts).total_seconds() * (1 - 0.5 * rng.random())


@dataclass
class DeliveryCounts:
    """The result of one pass."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0


@dataclass
class _Lane:
    """One receiver: its open connection, and its pause after it was unreachable."""

    sender: Sender | None = None
    failures: int = 0
    rests_until: float = 0.0
    run: Future[None] | None = None


@dataclass
class Dispatcher:
    """Runs the lanes; a receiver that hangs blocks only its own lane."""

    pool: ConnectionPool[Any]
    settings: Settings
    policy: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    rng: random.Random = field(default_factory=random.Random)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        self._networks = parse_networks(self.settings.webhook_allowed_networks)
        self._lanes: dict[UUID, _Lane] = {}
        self._death: Exception | None = None
        self.stop = threading.Event()

    def run_lane(self, subscription_id: UUID) -> DeliveryCounts:
        """Send the due messages of one receiver until none is left, it is unreachable, or `stop` is set."""
        lane = self._lanes.setdefault(subscription_id, _Lane())
        counts = DeliveryCounts()
        try:
            while not self.stop.is_set():
                batch = self._claim(subscription_id)
                if batch is None or not batch.messages:
                    lane.rests_until = time.monotonic() + DEFERRED_REST_S if batch and batch.is_deferred else 0.0
                    break
                if not self._send_all(lane, batch, counts):
                    break
        finally:
            if lane.sender is not None:
                lane.sender.rest()
        return counts

    def _claim(self, subscription_id: UUID) -> Batch | None:
        lease = timedelta(seconds=self.policy.lease)
        with self.pool.connection() as conn:
            batch = claim_messages(conn, subscription_id, self.now(), lease, self.policy.claim)
            if batch is None or batch.receiver.kind not in STATE_KINDS:
                return batch
            reminder = claim_reminder(conn, batch.receiver, self.now())
            return replace(batch, messages=(*batch.messages, reminder)) if reminder else batch

    def _send_all(self, lane: _Lane, batch: Batch, counts: DeliveryCounts) -> bool:
        """Attempt claimed messages in order; False if the rest was released."""
        give_up_at = time.monotonic() + self.policy.lease - 1.5 * self.policy.timeout
        if lane.sender is None:
            url = self.settings.public_url
            lane.sender = make_sender(batch.receiver.kind, self._networks, self.policy.timeout, url)
        for index, outgoing in enumerate(batch.messages):
            if self.stop.is_set() or time.monotonic() > give_up_at:
                self._release(batch.messages[index:])
                return not self.stop.is_set()
            attempt = self._attempt(lane.sender, batch, outgoing)
            self._settle(outgoing, attempt, counts)
            if attempt.is_reachable:
                lane.failures = 0
                continue
            self._rest(lane)
            self._release(batch.messages[index + 1 :])
            return False
        return True

    def _attempt(self, sender: Sender, batch: Batch, outgoing: OutgoingMessage) -> Attempt:
        """Send a message; an unexpected error of the sender is a failed attempt."""
        try:
            return sender.send(batch.receiver, outgoing.message, self.now())
        except Exception as error:
            log.exception("the message %s cannot be sent", outgoing.message.id)
            return Attempt(False, True, describe(error)[:200])

    def _settle(self, outgoing: OutgoingMessage, attempt: Attempt, counts: DeliveryCounts) -> None:
        if not outgoing.outbox_rows:
            if not attempt.is_delivered:
                log.warning("active alerts could not be sent again: %s", attempt.error)
            return
        now, tried = self.now(), max(outbox_row.attempts for outbox_row in outgoing.outbox_rows)
        with self.pool.connection() as conn:
            if attempt.is_delivered:
                outbox.mark_delivered(conn, outgoing.outbox_rows, now)
                counts.delivered += len(outgoing.outbox_rows)
                return
            is_dead = tried >= self.policy.max_attempts
            due = now + timedelta(seconds=self.policy.wait(tried, self.rng))
            error = attempt.error or ""
            outbox.mark_failed(conn, outgoing.outbox_rows, now, error=error, next_attempt_at=due, is_dead=is_dead)
            counts.failed += len(outgoing.outbox_rows)
            counts.dead += len(outgoing.outbox_rows) if is_dead else 0
        if is_dead:
            log.error("alert event %s failed permanently after %d attempts: %s", outgoing.message.id, tried, error)

    def _release(self, messages: Sequence[OutgoingMessage]) -> None:
        with self.pool.connection() as conn:
            outbox.release(
                conn, [outbox_row for outgoing in messages for outbox_row in outgoing.outbox_rows], self.now()
            )

    def start_due_lanes(self, executor: ThreadPoolExecutor) -> None:
        """Start every idle lane with due messages that is not paused; end the lanes of removed receivers.

        Raises the error of a failed lane, unless it concerns only its receiver.
        """
        if self._death is not None:
            raise self._death
        with self.pool.connection() as conn:
            due = outbox.fetch_due_lanes(conn, self.now())
            enabled = outbox.fetch_enabled_lanes(conn) if self._lanes else set()
        for subscription_id in self._lanes.keys() - enabled - set(due):
            if _is_idle(self._lanes[subscription_id]):
                executor.submit(self._end, self._lanes.pop(subscription_id))
        for subscription_id in due:
            lane = self._lanes.setdefault(subscription_id, _Lane())
            if _is_idle(lane) and time.monotonic() >= lane.rests_until:
                lane.run = executor.submit(self._run_logged, subscription_id)

    def _run_logged(self, subscription_id: UUID) -> None:
        try:
            self.run_lane(subscription_id)
        except AWAY as error:
            log.warning("delivery to %s is interrupted: %s", subscription_id, error)
        except Exception as error:
            if is_of_schema(error):  # no lane can continue
                self._death = error
                return
            log.exception("delivery to %s failed", subscription_id)
            self._rest(self._lanes[subscription_id])

    def _rest(self, lane: _Lane) -> None:
        lane.failures += 1
        lane.rests_until = time.monotonic() + min(30.0, self.policy.wait(lane.failures, self.rng))

    @staticmethod
    def _end(lane: _Lane) -> None:
        """Close the connection of a removed receiver."""
        try:
            if lane.sender is not None:
                lane.sender.close()
        except Exception:
            log.exception("a connection could not be closed")

    def close(self) -> None:
        """Close the lanes' connections."""
        for lane in self._lanes.values():
            self._end(lane)


def _is_idle(lane: _Lane) -> bool:
    return lane.run is None or lane.run.done()


def deliver_due(
    pool: ConnectionPool[Any],
    now: datetime,
    settings: Settings | None = None,
    *,
    policy: DeliveryPolicy | None = None,
    rng: random.Random | None = None,
) -> DeliveryCounts:
    """Send once the messages due at `now`, one receiver after another; returns the results."""
    dispatcher = Dispatcher(
        pool, settings or Settings(), policy or DeliveryPolicy(), rng or random.Random(), lambda: now
    )
    counts = DeliveryCounts()
    try:
        with pool.connection() as conn:
            due = outbox.fetch_due_lanes(conn, now)
        for subscription_id in due:
            lane = dispatcher.run_lane(subscription_id)
            counts.delivered += lane.delivered
            counts.failed += lane.failed
            counts.dead += lane.dead
    finally:
        dispatcher.close()
    return counts


def run(
    pool: ConnectionPool[Any],
    settings: Settings,
    stop_event: threading.Event,
    *,
    policy: DeliveryPolicy | None = None,
) -> None:
    """Deliver until `stop` is set; wait while the database is unavailable."""
    dispatcher = Dispatcher(pool, settings, policy or DeliveryPolicy())
    dispatcher.stop = stop_event
    with ThreadPoolExecutor(dispatcher.policy.lanes, thread_name_prefix="lane") as executor:
        while not stop_event.wait(POLL_S):
            try:
                dispatcher.start_due_lanes(executor)
            except AWAY as error:
                log.warning("delivery waits for the database: %s", error)
                stop_event.wait(2.0)
            except BaseException:
                stop_event.set()  # end the running lanes, or the executor waits for them
                raise
    dispatcher.close()
