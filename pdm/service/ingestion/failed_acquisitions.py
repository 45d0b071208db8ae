"""Acquisitions that could not be analysed: let them be tried once more."""

from __future__ import annotations

from typing import Any

from psycopg_pool import ConnectionPool

from pdm.service.platform.access import Caller
from pdm.store.acquisitions import receipt_views
from pdm.store.machines import access


def replay_set_aside(pool: ConnectionPool[Any], caller: Caller, machine: str | None) -> int:
    """Let acquisitions that were set aside be analysed once more; returns how many."""
    with pool.connection() as conn:
        count = receipt_views.replay_set_aside(conn, machine, caller.site_ids)
        access.insert_audit(conn, caller.name, "set-aside.replay", machine or "all", acquisitions=count)
    return count
