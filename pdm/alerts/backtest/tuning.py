"""Tuning: deadband and delay that reduce false and repeated alarms, found by backtesting variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pdm.alerts.backtest.cross_validation import Tally, Trial, total
from pdm.alerts.rules.rule import OffDelay, OnDelay, Rule


@dataclass(frozen=True)
class ChangeEffect:
    """Effect of a change: false and repeated alarms, missed failures, median lead time [s]."""

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
    """A change of one field of one rule, and its effect.

    `effect` is measured on the lives used for the choice, so it is optimistic. `held_out` is the cross-validated
    effect, on lives not used for the choice; None for a single life.
    """

    rule: str
    field: str
    now: str
    instead: str
    effect: ChangeEffect
    held_out: ChangeEffect | None


def suggest(rules: Sequence[Rule], now: Trial, try_out: Callable[[Rule], Trial]) -> list[Suggestion]:
    """Return, for each rule that has a better variant, the variant with the fewest false and repeated alarms.

    Parameters
    ----------
    rules : sequence of Rule
        The rules that opened alarms.
    now : Trial
        Result with the present rules.
    try_out : callable
        Returns the result over the same history with one rule replaced.

    Notes
    -----
    A variant that misses more failures, or keeps less than 0.9 of the median lead time, is not suggested. Each variant
    is evaluated separately: two changes together may have a smaller effect than the sum of both. The choice is
    cross-validated: for each fold it is repeated on the other folds and evaluated on that fold.
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
    """Return the index of the best variant, the first of equals; None if none is better than the present rule."""
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
    """Yield variants of a rule, each with the changed field, its old and its new value; the smallest change first."""
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
