"""What operators do about alerts: acknowledge, confirm, comment, assign, reset, and withhold them for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response

from api import dependencies as deps
from api import paging
from api.schemas.alerts import (
    AlertAnswer,
    Assignment,
    Comment,
    HoldAnswer,
    HoldQuestion,
    OutOfService,
    Remark,
    Shelving,
    Suppression,
)
from api.schemas.pages import Page
from pdm.alerts.lifecycle.holds import Ground, HoldKind
from pdm.alerts.states import Verb
from pdm.errors import PreconditionRequiredError
from pdm.service.alerting import holds, operator_actions
from pdm.service.platform.visibility import find_line_key, find_machine_key, find_site_key
from pdm.store.alerts.alert_views import Alert
from pdm.store.alerts.holds import ListedHold

router = APIRouter(prefix="/v1", tags=["alerts"])

_NEVER = -1  # a version that no alert has: a foreign ETag matches nothing
IfMatch = Annotated[str | None, Header(max_length=64, description="The ETag that was read.")]


class Operation:
    """A call of an operator about one alert: which, by whom, and which version was read."""

    def __init__(
        self,
        alert_id: UUID,
        response: Response,
        resources: deps.ResourcesDep,
        caller: deps.Operator,
        if_match: IfMatch = None,
    ) -> None:
        self.alert_id = alert_id
        self.response = response
        self.pool = resources.pool
        self.caller = caller
        self.names_version = if_match is not None
        self.seen_version = _version(if_match)

    def act(self, verb: Verb, comment: str, assignee: str | None = None) -> Alert:
        """Do it and return the alert with its new ETag."""
        found = operator_actions.act_on_alert(
            self.pool,
            self.caller,
            self.alert_id,
            verb,
            comment=comment,
            seen_version=self.seen_version,
            now=datetime.now(UTC),
            assignee=assignee,
        )
        return self._tagged(found)

    def hold(self, request: operator_actions.HoldRequest) -> Alert:
        """Withhold the alert and return it with its new ETag."""
        now = datetime.now(UTC)
        return self._tagged(
            operator_actions.hold_alert(
                self.pool, self.caller, self.alert_id, request, seen_version=self.seen_version, now=now
            )
        )

    def release(self, kind: HoldKind) -> Alert:
        """Withhold the alert no longer and return it with its new ETag."""
        now = datetime.now(UTC)
        return self._tagged(
            operator_actions.release_alert(
                self.pool, self.caller, self.alert_id, kind, seen_version=self.seen_version, now=now
            )
        )

    def _tagged(self, found: Alert) -> Alert:
        self.response.headers["ETag"] = f'"{found.version}"'
        return found


Operating = Annotated[Operation, Depends()]


@router.post("/alerts/{alert_id}/acknowledge", response_model=AlertAnswer)
def acknowledge_alert(operation: Operating, question: Remark | None = None) -> Alert:
    """Take notice of an alert; with If-Match only if nothing has changed since it was read."""
    return operation.act(Verb.ACKNOWLEDGE, question.comment if question else "")


@router.post("/alerts/{alert_id}/confirm", response_model=AlertAnswer)
def confirm_alert(operation: Operating, question: Remark | None = None) -> Alert:
    """Confirm that what an acknowledged alert asked for was done."""
    return operation.act(Verb.CONFIRM, question.comment if question else "")


@router.post("/alerts/{alert_id}/comment", response_model=AlertAnswer)
def comment_alert(operation: Operating, question: Comment) -> Alert:
    """Add something to an alert's history."""
    return operation.act(Verb.COMMENT, question.comment)


@router.post("/alerts/{alert_id}/assign", response_model=AlertAnswer)
def assign_alert(operation: Operating, question: Assignment) -> Alert:
    """Say who sees to an alert; If-Match is asked for, since it would write over what another has said."""
    if not operation.names_version:
        raise PreconditionRequiredError(
            "If-Match is required to assign an alert; send the ETag that was read", field="If-Match"
        )
    return operation.act(Verb.ASSIGN, question.comment, question.assignee)


