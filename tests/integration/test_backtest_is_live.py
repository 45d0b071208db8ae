"""A backtest of a stored past opens the alarms that the live worker opened, and suppresses the same ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
from psycopg_pool import ConnectionPool

from pdm.alerts.kinds.history import MachineHistory
from pdm.machines.model import Machine, MeasurementPoint
from pdm.measurements import Acquisition, OperatingContext, Scalar
from pdm.prognosis.prognosis import BEYOND_TRAINING
from pdm.service.analysis.worker import Worker
from pdm.service.ingestion.record import record
from pdm.service.rules.backtest import BacktestRequest, backtest
from pdm.service.rules.rule_sets import check_text, deploy, propose
from pdm.settings import Settings
from pdm.store.analysis.backtest_history import fetch_history
from pdm.store.machines.registration import fetch_machine, register
from tests.integration import plant
from tests.integration.plant import NOW, decoded

Pool = ConnectionPool[Any]
START = NOW - timedelta(days=20)
MINUTES = timedelta(minutes=1)
LOW = """
rules:
  - key: oil-low
    kind: threshold
    signal: {quantity: pressure, point: oil-p}
    below: 1 bar
    deadband: 0.1 bar
    on_delay: {required: 2, of: 2}
    off_delay: {count: 2}
"""


def _machine() -> Machine:
    made = plant.machine()
    return replace(made, points=(*made.points, MeasurementPoint("oil-p", "pressure", "bar")))


def _acquisition(minute: int, bar: float, state: str) -> Acquisition:
    made = plant.acquisition(measured_at=START + minute * MINUTES, seed=minute)
    runs = state == "drawing"
    context = OperatingContext(speed=29.5 if runs else 0.0, load=0.8, state=state)
    level = np.float32(1.0 if runs else 0.001)
    waves = tuple(replace(wave, samples=level * wave.samples) for wave in made.waveforms)
    return replace(made, waveforms=waves, scalars=(Scalar("oil-p", bar, "bar"),), context=context)


def _lone(minute: int, bar: float) -> Acquisition:
    """Return a reading of the pressure alone, which shows nothing of how the machine ran."""
    return Acquisition("press-07", START + minute * MINUTES, (), (Scalar("oil-p", bar, "bar"),))


def _cycles(count: int) -> list[Acquisition]:
    """Return a machine that runs and stops; half of what is measured at a stop is the pressure alone."""
    made = []
    for cycle in range(count):
        first = 20 * cycle
        made += [_acquisition(first + index, 3.0, "drawing") for index in range(5)]
        made += [_acquisition(first + 5, 0.2, "off"), *(_lone(first + index, 0.2) for index in range(6, 9))]
    return made


def _analyse(pool: Pool, settings: Settings, acquisitions: list[Acquisition]) -> None:
    record(pool, decoded(acquisitions), actor="test", site_ids=None, now=NOW)
    worker = Worker(pool, settings)
    while worker.round():
        pass


def _opened(pool: Pool) -> list[tuple[Any, bool]]:
    """Return when alerts opened and whether receivers were notified of them before they ended."""
    with pool.connection() as conn:
        rows = conn.execute(
            "SELECT a.opened_at, EXISTS (SELECT FROM alert_event e WHERE e.alert_id = a.id AND e.withheld IS NULL"
            " AND e.kind IN ('opened', 'unsuppressed')) FROM alert a ORDER BY a.opened_at"
        ).fetchall()
    return [(row[0], row[1]) for row in rows]


def _history(pool: Pool) -> MachineHistory:
    with pool.connection() as conn:
        stored = fetch_machine(conn, "press-07")
        found = fetch_history(conn, stored, START, NOW, (("oil-p", ""),), with_diagnoses=False)
    assert found is not None
    return found


def test_a_backtest_of_a_machine_that_stops_counts_the_alarms_that_were_notified_live(
    pool: Pool, settings: Settings
) -> None:
    with pool.connection() as conn:
        register(conn, _machine())
    row = propose(pool, check_text(LOW), scope="all", target="", author="ann", reason="because")
    deploy(pool, row.id, author="ann")
    well = [_acquisition(300 + minute, 3.0, "drawing") for minute in range(4)]
    real = [_acquisition(400 + minute, 0.2, "drawing") for minute in range(4)]
    again = [_acquisition(420 + minute, 3.0, "drawing") for minute in range(4)]
    stopped = [_acquisition(440 + minute, 0.2, "off") for minute in range(4)]
    runs_dry = [_acquisition(460 + minute, 0.2, "drawing") for minute in range(4)]
    _analyse(pool, settings, [*_cycles(10), *well, *real, *again, *stopped, *runs_dry])
    live = _opened(pool)
    assert [notified for _, notified in live] == [False] * 10 + [True, True]
    report = backtest(settings.dsn, BacktestRequest(START, NOW, with_suggestions=False))
    assert (report.now.alarms, report.now.suppressed) == (2, 10)
    assert report.now.by_rule == {"oil-low": 2}


def test_a_stored_past_shows_standstill_as_the_live_worker_saw_it(pool: Pool, settings: Settings) -> None:
    with pool.connection() as conn:
        register(conn, _machine())
    _analyse(pool, settings, _cycles(1))
    history = _history(pool)
    shown = [history.reading(index, ()).assessment.shows_operation for index in range(len(history))]
    assert shown == [True] * 6 + [False] * 3


def test_a_stored_prognosis_beyond_any_training_life_decides_nothing_in_a_backtest(
    pool: Pool, settings: Settings
) -> None:
    with pool.connection() as conn:
        register(conn, _machine())
    _analyse(pool, settings, _cycles(1))
    with pool.connection() as conn:
        conn.execute(
            "UPDATE prognosis SET source = 'model', rul = 9000, rul_lower = 0, rul_upper = 20000, reason = %(why)s,"
            " evidence = jsonb_build_object('reasons', jsonb_build_array(%(why)s::text))",
            {"why": BEYOND_TRAINING},
        )
    history = _history(pool)
    prognoses = [history.reading(index, ()).prognosis for index in range(len(history))]
    assert [None if each is None else each.can_decide for each in prognoses] == [False] * len(history)
