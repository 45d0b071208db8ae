"""Cache of serving models, parsed once per process."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import ModelError
from pdm.service.analysis.machine_pipeline import Champion
from pdm.store.models import models, registry

_log = logging.getLogger(__name__)


class Champions:
    """Looks up the serving model of a fleet and caches parsed models.

    A model that is damaged or of another version gives no prognosis; the analysis continues.
    """

    def __init__(self) -> None:
        self._parsed: dict[str, Champion] = {}  # by fleet, so that former champions are released
        self._not_noted: dict[int, str | None] = {}

    def serving(self, conn: Connection[Any], fleets: Iterable[str]) -> dict[str, Champion]:
        """Return the champion of each fleet with a champion."""
        ids = registry.fetch_champion_ids(conn, sorted(fleets))
        for fleet, model_id in ids.items():
            known = self._parsed.get(fleet)
            if known is None or known.model_id != model_id:
                self._parsed[fleet] = self._read(conn, model_id)
        return {fleet: self._parsed[fleet] for fleet in ids}

    def note_unreadable(self, pool: ConnectionPool[Any]) -> None:
        """Store which models are readable, if any were read since the last call."""
        if not self._not_noted:
            return
        with pool.connection() as conn:
            for model_id, reason in self._not_noted.items():
                if reason is None:
                    registry.forget_unreadable(conn, model_id)
                else:
                    registry.note_unreadable(conn, model_id, reason)
        self._not_noted.clear()

    def _read(self, conn: Connection[Any], model_id: int) -> Champion:
        try:
            model = models.fetch_model(conn, model_id)
        except ModelError as error:
            _log.exception("model %d cannot be read; it gives no figures", model_id)
            self._not_noted[model_id] = str(error)
            return Champion(model_id, None)
        self._not_noted[model_id] = None
        return Champion(model_id, model)
