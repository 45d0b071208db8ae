"""Who is told of alerts: receivers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from api import dependencies as given
from api import paging
from api.schemas.pages import Page
from api.schemas.subscriptions import SubscriptionAnswer, SubscriptionCreated, SubscriptionQuestion
from pdm.service import subscribe

router = APIRouter(prefix="/v1", tags=["alerts"])


@router.get("/subscriptions", response_model=Page[SubscriptionAnswer])
def list_subscriptions(
    held: given.Held, caller: given.Operator, limit: given.Limit = 100, cursor: given.Cursor = None
) -> dict[str, Any]:
    """List who is told of alerts, newest first."""
    before, before_id = paging.decode(cursor, (paging.END_OF_TIME, paging.LAST_UUID))
    rows = subscribe.list_subscriptions(held.pool, caller, before=before, before_id=before_id, limit=limit + 1)
    return paging.page(rows, limit, "created_at", "id")


@router.post("/subscriptions", status_code=201, response_model=SubscriptionCreated)
def add_subscription(question: SubscriptionQuestion, held: given.Held, caller: given.Administrator) -> dict[str, Any]:
    """Tell a webhook of alerts; the answer holds the signing secret, this once."""
    return subscribe.subscribe(
        held.pool,
        caller,
        name=question.name,
        url=question.url,
        min_severity=question.min_severity,
        site=question.site,
        allowed_networks=held.settings.webhook_allowed_networks,
    )


@router.get("/subscriptions/{subscription_id}", response_model=SubscriptionAnswer)
def read_subscription(subscription_id: UUID, held: given.Held, caller: given.Operator) -> dict[str, Any]:
    """Read one receiver of alerts."""
    return subscribe.read_subscription(held.pool, caller, subscription_id)


@router.delete("/subscriptions/{subscription_id}", status_code=204)
def remove_subscription(subscription_id: UUID, held: given.Held, caller: given.Administrator) -> None:
    """Tell a receiver nothing more."""
    subscribe.unsubscribe(held.pool, caller, subscription_id)
