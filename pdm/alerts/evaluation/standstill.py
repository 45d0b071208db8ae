"""Machines that stand still: which alerts mean nothing meanwhile, and when they mean something again.

IEC 62682 and ISA-18.2 suppress by design what cannot be true of equipment that is shut down, and leave alone what a
stop takes nothing from: a bearing burns on a stopped machine too. The operating state is that of health (`off`,
`transient`); everything here runs on the machine's own time, so that late data lead to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from pdm.alerts.evaluation.rule_state import Case, RuleTimer
from pdm.alerts.kinds.behaviour import Category, Observation, Severity
from pdm.alerts.kinds.rule_input import Reading
from pdm.alerts.kinds.signal import OFF, TRANSIENT
from pdm.alerts.rules.rule import Rule

MACHINE_OFF = "machine-off"  # the reason of what is suppressed since its machine stands still
HOLDS_AT_STANDSTILL = "holds-at-standstill"  # a rule that a stop takes nothing from says so as well
MACHINE_RUNS = "machine-runs"  # the reason of what is told because its machine runs and its condition is still there

RuleObservation = tuple[Rule, Observation]


def looks_at_standstill(rule: Rule) -> bool:
    """Whether a rule says that it looks while the machine is off: one of its operating states is."""
    return any(fnmatchcase(OFF, pattern) for pattern in rule.operating_states)


def is_judged_at_standstill(rule: Rule) -> bool:
    """Whether what a rule says holds of a machine that stands still, so that a stop is no reason not to tell.

    So it is of the data and the instruments; of a rule that names the operating state `off`; of a diagnosis, which
    rests on when the machine ran and is best acted upon now; of temperatures that are too high; and of what guards
    safety: critical and latching, so that somebody must go and look.
    """
    if rule.category is not Category.MACHINE or looks_at_standstill(rule):
        return True
    if rule.severity is Severity.CRITICAL and rule.is_latching:
        return True
    return rule.condition.holds_at_standstill


def detect_standstill(reading: Reading, before: bool) -> bool:
    """Whether the machine stands still after an acquisition, and stood before.

    One that was made while it ran up or down, or that held neither signals nor speed nor a state, says nothing.
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
    """Whether a case says nothing that is true now, since its machine stands still or has only just begun to run.

    Parameters
    ----------
    case : Case
        As it was before, if it was.
    is_new : bool
        It opened with this acquisition.
    raised : sequence of (Rule, Observation)
        The rules that make the case, and what they said of this acquisition.
    reading : Reading
    is_stopped : bool
        By `detect_standstill`.

    Notes
    -----
    A case that was at rest counts again as soon as a rule of it says anything of the running machine but that all is
    well. While all of them say so it waits for its end, and nobody is called for a pressure that a stop had taken.
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
    """Return the rules that make a case, and what they said of an acquisition."""
    return [
        (rules[key], seen.get(key, Observation.ABSENT))
        for key, timer in timers.items()
        if timer.cause == cause and key in rules
    ]
