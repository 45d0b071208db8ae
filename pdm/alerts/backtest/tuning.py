"""Which dead band and delay would have spared false and repeated alarms, by trying them on the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pdm.alerts.backtest.cross_validation import Tally, Trial, total
from pdm.alerts.rules.rule import OffDelay, OnDelay, Rule


@dataclass(frozen=True)
class ChangeEffect:
    """What a change did, or would have done: false and repeated alarms, missed failures, median lead time [s]."""

    false_before: int
    false_after: int
    repeats_before: int
    repeats_after: int
    missed_before: int
    missed_after: int
    lead_before_s: float | None
    lead_after_s: float | None


@dataclass(frozen=True)
class Suggestion:
    """A change of one field of one rule, and what it would have done.

    `effect` is over the past that it was chosen on, so it flatters. `held_out` is what choosing in this way does in
    lives that it was not chosen on; None of a single life.
    """

    rule: str
    field: str
    now: str
    instead: str
    effect: ChangeEffect
    held_out: ChangeEffect | None


def suggest(rules: Sequence[Rule], now: Trial, try_out: Callable[[Rule], Trial]) -> list[Suggestion]:
    """Return, for each rule that has better ones, the variant with fewest false and repeated alarms.

    Parameters
    ----------
    rules : sequence of Rule
        Those that opened alarms.
    now : Trial
        With the rules as they are.
    try_out : callable
        What the same past says with one rule replaced.

    Notes
    -----
    A variant that misses a failure more, or gives less than 0.9 of the median lead time, is no suggestion. Each
    is tried alone: two together may do less than the sum of both. The choice itself is held to account by leaving
    out: for each part of the lives it is made anew on the others, and counted on that part.
    """
    found = []
    for rule in rules:
        tried = [(variant, try_out(variant[0])) for variant in variants(rule)]
        trials = [trial for _, trial in tried]
        best = _choose(now.whole, [trial.whole for trial in trials])
        if best is None:
            continue
        (_, field, before, after), trial = tried[best]
        effect = _effect(now.whole, trial.whole)
        found.append(Suggestion(rule.key, field, before, after, effect, _held_out(now, trials)))
    return found


def _choose(now: Tally, variants: Sequence[Tally]) -> int | None:
    """Return which variant is best, the first of equals; None where none is better than what is."""
    better = [place for place, trial in enumerate(variants) if trial.is_better_than(now)]
    return min(better, key=lambda place: variants[place].cost, default=None)


def _held_out(now: Trial, trials: Sequence[Trial]) -> ChangeEffect | None:
    if len(now.folds) < 2:
        return None
    after = []
    for fold, as_it_is in enumerate(now.folds):
        chosen = _choose(now.without(fold), [trial.without(fold) for trial in trials])
        after.append(as_it_is if chosen is None else trials[chosen].folds[fold])
    return _effect(total(now.folds), total(after))


def _effect(before: Tally, after: Tally) -> ChangeEffect:
    return ChangeEffect(
        before.false,
        after.false,
        before.repeats,
        after.repeats,
        before.missed,
        after.missed,
        before.lead_median_s,
        after.lead_median_s,
    )


def variants(rule: Rule) -> Iterator[tuple[Rule, str, str, str]]:
    """Yield variants of a rule, each with what was changed, from what and to what; the smallest change first."""
    on, off = rule.on_delay, rule.off_delay
    for required, window in (
        (on.required + 1, on.window + 1),
        (on.required + 2, on.window + 3),
        (2 * on.required, 2 * on.window),
    ):
        if window <= 60:
            delay = OnDelay(required, window, on.duration)
            yield replace(rule, on_delay=delay), "on_delay", f"{on.required} of {on.window}", f"{required} of {window}"
    for times in (2, 4):
        count = min(10_000, off.count * times)
        yield replace(rule, off_delay=OffDelay(count, off.duration)), "off_delay", str(off.count), str(count)
    for factor in (1.5, 2.0, 3.0):
        widened = rule.condition.widened(factor)
        if widened is not None:
            wider, deadband = widened
            yield replace(rule, condition=wider), "deadband", f"{deadband:.4g}", f"{deadband * factor:.4g}"
