"""Whether a newly trained model should serve in the champion's place: a paired test on lives neither has seen.

Both say what they say of the same failed lives, each by members that did not learn from the life; a life that
the champion never saw is told by all of its members. The life is the unit: the difference in squared error is
averaged within lives, and lives are resampled.

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

RESAMPLES = 4000  # of the bootstrap: the chance is then known to 0.01
WANTED_SHARE = 0.95  # of the resamples in which the challenger has to err less
WANTED_GAIN = 0.02  # of the champion's error: a smaller one is the luck of a seed, not worth a change
ROWS_A_LIFE = 100  # every life weighs the same
FEWEST_LIVES = 4  # fewer cannot show a difference at the wanted chance

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class ComparisonResult:
    """Whether a challenger should serve, and what speaks for it.

    `rmse` and `champion_rmse` are on remaining life up to `cap`, lives weighing the same; `better_share` is the
    share of resampled fleets in which the challenger erred less. None where there was nothing to compare with.
    """

    is_better: bool
    reason: str
    lives: int = 0
    cap: float | None = None
    rmse: float | None = None
    champion_rmse: float | None = None
    better_share: float | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the verdict as what JSON can hold."""
        return asdict(self)


def compare(
    challenger: FleetModel, champion: FleetModel | None, lives: Sequence[FleetLife], *, seed: int = 0
) -> ComparisonResult:
    """Say whether a challenger should serve in the champion's place.

    Parameters
    ----------
    challenger, champion : FleetModel
        A champion that reads other columns than the challenger cannot answer any more, and yields.
    lives : sequence of FleetLife
        Of the fleet; those that ended in failure count.
    seed : int
        Of the resampling.
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
    """Say in words how a model did on lives it had not seen."""
    skill = float(model.metrics["skill"])
    if skill > 0:
        return f"on held-out histories its error is {skill:.1%} less than that of the better constant estimate"
    return f"on held-out histories it is not better than the better constant estimate (error larger by {-skill:.1%})"


def _squared_error(model: FleetModel, life: FleetLife, cap: float) -> float:
    predicted = model.predict_unseen(life.key, life.life_time, life.settings, life.values)
    chosen = np.unique(np.linspace(0, len(predicted) - 1, min(ROWS_A_LIFE, len(predicted))).round().astype(int))
    actual = np.minimum(life.ended_at - life.life_time[chosen], cap)
    return float(np.mean((np.minimum(predicted[chosen], cap) - actual) ** 2))
