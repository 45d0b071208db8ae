"""Work orders: a maintenance system tells what it made of an alert."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter

from api import dependencies as deps
from api.schemas.work_orders import WorkOrderAnswer, WorkOrderQuestion
from pdm.service.alerting import work_orders
from pdm.store.alerts.work_orders import WorkOrder

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])


@router.post("/{alert_id}/work-order", response_model=WorkOrderAnswer)
def link_work_order(
    alert_id: UUID, question: WorkOrderQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> WorkOrder:
    """Link a work order to an alert, or say what became of it; the same reference is brought up to date."""
    return work_orders.link_work_order(
        resources.pool,
        caller,
        alert_id,
        reference=question.reference,
        url=question.url,
        status=question.status,
        now=datetime.now(UTC),
    )


@router.get("/{alert_id}/work-orders", response_model=list[WorkOrderAnswer])
def list_work_orders(alert_id: UUID, resources: deps.ResourcesDep, caller: deps.Reader) -> list[WorkOrder]:
    """List the work orders of an alert, first made first."""
    return work_orders.list_work_orders(resources.pool, caller, alert_id)
