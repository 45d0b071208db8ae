"""Registering machines: additive, dry runs that change nothing, and meanings that stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, InvalidInputError, NotFoundError, TimestampError
from pdm.machines.bearing_multipliers import BearingMultipliers
from pdm.machines.model import (
    BearingGeometry,
    Component,
    ComponentKind,
    Machine,
    MeasurementPoint,
    SeverityLimits,
    Timeline,
)
from pdm.machines.pulse_trains import BeltDrive
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.service.machines.registration import register_fleet
from pdm.service.machines.work_events import record_work_event
from pdm.store.machines.registration import fetch_machine, fetch_machines
from tests.integration.plant import NOW, acquisition, add, ask, machine, send

Pool = ConnectionPool[Any]
WHOLE = Machine(
    key="press-07",
    line="line-1",
    site="busan",
    name="Press 7",
    fleet="presses",
    rated_speed=29.5,
    rated_power=75e3,
    supply_frequency=60.0,
    pole_pairs=2,
    rotor_slots=28,
    severity_limits=SeverityLimits(0.0014, 0.0028, 0.0045, "ISO 20816-3:2022 group 2"),
    planning_horizon=86400.0,
    baseline_acquisitions=20,
    timeline=Timeline.REPLAY,
    components=(
        Component("de", ComponentKind.BEARING, BearingGeometry(9, 0.00794, 0.03904, 0.0, "data sheet")),
        Component("nde", ComponentKind.BEARING, BearingMultipliers(3.585, 5.415, 2.357, 0.398, "maker's sheet")),
        Component("motor", ComponentKind.MOTOR),
        Component("wheel", ComponentKind.GEAR, None, 60, 1 / 3),
        Component("fan", ComponentKind.FAN, ratio=0.5, blades=8),
        Component("pump", ComponentKind.PUMP, vanes=6),
        Component("v-belt", ComponentKind.BELT, belt=BeltDrive(2.0, 0.2, 0.4)),
    ),
    points=(
        MeasurementPoint("de-h", "acceleration", "g", 25600.0, "h", "de"),
        MeasurementPoint("phase-a", "current", "A", 10000.0, None, "motor"),
        MeasurementPoint("tacho", "tachometer", "1", 25600.0, pulses_per_turn=4),
        MeasurementPoint("oil", "temperature", "degC"),
    ),
)


def _register(pool: Pool, *machines: Machine, site_ids: list[int] | None = None, dry_run: bool = False) -> list[str]:
    done = register_fleet(pool, machines, actor="kim", site_ids=site_ids, dry_run=dry_run)
    return [item.outcome for item in done]


def _site_id(pool: Pool, key: str) -> int:
    return int(ask(pool, f"SELECT id FROM site WHERE key = '{key}'")[0][0])


def test_what_is_fetched_is_what_was_registered(pool: Pool) -> None:
    assert _register(pool, WHOLE) == ["created"]
    with pool.connection() as conn:
        stored = fetch_machine(conn, "press-07")
    assert stored.machine == WHOLE
    assert set(stored.point_ids) == {"de-h", "phase-a", "tacho", "oil"}
    assert set(stored.component_ids) == {"de", "nde", "motor", "wheel", "fan", "pump", "v-belt"}
    assert ask(pool, "SELECT machine_id FROM analysis_state") == [(stored.id,)]


def test_registering_again_changes_nothing_and_leaves_no_audit(pool: Pool) -> None:
    _register(pool, WHOLE)
    assert _register(pool, WHOLE) == ["unchanged"]
    assert ask(pool, "SELECT actor, action, target FROM audit") == [("kim", "machine.register", "press-07")]


def test_points_and_components_are_added_and_those_not_named_stay(pool: Pool) -> None:
    _register(pool, WHOLE)
    more = replace(
        WHOLE, name="Press seven", components=(), points=(MeasurementPoint("de-v", "acceleration", "g", 25600.0),)
    )
    assert _register(pool, more) == ["changed"]
    with pool.connection() as conn:
        stored = fetch_machine(conn, "press-07").machine
    assert stored.name == "Press seven"
    assert [point.key for point in stored.points] == ["de-h", "phase-a", "tacho", "oil", "de-v"]
    assert stored.components == WHOLE.components


def test_a_dry_run_says_what_would_happen_and_changes_nothing(pool: Pool) -> None:
    _register(pool, WHOLE)
    assert _register(pool, replace(WHOLE, name="x"), machine("new-01"), dry_run=True) == ["changed", "created"]
    assert ask(pool, "SELECT key, name FROM machine") == [("press-07", "Press 7")]
    assert ask(pool, "SELECT count(*) FROM audit") == [(1,)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"points": (replace(WHOLE.points[0], unit="m/s2"),)}, "unit"),
        ({"points": (replace(WHOLE.points[0], sampling_rate=12800.0),)}, "sampling_rate_hz"),
        ({"points": (MeasurementPoint("oil", "pressure", "bar"),)}, "quantity"),
        ({"site": "ulsan"}, "site"),
        ({"timeline": Timeline.LIVE}, "timeline"),
    ],
)
def test_what_gives_stored_samples_their_meaning_cannot_change(pool: Pool, change: dict[str, Any], field: str) -> None:
    _register(pool, WHOLE)
    with pytest.raises(ConflictError) as refused:
        _register(pool, machine("new-01"), replace(WHOLE, **change))
    assert refused.value.field == field
    assert ask(pool, "SELECT key FROM machine") == [("press-07",)]


def test_a_component_cannot_take_the_cause_of_missing_data_and_one_that_has_it_goes_on(pool: Pool) -> None:
    made = replace(machine(), components=(Component("data-gap", ComponentKind.BEARING),), points=())
    with pytest.raises(InvalidInputError) as refused:
        _register(pool, made)
    assert "component 'data-gap' of machine 'press-07'" in refused.value.message
    add(pool, made)
    assert _register(pool, made) == ["unchanged"]


def test_a_machine_given_twice_is_refused(pool: Pool) -> None:
    with pytest.raises(InvalidInputError, match="press-07"):
        _register(pool, WHOLE, WHOLE)


def test_a_caller_limited_to_sites_sees_and_changes_those_only(pool: Pool) -> None:
    _register(pool, WHOLE, machine("lathe-01", site="ulsan"))
    busan = [_site_id(pool, "busan")]
    assert _register(pool, machine("press-08"), site_ids=busan) == ["created"]
    with pytest.raises(NotFoundError, match="unknown site 'ulsan'"):
        _register(pool, machine("lathe-02", site="ulsan"), site_ids=busan)
    with pytest.raises(ConflictError, match="the key 'lathe-01' is already used"):
        _register(pool, machine("lathe-01"), site_ids=busan)
    with pool.connection() as conn:
        assert set(fetch_machines(conn, ["press-07", "lathe-01"], busan)) == {"press-07"}
        with pytest.raises(NotFoundError):
            fetch_machine(conn, "lathe-01", busan)


def _event(kind: WorkEventKind = WorkEventKind.REPLACEMENT, **changes: Any) -> WorkEvent:
    return replace(WorkEvent("press-07", kind, NOW - timedelta(days=1), "bearing-de", "inner race spalled"), **changes)


def _tell(pool: Pool, event: WorkEvent, site_ids: list[int] | None = None) -> tuple[int, bool]:
    return record_work_event(pool, event, actor="kim", site_ids=site_ids, now=NOW)


def test_a_work_event_is_written_once(pool: Pool) -> None:
    add(pool)
    event_id, is_new = _tell(pool, _event())
    assert is_new
    assert _tell(pool, _event()) == (event_id, False)
    assert ask(pool, "SELECT kind, finding, actor FROM work_event") == [("replacement", "inner race spalled", "kim")]
    with pytest.raises(ConflictError, match="inner race spalled"):
        _tell(pool, _event(finding="nothing found"))


def test_events_of_the_whole_machine_are_written_once_too(pool: Pool) -> None:
    add(pool)
    assert _tell(pool, _event(component=None))[1]
    assert not _tell(pool, _event(component=None))[1]


def test_a_closed_life_has_later_conclusions_recomputed(pool: Pool) -> None:
    add(pool)
    send(pool, acquisition())
    _tell(pool, _event())
    assert ask(pool, "SELECT dirty_from FROM analysis_state") == [(None,)], "nothing was concluded yet"
    ask(pool, "UPDATE analysis_state SET state = 'x' RETURNING 1")
    _tell(pool, _event(WorkEventKind.INSPECTION))
    assert ask(pool, "SELECT dirty_from FROM analysis_state") == [(None,)]
    _tell(pool, _event(WorkEventKind.FAILURE))
    _tell(pool, _event(WorkEventKind.FAILURE, occurred_at=NOW - timedelta(days=2)))
    _tell(pool, _event(WorkEventKind.FAILURE, occurred_at=NOW - timedelta(hours=2)))
    assert ask(pool, "SELECT dirty_from FROM analysis_state") == [(NOW - timedelta(days=2),)]


def test_an_event_that_cannot_be_is_refused(pool: Pool) -> None:
    add(pool)
    with pytest.raises(NotFoundError, match="no component 'gear'"):
        _tell(pool, _event(component="gear"))
    with pytest.raises(NotFoundError, match="press-99"):
        _tell(pool, _event(machine="press-99"))
    with pytest.raises(NotFoundError, match="press-07"):
        _tell(pool, _event(), site_ids=[])
    with pytest.raises(TimestampError, match="ahead of the server's clock"):
        _tell(pool, _event(occurred_at=NOW + timedelta(days=3)))
    assert ask(pool, "SELECT count(*) FROM work_event") == [(0,)]


def test_what_will_not_be_diagnosed_is_reported_also_in_a_dry_run_and_for_what_is_stored(pool: Pool) -> None:
    vague = replace(machine("press-08"), components=(Component("bearing-de", ComponentKind.BEARING),))
    for dry_run in (True, False):
        (done,) = register_fleet(pool, [vague], actor="kim", site_ids=None, dry_run=dry_run)
        assert [(each.component, each.code) for each in done.warnings] == [("bearing-de", "geometry-missing")]
    later = replace(vague, components=(), points=())
    (done,) = register_fleet(pool, [later], actor="kim", site_ids=None)
    assert [each.component for each in done.warnings] == ["bearing-de"]


def test_every_kind_of_component_is_stored(pool: Pool) -> None:
    one = replace(machine(), components=tuple(Component(f"bearing-{kind}", kind) for kind in ComponentKind), points=())
    register_fleet(pool, [one], actor="kim", site_ids=None)
    with pool.connection() as conn:
        assert fetch_machine(conn, one.key).machine.components == one.components
