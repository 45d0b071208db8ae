"""The bearings of the PHM 2012 challenge: leave-one-out on the learning bearings, and the challenge itself.

The published remaining lives of the test bearings and the records at which they were truncated are those of
the challenge (Nectoux et al. 2012 and the data set's `Test_set`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.prognosis.evaluation.metrics import challenge_score, figure_with_interval
from pdm.prognosis.model.few_lives import FEWEST_LIVES, Moments, WornLife, check, learn_moments, moments_of
from pdm.replay.bearing_lives import INTERVAL, LEARNING, find_bearings, read_level

TRUNCATIONS = (0.5, 0.6, 0.7, 0.8, 0.9)  # of life, at which learning bearings are truncated
FINE = tuple(np.linspace(0.5, 0.9, 41).tolist())  # the same range without the chance effect of five points
PUBLISHED: Mapping[str, tuple[int, float]] = {
    "1_3": (1802, 5730.0),
    "1_4": (1139, 339.0),  # by the records of the whole recording it is 2890 s
    "1_5": (2302, 1610.0),
    "1_6": (2302, 1460.0),
    "1_7": (1502, 7570.0),
    "2_3": (1202, 7530.0),
    "2_4": (612, 1390.0),
    "2_5": (2002, 3090.0),
    "2_6": (572, 1290.0),
    "2_7": (172, 580.0),
    "3_3": (352, 820.0),
}
"""Per test bearing: the number of given records, and the remaining life after them [s]."""
_TREND_WINDOW = 0.5  # of the age, over which the linear trend is fitted
_CANDIDATES = np.geomspace(100.0, 30000.0, 400)  # s, candidate constants

Vector = NDArray[np.float64]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class BearingEstimate:
    """The predictions of one bearing at one time [s]: by the recipe and by the reference methods."""

    bearing: str
    age: float
    actual: float
    told: float
    middle: float
    lower: float
    upper: float
    level: float
    constant: float
    share_of_age: float
    trend: float | None


def evaluate_pronostia(folder: Path, *, progress: Progress | None = None) -> dict[str, Any]:
    """Run leave-one-out on the learning bearings, and the challenge if the test bearings exist.

    Every prediction is made from the other bearings alone, at 50 to 90 % of the life of the held-out one. The
    references are the constant and the share of age of the best score on the others' moments, the constant of the best
    score on all truths (oracle), and a straight line through the level of wear to the level at which the others ended
    (no prediction and a score of 0 if it does not rise).

    Parameters
    ----------
    folder : Path
        Contains `Bearing1_1.npz` ... or folders `Bearing1_1` of `acc_00001.csv` ..., at any depth. Test bearings may be
        truncated or complete: of a complete one only the published records are read.
    progress : callable, optional
        Called with the bearing and the completed share.

    Raises
    ------
    InvalidInputError
        There are no bearings, fewer than five learning bearings, or a file is damaged.
    """
    places = find_bearings(folder)
    learning = [name for name in places if name in LEARNING]
    if len(learning) <= FEWEST_LIVES:
        raise InvalidInputError(
            f"{len(learning)} learning bearings in {folder}; cross-validation requires at least {FEWEST_LIVES + 1}",
            field="path",
        )
    tests = [name for name in places if name in PUBLISHED]
    tell = progress or (lambda _what, _share: None)
    lives = {}
    for number, name in enumerate([*learning, *tests]):
        tell("reading", number / (len(learning) + len(tests)))
        cut = PUBLISHED[name][0] if name in PUBLISHED else None
        lives[name] = read_level(f"Bearing{name}", places[name], cut)
        check(lives[name])
    tell("reading", 1.0)
    known = [lives[name] for name in learning]
    return {
        "learning_bearings": [life.name for life in known],
        "leave_one_out": _leave_one_out(known),
        "challenge": _challenge(known, {name: lives[name] for name in tests}) if tests else None,
    }


def _leave_one_out(lives: Sequence[WornLife]) -> dict[str, Any]:
    guides = [_Guide.of([other for other in lives if other is not life]) for life in lives]
    report: dict[str, Any] = {}
    for called, fractions in (("five_truncations", TRUNCATIONS), ("all_truncations", FINE)):
        estimates = [
            guide.tell(life, int(at), float(life.age[-1] - life.age[at]))
            for guide, life in zip(guides, lives, strict=True)
            for at in moments_of(life, np.array(fractions)).tolist()
        ]
        report[called] = _describe(estimates)
        if fractions is TRUNCATIONS:
            report[called]["rows"] = [asdict(each) for each in estimates]
    return report


def _challenge(lives: Sequence[WornLife], tests: Mapping[str, WornLife]) -> dict[str, Any]:
    guide = _Guide.of(lives)
    estimates = [guide.tell(life, len(life.age) - 1, PUBLISHED[name][1]) for name, life in tests.items()]
    return {
        "bearings": len(estimates),
        "missing": sorted(set(PUBLISHED) - set(tests)),
        "cut_elsewhere": [name for name, life in tests.items() if len(life.age) != PUBLISHED[name][0]],
        **_describe(estimates),
        "rows": [asdict(each) for each in estimates],
    }


@dataclass(frozen=True)
class _Guide:
    """The predictors learned from some lives: the recipe and the reference methods."""

    moments: Moments
    constant: float
    share: float
    last_level: float

    @classmethod
    def of(cls, lives: Sequence[WornLife]) -> _Guide:
        moments = learn_moments(lives)
        left = np.concatenate([life.age[-1] - life.age[moments_of(life, np.array(FINE))] for life in lives])
        constant = _CANDIDATES[np.argmax([challenge_score(np.full(len(left), c), left).mean() for c in _CANDIDATES])]
        shares = np.unique(moments.share)
        share = shares[
            np.argmax([challenge_score(np.full(len(moments.share), s), moments.share).mean() for s in shares])
        ]
        ended = float(np.median([_grown(life, len(life.level) - 1) for life in lives]))
        return cls(moments, float(constant), float(share), ended)

    def tell(self, life: WornLife, at: int, actual: float) -> BearingEstimate:
        """Predict a life after record `at`, without later records."""
        seen = WornLife(life.name, life.age[: at + 1], life.level[: at + 1])
        growth, age = float(seen.growth()[-1]), float(seen.age[-1])
        middle, lower, upper = self.moments.predict(growth, age)
        estimate = self.moments.best(growth, age, challenge_score)
        trend = _straight_line(seen, self.last_level)
        return BearingEstimate(
            life.name,
            age,
            actual,
            estimate,
            middle,
            lower,
            upper,
            self.moments.level,
            self.constant,
            self.share * age,
            trend,
        )


def _grown(life: WornLife, at: int) -> float:
    """Return the rise of the level at a record, averaged over the last records, above the median of the first."""
    return float(life.level[max(0, at - 9) : at + 1].mean() - np.median(life.level[:50]))


def _straight_line(seen: WornLife, limit: float) -> float | None:
    """Return the time to the limit [s] of a line through the later half of the levels, None if it does not rise."""
    begin = int((1 - _TREND_WINDOW) * len(seen.level))
    slope, start = np.polyfit(seen.age[begin:] - seen.age[-1], seen.level[begin:] - np.median(seen.level[:50]), 1)
    if slope <= 0:
        return None
    return max(float((limit - start) / slope), INTERVAL)


def _describe(estimates: Sequence[BearingEstimate]) -> dict[str, Any]:
    """Return scores by method with bootstrap intervals over bearings, the oracle constant, and the coverage."""
    actual = np.array([each.actual for each in estimates])
    bearing = np.array([each.bearing for each in estimates])
    oracle = max(float(challenge_score(np.full(len(actual), c), actual).mean()) for c in _CANDIDATES)
    scores = {
        name: _score(np.array([getattr(each, name) or np.nan for each in estimates], np.float64), actual, bearing)
        for name in ("told", "constant", "share_of_age", "trend")
    }
    lower, upper = np.array([(each.lower, each.upper) for each in estimates]).T
    trends = [each.trend is not None for each in estimates]
    return {
        "score": scores,
        "oracle_constant_score": oracle,
        "trend_answered": float(np.mean(trends)),
        "level": estimates[0].level,
        "coverage": float(np.mean((lower <= actual) & (actual <= upper))),
        "width_over_truth": float(np.median((upper - lower) / actual)),
        "relative_error": float(np.median(np.abs(np.array([each.middle for each in estimates]) - actual) / actual)),
    }


def _score(predicted: Vector, actual: Vector, bearing: NDArray[np.str_]) -> dict[str, Any]:
    earned = np.nan_to_num(challenge_score(predicted, actual))
    by_bearing = np.array([earned[bearing == name].mean() for name in np.unique(bearing)])
    mean, ends = figure_with_interval(by_bearing, lambda values: float(values.mean()))
    return {
        "mean": mean,
        "interval_95": list(ends),
        "by_bearing": dict(zip(np.unique(bearing).tolist(), by_bearing.round(4).tolist(), strict=True)),
    }


def pronostia_text(report: dict[str, Any]) -> str:
    """Return the report as text."""
    lines = [f"Learning bearings: {', '.join(report['learning_bearings'])}"]
    for title, part in (
        ("Cross-validation, truncated at 50, 60, 70, 80 and 90 % of life", report["leave_one_out"]["five_truncations"]),
        ("Cross-validation, at 41 times from 50 to 90 % of life", report["leave_one_out"]["all_truncations"]),
        ("The challenge: test bearings after the published records", report["challenge"]),
    ):
        lines += ["", title]
        lines += _part_text(part) if part else ["  no test bearings found"]
    return "\n".join(lines)


def _part_text(part: dict[str, Any]) -> list[str]:
    called = {
        "told": "this recipe",
        "share_of_age": "fraction of age, from the other bearings",
        "constant": "constant, from the other bearings",
        "trend": f"linear trend ({part['trend_answered']:.0%} answered)",
    }
    lines = []
    for key, name in called.items():
        score = part["score"][key]
        low, high = score["interval_95"]
        lines.append(f"  {name:32} score {score['mean']:.3f} (95 %: {low:.3f}-{high:.3f})")
    lines.append(f"  {'best constant in hindsight':32} score {part['oracle_constant_score']:.3f}")
    lines.append(
        f"  intervals ({part['level']:.0%}): coverage {part['coverage']:.0%}, median width "
        f"{part['width_over_truth']:.1f} "
        f"times the truth; median error {part['relative_error']:.0%}"
    )
    return lines
