"""Cases: what to do about an alert, what became of it, how well the alarms serve, and every message in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api import dependencies as deps
from api.language import Language
from api.schemas.cases import (
    CaseAnswer,
    FeedbackAnswer,
    FeedbackQuestion,
    KpiAnswer,
    LinkedWork,
    LinkQuestion,
    MessagesAnswer,
)
from pdm.alerts.case.trend_chart import draw
from pdm.service.alerting import cases, feedback, kpi
from pdm.service.alerting.case_views import CaseView
from pdm.service.platform.visibility import find_site_key
from pdm.store.alerts.cases import Feedback
from pdm.words.catalogue import messages

router = APIRouter(prefix="/v1", tags=["alerts"])

Since = Annotated[deps.Moment | None, Query(alias="from", description="A day before the end unless given.")]
Before = Annotated[deps.Moment | None, Query(alias="to", description="Now unless given.")]


@router.get("/alerts/kpi", response_model=KpiAnswer)
def read_kpi(
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    since: Since = None,
    before: Before = None,
    site: Annotated[deps.Key | None, Query()] = None,
    operators: Annotated[int, Query(ge=1, le=1000, description="Operating positions that share the alarms.")] = 1,
) -> Any:
    """Read how well the alarms serve people: rate, floods, chattering, stale, most frequent, delays, precision."""
    end = before or datetime.now(UTC)
    place = site and find_site_key(resources.pool, caller, site)
    return kpi.read_kpi(resources.pool, caller, since or end - timedelta(days=1), end, place, operators)


@router.get("/alerts/{alert_id}/case", response_model=CaseAnswer)
def read_case(alert_id: UUID, resources: deps.ResourcesDep, caller: deps.Reader, language: Language) -> CaseView:
    """Read what to do about an alert: by when, checks, parts, cost of waiting, and what became of similar cases."""
    return cases.read_case(resources.pool, caller, alert_id, language, datetime.now(UTC))


@router.get(
    "/alerts/{alert_id}/trend.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
def draw_trend(alert_id: UUID, resources: deps.ResourcesDep, caller: deps.Reader, language: Language) -> Response:
    """Draw the health of the alert's machine, with when the case began and ended."""
    return Response(draw(cases.draw_trend(resources.pool, caller, alert_id, language)), media_type="image/svg+xml")


@router.get("/alerts/{alert_id}/feedback", response_model=list[FeedbackAnswer])
def list_feedback(alert_id: UUID, resources: deps.ResourcesDep, caller: deps.Reader) -> list[Feedback]:
    """List what people held of a case, newest first; the newest counts."""
    return feedback.list_feedback(resources.pool, caller, alert_id)


@router.post("/alerts/{alert_id}/feedback", status_code=201, response_model=FeedbackAnswer)
def give_feedback(
    alert_id: UUID, question: FeedbackQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> Feedback:
    """Say what became of a case: a label for training and for the backtest of rules."""
    return feedback.give_feedback(
        resources.pool,
        caller,
        alert_id,
        verdict=question.verdict,
        finding=question.finding,
        fault=None if question.fault is None else question.fault.value,
        component=question.component,
        now=datetime.now(UTC),
    )


@router.post("/alerts/{alert_id}/work-events", response_model=LinkedWork)
def link_work_event(
    alert_id: UUID, question: LinkQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> dict[str, Any]:
    """Say that a work event was done for this case; again changes nothing."""
    return {"items": feedback.link_work_event(resources.pool, caller, alert_id, question.work_event)}


@router.get("/messages/{language}", response_model=MessagesAnswer)
async def read_messages(language: Literal["en", "ko"]) -> dict[str, Any]:
    """Read every message of a language by its key, with its placeholders; no key is needed."""
    return {"language": language, "messages": dict(messages(language))}
