"""Reports how far long replays are: each is one transaction, of which the others see nothing before its end."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from pdm.store.analysis import reanalyses

_EVERY_S = 1.0
_WAIT_S = 1.0  # for a connection: a report is not worth a longer wait

_log = logging.getLogger(__name__)


class ReanalysisProgress:
    """Writes reports on other connections than that of the replay, at most one a second; a failure is logged."""

    def __init__(self, pool: ConnectionPool[Any], every_s: float = _EVERY_S) -> None:
        self._pool = pool
        self._every_s = every_s
        self._reported_at = -every_s

    def report(self, machine_id: int, done: int, acquisitions: int, reached: datetime | None) -> None:
        """Report that so many acquisitions of a machine are followed again, the last one measured at `reached`."""
        now = time.monotonic()
        if done and now - self._reported_at < self._every_s:
            return
        self._reported_at = now
        try:
            with self._pool.connection(timeout=_WAIT_S) as conn:
                reanalyses.report(conn, machine_id, done, acquisitions, reached)
        except (psycopg.Error, PoolTimeout) as error:
            _log.warning("the progress of a reanalysis was not stored: %s", error)
