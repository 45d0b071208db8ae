"""Train a fleet's remaining-life model on its past lives and register it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import ModelError
from pdm.health.assessment import RULE_VERSION
from pdm.health.baseline.indicators import INDICATORS
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.training.comparison import compare
from pdm.prognosis.training.train import Progress
from pdm.prognosis.training.train import train_fleet as learn
from pdm.store.machines.renaming import present_fleet
from pdm.store.models import models, registry, training_parts

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingReport:
    """The result of a training, and whether the model was promoted."""

    fleet: str
    model_id: int
    version: int
    is_champion: bool
    reason: str
    verdict: dict[str, Any]
    metrics: dict[str, Any]
    trained_on: dict[str, Any]


def train_fleet(
    pool: ConnectionPool[Any], fleet: str, *, seed: int = 0, actor: str = "pdm train", progress: Progress | None = None
) -> TrainingReport:
    """Train on the past lives of a fleet; promote the model if it is significantly better than the champion.

    Finished members are stored in the database until the model is registered: a training that was interrupted
    and is started again on the same lives fits only the missing members. Lives in doubt are not used; `trained_on`
    lists them.

    Raises
    ------
    RefusalError
        The fleet has too few lives that ended in failure.
    """
    with pool.connection() as conn:
        fleet = present_fleet(conn, fleet)
        lives = models.fetch_lives(conn, fleet, RULE_VERSION)
        in_doubt = models.fetch_doubts(conn, fleet)
        champion_id, champion = _fetch_champion(conn, fleet)
    names = [indicator.name for indicator in INDICATORS]
    kept = training_parts.TrainingParts(pool, fleet)
    model, _ = learn(lives, names, are_relative=True, seed=seed, progress=progress, kept=kept)
    model = replace(model, trained_on={**model.trained_on, "in_doubt": in_doubt})
    verdict = compare(model, champion, lives, seed=seed)
    with pool.connection() as conn, conn.transaction():
        model_id, version = models.insert_model(
            conn, fleet, model, actor=actor, reason=verdict.reason, comparison=verdict.to_document()
        )
        serving = registry.fetch_champion_ids(conn, [fleet]).get(fleet)
        is_promoted = verdict.is_better and serving == champion_id
        if is_promoted:
            registry.promote(conn, fleet, model_id, actor=actor, reason=verdict.reason)
        training_parts.forget(conn, fleet)
    reason = verdict.reason if is_promoted or not verdict.is_better else "another model was promoted in the meantime"
    return TrainingReport(
        fleet, model_id, version, is_promoted, reason, verdict.to_document(), model.metrics, model.trained_on
    )


def _fetch_champion(conn: Connection[Any], fleet: str) -> tuple[int | None, FleetModel | None]:
    """Return id and model of a fleet's champion; an unreadable champion is replaced by any trained model."""
    model_id = registry.fetch_champion_ids(conn, [fleet]).get(fleet)
    if model_id is None:
        return None, None
    try:
        return model_id, models.fetch_model(conn, model_id)
    except ModelError:
        _log.exception("champion %d of fleet %s cannot be read", model_id, fleet)
        return model_id, None
