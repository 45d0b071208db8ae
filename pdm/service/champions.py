"""The models that serve, parsed once a process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from pdm.service.follow import Champion
from pdm.store import models, registry


class Champions:
    """Looks up which model serves a fleet and keeps the parsed ones."""

    def __init__(self) -> None:
        self._parsed: dict[int, Champion] = {}

    def serving(self, conn: Connection[Any], fleets: Iterable[str]) -> dict[str, Champion]:
        """Return the champion of each fleet that has one."""
        ids = registry.fetch_champion_ids(conn, sorted(fleets))
        for model_id in ids.values():
            if model_id not in self._parsed:
                self._parsed[model_id] = Champion(model_id, models.fetch_model(conn, model_id))
        return {fleet: self._parsed[model_id] for fleet, model_id in ids.items()}
