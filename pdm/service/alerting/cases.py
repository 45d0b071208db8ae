"""Cases: urgency, checks, parts, cost of waiting, trend and the outcome of similar cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.case.advice import Known, advise, likely_parts, recommend_checks, suspects_of
from pdm.alerts.case.delay_cost import cost_of_waiting
from pdm.alerts.case.similarity import Traits, evidence_of, find_like
from pdm.alerts.case.trend_chart import Picture, TrendPoint
from pdm.alerts.kinds.declared_units import declare_contributors
from pdm.errors import NotFoundError
from pdm.health.assessment import ZoneTrend
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import Prognosis
from pdm.service.alerting.case_views import (
    CaseView,
    CheckView,
    DeadlineView,
    PartView,
    SimilarCase,
    SuspectView,
    WaitingCostView,
)
from pdm.service.platform.access import Caller
from pdm.store.alerts import cases
from pdm.store.alerts.cases import PastCase, StoredCase
from pdm.store.analysis import assessments_read, diagnoses
from pdm.store.machines.access import scoped
from pdm.store.machines.registration import fetch_machine
from pdm.words.phrases import say

Pool = ConnectionPool[Any]

_PAST = 500  # newest past cases that are compared
_STEPS = 300  # steps of a trend


@dataclass(frozen=True)
class _Context:
    case: StoredCase
    machine: Machine
    assessment: Mapping[str, Any]  # stored with the alert if the case has ended
    prognosis: Mapping[str, Any]
    diagnosis: Mapping[str, Any] | None

    @property
    def at(self) -> datetime:
        """The newest measurement in the evidence of the case."""
        at: datetime = self.case.cleared_at or self.assessment.get("measured_at") or self.case.opened_at
        return at


def read_case(pool: Pool, caller: Caller, alert_id: UUID, language: str, now: datetime) -> CaseView:
    """Return the evidence of a case and the recommended actions, with texts in a language.

    An open case uses the newest assessment of its machine, an ended case the assessment at which it was raised.

    Raises
    ------
    NotFoundError
        The alert does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        context = _read(conn, caller, alert_id)
        case = context.case
        with scoped(conn, caller.site_ids):
            past = cases.fetch_past_cases(conn, case, case.evidence.get("symptom"), now, _PAST)
            entries = cases.list_feedback(conn, alert_id)
            work = cases.list_linked_work(conn, alert_id)
        trend = _trend(conn, context)
    known = _known(context)
    advice = advise(known)
    suspects = suspects_of((context.diagnosis or {}).get("findings", ()), _symptom(context), case.component)
    waiting = cost_of_waiting(context.machine.costs, known)
    return CaseView(
        alert_id=case.id,
        machine=case.machine,
        text=say_alert(case.message, case.parameters, language),
        urgency=advice.urgency.value,
        urgency_text=say(f"urgency.{advice.urgency.value}", {}, language),
        act_by=advice.act_by,
        plan_by=advice.plan_by,
        deadlines=[DeadlineView.of(one, language) for one in advice.deadlines],
        evidence=_declared(case.evidence, context.machine),
        suspects=[SuspectView.of(one, language) for one in suspects],
        checks=[CheckView.of(one, language) for one in recommend_checks(suspects)],
        parts=[PartView.of(one, language) for one in likely_parts(context.machine, case.component, suspects)],
        cost_of_waiting=None if waiting is None else WaitingCostView.of(waiting, language),
        similar=_similar(case, past, language),
        feedback=entries,
        work_events=work,
        trend=trend,
    )


