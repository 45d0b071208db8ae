"""Who is told of alerts: receivers, whether they can be reached, and what was given up for them."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import SecretStr

from api import dependencies as deps
from api import paging
from api.schemas import subscriptions as schemas
from api.schemas.pages import Page
from pdm.errors import InvalidInputError
from pdm.notify.pacing import Pacing, QuietHours, RateLimit
from pdm.service.delivery import subscriptions
from pdm.service.delivery.subscriptions import DeliveryTest, NewSubscription
from pdm.store.delivery.outbox import DeadLetter
from pdm.store.delivery.subscriptions import Subscription

router = APIRouter(prefix="/v1", tags=["alerts"])

_DETAILS = ("alertmanager", "mqtt", "email")


@router.get("/subscriptions", response_model=Page[schemas.SubscriptionAnswer])
def list_subscriptions(
    resources: deps.ResourcesDep, caller: deps.Operator, limit: deps.Limit = 100, cursor: deps.Cursor = None
) -> dict[str, Any]:
    """List who is told of alerts, newest first."""
    before, before_id = paging.decode(cursor, (paging.END_OF_TIME, paging.LAST_UUID))
    rows = subscriptions.list_subscriptions(resources.pool, caller, before=before, before_id=before_id, limit=limit + 1)
    return paging.page(rows, limit, "created_at", "id")


@router.post("/subscriptions", status_code=201, response_model=schemas.SubscriptionCreated)
def add_subscription(
    question: schemas.SubscriptionQuestion, resources: deps.ResourcesDep, caller: deps.Administrator
) -> NewSubscription:
    """Tell a receiver of alerts; the answer holds a webhook's signing secret, this once."""
    request = subscriptions.SubscriptionRequest(
        name=question.name,
        kind=question.kind,
        url=question.url,
        min_severity=question.min_severity,
        site=question.site,
        payload=_payload(question),
        language=question.language,
        details=_details(question),
        pacing=_pacing(question.pacing),
    )
    networks = resources.settings.webhook_allowed_networks
    return subscriptions.subscribe(resources.pool, caller, request, now=datetime.now(UTC), allowed_networks=networks)


@router.get("/subscriptions/{subscription_id}", response_model=schemas.SubscriptionAnswer)
def read_subscription(subscription_id: UUID, resources: deps.ResourcesDep, caller: deps.Operator) -> Subscription:
    """Read one receiver of alerts."""
    return subscriptions.read_subscription(resources.pool, caller, subscription_id)


@router.delete("/subscriptions/{subscription_id}", status_code=204)
def remove_subscription(subscription_id: UUID, resources: deps.ResourcesDep, caller: deps.Administrator) -> None:
    """Tell a receiver nothing more."""
    subscriptions.unsubscribe(resources.pool, caller, subscription_id)


@router.post("/subscriptions/{subscription_id}/test", response_model=schemas.TestAnswer)
def try_subscription(subscription_id: UUID, resources: deps.ResourcesDep, caller: deps.Operator) -> DeliveryTest:
    """Send a receiver a message marked as a test, and return what it said; one attempt of 10 s at most."""
    return subscriptions.try_subscription(
        resources.pool, caller, subscription_id, now=datetime.now(UTC), settings=resources.settings
    )


@router.post("/subscriptions/{subscription_id}/replay", response_model=schemas.Replayed)
def replay_dead_letters(subscription_id: UUID, resources: deps.ResourcesDep, caller: deps.Operator) -> dict[str, Any]:
    """Send all dead letters of a receiver again, under the ids that they had."""
    count = subscriptions.replay_dead_letters(resources.pool, caller, subscription_id, datetime.now(UTC))
    return {"letters": count}


@router.get("/dead-letters", response_model=Page[schemas.DeadLetter])
def list_dead_letters(
    resources: deps.ResourcesDep,
    caller: deps.Operator,
    subscription: Annotated[UUID | None, Query(description="Of one receiver only.")] = None,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List what was given up, with the last error, last first."""
    before, before_id = paging.decode(cursor, (paging.END_OF_TIME, paging.LAST_UUID))
    rows = subscriptions.list_dead_letters(
        resources.pool, caller, subscription_id=subscription, before=before, before_id=before_id, limit=limit + 1
    )
    return paging.page(rows, limit, "dead_at", "id")


@router.post("/dead-letters/{letter_id}/replay", response_model=schemas.DeadLetter)
def replay_dead_letter(letter_id: UUID, resources: deps.ResourcesDep, caller: deps.Operator) -> DeadLetter:
    """Send a dead letter again, under the id that it had; the answer is what it was."""
    return subscriptions.replay_dead_letter(resources.pool, caller, letter_id, datetime.now(UTC))


def _payload(question: schemas.SubscriptionQuestion) -> str:
    if question.payload != "pdm" and question.kind != "webhook":
        raise InvalidInputError("payload is allowed for webhooks only", field="payload")
    return question.payload


def _details(question: schemas.SubscriptionQuestion) -> dict[str, Any]:
    """Return what describes a receiver of its kind, secrets in the clear."""
    for kind in _DETAILS:
        if kind != question.kind and getattr(question, kind) is not None:
            raise InvalidInputError(f"a receiver of kind {question.kind} does not allow the field {kind}", field=kind)
    details = getattr(question, question.kind) if question.kind in _DETAILS else None
    if details is None:
        if question.kind in ("mqtt", "email"):
            raise InvalidInputError(
                f"a receiver of kind {question.kind} requires the field {question.kind}", field=question.kind
            )
        return {}
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in details.model_dump().items()
    }


def _pacing(question: schemas.Pacing) -> Pacing:
    quiet, rate = question.quiet_hours, question.rate_limit
    hours, limit = None, None
    if quiet is not None:
        hours = QuietHours(time.fromisoformat(quiet.start), time.fromisoformat(quiet.end), quiet.time_zone)
    if rate is not None:
        limit = RateLimit(rate.messages, rate.per_s)
    return Pacing(hours, limit, question.digest_s, question.critical_overrides)
