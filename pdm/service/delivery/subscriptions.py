"""Subscriptions: receivers of alerts, test messages and dead letters."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import ForbiddenError, InvalidInputError, NotFoundError
from pdm.notify.message import STATE_KINDS
from pdm.notify.pacing import Pacing
from pdm.notify.receivers import check_target
from pdm.notify.senders import make_sender
from pdm.notify.targets import parse_networks
from pdm.notify.webhook import new_secret
from pdm.service.delivery.messages import find_receiver
from pdm.service.platform.access import Caller
from pdm.settings import Settings
from pdm.store.delivery import outbox, subscriptions
from pdm.store.delivery.outbox import DeadLetter
from pdm.store.delivery.subscriptions import Subscription
from pdm.store.machines import access
from pdm.store.machines.access import scoped
from pdm.words.catalogue import DEFAULT_LANGUAGE

READ_BY_PEOPLE = ("email", "chat")


@dataclass(frozen=True)
class SubscriptionRequest:
    """Request of a new receiver; `details` depend on its kind and may contain secrets."""

    name: str
    kind: str
    url: str | None
    min_severity: str
    site: str | None
    payload: str = "pdm"
    language: str = DEFAULT_LANGUAGE
    details: Mapping[str, Any] = field(repr=False, default_factory=dict)
    pacing: Pacing = field(default_factory=Pacing)


@dataclass(frozen=True)
class NewSubscription(Subscription):
    """A new receiver; for a webhook with the secret that signs its messages."""

    secret: str | None = field(repr=False)


@dataclass(frozen=True)
class DeliveryTest:
    """The result of one attempt to reach a receiver, and its duration [s]."""

    message_id: str
    is_delivered: bool
    answer: str | None
    took_s: float


def subscribe(
    pool: ConnectionPool[Any],
    caller: Caller,
    request: SubscriptionRequest,
    *,
    now: datetime,
    allowed_networks: str = "",
) -> NewSubscription:
    """Add a receiver and return it; a webhook with the secret that signs its messages, returned only once.

    The form of the address is checked here; the resolved addresses of its host are checked at each
    delivery.

    Raises
    ------
    ForbiddenError
        The caller is limited to some sites and gave no site.
    InvalidInputError
        The site is unknown, or the address is not allowed.
    """
    if request.kind in STATE_KINDS and not request.pacing.is_immediate:
        raise InvalidInputError(
            f"a receiver of kind {request.kind} receives the present state immediately; configure grouping in the "
            f"receiver",
            field="pacing",
        )
    target = check_target(request.kind, request.url, request.details, parse_networks(allowed_networks))
    secret = new_secret() if request.kind == "webhook" else ""
    subscription_id = uuid4()
    with pool.connection() as conn:
        site_id = _site_of(conn, caller, request.site)
        subscriptions.insert_subscription(
            conn,
            subscription_id,
            name=request.name,
            kind=request.kind,
            url=target.url,
            secret=secret,
            site_id=site_id,
            min_severity=request.min_severity,
            payload=request.payload,
            config={**target.config, **({"language": request.language} if request.kind in READ_BY_PEOPLE else {})},
            credentials=dict(target.credentials),
            pacing=request.pacing.to_document(),
            refresh_at=now if request.kind in STATE_KINDS else None,
        )
        access.insert_audit(
            conn,
            caller.name,
            "subscription.create",
            str(subscription_id),
            name=request.name,
            kind=request.kind,
            url=target.url,
        )
        found = subscriptions.find_subscription(conn, subscription_id)
    assert found is not None
    return NewSubscription(**vars(found), secret=secret or None)


def _site_of(conn: Connection[Any], caller: Caller, site: str | None) -> int | None:
    if site is None:
        if caller.site_ids is not None:
            raise ForbiddenError(f"key {caller.name!r} is limited to some sites: give the site of the subscription")
        return None
    with scoped(conn, caller.site_ids):
        site_id = access.find_sites(conn, [site]).get(site)
    if site_id is None:
        raise InvalidInputError(f"site {site!r} is unknown", field="site")
    return site_id


def list_subscriptions(
    pool: ConnectionPool[Any], caller: Caller, *, before: datetime, before_id: UUID, limit: int
) -> list[Subscription]:
    """Return the receivers that the caller may see, newest first."""
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        return subscriptions.page_subscriptions(conn, before=before, before_id=before_id, limit=limit)


def read_subscription(pool: ConnectionPool[Any], caller: Caller, subscription_id: UUID) -> Subscription:
    """Return one receiver.

    Raises
    ------
    NotFoundError
        It does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        return _visible(conn, caller, subscription_id)


