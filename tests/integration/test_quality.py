"""Quality before verdict: what is no measurement teaches and ends nothing, and raises the instrument's alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from psycopg_pool import ConnectionPool

from pdm.machines.model import Machine
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform
from pdm.quality.memory import SIZE
from pdm.quality.polarity import FIGURES as PAIR
from pdm.service.analysis.worker import Worker
from pdm.service.ingestion.record import record
from pdm.service.machines.retirement import Action, replace_point
from pdm.settings import Settings
from pdm.store.acquisitions import retention
from pdm.store.database.queries import query
from pdm.store.machines.registration import register
from tests.integration.plant import NOW, RATE, ask, decoded, machine

Pool = ConnectionPool[Any]
STEP = timedelta(minutes=10)
Signal = Callable[[int], NDArray[np.float32]]
LEARNED = 40


def plant() -> Machine:
    """A machine whose thermometer sits on its bearing."""
    found = machine()
    oil = replace(found.points[2], component="bearing-de")
    return replace(found, points=(*found.points[:2], oil), rated_speed=29.5)


@pytest.fixture
def worker(pool: Pool, settings: Settings) -> Worker:
    with pool.connection() as conn:
        register(conn, plant())
    return Worker(pool, settings)


def sound(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=1024).astype(np.float32)


def zeros(_: int) -> NDArray[np.float32]:
    return np.zeros(1024, np.float32)


def in_turn(seed: int) -> NDArray[np.float32]:
    return sound(seed % 2)


def frozen(_: int) -> NDArray[np.float32]:
    return sound(0)


def sent(
    begin: int, count: int, signal: Signal = sound, oil: float | None = 60.0, context: OperatingContext | None = None
) -> list[Acquisition]:
    """Return acquisitions of which `de-h` has a signal and `de-v` is sound."""
    found = []
    for index in range(begin, begin + count):
        waves = (Waveform("de-h", signal(index), RATE, "g"), Waveform("de-v", sound(10**6 + index), RATE, "g"))
        noise = np.random.default_rng(index).normal() * 0.3
        scalars = () if oil is None else (Scalar("oil", oil if oil < 0 else oil + noise, "degC"),)
        at = NOW - STEP * (200 - index)
        found.append(Acquisition("press-07", at, waves, scalars, context or OperatingContext(speed=29.5, load=0.8)))
    return found


def analyse(pool: Pool, worker: Worker, acquisitions: Sequence[Acquisition]) -> None:
    record(pool, decoded(acquisitions), actor="test", site_ids=None, now=NOW)
    while worker.round():
        pass


def open_causes(pool: Pool) -> dict[str, Any]:
    rows = ask(pool, "SELECT cause, category, parameters FROM alert WHERE state <> 'normal' ORDER BY cause")
    return {cause: (category, parameters) for cause, category, parameters in rows}


@pytest.mark.parametrize(("signal", "reason"), [(zeros, "flat"), (frozen, "frozen"), (in_turn, "frozen")])
def test_a_sensor_that_measures_nothing_is_named_and_its_alert_ends_with_the_fault(
    pool: Pool, worker: Worker, signal: Signal, reason: str
) -> None:
    analyse(pool, worker, sent(0, LEARNED))
    ((before,),) = ask(pool, "SELECT health FROM assessment ORDER BY measured_at DESC LIMIT 1")
    analyse(pool, worker, sent(LEARNED, 8, signal))
    assert open_causes(pool) == {"sensor:de-h": ("instrument", {"point": "de-h", "how": reason})}
    found = ask(pool, "SELECT p.key, q.quality, q.reasons FROM channel_quality q JOIN point p ON p.id = q.point_id")
    assert set(map(str, found)) == {str(("de-h", "no-measurement", [reason]))}
    ((after, points),) = ask(
        pool, "SELECT health, evidence -> 'points' FROM assessment ORDER BY measured_at DESC LIMIT 1"
    )
    assert after == pytest.approx(before, abs=0.05), "the other channel goes on"
    assert next(each["health"] for each in points if each["point"] == "de-h") is None
    analyse(pool, worker, sent(LEARNED + 8, 12))
    assert open_causes(pool) == {}


def test_a_sensor_that_dies_leaves_the_alert_of_its_machine_open(pool: Pool, worker: Worker) -> None:
    analyse(pool, worker, sent(0, LEARNED))
    analyse(pool, worker, sent(LEARNED, 15, lambda seed: 30.0 * sound(seed)))
    raised = set(open_causes(pool))
    assert raised
    assert "sensor:de-h" not in raised
    analyse(pool, worker, sent(LEARNED + 15, 40, zeros))
    assert set(open_causes(pool)) == raised | {"sensor:de-h"}


def test_a_broken_thermometer_leaves_the_alert_of_a_hot_bearing_open(pool: Pool, worker: Worker) -> None:
    analyse(pool, worker, sent(0, LEARNED))
    analyse(pool, worker, sent(LEARNED, 8, oil=97.0))
    hot = {cause for cause, (category, _) in open_causes(pool).items() if category == "machine"}
    assert hot
    analyse(pool, worker, sent(LEARNED + 8, 20, oil=-127.0))
    assert set(open_causes(pool)) == hot | {"sensor:oil"}
    assert open_causes(pool)["sensor:oil"][1] == {"point": "oil", "how": "not-a-measurement"}


@pytest.mark.parametrize("load", [0.8, -1.5])
def test_a_fraction_of_rated_load_is_believed(pool: Pool, worker: Worker, load: float) -> None:
    analyse(pool, worker, sent(0, LEARNED, context=OperatingContext(29.5, load)))
    assert open_causes(pool) == {}


def test_a_load_in_percent_makes_no_states_and_is_named(pool: Pool, worker: Worker) -> None:
    for index in range(60):
        analyse(pool, worker, sent(index, 1, context=OperatingContext(29.5, 75.0 + index % 6)))
    ((progress, states),) = ask(
        pool,
        "SELECT learning_progress, evidence -> 'operating_states' FROM assessment ORDER BY measured_at DESC LIMIT 1",
    )
    assert (progress, len(states)) == (1.0, 1)
    assert open_causes(pool) == {"data:not-monitored": ("data", {"hindrance": "load-percent"})}


@pytest.mark.parametrize(
    ("context", "hindrance"),
    [
        (OperatingContext(29.5 / 60, 0.8), "speed-unit"),
        (OperatingContext(29.5 * 60, 0.8), "speed-unit"),
        (OperatingContext(0.0, 0.8), "runs-while-off"),
        (OperatingContext(29.5, 0.8, "off"), "runs-while-off"),
        (OperatingContext(29.5, 80.0), "load-percent"),
    ],
)
def test_conditions_that_the_signal_contradicts_make_no_state_and_are_named(
    pool: Pool, worker: Worker, context: OperatingContext, hindrance: str
) -> None:
    analyse(pool, worker, sent(0, LEARNED))
    analyse(pool, worker, sent(LEARNED, 10, context=context))
    assert open_causes(pool) == {"data:not-monitored": ("data", {"hindrance": hindrance})}
    ((states,),) = ask(pool, "SELECT evidence -> 'operating_states' FROM assessment ORDER BY measured_at DESC LIMIT 1")
    assert len(states) == 1


def test_a_machine_that_stops_is_off_and_nothing_is_doubted(pool: Pool, worker: Worker) -> None:
    analyse(pool, worker, sent(0, LEARNED))
    quiet = [lambda seed: 0.001 * sound(seed), zeros]
    for place, signal in enumerate(quiet):
        stopped = sent(LEARNED + 10 * place, 10, signal, context=OperatingContext(0.0, 0.0))
        analyse(pool, worker, [replace(a, waveforms=(a.waveforms[0],)) for a in stopped])
    assert open_causes(pool) == {}
    assert ask(pool, "SELECT operating_state FROM assessment ORDER BY measured_at DESC LIMIT 1") == [("off",)]


def test_a_replay_concludes_what_was_concluded_live(pool: Pool, worker: Worker) -> None:
    stream = sent(0, LEARNED) + sent(LEARNED, 10, zeros)
    analyse(pool, worker, [a for i, a in enumerate(stream) if i != 30])
    analyse(pool, worker, [stream[30]])
    states = ask(pool, "SELECT state FROM analysis_state")
    assert open_causes(pool) == {"sensor:de-h": ("instrument", {"point": "de-h", "how": "flat"})}
    with pool.connection() as conn:
        conn.execute("UPDATE analysis_state SET dirty_from = %s", (stream[35].measured_at,))
    while worker.round():
        pass
    assert ask(pool, "SELECT state FROM analysis_state") == states


def test_a_channel_that_is_judged_again_keeps_no_former_reason(pool: Pool, worker: Worker) -> None:
    analyse(pool, worker, sent(0, 3))
    with pool.connection() as conn:
        conn.execute(
            "INSERT INTO channel_quality SELECT p.id, max(w.measured_at), 'no-measurement', ARRAY['flat'] "
            "FROM point p JOIN waveform w ON w.point_id = p.id WHERE p.key = 'de-h' GROUP BY p.id"
        )
        conn.execute(
            "INSERT INTO pending (machine_id, measured_at) "
            "SELECT machine_id, max(measured_at) FROM acquisition GROUP BY machine_id"
        )
    while worker.round():
        pass
    assert ask(pool, "SELECT count(*) FROM channel_quality") == [(0,)]


def test_an_alert_of_doubted_conditions_ends_while_a_sensor_is_dead(pool: Pool, worker: Worker) -> None:
    analyse(pool, worker, sent(0, LEARNED))
    analyse(pool, worker, sent(LEARNED, 10, zeros, context=OperatingContext(29.5, 80.0)))
    assert set(open_causes(pool)) == {"sensor:de-h", "data:not-monitored"}
    analyse(pool, worker, sent(LEARNED + 10, 15, zeros))
    assert set(open_causes(pool)) == {"sensor:de-h"}


def test_retention_knows_every_table_that_grows_with_time(pool: Pool) -> None:
    with pool.connection() as conn:
        grows = {row[0] for row in conn.execute("SELECT hypertable_name FROM timescaledb_information.hypertables")}
        features = {row[0] for row in conn.execute(query("fetch_feature_tables"))}
    assert grows - features - set(retention.CONCLUSIONS) == {"waveform", "waveform_frame"}, "with windows of their own"


def test_the_records_of_a_sensor_that_was_replaced_are_no_measure_of_the_next_one(pool: Pool, worker: Worker) -> None:
    analyse(pool, worker, sent(0, LEARNED))
    at = sent(LEARNED, 1)[0].measured_at - STEP / 2
    action = Action("kim", None, NOW, "broken")
    replace_point(pool, "press-07", "de-h", at, None, {"sampling_rate": RATE}, action)
    analyse(pool, worker, sent(LEARNED, 10, lambda seed: np.float32(10.0) * sound(seed)))
    assert ask(pool, "SELECT count(*) FROM channel_quality") == [(0,)]


def test_the_relation_to_a_sensor_that_was_replaced_is_forgotten(pool: Pool, worker: Worker) -> None:
    analyse(pool, worker, sent(0, LEARNED))
    figures = "SELECT p.key, cardinality(figures) FROM channel_memory m JOIN point p ON p.id = m.point_id ORDER BY 1"
    assert dict(ask(pool, figures))["de-h"] == SIZE + PAIR
    replace_point(pool, "press-07", "de-v", NOW, None, {}, Action("kim", None, NOW, "broken"))
    assert dict(ask(pool, figures)) == {"de-h": SIZE, "oil": 4}
