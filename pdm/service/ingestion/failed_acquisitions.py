"""Retry of acquisitions whose analysis failed."""

from __future__ import annotations

from typing import Any

from psycopg_pool import ConnectionPool

from pdm.service.platform.access import Caller
from pdm.store.acquisitions import receipt_views
from pdm.store.machines import access


def replay_set_aside(pool: ConnectionPool[Any], caller: Caller, machine: str | None) -> int:
    """Queue acquisitions whose analysis failed for another attempt; returns their number."""
    with pool.connection() as conn:
        count = receipt_views.replay_set_aside(conn, machine, caller.site_ids)
        access.insert_audit(conn, caller.name, "set-aside.replay", machine or "all", acquisitions=count)
    return count
