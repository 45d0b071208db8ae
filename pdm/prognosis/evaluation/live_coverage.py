"""Whether intervals told in service kept their word, once it is known when machines failed.

References
----------
[1] W. Hoeffding, "Probability inequalities for sums of bounded random variables", JASA 58 (1963), theorem 1: the
    bound of the binomial's tail, which holds for shares of rows too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, inf, log

from pdm.errors import InvalidInputError
from pdm.prognosis.prognosis import Prognosis

SIGNIFICANCE = 0.05  # of coverage below the claim, before an interval is said to have stopped holding


class CoverageVerdict(StrEnum):
    """What is known of a level."""

    HOLDS = "holds"
    TOO_FEW = "too-few-lives-to-tell"
    STOPPED = "has-stopped-holding"


@dataclass(frozen=True)
class LifeOutcome:
    """One life that has ended in failure: at each level, how many prognoses gave an interval and how many held.

    `by_source` says the same for each source and level, so that a bad source does not hide behind a good one.
    """

    machine: str
    failed_at_s: float
    counts: dict[tuple[str, float], tuple[int, int]]


@dataclass(frozen=True)
class LiveCoverage:
    """Coverage of one source at one level over the lives that ended.

    `coverage` is the mean over lives of each life's share of intervals that held; `chance` bounds how likely so
    low a mean is if the claim were true.
    """

    source: str
    level: float
    lives: int
    coverage: float
    chance: float
    verdict: CoverageVerdict


def score_outcome(machine: str, prognoses: Iterable[Prognosis], failed_at_s: float) -> LifeOutcome:
    """Compare what was said of a life with when it failed.

    A prognosis counts if it carries an interval and was made before the failure. An upper end of None says "at
    least the lower end".

    Parameters
    ----------
    machine : str
    prognoses : iterable of Prognosis
        Of this life alone: none from before its begin.
    failed_at_s : float
        Time of the failure's work event [s since 1970].
    """
    counts: dict[tuple[str, float], tuple[int, int]] = {}
    for prognosis in prognoses:
        left = failed_at_s - prognosis.measured_at.timestamp()
        if prognosis.rul_lower is None or prognosis.level is None or left <= 0:
            continue
        upper = inf if prognosis.rul_upper is None else prognosis.rul_upper
        key = str(prognosis.source), round(prognosis.level, 4)
        count, covered = counts.get(key, (0, 0))
        counts[key] = count + 1, covered + (prognosis.rul_lower <= left <= upper)
    return LifeOutcome(machine, failed_at_s, counts)


def track_coverage(outcomes: Sequence[LifeOutcome], *, latest: int | None = None) -> list[LiveCoverage]:
    """Return coverage by source and level over the lives that ended, and whether the claim still stands.

    Rows of a life go together, so a life is one observation: its share of intervals that held. If the claim
    were true that share would average the level; Hoeffding's bound [1] says how likely less is.

    Parameters
    ----------
    outcomes : sequence of LifeOutcome
    latest : int, optional
        Count only so many lives, those that failed last: a claim that held for years may have stopped.

    Returns
    -------
    coverage : list of LiveCoverage
        One for each source and level, sorted.
    """
    newest = sorted(outcomes, key=lambda outcome: outcome.failed_at_s)
    shares: dict[tuple[str, float], list[float]] = {}
    for outcome in newest:
        for key, (count, covered) in outcome.counts.items():
            shares.setdefault(key, []).append(covered / count)
    found = []
    for (source, level), each in sorted(shares.items()):
        own = each[-latest:] if latest is not None else each
        coverage = sum(own) / len(own)
        chance = chance_of_less(coverage, level, len(own))
        found.append(LiveCoverage(source, level, len(own), coverage, chance, _verdict(chance, level, len(own))))
    return found


def chance_of_less(share: float, level: float, lives: int) -> float:
    """Bound the chance that the mean of `lives` shares is `share` or less though each averages `level` [1].

    exp(-n D), D the divergence of one coin from the other: never below the binomial's own tail.

    Raises
    ------
    InvalidInputError
        The level is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise InvalidInputError(f"level must be in (0, 1), not {level}", field="level")
    if share >= level:
        return 1.0
    divergence = (1 - share) * log((1 - share) / (1 - level))
    if share > 0:
        divergence += share * log(share / level)
    return exp(-lives * divergence)


def _verdict(chance: float, level: float, lives: int) -> CoverageVerdict:
    if chance < SIGNIFICANCE:
        return CoverageVerdict.STOPPED
    return CoverageVerdict.TOO_FEW if (1 - level) ** lives >= SIGNIFICANCE else CoverageVerdict.HOLDS
