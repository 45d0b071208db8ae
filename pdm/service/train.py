"""Train a fleet's remaining-life model on its past lives and register it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.prognosis.model import RemainingLifeModel
from pdm.prognosis.train import train
from pdm.store import models


@dataclass(frozen=True)
class TrainingReport:
    """What training produced and whether it now serves."""

    fleet: str
    model_id: int
    version: int
    is_champion: bool
    reason: str
    metrics: dict[str, Any]
