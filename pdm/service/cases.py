"""A case as a person needs it to act: urgency, checks, parts, cost of waiting, trend, and what became of its like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.advice import Known, Why, advise, likely_parts, recommend_checks, suspects_of
from pdm.alerts.likeness import Traits, evidence_of, find_like
from pdm.alerts.trend_picture import Picture, TrendPoint
from pdm.alerts.waiting import cost_of_waiting
from pdm.errors import NotFoundError
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import NO_SKILL
from pdm.service.access import Caller
from pdm.store import cases, diagnoses, verdicts
from pdm.store.access import scoped
from pdm.store.machines import fetch_machine
from pdm.words.phrases import say

Row = dict[str, Any]
Pool = ConnectionPool[Any]

_PAST = 500  # past cases that are compared, the newest
_STEPS = 300  # of a trend


@dataclass(frozen=True)
class _Context:
    case: Row
    machine: Machine
    assessment: Row
    prognosis: Row
    diagnosis: Row | None

    @property
    def at(self) -> datetime:
        """The newest measurement that the case rests on."""
        at: datetime = self.case["cleared_at"] or self.assessment.get("measured_at") or self.case["opened_at"]
        return at


def read_case(pool: Pool, caller: Caller, alert_id: UUID, language: str, now: datetime) -> Row:
    """Return what is known of a case and what to do about it, with words in a language.

    Of an open case the newest conclusions of its machine count, of one that ended those when it was raised.

    Raises
    ------
    NotFoundError
        There is no such alert that the caller may see.
    """
    with pool.connection() as conn:
        context = _read(conn, caller, alert_id)
        case = context.case
        with scoped(conn, caller.site_ids):
            past = cases.fetch_past_cases(conn, case, case["evidence"].get("symptom"), now, _PAST)
            held = cases.list_feedback(conn, alert_id)
            work = cases.list_linked_work(conn, alert_id)
        trend = _trend(conn, context)
    known = _known(context)
    advice = advise(known)
    suspects = suspects_of((context.diagnosis or {}).get("findings", ()), _symptom(context), case["component"])
    waiting = cost_of_waiting(context.machine.costs, known)
    return {
        "alert_id": case["id"],
        "machine": case["machine"],
        "text": say_alert(case, language),
        "urgency": advice.urgency.value,
        "urgency_text": say(f"urgency.{advice.urgency.value}", {}, language),
        "act_by": advice.act_by,
        "plan_by": advice.plan_by,
        "deadlines": [{"at": one.at, **_why(one.why, language)} for one in advice.deadlines],
        "evidence": case["evidence"],
        "suspects": [{**_plain(one), "text": say(f"fault.{one.fault}", {}, language)} for one in suspects],
        "checks": [
            {**_plain(one), "text": say(f"check.{one.check}", {}, language)} for one in recommend_checks(suspects)
        ],
        "parts": [
            {**_plain(one), **_why(one.why, language)}
            for one in likely_parts(context.machine, case["component"], suspects)
        ],
        "cost_of_waiting": None
        if waiting is None
        else _plain(waiting) | {"text": _cost_text(waiting.is_at_most, language)},
        "similar": _similar(case, past, language),
        "feedback": held,
        "work_events": work,
        "trend": trend,
    }


def draw_trend(pool: Pool, caller: Caller, alert_id: UUID, language: str) -> Picture:
    """Return the trend picture of a case: the machine's health up to now, with when the case began and ended.

    Raises
    ------
    NotFoundError
        There is no such alert that the caller may see.
    """
    with pool.connection() as conn:
        context = _read(conn, caller, alert_id)
        trend = _trend(conn, context)
    return Picture(
        title=f"{context.case['machine']}: {say_alert(context.case, language)}",
        axis=say("feature.health", {}, language),
        points=tuple(TrendPoint(row["at"], row["health"], row["zone"]) for row in trend),
        opened_at=context.case["opened_at"],
        ended_at=context.case["cleared_at"],
        nothing=say("reason.no-data", {}, language),
    )


def say_alert(alert: Mapping[str, Any], language: str) -> str:
    """Return an alert's message in words.

    Examples
    --------
    >>> say_alert({"message": "zone-reached", "parameters": {"zone": "C", "limit": "C", "source": "ISO 10816-3"}}, "ko")
    '진동 등급 C 도달 (기준 등급 C, ISO 10816-3)'
    """
    return say(f"alert.{alert['message']}", alert["parameters"], language)


def _read(conn: Connection[Any], caller: Caller, alert_id: UUID) -> _Context:
    with scoped(conn, caller.site_ids):
        case = cases.find_case(conn, alert_id)
    if case is None:
        raise NotFoundError(f"unknown alert {alert_id}")
    ended = case["cleared_at"]
    assessment = prognosis = None
    if ended is None:
        assessment = verdicts.fetch_assessment(conn, case["machine_id"], None)
        prognosis = verdicts.fetch_prognosis(conn, case["machine_id"], None)
    diagnosis = diagnoses.fetch_diagnosis(conn, case["machine_id"], ended)
    if diagnosis is not None and diagnosis["measured_at"] < case["opened_at"] - timedelta(days=30):
        diagnosis = None
    stored = fetch_machine(conn, case["machine"])
    told = case["evidence"]
    return _Context(
        case,
        stored.machine,
        assessment or {"evidence": told.get("assessment") or {}, **{k: told.get(k) for k in ("zone", "symptom")}},
        prognosis or told.get("prognosis") or {},
        None if diagnosis is None else diagnosis["document"],
    )


def _known(context: _Context) -> Known:
    prognosis, limits = context.prognosis, context.machine.severity_limits
    reasons = [prognosis.get("reason"), *(prognosis.get("evidence") or {}).get("reasons", ())]
    lower, upper = prognosis.get("rul_lower_s"), prognosis.get("rul_upper_s")
    said = prognosis.get("source") in ("model", "trend") and NO_SKILL not in reasons
    said = said and prognosis.get("can_decide", True)  # of what was stored with the alert
    return Known(
        severity=context.case["severity"],
        measured_at=context.at,
        planning_horizon=context.machine.planning_horizon,
        zone=context.assessment.get("zone"),
        zone_source=limits.source if limits else None,
        rul=prognosis.get("rul_s"),
        rul_lower=lower,
        rul_upper=upper,
        level=prognosis.get("level"),
        can_decide=said and not (lower == 0.0 and upper is None),  # as Prognosis.can_decide
        zone_trend=(context.assessment.get("evidence") or {}).get("zone_trend"),
    )


def _symptom(context: _Context) -> str | None:
    found: str | None = context.assessment.get("symptom") or context.case["evidence"].get("symptom")
    return found


def _trend(conn: Connection[Any], context: _Context) -> list[Row]:
    opened = context.case["opened_at"]
    until = max(context.at, opened)
    since = min(opened - timedelta(seconds=context.machine.planning_horizon), until - timedelta(seconds=60))
    step = max((until - since) / _STEPS, timedelta(seconds=1))
    return cases.fetch_trend(conn, context.case["machine_id"], since, until, step)


def _similar(case: Row, past: list[Row], language: str) -> list[Row]:
    evidence = case["evidence"]
    contributors = (evidence.get("assessment") or {}).get("contributors") or ()
    this = Traits(evidence_of(contributors), evidence.get("symptom"), case["component_kind"], case["fleet"])
    others = [
        Traits(evidence_of(row["contributors"] or ()), row["symptom"], row["component_kind"], row["fleet"])
        for row in past
    ]
    return [_outcome(past[like.index], like.likeness, like.cosine, language) for like in find_like(this, others)]


def _outcome(row: Row, likeness: float, cosine: float, language: str) -> Row:
    kept = (
        "machine",
        "cause",
        "component",
        "severity",
        "symptom",
        "opened_at",
        "cleared_at",
        "verdict",
        "finding",
        "fault",
    )
    return {
        "alert_id": row["id"],
        **{name: row[name] for name in kept},
        "likeness": round(likeness, 4),
        "cosine": round(cosine, 4),
        "verdict_text": say(f"feedback.{row['verdict']}", {}, language) if row["verdict"] else None,
        "work_events": row["work_events"] or [],
    }


def _why(why: Why, language: str) -> Row:
    return {"reason": why.key, "parameters": dict(why.parameters), "text": say(why.key, why.parameters, language)}


def _cost_text(is_at_most: bool, language: str) -> str:
    told = [say("cost.failure", {}, language)]
    return "; ".join([*told, say("cost.at-most", {}, language)] if is_at_most else told)


def _plain(thing: Any) -> Row:
    """Return a dataclass as plain values, without its reason."""
    values = asdict(thing)
    values.pop("why", None)
    return values