@router.post("/alerts/{alert_id}/reset", response_model=AlertAnswer)
def reset_alert(operation: Operating, question: Remark | None = None) -> Alert:
    """Reset a latched alert: its condition is gone, and it ends."""
    return operation.act(Verb.RESET, question.comment if question else "")


@router.post("/alerts/{alert_id}/shelve", response_model=AlertAnswer)
def shelve_alert(operation: Operating, question: Shelving) -> Alert:
    """Shelve an alert for a time or until it has returned; an escalation ends that."""
    request = operator_actions.HoldRequest(HoldKind.SHELVED, question.reason, question.until, one_shot=question.once)
    return operation.hold(request)


@router.post("/alerts/{alert_id}/unshelve", response_model=AlertAnswer)
def unshelve_alert(operation: Operating) -> Alert:
    """Shelve an alert no longer; if it is still open, receivers are told."""
    return operation.release(HoldKind.SHELVED)


@router.post("/alerts/{alert_id}/suppress", response_model=AlertAnswer)
def suppress_alert(operation: Operating, question: Suppression) -> Alert:
    """Suppress an alert by design: it means nothing while something else holds."""
    request = operator_actions.HoldRequest(
        HoldKind.SUPPRESSED, question.reason, question.until, ground=Ground(question.ground)
    )
    return operation.hold(request)


@router.post("/alerts/{alert_id}/unsuppress", response_model=AlertAnswer)
def unsuppress_alert(operation: Operating) -> Alert:
    """Suppress an alert no longer; if it is still open, receivers are told."""
    return operation.release(HoldKind.SUPPRESSED)


@router.post("/alerts/{alert_id}/remove-from-service", response_model=AlertAnswer)
def remove_alert_from_service(operation: Operating, question: OutOfService) -> Alert:
    """Take an alert's cause out of service while it is mended."""
    return operation.hold(operator_actions.HoldRequest(HoldKind.OUT_OF_SERVICE, question.reason, question.until))


@router.post("/alerts/{alert_id}/return-to-service", response_model=AlertAnswer)
def return_alert_to_service(operation: Operating) -> Alert:
    """Put an alert's cause back into service; if it is still open, receivers are told."""
    return operation.release(HoldKind.OUT_OF_SERVICE)


@router.get("/holds", response_model=Page[HoldAnswer])
def list_holds(
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    live: bool = True,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List holds, newest first: those that still last, or all that there were."""
    before, before_id = paging.decode(cursor, (paging.END_OF_TIME, paging.LAST_UUID))
    rows = holds.list_windows(resources.pool, caller, before=before, before_id=before_id, limit=limit + 1, is_live=live)
    return paging.page(rows, limit, "created_at", "id")


@router.post("/holds", status_code=201, response_model=HoldAnswer)
def open_hold(question: HoldQuestion, resources: deps.ResourcesDep, caller: deps.Operator) -> ListedHold:
    """Withhold the alerts of a machine, a line or a site, such as in a maintenance window."""
    asked = question.model_dump()
    if question.machine:
        asked["machine"] = find_machine_key(resources.pool, caller, question.machine)
    if question.site:
        asked["site"] = find_site_key(resources.pool, caller, question.site)
        if question.line:
            asked["line"] = find_line_key(resources.pool, caller, asked["site"], question.line)
    ground = Ground(asked.pop("ground")) if question.ground else asked.pop("ground")
    request = holds.WindowRequest(**asked | {"kind": HoldKind(question.kind), "ground": ground})
    return holds.open_window(resources.pool, caller, request, datetime.now(UTC))


@router.delete("/holds/{hold_id}", status_code=204)
def end_hold(hold_id: UUID, resources: deps.ResourcesDep, caller: deps.Operator) -> None:
    """End a hold; receivers are told of what is still open."""
    holds.close_window(resources.pool, caller, hold_id, datetime.now(UTC))


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else _NEVER
