"""Sets of rules under limited keys and interrupted changes."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from pdm.service.rules.rule_sets import check_text, deploy, list_rule_sets, propose, roll_back
from pdm.store.alerts import rules
from pdm.store.alerts.rules import StoredRuleSet
from pdm.store.machines import access
from pdm.store.machines.registration import register
from tests.integration import plant

Pool = ConnectionPool[Any]

OFF = "off: [zone-c]"


def _deploy(pool: Pool, scope: str = "all", target: str = "") -> StoredRuleSet:
    row = propose(pool, check_text(OFF), scope=scope, target=target, author="ann", reason="because")
    return deploy(pool, row.id, author="ann")


def test_an_interrupted_roll_back_leaves_no_unrequested_version(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    _deploy(pool)
    _deploy(pool)

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the process ends here")

    monkeypatch.setattr(rules, "put_in_force", crash)
    with pytest.raises(RuntimeError):
        roll_back(pool, scope="all", target="", version=1, author="bob", reason="too few")
    rows = list_rule_sets(pool, before=2**62, limit=10)
    assert [(row.version, row.status) for row in rows] == [(2, "in-force"), (1, "retired")]


def test_a_key_of_one_site_gets_full_pages_of_what_it_may_see(pool: Pool) -> None:
    with pool.connection() as conn:
        register(conn, plant.machine("press-07", site="busan"))
        register(conn, plant.machine("press-08", site="seoul"))
        sites = access.find_sites(conn, ["busan"])
    own = [_deploy(pool, "machine", "press-07").id, _deploy(pool, "site", "busan").id, _deploy(pool).id]
    for _ in range(3):
        _deploy(pool, "machine", "press-08")
        _deploy(pool, "site", "seoul")
    rows = list_rule_sets(pool, before=2**62, limit=2, site_ids=list(sites.values()))
    assert [row.id for row in rows] == own[:0:-1]
    rows = list_rule_sets(pool, before=rows[-1].id, limit=2, site_ids=list(sites.values()))
    assert [row.id for row in rows] == own[:1]
    assert list_rule_sets(pool, before=2**62, limit=9, site_ids=[]) != []
