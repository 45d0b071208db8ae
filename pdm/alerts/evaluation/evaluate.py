"""Evaluation of rules for one acquisition, as a pure function: cases and conclusions in, cases and changes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pdm.alerts.evaluation.causes import MACHINE_CAUSE, cause_of_component
from pdm.alerts.evaluation.changes import (
    AlertChange,
    AlertState,
    ChangeKind,
    Findings,
    describe_change,
)
from pdm.alerts.evaluation.rule_state import Case, Cases, Remembered, RuleTimer
from pdm.alerts.evaluation.standstill import (
    HOLDS_AT_STANDSTILL,
    MACHINE_OFF,
    MACHINE_RUNS,
    detect_standstill,
    is_at_rest,
    raised_rules,
)
from pdm.alerts.kinds.behaviour import Category, Observation, Severity
from pdm.alerts.kinds.rule_input import GROUP, NOTHING, DiagnosisNote, Measured, Reading
from pdm.alerts.rules.rule import DEFAULT_RULES, Rule, RuleSet
from pdm.health.assessment import Assessment
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import Prognosis

__all__ = [
    "AlertChange",
    "AlertState",
    "Case",
    "Cases",
    "ChangeKind",
    "close_all",
    "describe_rest",
    "evaluate",
    "kind_of_change",
]

CONFIDENT = 0.7  # from this confidence on another component is another cause


def evaluate(
    machine: Machine,
    cases: Cases,
    assessment: Assessment,
    prognosis: Prognosis | None,
    rules: RuleSet = DEFAULT_RULES,
    values: Mapping[Measured, float] = NOTHING,
    diagnosis: DiagnosisNote | None = None,
) -> tuple[Cases, tuple[AlertChange, ...]]:
    """Advance a machine's cases by one acquisition; the time is `measured_at` of the acquisition.

    Parameters
    ----------
    machine : Machine
        The rules use its planning horizon and severity limits.
    cases : Cases
        State of the rules; not modified.
    assessment, prognosis : Assessment, Prognosis or None
        Conclusions of the acquisition.
    rules : RuleSet
        The rules in force, fitted to the machine.
    values : mapping of (point, feature) to float
        Measured values of the acquisition that the rules read (`rules.wanted`), in SI units.
    diagnosis : DiagnosisNote, optional
        The newest diagnosis.

    Returns
    -------
    (cases, changes) : tuple
        The new state (the same object if nothing has changed) and the changes: at most one per case, and one
        more where suppression at standstill begins or ends.

    Notes
    -----
    A raised rule joins the open case, and escalates it, unless it names another component with a confidence
    of at least 0.7: maintenance removes a cause, not a symptom. A fault of an instrument is always a separate case.
    """
    reading = Reading(machine, assessment, prognosis, values, diagnosis)
    memories = cases.memories
    if rules.is_remembering:
        seen, memories = _recall(memories, reading, rules)
    else:
        memories = {}
        seen = [rule.observe(reading)[0] for rule in rules.evaluated]
    seen = [_ending_nothing(rule, observed, reading) for rule, observed in zip(rules.evaluated, seen, strict=True)]
    stopped_now = detect_standstill(reading, cases.is_stopped)
    if not cases.timers and not cases.open and Observation.VIOLATED not in seen:
        is_known = memories == cases.memories and stopped_now == cases.is_stopped
        return (cases if is_known else Cases(memories=memories, is_stopped=stopped_now)), ()
    timers, raised = _advance_timers(cases, seen, rules, assessment.measured_at)
    opened = dict(cases.open)
    for rule in sorted(raised, key=lambda rule: -rule.severity.rank):
        case = _join(opened, rule, reading)
        opened[case.cause] = case
        timers[rule.key] = RuleTimer(timers[rule.key].history, assessment.measured_at, 0, case.cause)
    findings = Findings(reading, rules)
    after, changes = _settle(cases, opened, timers, findings)
    now = Cases(timers, after, memories, stopped_now)
    rested = _rest(
        cases, now, {rule.key: observed for rule, observed in zip(rules.evaluated, seen, strict=True)}, findings
    )
    return replace(now, open=after | {change.cause: case for case, change in rested}), (
        *changes,
        *(change for _, change in rested),
    )


def _ending_nothing(rule: Rule, observed: Observation, reading: Reading) -> Observation:
    """Return ABSENT for a return of the machine to normal while a channel is no measurement.

    A rule on values is concerned where one of them is of that channel, a rule on conclusions always.
    """
    lost = reading.assessment.unmeasured
    if not lost or observed is not Observation.RETURNED or rule.category is not Category.MACHINE:
        return observed
    wanted = rule.condition.wanted
    phases = {point.key for point in reading.machine.points if point.quantity == "current" and point.is_waveform}
    concerned = {*lost, GROUP} if phases & lost.keys() else set(lost)
    is_concerned = not wanted or any(point in concerned for point, _ in wanted)
    return Observation.ABSENT if is_concerned else observed


def _recall(
    memories: Mapping[str, Remembered], reading: Reading, rules: RuleSet
) -> tuple[list[Observation], dict[str, Remembered]]:
    """Return the observation of each rule for an acquisition, and the new memory of the rules.

    Memory of an earlier definition of a rule is discarded.
    """
    seen: list[Observation] = []
    after: dict[str, Remembered] = {}
    for rule, basis in zip(rules.evaluated, rules.bases, strict=True):
        known = memories.get(rule.key)
        observation, values = rule.observe(reading, known.values if known and known.fits(basis) else ())
        seen.append(observation)
        if values:
            after[rule.key] = Remembered(values, basis)
    return seen, after


def _advance_timers(
    cases: Cases, seen: Sequence[Observation], rules: RuleSet, now: datetime
) -> tuple[dict[str, RuleTimer], list[Rule]]:
    """Return the timers after this acquisition and the rules whose on-delay has expired."""
    timers: dict[str, RuleTimer] = {}
    raised = []
    for rule, observation in zip(rules.evaluated, seen, strict=True):
        timer: RuleTimer | None = cases.timers.get(rule.key)
        if timer is not None and timer.cause:
            if observation is not Observation.ABSENT:
                timer = timer.after_raise(observation, now, rule.off_delay)
        elif observation is Observation.VIOLATED or (timer and observation is not Observation.ABSENT):
            timer = (timer or RuleTimer()).before_raise(observation, now, rule.on_delay)
            if timer is not None and timer.is_due(now, rule.on_delay):
                raised.append(rule)
        if timer is not None:
            timers[rule.key] = timer
    return timers, raised


def _join(opened: dict[str, Case], rule: Rule, reading: Reading) -> Case:
    """Return the open case that a newly raised rule joins, or a new case."""
    at = reading.assessment.measured_at
    named, confidence = rule.condition.names(reading)
    own = rule.condition.own_cause()
    if own is not None:
        return opened.get(own) or Case(own, named, rule.severity, at, category=rule.category, rule_key=rule.key)
    cause = MACHINE_CAUSE if named is None else cause_of_component(named)
    if named is not None and cause in opened:
        return opened[cause]
    is_confident = named is not None and (confidence or 0.0) >= CONFIDENT
    nameless = opened.get(MACHINE_CAUSE)
    if nameless is not None and is_confident and nameless.component in (None, named):
        return replace(nameless, component=named)
    related = [case for case in opened.values() if case.category is rule.category]
    if related and not is_confident:
        return max(related, key=lambda case: (case.severity.rank, case.opened_at, case.cause))
    return Case(cause, named, rule.severity, at, category=rule.category, rule_key=rule.key)


def _settle(
    before: Cases, opened: dict[str, Case], timers: dict[str, RuleTimer], findings: Findings
) -> tuple[dict[str, Case], tuple[AlertChange, ...]]:
    """Set every case to the highest severity of its raised rules, and return the cases and their changes."""
    rules, at = findings.rules, findings.reading.assessment.measured_at
    worst: dict[str, Rule] = {}
    for key, timer in timers.items():
        rule = rules.by_key[key]
        if timer.cause:
            worst[timer.cause] = max(worst.get(timer.cause, rule), rule, key=lambda each: each.severity.rank)
    after: dict[str, Case] = {}
    changes = []
    for cause, case in sorted(opened.items()):
        was, rule_now = before.open.get(cause), worst.get(cause)
        if rule_now is None:
            changes.append(_clear(case, _why_cleared(before, cause, findings), findings))
        elif was is not None and was.severity is rule_now.severity:
            after[cause] = case
        else:
            after[cause] = replace(
                case,
                severity=rule_now.severity,
                message=rule_now.message,
                parameters=rule_now.condition.parameters(findings.reading),
                rule_key=rule_now.key,
            )
            kind = kind_of_change(was.severity if was else None, rule_now.severity)
            reason = "returned" if kind is ChangeKind.EASED else rule_now.key
            points = findings.reading.assessment.points
            change = describe_change(kind, after[cause], at, reason, findings.evidence(), rules, points)
            changes.append(replace(change, act_by=findings.act_by(after[cause])))
    return after, tuple(changes)


def _rest(
    before: Cases, now: Cases, seen: Mapping[str, Observation], findings: Findings
) -> list[tuple[Case, AlertChange]]:
    """Return the cases whose suppression at standstill begins or ends with this acquisition, and the changes."""
    rules, reading = findings.rules, findings.reading
    moved = []
    for cause, case in now.open.items():
        raised = raised_rules(cause, now.timers, rules.by_key, seen)
        at_rest = is_at_rest(case, cause not in before.open, raised, reading, now.is_stopped)
        if at_rest is not case.at_rest:
            after = replace(case, at_rest=at_rest)
            moved.append((after, describe_rest(after, now.is_stopped, reading.assessment.measured_at, rules)))
    return moved


def describe_rest(case: Case, is_stopped: bool, at: datetime, rules: RuleSet) -> AlertChange:
    """Return the change that suppresses a case because the machine is at standstill, or ends the suppression."""
    kind = ChangeKind.SUPPRESSED if case.at_rest else ChangeKind.UNSUPPRESSED
    runs = HOLDS_AT_STANDSTILL if is_stopped else MACHINE_RUNS
    return describe_change(kind, case, at, MACHINE_OFF if case.at_rest else runs, {}, rules)


def kind_of_change(was: Severity | None, now: Severity) -> ChangeKind:
    """Return what a severity is after another; None: there was no case before."""
    if was is None:
        return ChangeKind.OPENED
    return ChangeKind.ESCALATED if now.rank > was.rank else ChangeKind.EASED


def _why_cleared(before: Cases, cause: str, findings: Findings) -> str:
    known = [timer.cause for key, timer in before.timers.items() if key in findings.rules.by_key]
    return "returned" if cause in known else "rule-withdrawn"


def _clear(case: Case, reason: str, findings: Findings) -> AlertChange:
    cleared = replace(case, message=reason, parameters={})
    at = findings.reading.assessment.measured_at
    return describe_change(ChangeKind.CLEARED, cleared, at, reason, findings.evidence(), findings.rules)


def close_all(
    cases: Cases, occurred_at: datetime, reason: str = "life-closed", rules: RuleSet = DEFAULT_RULES
) -> tuple[Cases, tuple[AlertChange, ...]]:
    """Clear a machine's open cases and reset its timers when a failure or replacement ends a life.

    Cases of instruments remain: the end of a life does not repair a sensor. Diagnoses up to then belong to the old
    life.
    """
    changes = []
    kept = {cause: case for cause, case in cases.open.items() if case.category is Category.INSTRUMENT}
    for cause, case in sorted(cases.open.items()):
        if cause not in kept:
            cleared = replace(case, message=reason, parameters={})
            changes.append(describe_change(ChangeKind.CLEARED, cleared, occurred_at, reason, {}, rules))
    timers = {key: timer for key, timer in cases.timers.items() if timer.cause in kept}
    memories = {
        rule.key: Remembered(values, basis)
        for rule, basis in zip(rules.evaluated, rules.bases, strict=True)
        if (values := rule.condition.memory_of_end(occurred_at))
    }
    return Cases(timers, kept, memories, cases.is_stopped), tuple(changes)
