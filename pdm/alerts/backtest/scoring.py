"""Score of a rule set over stored history: alarms, lead time, missed and false alarms, floods, repeats, differences.

Floods are defined as in `pdm.alerts.kpi.assess`. A repeat is a case that opens again soon after its end: chattering
(ISA-18.2) at the interval of acquisitions instead of minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from pdm.alerts.backtest.replay import CaseRun
from pdm.alerts.kinds.behaviour import Category
from pdm.alerts.kpi.assess import find_floods

MONTH = timedelta(days=30.4375)  # a twelfth of 365.25 days
REPEAT_WITHIN = timedelta(days=1)  # chosen by hand: a case that opens again so soon repeats


@dataclass(frozen=True)
class Judged:
    """A notified case and its verdict by people: whether it was correct."""

    cause: str
    opened_at: datetime
    ended_at: datetime | None
    is_true: bool

    def is_of(self, run: CaseRun) -> bool:
        """Whether a case has the same cause and overlaps in time."""
        begins_before = run.ended_at is None or self.opened_at <= run.ended_at
        return run.cause == self.cause and begins_before and (self.ended_at is None or self.ended_at >= run.opened_at)


@dataclass(frozen=True)
class Past:
    """History of a machine: the span of its data, its failures, and ends of lives without failure.

    `credit` is how long before a failure an alarm that has already ended counts as its warning; `judged` are the cases
    with a verdict by people, in order of time. `component_ends` are the components of the ends that name one: they
    do not concern the cases of other components.
    """

    machine: str
    began_at: datetime
    ended_at: datetime
    acquisitions: int
    failures: tuple[datetime, ...]
    life_ends: tuple[datetime, ...]
    credit: timedelta
    judged: tuple[Judged, ...] = ()
    component_ends: Mapping[datetime, str] = field(default_factory=dict)

    def concerns(self, ended_at: datetime, run: CaseRun) -> bool:
        """Whether the end of a life concerns the component of a case."""
        return run.component is None or self.component_ends.get(ended_at, run.component) == run.component


@dataclass(frozen=True)
class Warned:
    """A failure and the first alarm before it; without an alarm the failure was missed."""

    machine: str
    began_at: datetime
    failed_at: datetime
    warned_at: datetime | None

    @property
    def lead_s(self) -> float | None:
        """Time from the alarm to the failure [s]."""
        return None if self.warned_at is None else (self.failed_at - self.warned_at).total_seconds()

    @property
    def is_early(self) -> bool:
        """Whether the alarm occurred in the first half of the life."""
        return self.warned_at is not None and self.warned_at < self.began_at + (self.failed_at - self.began_at) / 2


@dataclass(frozen=True)
class Score:
    """Figures of one rule set over the history of some machines; category `machine` only, except `by_category`.

    An alarm is a case that receivers were notified of, from the notification on; `suppressed` counts cases of category
    `machine` that opened and ended without a notification. `undecided` counts alarms that are open, or recent, at the
    end of the data: it is not yet known whether a failure follows. `early` counts failures with a warning in the first
    half of the life. A rate without a time span is None.
    """

    machines: int
    machine_days: float
    acquisitions: int
    alarms: int
    by_category: dict[str, int]
    by_rule: dict[str, int]
    true: int
    false: int
    undecided: int
    failures: int
    missed: int
    early: int
    lead_median_s: float | None
    lead_least_s: float | None
    alarms_a_day: float | None
    alarms_a_machine_day: float | None
    false_a_machine_month: float | None
    flood_share: float
    floods: int
    repeats: int
    repeat_share: float | None
    warned: tuple[Warned, ...]
    suppressed: int = 0


def score(pasts: Sequence[Past], runs: Iterable[CaseRun]) -> Score:
    """Return the score of alarms over the history of some machines, by the failures that followed.

    An alarm is true if it was open when its machine failed, or if it opened within `credit` before the failure. It is
    false if the life continues beyond `credit` without a failure, ends without a failure, or the alarm ended earlier.
    A verdict by people overrides this.
    """
    known = list(runs)
    every = _notified(known)
    alarms = [run for run in every if run.category is Category.MACHINE]
    of_machine: dict[str, list[CaseRun]] = defaultdict(list)
    for run in alarms:
        of_machine[run.machine].append(run)
    verdicts: dict[str, int] = {"true": 0, "false": 0, "undecided": 0}
    warned: list[Warned] = []
    for past in pasts:
        own = of_machine[past.machine]
        for run in own:
            verdicts[_verdict(past, run)] += 1
        warned += [_warning(past, failed_at, own) for failed_at in past.failures]
    leads = [each.lead_s for each in warned if each.lead_s is not None]
    days = sum((past.ended_at - past.began_at).total_seconds() for past in pasts) / 86400
    span = _span_days(pasts)
    flood_share, floods = _floods([run.opened_at for run in alarms], span)
    repeats = _repeats(alarms)
    return Score(
        machines=len(pasts),
        machine_days=round(days, 3),
        acquisitions=sum(past.acquisitions for past in pasts),
        alarms=len(alarms),
        by_category=_count(run.category.value for run in every),
        by_rule=_count(run.rule_key for run in every),
        true=verdicts["true"],
        false=verdicts["false"],
        undecided=verdicts["undecided"],
        failures=len(warned),
        missed=sum(each.warned_at is None for each in warned),
        early=sum(each.is_early for each in warned),
        lead_median_s=median(leads) if leads else None,
        lead_least_s=min(leads) if leads else None,
        alarms_a_day=_rate(len(alarms), span),
        alarms_a_machine_day=_rate(len(alarms), days),
        false_a_machine_month=_rate(verdicts["false"], days / (MONTH / timedelta(days=1))),
        flood_share=flood_share,
        floods=floods,
        repeats=repeats,
        repeat_share=repeats / len(alarms) if alarms else None,
        warned=tuple(warned),
        suppressed=len(known) - len(every),
    )


def _notified(runs: Iterable[CaseRun]) -> list[CaseRun]:
    """Return the cases that receivers were notified of, each from its notification on."""
    return [replace(run, opened_at=run.notified_at) for run in runs if run.notified_at is not None]


@dataclass(frozen=True)
class Difference:
    """Cases that only one of two rule sets opens; cases of both sets that overlap in time count as the same."""

    appearing: tuple[CaseRun, ...]
    disappearing: tuple[CaseRun, ...]


def compare(before: Iterable[CaseRun], after: Iterable[CaseRun]) -> Difference:
    """Return the cases notified only with `after` and those notified only with `before`."""
    old, new = _grouped(_notified(before)), _grouped(_notified(after))
    appearing = [run for key, runs in new.items() for run in runs if not _meets(run, old.get(key, ()))]
    disappearing = [run for key, runs in old.items() for run in runs if not _meets(run, new.get(key, ()))]
    return Difference(tuple(_in_order(appearing)), tuple(_in_order(disappearing)))


def _verdict(past: Past, run: CaseRun) -> str:
    judged = [each.is_true for each in past.judged if each.is_of(run)]
    if judged:
        return "true" if judged[-1] else "false"
    ended = run.ended_at or past.ended_at
    failure = next((at for at in past.failures if at >= run.opened_at), None)
    if failure is not None:
        others = [at for at in past.life_ends if at not in past.failures and past.concerns(at, run)]
        is_of_this_life = not any(run.opened_at <= at < failure for at in others)
        was_open = run.ended_at is None or ended >= failure
        if is_of_this_life and (was_open or failure - run.opened_at <= past.credit):
            return "true"
        return "false"
    other_end = next((at for at in past.life_ends if at >= run.opened_at and past.concerns(at, run)), None)
    if other_end is not None:
        return "false"
    is_recent = run.ended_at is None or past.ended_at - run.opened_at <= past.credit
    return "undecided" if is_recent else "false"


def _warning(past: Past, failed_at: datetime, runs: Sequence[CaseRun]) -> Warned:
    began = max((at for at in past.life_ends if at < failed_at), default=past.began_at)
    warnings = [
        run.opened_at
        for run in runs
        if began <= run.opened_at < failed_at
        and (run.ended_at is None or run.ended_at >= failed_at or failed_at - run.opened_at <= past.credit)
    ]
    return Warned(past.machine, began, failed_at, min(warnings, default=None))


def _floods(opened: Sequence[datetime], span_days: float) -> tuple[float, int]:
    """Return the share of time in floods [1] and the number of floods, for one operator."""
    floods = find_floods(sorted(opened))
    flooded = sum((flood.ends - flood.begins for flood in floods), timedelta())
    return (min(1.0, flooded / timedelta(days=span_days)) if span_days > 0 else 0.0), len(floods)


def _repeats(runs: Iterable[CaseRun]) -> int:
    repeats = 0
    for group in _grouped(runs).values():
        for before, after in pairwise(group):
            is_own_end = before.ended_at is not None and before.end_reason == "returned"
            repeats += is_own_end and after.opened_at - (before.ended_at or after.opened_at) <= REPEAT_WITHIN
    return repeats


def _grouped(runs: Iterable[CaseRun]) -> dict[tuple[str, str], list[CaseRun]]:
    grouped: dict[tuple[str, str], list[CaseRun]] = defaultdict(list)
    for run in _in_order(runs):
        grouped[run.machine, run.category.value].append(run)
    return grouped


def _in_order(runs: Iterable[CaseRun]) -> list[CaseRun]:
    return sorted(runs, key=lambda run: (run.opened_at, run.machine, run.cause))


def _meets(run: CaseRun, others: Sequence[CaseRun]) -> bool:
    return any(
        (other.ended_at is None or other.ended_at >= run.opened_at)
        and (run.ended_at is None or run.ended_at >= other.opened_at)
        for other in others
    )


def _count(names: Iterable[str]) -> dict[str, int]:
    counted: dict[str, int] = defaultdict(int)
    for name in names:
        counted[name] += 1
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _span_days(pasts: Sequence[Past]) -> float:
    if not pasts:
        return 0.0
    begin, end = min(past.began_at for past in pasts), max(past.ended_at for past in pasts)
    return (end - begin) / timedelta(days=1)


def _rate(count: int, per: float) -> float | None:
    return round(count / per, 6) if per > 0 else None