def unsubscribe(pool: ConnectionPool[Any], caller: Caller, subscription_id: UUID) -> None:
    """Remove a receiver.

    Raises
    ------
    NotFoundError
        It does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        found = _visible(conn, caller, subscription_id)
        subscriptions.disable_subscription(conn, subscription_id)
        access.insert_audit(conn, caller.name, "subscription.delete", str(subscription_id), name=found.name)


def try_subscription(
    pool: ConnectionPool[Any], caller: Caller, subscription_id: UUID, *, now: datetime, settings: Settings
) -> DeliveryTest:
    """Send a test message to a receiver and return its response.

    One attempt, outside any transaction and without the outbox: no retries, no quiet hours.

    Raises
    ------
    NotFoundError
        It does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        _visible(conn, caller, subscription_id)
        found = find_receiver(conn, subscription_id)
        assert found is not None
        message_id = str(uuid4())
        access.insert_audit(conn, caller.name, "subscription.test", str(subscription_id), message=message_id)
    receiver, _ = found
    sender = make_sender(
        receiver.kind, parse_networks(settings.webhook_allowed_networks), public_url=settings.public_url
    )
    started = time.monotonic()
    try:
        attempt = sender.test(receiver, message_id, now)
    finally:
        sender.close()
    answer = attempt.answer if attempt.is_delivered else attempt.error
    return DeliveryTest(message_id, attempt.is_delivered, answer, round(time.monotonic() - started, 3))


def list_dead_letters(
    pool: ConnectionPool[Any],
    caller: Caller,
    *,
    subscription_id: UUID | None,
    before: datetime,
    before_id: UUID,
    limit: int,
) -> list[DeadLetter]:
    """Return the dead letters of visible receivers, newest first."""
    with pool.connection() as conn:
        return outbox.page_dead_letters(
            conn,
            subscription_id=subscription_id,
            site_ids=caller.site_ids,
            before=before,
            before_id=before_id,
            limit=limit,
        )


def replay_dead_letter(pool: ConnectionPool[Any], caller: Caller, outbox_id: UUID, now: datetime) -> DeadLetter:
    """Send a dead letter again with the same id, and return it.

    Raises
    ------
    NotFoundError
        It does not exist, is not visible to the caller, or its subscription has ended.
    """
    with pool.connection() as conn:
        found = outbox.find_dead_letter(conn, outbox_id, caller.site_ids)
        if found is None or not outbox.revive_dead_letter(conn, outbox_id, now):
            raise NotFoundError(f"unknown dead letter {outbox_id}, or it was sent again already")
        access.insert_audit(conn, caller.name, "dead-letter.replay", str(outbox_id))
    return found


def replay_dead_letters(pool: ConnectionPool[Any], caller: Caller, subscription_id: UUID, now: datetime) -> int:
    """Send all dead letters of a receiver again with the same ids; returns their number.

    Raises
    ------
    NotFoundError
        The receiver does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        _visible(conn, caller, subscription_id)
        count = outbox.revive_dead(conn, subscription_id, now)
        access.insert_audit(conn, caller.name, "dead-letter.replay", str(subscription_id), letters=count)
    return count


def _visible(conn: Connection[Any], caller: Caller, subscription_id: UUID) -> Subscription:
    with scoped(conn, caller.site_ids):
        found = subscriptions.find_subscription(conn, subscription_id)
    if found is None:
        raise NotFoundError(f"unknown subscription {subscription_id}")
    return found
