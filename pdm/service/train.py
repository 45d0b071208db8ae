"""Train a fleet's remaining-life model on its past lives and register it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.health.assessment import RULE_VERSION
from pdm.prognosis.evaluation import is_better
from pdm.prognosis.train import train
from pdm.store import models


@dataclass(frozen=True)
class TrainingReport:
    """What training produced, and whether it serves now."""

    fleet: str
    model_id: int
    version: int
    is_champion: bool
    reason: str
    metrics: dict[str, Any]
    trained_on: dict[str, Any]


def train_fleet(
    pool: ConnectionPool[Any], fleet: str, *, seed: int = 0, progress: Callable[[str, float], None] | None = None
) -> TrainingReport:
    """Train on the fleet's past lives; the model serves if it validates better than the champion.

    Raises
    ------
    RefusalError
        The fleet has too few lives that ended in failure.
    """
    with pool.connection() as conn:
        lives = models.fetch_lives(conn, fleet, RULE_VERSION)
    model = train(lives, seed=seed, progress=progress)
    with pool.connection() as conn, conn.transaction():
        model_id, version = models.insert_model(conn, fleet, model)
        champion_id = models.fetch_champion_ids(conn, [fleet]).get(fleet)
        champion = models.fetch_model(conn, champion_id).metrics if champion_id is not None else None
        is_champion, reason = is_better(model.metrics, champion)
        if is_champion:
            models.promote(conn, fleet, model_id)
    return TrainingReport(fleet, model_id, version, is_champion, reason, model.metrics, model.trained_on)
