"""Champion-challenger comparison of a newly trained model: a paired test on lives unseen by both.

Both models predict the same failed lives, each with the members that were not trained on the life; the champion
predicts a new life with all its members. The life is the unit: the difference in squared error is averaged within
lives, and lives are resampled.

References
----------
[1] B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall 1993, chapter 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.lives import FleetLife

RESAMPLES = 4000  # of the bootstrap: the share is then accurate to 0.01
WANTED_SHARE = 0.95  # least share of resamples in which the challenger's error is smaller
WANTED_GAIN = 0.02  # of the champion's error: a smaller gain is within the variation between seeds
ROWS_A_LIFE = 100  # all lives have equal weight
FEWEST_LIVES = 4  # fewer cannot show a difference at the wanted share

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class ComparisonResult:
    """Whether a challenger should replace the champion, with the evidence.

    `rmse` and `champion_rmse` are on remaining life up to `cap`, with equal weight per life; `better_share` is the
    share of resampled fleets in which the challenger's error is smaller. They are None without a champion to compare
    with.
    """

    is_better: bool
    reason: str
    lives: int = 0
    cap: float | None = None
    rmse: float | None = None
    champion_rmse: float | None = None
    better_share: float | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the result as a JSON document."""
        return asdict(self)


def compare(
    challenger: FleetModel, champion: FleetModel | None, lives: Sequence[FleetLife], *, seed: int = 0
) -> ComparisonResult:
    """Compare a challenger with the champion.

    Parameters
    ----------
    challenger, champion : FleetModel
        A champion that reads other columns than the challenger cannot predict any more, and is replaced.
    lives : sequence of FleetLife
        Of the fleet; those that ended in failure are used.
    seed : int
        Seed of the resampling.
    """
    if champion is None:
        return ComparisonResult(True, f"the first model of its fleet; {describe_skill(challenger)}")
    if champion.reads != challenger.reads or champion.sensors != challenger.sensors:
        return ComparisonResult(True, f"the champion reads {champion.reads!r}, which this version does not compute")
    failed = [life for life in lives if life.is_failed and np.isfinite(life.values).any()]
    if len(failed) < FEWEST_LIVES:
        return ComparisonResult(False, f"{len(failed)} run-to-failure histories are too few to compare models")
    cap = min(challenger.cap, champion.cap)
    ours, theirs = (np.array([_squared_error(model, life, cap) for life in failed]) for model in (challenger, champion))
    draws = np.random.default_rng(seed).integers(0, len(failed), (RESAMPLES, len(failed)))
    share = float(np.mean((theirs - ours)[draws].mean(axis=1) > 0.0))
    rmse, champion_rmse = float(np.sqrt(ours.mean())), float(np.sqrt(theirs.mean()))
    is_better = share >= WANTED_SHARE and rmse <= (1.0 - WANTED_GAIN) * champion_rmse
    reason = (
        f"{'better' if is_better else 'not significantly better'} than the champion: error {rmse:.4g} against "
        f"{champion_rmse:.4g} on {len(failed)} held-out histories, smaller in {share:.0%} of resampled fleets"
        f" ({WANTED_SHARE:.0%} and an error {WANTED_GAIN:.0%} smaller are required)"
    )
    return ComparisonResult(is_better, reason, len(failed), cap, rmse, champion_rmse, share)


def describe_skill(model: FleetModel) -> str:
    """Return a text on the out-of-fold skill of a model."""
    skill = float(model.metrics["skill"])
    if skill > 0:
        return f"on held-out histories its error is {skill:.1%} less than that of the better constant estimate"
    return f"on held-out histories it is not better than the better constant estimate (error larger by {-skill:.1%})"


def _squared_error(model: FleetModel, life: FleetLife, cap: float) -> float:
    predicted = model.predict_unseen(life.key, life.life_time, life.settings, life.values)
    chosen = np.unique(np.linspace(0, len(predicted) - 1, min(ROWS_A_LIFE, len(predicted))).round().astype(int))
    actual = np.minimum(life.ended_at - life.life_time[chosen], cap)
    return float(np.mean((np.minimum(predicted[chosen], cap) - actual) ** 2))
