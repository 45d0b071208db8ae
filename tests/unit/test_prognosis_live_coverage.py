"""Live coverage: what was said, held against what happened, with the life as the unit."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import binom

from pdm.errors import InvalidInputError
from pdm.prognosis.evaluation.live_coverage import (
    CoverageVerdict,
    LifeOutcome,
    chance_of_less,
    score_outcome,
    track_coverage,
)
from pdm.prognosis.prognosis import Prognosis

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def interval(hours, lower, upper, source="model", level=0.9):
    return Prognosis(BEGUN + timedelta(hours=hours), source, 1.0, lower, upper, level)


def lives(shares, source="model", level=0.9, rows=20):
    return [
        LifeOutcome(f"m{i}", float(i), {(source, level): (rows, round(rows * share))}) for i, share in enumerate(shares)
    ]


def test_prognoses_are_scored_by_source_and_level_against_the_failure():
    failed = (BEGUN + timedelta(hours=10)).timestamp()
    hour = 3600.0
    outcome = score_outcome(
        "m1",
        [
            interval(0, 5 * hour, 12 * hour),  # 10 h were left: covered
            interval(2, 5 * hour, 7 * hour),  # 8 h: late
            interval(4, 5 * hour, None),  # at least 5 h, 6 h were left: covered
            interval(5, 6 * hour, None),
            interval(6, 1 * hour, 5 * hour, source="trend", level=0.8),
            interval(10, 0.0, hour),  # not before the failure
            Prognosis(BEGUN, "none", reason="learning"),
        ],
        failed,
    )
    assert outcome.counts == {("model", 0.9): (4, 2), ("trend", 0.8): (1, 1)}


def test_the_bound_is_never_below_the_binomials_own_tail():
    for lives_ in (3, 10, 40):
        for covered in range(lives_ + 1):
            assert chance_of_less(covered / lives_, 0.9, lives_) >= binom.cdf(covered, lives_, 0.9) * (1 - 1e-12)
    assert chance_of_less(0.0, 0.9, 3) == pytest.approx(1e-3)
    with pytest.raises(InvalidInputError):
        chance_of_less(0.5, 1.0, 3)


def test_an_interval_that_keeps_its_word_is_rarely_called_broken():
    broken = 0
    for seed in range(200):
        shares = np.random.default_rng(seed).beta(1.8, 0.2, 30)  # of mean 0.9, lives very unlike
        broken += track_coverage(lives(shares, rows=1000))[0].verdict is CoverageVerdict.STOPPED
    assert broken <= 10


def test_an_interval_that_covers_half_is_called_broken_after_a_handful_of_lives():
    (found,) = track_coverage(lives([0.5] * 8))
    assert found.verdict is CoverageVerdict.STOPPED
    assert found.coverage == 0.5
    assert found.chance < 0.05


def test_one_life_gives_no_coverage_and_two_covered_lives_are_no_proof():
    assert track_coverage(lives([1.0, 1.0]))[0].verdict is CoverageVerdict.HOLDS
    assert track_coverage(lives([1.0], level=0.8))[0].verdict is CoverageVerdict.TOO_FEW
    assert track_coverage([]) == []


def test_the_newest_lives_show_that_a_claim_stopped_holding():
    shares = [1.0] * 40 + [0.4] * 6
    assert track_coverage(lives(shares))[0].verdict is CoverageVerdict.HOLDS
    (found,) = track_coverage(lives(shares), latest=6)
    assert (found.verdict, found.lives) == (CoverageVerdict.STOPPED, 6)


def test_sources_are_not_mixed():
    found = track_coverage([*lives([1.0] * 30), *lives([0.2] * 10, source="trend")])
    assert {each.source: each.verdict for each in found} == {
        "model": CoverageVerdict.HOLDS,
        "trend": CoverageVerdict.STOPPED,
    }