def draw_trend(pool: Pool, caller: Caller, alert_id: UUID, language: str) -> Picture:
    """Return the trend chart of a case: health of the machine up to now, with start and end of the case.

    Raises
    ------
    NotFoundError
        The alert does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        context = _read(conn, caller, alert_id)
        trend = _trend(conn, context)
    return Picture(
        title=f"{context.case.machine}: {say_alert(context.case.message, context.case.parameters, language)}",
        axis=say("feature.health", {}, language),
        points=trend,
        opened_at=context.case.opened_at,
        ended_at=context.case.cleared_at,
        nothing=say("reason.no-data", {}, language),
    )


def say_alert(message: str, parameters: Mapping[str, Any], language: str) -> str:
    """Return the message text of an alert.

    Examples
    --------
    >>> say_alert("zone-reached", {"zone": "C", "limit": "C", "source": "ISO 10816-3"}, "ko")
    '진동 등급 C 도달 (기준 등급 C, ISO 10816-3)'
    """
    return say(f"alert.{message}", parameters, language)


def _declared(evidence: Mapping[str, Any], machine: Machine) -> Mapping[str, Any]:
    assessment = evidence.get("assessment")
    return {**evidence, "assessment": declare_contributors(assessment, machine)} if assessment else evidence


def _read(conn: Connection[Any], caller: Caller, alert_id: UUID) -> _Context:
    with scoped(conn, caller.site_ids):
        case = cases.find_case(conn, alert_id)
    if case is None:
        raise NotFoundError(f"unknown alert {alert_id}")
    ended = case.cleared_at
    assessment = prognosis = None
    if ended is None:
        assessment = assessments_read.fetch_assessment(conn, case.machine_id, None)
        prognosis = assessments_read.fetch_prognosis(conn, case.machine_id, None)
    diagnosis = diagnoses.fetch_diagnosis(conn, case.machine_id, ended)
    if diagnosis is not None and diagnosis.measured_at < case.opened_at - timedelta(days=30):
        diagnosis = None
    stored = fetch_machine(conn, case.machine)
    evidence = case.evidence
    kept = {"evidence": evidence.get("assessment") or {}, **{k: evidence.get(k) for k in ("zone", "symptom")}}
    return _Context(
        case,
        stored.machine,
        kept if assessment is None else vars(assessment),
        (evidence.get("prognosis") or {}) if prognosis is None else vars(prognosis),
        None if diagnosis is None else diagnosis.document,
    )


def _known(context: _Context) -> Known:
    limits = context.machine.severity_limits
    prognosis = Prognosis.from_row(context.prognosis, context.at)
    return Known(
        severity=context.case.severity,
        measured_at=context.at,
        planning_horizon=context.machine.planning_horizon,
        zone=context.assessment.get("zone"),
        zone_source=limits.source if limits else None,
        rul=prognosis.rul if prognosis else None,
        rul_lower=prognosis.rul_lower if prognosis else None,
        rul_upper=prognosis.rul_upper if prognosis else None,
        level=prognosis.level if prognosis else None,
        can_decide=prognosis is not None and prognosis.can_decide,
        zone_trend=ZoneTrend.from_document((context.assessment.get("evidence") or {}).get("zone_trend")),
    )


def _symptom(context: _Context) -> str | None:
    found: str | None = context.assessment.get("symptom") or context.case.evidence.get("symptom")
    return found


def _trend(conn: Connection[Any], context: _Context) -> list[TrendPoint]:
    opened = context.case.opened_at
    until = max(context.at, opened)
    since = min(opened - timedelta(seconds=context.machine.planning_horizon), until - timedelta(seconds=60))
    step = max((until - since) / _STEPS, timedelta(seconds=1))
    return cases.fetch_trend(conn, context.case.machine_id, since, until, step)


def _similar(case: StoredCase, past: Sequence[PastCase], language: str) -> list[SimilarCase]:
    contributors = (case.evidence.get("assessment") or {}).get("contributors") or ()
    this = Traits(evidence_of(contributors), case.evidence.get("symptom"), case.component_kind, case.fleet)
    others = [
        Traits(evidence_of(each.contributors or ()), each.symptom, each.component_kind, each.fleet) for each in past
    ]
    return [SimilarCase.of(past[like.index], like, language) for like in find_like(this, others)]
