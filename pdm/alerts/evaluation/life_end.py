"""The end of a life: the cases, timers and memories that end with a failure or replacement."""

from __future__ import annotations

from dataclasses import replace

from pdm.alerts.evaluation.causes import cause_of_component, cause_of_sensor
from pdm.alerts.evaluation.changes import AlertChange, ChangeKind, describe_change
from pdm.alerts.evaluation.evaluate import close_all
from pdm.alerts.evaluation.rule_state import Case, Cases, Remembered, RuleTimer
from pdm.alerts.kinds.behaviour import Category
from pdm.alerts.kinds.rule_input import GROUP
from pdm.alerts.rules.rule import Rule, RuleSet
from pdm.alerts.states import LIFE_CLOSED, RETIRED
from pdm.machines.model import Machine
from pdm.machines.work_events import LifeEnd, SensorReplaced


def close_ended(machine: Machine, cases: Cases, end: LifeEnd, rules: RuleSet) -> tuple[Cases, tuple[AlertChange, ...]]:
    """Clear the open cases that the end of a life concerns, and reset the rules that read only its points.

    The end of a component's life leaves the cases of other components, and those that no component is known of unless
    everything measured is of this component. Cases of instruments remain.
    """
    if end.component is None:
        return close_all(cases, end.occurred_at, rules=rules)
    ended = {cause for cause, case in cases.open.items() if _is_ended(case, end)}
    own = {rule.key for rule in rules.evaluated if _reads_only(machine, rule, end)}
    changes = [
        describe_change(
            ChangeKind.CLEARED,
            replace(cases.open[cause], message=LIFE_CLOSED, parameters={}),
            end.occurred_at,
            LIFE_CLOSED,
            {},
            rules,
        )
        for cause in sorted(ended)
    ]
    timers = {key: timer for key, timer in cases.timers.items() if not _is_reset(key, timer, ended, own)}
    memories = {key: known for key, known in cases.memories.items() if key not in own}
    memories |= {
        rule.key: Remembered(values, basis)
        for rule, basis in zip(rules.evaluated, rules.bases, strict=True)
        if rule.key in own and (values := rule.condition.memory_of_end(end.occurred_at))
    }
    kept = {cause: case for cause, case in cases.open.items() if cause not in ended}
    return Cases(timers, kept, memories, cases.is_stopped), tuple(changes)


def close_replaced(cases: Cases, turn: SensorReplaced, rules: RuleSet) -> tuple[Cases, tuple[AlertChange, ...]]:
    """Clear the open case of an instrument whose sensor was replaced, and reset its rules."""
    own = {rule.key for rule in rules.evaluated if rule.condition.own_cause() == cause_of_sensor(turn.point)}
    timers = {key: timer for key, timer in cases.timers.items() if key not in own}
    cause = cause_of_sensor(turn.point)
    kept = {key: case for key, case in cases.open.items() if key != cause}
    if cause not in cases.open:
        return replace(cases, timers=timers), ()
    case = replace(cases.open[cause], message=RETIRED, parameters={})
    change = describe_change(ChangeKind.CLEARED, case, turn.occurred_at, RETIRED, {}, rules)
    return replace(cases, timers=timers, open=kept), (change,)


def _is_ended(case: Case, end: LifeEnd) -> bool:
    if case.category is Category.INSTRUMENT:
        return False
    return end.concerns(case.component) or case.cause == cause_of_component(str(end.component))


def _is_reset(key: str, timer: RuleTimer, ended: set[str], own: set[str]) -> bool:
    return timer.cause in ended or (not timer.cause and key in own)


def _reads_only(machine: Machine, rule: Rule, end: LifeEnd) -> bool:
    """Whether a rule of the machine reads nothing but what is measured on the component whose life ended."""
    if rule.category is Category.INSTRUMENT:
        return False
    if end.is_only:
        return True
    mounted = {point.key: point.component for point in machine.points}
    points = {point for point, _ in rule.condition.wanted}
    return bool(points) and GROUP not in points and all(mounted.get(point) == end.component for point in points)
