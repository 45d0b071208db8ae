"""Suppression at standstill: which cases are suppressed while the machine is off, and when the suppression ends.

IEC 62682 and ISA-18.2 suppress by design alarms without meaning on equipment that is shut down; alarms that remain
valid on a stopped machine are not suppressed. The operating state is that of health assessment (`off`, `transient`).
All times are on the machine's timeline, so that late data give the same result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from pdm.alerts.evaluation.rule_state import Case, RuleTimer
from pdm.alerts.kinds.behaviour import Category, Observation, Severity
from pdm.alerts.kinds.rule_input import Reading
from pdm.alerts.kinds.signal import OFF, TRANSIENT
from pdm.alerts.rules.rule import Rule

MACHINE_OFF = "machine-off"  # the reason of suppression: the machine is off
HOLDS_AT_STANDSTILL = "holds-at-standstill"  # the reason of unsuppression: a rule valid at standstill raises it
MACHINE_RUNS = "machine-runs"  # the reason of unsuppression: the machine runs, the condition is active

RuleObservation = tuple[Rule, Observation]


def looks_at_standstill(rule: Rule) -> bool:
    """Whether a rule evaluates while the machine is off: one of its operating states matches `off`."""
    return any(fnmatchcase(OFF, pattern) for pattern in rule.operating_states)


def is_judged_at_standstill(rule: Rule) -> bool:
    """Whether a rule remains valid at standstill, so that its case is not suppressed.

    This applies to rules of data and instruments; to rules with the operating state `off`; to diagnoses, which result
    from the running machine and are best acted upon at standstill; to high temperatures; and to safety rules (critical
    and latching), which require an inspection.
    """
    if rule.category is not Category.MACHINE or looks_at_standstill(rule):
        return True
    if rule.severity is Severity.CRITICAL and rule.is_latching:
        return True
    return rule.condition.holds_at_standstill


def detect_standstill(reading: Reading, before: bool) -> bool:
    """Whether the machine is off after an acquisition; `before` is the result of the previous acquisition.

    An acquisition during run-up or run-down, or one without signals, speed and state, does not end a standstill.
    """
    state = reading.assessment.operating_state
    if state == OFF:
        return True
    return before and (state == TRANSIENT or not reading.assessment.shows_operation)


def is_at_rest(
    case: Case,
    is_new: bool,
    raised: Sequence[RuleObservation],
    reading: Reading,
    is_stopped: bool,
) -> bool:
    """Whether a case is suppressed because its machine is off or has only just started.

    Parameters
    ----------
    case : Case
        The case before this acquisition, or the new case.
    is_new : bool
        The case opened with this acquisition.
    raised : sequence of (Rule, Observation)
        The raised rules of the case, and their observations of this acquisition.
    reading : Reading
    is_stopped : bool
        Result of `detect_standstill`.

    Notes
    -----
    The suppression of a case ends as soon as one of its rules observes anything other than `RETURNED` on the running
    machine. While all its rules observe `RETURNED` the case stays suppressed until the off-delay expires: a low
    pressure that the stop had caused gives no notification.
    """
    if case.category is not Category.MACHINE or any(is_judged_at_standstill(rule) for rule, _ in raised):
        return False
    if is_stopped:
        return True
    if reading.assessment.operating_state == TRANSIENT:
        return case.at_rest or is_new
    return case.at_rest and all(observation is Observation.RETURNED for _, observation in raised)


def raised_rules(
    cause: str, timers: Mapping[str, RuleTimer], rules: Mapping[str, Rule], seen: Mapping[str, Observation]
) -> list[RuleObservation]:
    """Return the raised rules of a case, and their observations of an acquisition."""
    return [
        (rules[key], seen.get(key, Observation.ABSENT))
        for key, timer in timers.items()
        if timer.cause == cause and key in rules
    ]
