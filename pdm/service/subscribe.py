"""Who is told of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg_pool import ConnectionPool

from pdm.errors import ForbiddenError, InvalidInputError, NotFoundError
from pdm.notify.targets import check_url, parse_networks
from pdm.notify.webhook import new_secret
from pdm.service.access import Caller
from pdm.store import access, subscriptions
from pdm.store.access import scoped

Row = dict[str, Any]


def subscribe(
    pool: ConnectionPool[Any],
    caller: Caller,
    *,
    name: str,
    url: str,
    min_severity: str,
    site: str | None,
    allowed_networks: str = "",
) -> Row:
    """Add a receiver and return it with the secret that signs what it is sent, shown this once.

    What can be refused by looking at the URL is refused here; the address that its name resolves to is
    checked at each delivery.

    Raises
    ------
    ForbiddenError
        The caller is limited to some sites and names none.
    InvalidInputError
        The site is unknown, or webhooks may not go to such a URL.
    """
    check_url(url, parse_networks(allowed_networks))
    secret = new_secret()
    subscription_id = uuid4()
    with pool.connection() as conn:
        site_id = None
        if site is not None:
            with scoped(conn, caller.site_ids):
                site_id = access.find_sites(conn, [site]).get(site)
            if site_id is None:
                raise InvalidInputError(f"site {site!r} is unknown", field="site")
        elif caller.site_ids is not None:
            raise ForbiddenError(f"key {caller.name!r} is limited to some sites: name the subscription's site")
        subscriptions.insert_subscription(
            conn, subscription_id, name=name, url=url, secret=secret, site_id=site_id, min_severity=min_severity
        )
        access.insert_audit(conn, caller.name, "subscription.create", str(subscription_id), name=name, url=url)
        found = subscriptions.find_subscription(conn, subscription_id)
    assert found is not None
    return {**found, "secret": secret}


def list_subscriptions(
    pool: ConnectionPool[Any], caller: Caller, *, before: datetime, before_id: UUID, limit: int
) -> list[Row]:
    """Return the receivers that the caller may see, newest first."""
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        return subscriptions.page_subscriptions(conn, before=before, before_id=before_id, limit=limit)


def read_subscription(pool: ConnectionPool[Any], caller: Caller, subscription_id: UUID) -> Row:
    """Return one receiver.

    Raises
    ------
    NotFoundError
        There is none that the caller may see.
    """
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        found = subscriptions.find_subscription(conn, subscription_id)
    if found is None:
        raise NotFoundError(f"there is no subscription {subscription_id}")
    return found


def unsubscribe(pool: ConnectionPool[Any], caller: Caller, subscription_id: UUID) -> None:
    """Tell a receiver nothing more.

    Raises
    ------
    NotFoundError
        There is none that the caller may see.
    """
    with pool.connection() as conn:
        with scoped(conn, caller.site_ids):
            found = subscriptions.find_subscription(conn, subscription_id)
        if found is None:
            raise NotFoundError(f"there is no subscription {subscription_id}")
        subscriptions.disable_subscription(conn, subscription_id)
        access.insert_audit(conn, caller.name, "subscription.delete", str(subscription_id), name=found["name"])
