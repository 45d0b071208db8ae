"""Sites, lines and fleets out of use with their machines, and back, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError
from pdm.machines.model import Machine
from pdm.service.analysis.worker import Worker
from pdm.service.machines import retirement
from pdm.service.machines.places import PlaceName, restore_place, retire_place
from pdm.service.machines.registration import register_fleet
from pdm.service.machines.retirement import Action
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.machines.registration import register
from pdm.store.machines.renaming import Kind
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW, acquisition, add, ask, codes, machine, send
from tests.integration.test_events_of_components import run, wearing, with_motor_point

Pool = ConnectionPool[Any]
KIM = Action("kim", None, NOW, "line sold")
M = "press-07"
SITE, LINE = PlaceName(Kind.SITE, "busan"), PlaceName(Kind.LINE, "line-1", "busan")
FLEET = PlaceName(Kind.FLEET, "default")


def retired(pool: Pool) -> dict[str, str | None]:
    """Return what each machine out of use went out of use with."""
    return dict(ask(pool, "SELECT key, retired_with FROM machine WHERE retired_at IS NOT NULL ORDER BY key"))


def plant() -> tuple[Machine, ...]:
    other = replace(machine("fan-01"), line="line-2", fleet="fans")
    return machine(), machine("press-08"), other, machine("far-01", "elsewhere")


@pytest.mark.parametrize("place", [SITE, LINE, FLEET], ids=lambda place: place.kind.value)
def test_a_retired_place_ends_the_alerts_of_its_machines_and_they_open_again_when_it_is_back(
    pool: Pool, settings: Settings, place: PlaceName
) -> None:
    with pool.connection() as conn:
        register(conn, with_motor_point())
    worker = Worker(pool, settings)
    run(pool, worker, wearing())
    is_open = "SELECT cause, severity FROM alert WHERE state <> 'normal'"
    before = ask(pool, is_open)
    assert len(before) == 1
    done = retire_place(pool, place, KIM)
    assert (done.machines, done.retired_at, done.retired_reason) == ([M], NOW, "line sold")
    assert ask(pool, is_open) == []
    assert ask(pool, "SELECT kind, actor, reason, comment FROM alert_event ORDER BY id DESC LIMIT 1") == [
        ("cleared", "kim", "retired", "line sold")
    ]
    assert codes(send(pool, acquisition(measured_at=NOW))) == [["retired-machine"]]
    assert retire_place(pool, place, KIM).machines == [], "it is already"
    back = restore_place(pool, place, KIM)
    assert (back.machines, back.retired_at) == ([M], None)
    run(pool, worker)
    assert ask(pool, is_open) == before
    assert restore_place(pool, place, KIM).machines == []


def test_a_place_brings_back_only_what_went_out_of_use_with_it(pool: Pool) -> None:
    add(pool, *plant())
    retirement.retire_machine(pool, "press-08", KIM)
    assert retire_place(pool, SITE, KIM).machines == ["fan-01", M]
    assert retired(pool) == {"fan-01": "site", M: "site", "press-08": None}
    assert restore_place(pool, SITE, KIM).machines == ["fan-01", M]
    assert retired(pool) == {"press-08": None}


def test_a_machine_of_two_places_out_of_use_comes_back_with_the_last(pool: Pool) -> None:
    add(pool, *plant())
    retire_place(pool, LINE, KIM)
    retire_place(pool, SITE, KIM)
    assert retired(pool) == {"fan-01": "site", M: "line", "press-08": "line"}
    assert restore_place(pool, LINE, KIM).machines == []
    assert retired(pool) == {"fan-01": "site", M: "site", "press-08": "site"}
    assert restore_place(pool, SITE, KIM).machines == ["fan-01", M, "press-08"]
    retire_place(pool, SITE, KIM)
    retirement.restore_machine(pool, M, KIM)
    assert restore_place(pool, SITE, KIM).machines == ["fan-01", "press-08"], "one was brought back alone"


def test_a_fleet_goes_out_of_use_at_every_site(pool: Pool) -> None:
    add(pool, *plant())
    assert retire_place(pool, FLEET, KIM).machines == ["far-01", M, "press-08"]
    assert ask(pool, "SELECT action, target FROM audit ORDER BY id DESC LIMIT 1") == [("fleet.retire", "default")]


def test_no_machine_comes_to_a_place_out_of_use_and_those_there_stay(pool: Pool) -> None:
    add(pool, *plant())
    retire_place(pool, LINE, KIM)
    retire_place(pool, PlaceName(Kind.FLEET, "fans"), KIM)
    for other in (machine("press-09"), replace(machine("fan-01"), line="line-1", fleet="fans")):
        with pytest.raises(ConflictError, match=r"line 'line-1' is retired since .* restore it first"):
            register_fleet(pool, [other], actor="kim", site_ids=None)
    with pytest.raises(ConflictError, match="fleet 'fans' is retired"):
        register_fleet(pool, [replace(machine("far-01", "elsewhere"), fleet="fans")], actor="kim", site_ids=None)
    (done,) = register_fleet(pool, [machine()], actor="kim", site_ids=None)
    assert (done.outcome, done.stays_retired) == ("unchanged", (M,))


@pytest.fixture
def caller(settings: Settings, pool: Pool) -> Iterator[httpx.Client]:
    add(pool, *plant())
    key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as opened:
        yield opened


@pytest.mark.parametrize("place", ["sites/busan", "sites/busan/lines/line-1", "fleets/fans"])
def test_places_go_out_of_use_and_come_back_over_the_api(caller: httpx.Client, place: str) -> None:
    answer = caller.post(f"/v1/{place}/retire", json={"reason": "sold"})
    assert (answer.status_code, answer.json()["retired_reason"]) == (200, "sold")
    gone = answer.json()["machines"]
    listed = caller.get("/v1/machines", params={"retired": True}).json()["items"]
    assert gone == [each["machine"] for each in listed]
    assert caller.get(f"/v1/machines/{gone[0]}").json()["retired_with"] == answer.json()["kind"]
    assert caller.post(f"/v1/{place}/restore", json={"reason": "bought"}).json()["machines"] == gone
    assert caller.get("/v1/machines", params={"retired": True}).json()["items"] == []


def test_the_health_of_a_place_out_of_use_is_refused_by_name(caller: httpx.Client) -> None:
    for place in ("sites/busan", "sites/busan/lines/line-1"):
        caller.post(f"/v1/{place}/retire", json={"reason": "sold"})
        refused = caller.get(f"/v1/{place}/health")
        assert (refused.status_code, "is retired since" in refused.json()["detail"]) == (404, True)
        caller.post(f"/v1/{place}/restore", json={"reason": "bought"})


def test_a_caller_limited_to_a_site_retires_no_fleet(caller: httpx.Client, pool: Pool) -> None:
    key = create_key(pool, name="operator", role="operate", sites=["busan"], actor="test")
    with client(str(caller.base_url), key) as limited:
        for verb in ("retire", "restore", "rename"):
            asked = {"reason": "x", "key": "y"} if verb == "rename" else {"reason": "x"}
            assert limited.post(f"/v1/fleets/default/{verb}", json=asked).status_code == 403
        assert limited.post("/v1/sites/elsewhere/retire", json={"reason": "x"}).status_code == 404
        assert limited.post("/v1/sites/busan/retire", json={"reason": "x"}).status_code == 200
