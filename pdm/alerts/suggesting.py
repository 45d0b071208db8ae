"""Which dead band and delay would have spared false and repeated alarms, by trying them on the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pdm.alerts import rules as kinds
from pdm.alerts.rules import OffDelay, OnDelay, Rule
from pdm.alerts.scoring import Score

LEAD_KEPT = 0.9
"""Share of the median lead time that a suggestion must keep."""


@dataclass(frozen=True)
class Suggestion:
    """A change of one field of one rule, and what it would have done."""

    rule: str
    field: str
    now: str
    instead: str
    false_before: int
    false_after: int
    repeats_before: int
    repeats_after: int
    missed_before: int
    missed_after: int
    lead_before_s: float | None
    lead_after_s: float | None


def suggest(rules: Sequence[Rule], now: Score, try_out: Callable[[Rule], Score]) -> list[Suggestion]:
    """Return, for each rule that has better ones, the variant with fewest false and repeated alarms.

    Parameters
    ----------
    rules : sequence of Rule
        Those that opened alarms.
    now : Score
        With the rules as they are.
    try_out : callable
        The score over the same past with one rule replaced.

    Notes
    -----
    A variant that misses a failure more, or gives less than 0.9 of the median lead time, is no suggestion. Each
    is tried alone: two together may do less than the sum of both.
    """
    found = []
    for rule in rules:
        best: tuple[int, Rule, str, str, str, Score] | None = None
        for variant, field, before, after in variants(rule):
            said = try_out(variant)
            cost = said.false + said.repeats
            if _is_better(now, said) and (best is None or cost < best[0]):
                best = cost, variant, field, before, after, said
        if best is not None:
            _, _, field, before, after, said = best
            found.append(
                Suggestion(
                    rule.key,
                    field,
                    before,
                    after,
                    now.false,
                    said.false,
                    now.repeats,
                    said.repeats,
                    now.missed,
                    said.missed,
                    now.lead_median_s,
                    said.lead_median_s,
                )
            )
    return found


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
        widened = _widened(rule, factor)
        if widened is not None:
            yield widened[0], "deadband", f"{widened[1]:.4g}", f"{widened[1] * factor:.4g}"


def _widened(rule: Rule, factor: float) -> tuple[Rule, float] | None:
    condition = rule.condition
    if isinstance(condition, kinds.HealthLow):
        deadband = condition.clear_above - condition.raise_below
        clear = condition.raise_below + factor * deadband
        wider = replace(condition, clear_above=clear) if clear < 1 else None
        return None if wider is None else (replace(rule, condition=wider), deadband)
    if isinstance(condition, kinds.Threshold):
        return replace(rule, condition=replace(condition, deadband=factor * condition.deadband)), condition.deadband
    return None


def _is_better(now: Score, said: Score) -> bool:
    if said.missed > now.missed or said.false + said.repeats >= now.false + now.repeats:
        return False
    if now.lead_median_s is None:
        return True
    return said.lead_median_s is not None and said.lead_median_s >= LEAD_KEPT * now.lead_median_s
