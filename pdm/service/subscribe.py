"""Who is told of alerts."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg_pool import ConnectionPool

from pdm.errors import ForbiddenError, InvalidInputError, NotFoundError
from pdm.service.access import Caller
from pdm.store import access, subscriptions
from pdm.store.access import scoped

Row = dict[str, Any]
_SECRET_BYTES = 32  # Standard Webhooks asks for 24 to 64


def subscribe(
    pool: ConnectionPool[Any], caller: Caller, *, name: str, url: str, min_severity: str, site: str | None
) -> Row:
    """Add a receiver and return it with the secret that signs what it is sent, shown this once.

    Whether the address may be reached is checked at each delivery, when its name is resolved.

    Raises
    ------
    ForbiddenError
        The caller is limited to some sites and names none.
    InvalidInputError
        The site is unknown.
    """
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
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
