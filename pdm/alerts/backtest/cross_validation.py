"""Performance of rules per life, for cross-validation: a rule chosen on some lives is evaluated on the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from pdm.alerts.backtest.replay import CaseRun
from pdm.alerts.backtest.scoring import Past, Score, score

LEAD_KEPT = 0.9
"""Share of the median lead time that a suggestion must keep."""
MOST_FOLDS = 20
"""Largest number of folds; each is the test fold once."""


@dataclass(frozen=True)
class Tally:
    """Figures for comparing two variants of a rule: false and repeated alarms, missed failures, lead times [s]."""

    false: int = 0
    repeats: int = 0
    missed: int = 0
    leads: tuple[float, ...] = ()

    @property
    def cost(self) -> int:
        """Number of false and repeated alarms."""
        return self.false + self.repeats

    @property
    def lead_median_s(self) -> float | None:
        """Median time from warning to failure [s]; None if no failure had a warning."""
        return median(self.leads) if self.leads else None

    def is_better_than(self, now: Tally) -> bool:
        """Whether the cost is lower, no more failures are missed and at least 0.9 of the median lead time remains."""
        if self.missed > now.missed or self.cost >= now.cost:
            return False
        before, after = now.lead_median_s, self.lead_median_s
        return before is None or (after is not None and after >= LEAD_KEPT * before)


@dataclass(frozen=True)
class Trial:
    """Performance of rules over all lives and in each fold."""

    whole: Tally
    folds: tuple[Tally, ...]

    def without(self, fold: int) -> Tally:
        """Return the tally of all folds except one."""
        return total([*self.folds[:fold], *self.folds[fold + 1 :]])


def try_lives(pasts: Sequence[Past], runs: Iterable[CaseRun]) -> Trial:
    """Return the performance of alarms over all lives and in each of at most 20 folds.

    A life lasts from one failure or replacement of its machine to the next; lives are assigned to the folds in turn.
    """
    of_machine: dict[str, list[CaseRun]] = defaultdict(list)
    for run in runs:
        of_machine[run.machine].append(run)
    found = [tally for past in pasts for tally in _lives(past, of_machine[past.machine])]
    folds = min(MOST_FOLDS, len(found))
    every = [run for own in of_machine.values() for run in own]
    return Trial(_tally(score(pasts, every)), tuple(total(found[fold::folds]) for fold in range(folds)))


def total(tallies: Sequence[Tally]) -> Tally:
    """Return the sum of several tallies."""
    return Tally(
        sum(each.false for each in tallies),
        sum(each.repeats for each in tallies),
        sum(each.missed for each in tallies),
        tuple(lead for each in tallies for lead in each.leads),
    )


def _lives(past: Past, runs: Sequence[CaseRun]) -> list[Tally]:
    ends = sorted({at for at in (*past.failures, *past.life_ends) if past.began_at < at < past.ended_at})
    found = []
    for begins, ends_at in pairwise([past.began_at, *ends, past.ended_at]):
        is_last = ends_at == past.ended_at
        life = replace(
            past,
            began_at=begins,
            ended_at=ends_at,
            failures=tuple(at for at in past.failures if begins < at <= ends_at),
            life_ends=tuple(at for at in past.life_ends if begins < at <= ends_at),
        )
        own = [run for run in runs if begins <= run.opened_at and (is_last or run.opened_at < ends_at)]
        found.append(_tally(score([life], own)))
    return found


def _tally(found: Score) -> Tally:
    leads = tuple(each.lead_s for each in found.warned if each.lead_s is not None)
    return Tally(found.false, found.repeats, found.missed, leads)
