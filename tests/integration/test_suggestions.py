"""Unknown machines, points and components are refused with similar ones, of the caller's sites alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Receipt
from pdm.service.machines.registration import register_fleet
from pdm.service.machines.work_events import record_work_event
from tests.integration.plant import NOW, acquisition, add, ask, machine, send

Pool = ConnectionPool[Any]


def details(receipt: Receipt) -> list[list[str]]:
    return [[problem.detail for problem in result.problems] for result in receipt.results]


def test_an_unknown_machine_of_a_record_gets_a_suggestion_of_key_or_tag(pool: Pool) -> None:
    machines = [replace(machine(), tag="P-101A"), machine("far-01", "elsewhere")]
    register_fleet(pool, machines, actor="kim", site_ids=None)
    (site_id,) = ask(pool, "SELECT id FROM site WHERE key = 'busan'")[0]
    sent = [acquisition(key) for key in ("pres-07", "Press-07", "p-101a", "nothing-alike")]
    assert details(send(pool, *sent)) == [
        ["unknown machine 'pres-07'; did you mean 'press-07'?"],
        ["unknown machine 'Press-07'; did you mean 'press-07'?"],
        ["unknown machine 'p-101a'; did you mean 'P-101A'?"],
        ["unknown machine 'nothing-alike'; register it first"],
    ]
    hidden = acquisition("far-1")
    assert details(send(pool, hidden)) == [["unknown machine 'far-1'; did you mean 'far-01'?"]]
    assert details(send(pool, hidden, site_ids=[site_id])) == [["unknown machine 'far-1'; register it first"]]


def test_suggestions_for_many_unknown_machines_are_limited(pool: Pool) -> None:
    add(pool)
    found = details(send(pool, *(acquisition(f"press-7{n}") for n in range(9))))
    hinted = [detail for (detail,) in found if "did you mean" in detail]
    assert (len(found), len(hinted)) == (9, 4)
    assert all(detail.startswith("unknown machine") for (detail,) in found)


def test_an_unknown_point_of_a_record_gets_a_suggestion(pool: Pool) -> None:
    add(pool)
    sent = acquisition(oil=None)
    wrong = replace(sent, waveforms=(replace(sent.waveforms[0], point="de_h"), sent.waveforms[1]))
    (found,) = details(send(pool, wrong))
    assert found[0].startswith("machine 'press-07' has no point 'de_h'; did you mean 'de-h'")
    assert "allowed: de-h, de-v, oil" in found[0]


def test_an_unknown_machine_or_component_of_a_work_event_gets_a_suggestion(pool: Pool) -> None:
    add(pool)
    for name, component, hint in (
        ("pres-07", None, "did you mean 'press-07'"), ("press-07", "bearing", "did you mean 'bearing-de'"),
    ):  # fmt: skip
        event = WorkEvent(name, WorkEventKind.INSPECTION, NOW, component)
        with pytest.raises(NotFoundError, match=hint):
            record_work_event(pool, event, actor="kim", site_ids=None, now=NOW)
