"""Empirical coverage of prediction intervals in service, from the failures that occurred.

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

SIGNIFICANCE = 0.05  # level of the test for coverage below the nominal level


class CoverageVerdict(StrEnum):
    """The result of the coverage test of a level."""

    HOLDS = "holds"
    TOO_FEW = "too-few-lives-to-tell"
    STOPPED = "has-stopped-holding"


@dataclass(frozen=True)
class LifeOutcome:
    """One life that ended in failure: per level, the number of intervals and of those that contain the truth.

    `by_source` has the same per source and level, so that a good source does not mask a bad one.
    """

    machine: str
    failed_at_s: float
    counts: dict[tuple[str, float], tuple[int, int]]


@dataclass(frozen=True)
class LiveCoverage:
    """Coverage of one source at one level over the lives that ended in failure.

    `coverage` is the mean over lives of each life's share of correct intervals; `chance` is an upper bound of the
    probability of such a low mean if the nominal level were true.
    """

    source: str
    level: float
    lives: int
    coverage: float
    chance: float
    verdict: CoverageVerdict


def score_outcome(machine: str, prognoses: Iterable[Prognosis], failed_at_s: float) -> LifeOutcome:
    """Compare the prognoses of a life with its time of failure.

    A prognosis counts if it has an interval and was made before the failure. An upper end of None means "at least the
    lower end".

    Parameters
    ----------
    machine : str
    prognoses : iterable of Prognosis
        Of this life alone: none from before its start.
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
    """Return coverage by source and level over the lives that ended, and the test of the nominal level.

    Rows of a life are correlated, so a life is one observation: its share of correct intervals. At the nominal level
    the expected share is the level; Hoeffding's bound [1] limits the probability of a lower mean.

    Parameters
    ----------
    outcomes : sequence of LifeOutcome
    latest : int, optional
        Number of lives to evaluate, those that failed last: earlier coverage may no longer be valid.

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
    """Bound the probability that the mean of `lives` shares is at most `share` if each has the mean `level` [1].

    exp(-n D), D the Kullback-Leibler divergence of the Bernoulli distributions: never below the binomial's tail.

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
