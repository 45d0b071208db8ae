"""Corrected measurements on a real database: all is as if they had been sent and registered right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, InvalidInputError, NotFoundError, PdmError, TimestampError, UnitError
from pdm.machines.corrections import CorrectedField
from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.measurements import Acquisition, Scalar, Waveform
from pdm.service.analysis import recalculation
from pdm.service.analysis.worker import Worker
from pdm.service.diagnosis.runner import fetch_recordings
from pdm.service.machines.measurement_corrections import Wanted, correct_component, correct_point, void_correction
from pdm.service.machines.retirement import Action
from pdm.settings import Settings
from pdm.store.analysis import diagnoses
from pdm.store.machines.registration import fetch_machine, register
from tests.integration.plant import NOW, RATE, ask, send
from tests.integration.test_corrected_work_events import concluded
from tests.integration.test_events_of_components import SOUND, two_components, wearing

Pool = ConnectionPool[Any]
WRONG, RIGHT = "press-07", "press-08"
BY_LEE = Action("lee", None, NOW, "gain of the channel")
FEATURES = (
    "SELECT p.key, f.measured_at, f.rms, f.kurtosis, f.spectral_centroid, f.bpfo_prominence "
    "FROM feature_vibration_v1 f JOIN point p ON p.id = f.point_id JOIN machine m ON m.id = p.machine_id "
    "WHERE m.key = '{}' ORDER BY 1, 2"
)
QUALITY = (
    "SELECT p.key, q.measured_at, q.quality, q.reasons FROM channel_quality q JOIN point p ON p.id = q.point_id "
    "JOIN machine m ON m.id = p.machine_id WHERE m.key = '{}' ORDER BY 1, 2"
)
MEMORY = (  # of the record itself: the correlation with another channel is learned again
    "SELECT p.key, c.figures[1:20]::text FROM channel_memory c JOIN point p ON p.id = c.point_id "
    "JOIN machine m ON m.id = p.machine_id WHERE m.key = '{}' ORDER BY 1"
)


@pytest.fixture
def worker(pool: Pool, settings: Settings) -> Worker:
    add(pool, two_components(), two_components())
    return Worker(pool, settings)


def add(pool: Pool, wrong: Machine, right: Machine) -> None:
    with pool.connection() as conn:
        register(conn, replace(wrong, key=WRONG))
        register(conn, replace(right, key=RIGHT))


def run(pool: Pool, worker: Worker, wrong: Sequence[Acquisition] = (), right: Sequence[Acquisition] = ()) -> None:
    for key, course in ((WRONG, wrong), (RIGHT, right)):
        if course:
            send(pool, *(replace(each, machine=key) for each in course))
    while worker.round():
        pass


def changed(
    course: Sequence[Acquisition], change: Callable[[Acquisition], Acquisition], begin: int, end: int | None = None
) -> list[Acquisition]:
    return [change(a) if begin <= i < (end or len(course)) else a for i, a in enumerate(course)]


def scaled(gain: float, point: str = "de-h") -> Callable[[Acquisition], Acquisition]:
    def change(one: Acquisition) -> Acquisition:
        waves = (replace(w, samples=w.samples * gain) if w.point == point else w for w in one.waveforms)
        return replace(one, waveforms=tuple(waves))

    return change


def exchanged(one: Acquisition) -> Acquisition:
    other = {"de-h": "de-v", "de-v": "de-h"}
    return replace(one, waveforms=tuple(replace(w, point=other[w.point]) for w in one.waveforms))


def fix(
    pool: Pool, field: str, value: Any, since: datetime, before: datetime | None = None, point: str = "de-h"
) -> int:
    return correct_point(pool, WRONG, point, Wanted(CorrectedField(field), value, since, before), BY_LEE)


def assert_alike(pool: Pool, *, memory: bool = True) -> None:
    for statement in (FEATURES, QUALITY, MEMORY):
        assert ask(pool, statement.format(WRONG)) == ask(pool, statement.format(RIGHT)), statement
    wrong, right = concluded(pool, WRONG), concluded(pool, RIGHT)
    for name, expected in right.items():
        if memory or name != "memory":
            assert wrong[name] == expected, name


def summary(pool: Pool, machine: str) -> list[Any]:
    """Return what is concluded about a machine, rounded: values that were sent in float32 differ in the last digits."""
    found = concluded(pool, machine)
    health = [(row["measured_at"], row["health"] and round(row["health"], 3), row["zone"]) for row in found["health"]]
    alerts = [(row["cause"], row["severity"], row["state"], row["opened_at"]) for row in found["alerts"]]
    return [health, alerts, ask(pool, QUALITY.format(machine))]


@pytest.mark.parametrize("begin", [0, 25, 60])
@pytest.mark.parametrize("end", [None, 90])
def test_a_scale_that_is_corrected_is_as_if_it_had_been_right(
    pool: Pool, worker: Worker, begin: int, end: int | None
) -> None:
    course = wearing(points=("de-v",))
    run(pool, worker, changed(course, scaled(8.0), begin, end), course)
    assert ask(pool, FEATURES.format(WRONG)) != ask(pool, FEATURES.format(RIGHT))
    fix(pool, "factor", 0.125, course[begin].measured_at, None if end is None else course[end].measured_at)
    run(pool, worker)
    assert_alike(pool)


def test_a_scale_wrong_by_ten_is_corrected_up_to_rounding(pool: Pool, worker: Worker) -> None:
    course = wearing()
    run(pool, worker, changed(course, scaled(10.0), 30), course)
    fix(pool, "factor", 0.1, course[30].measured_at)
    run(pool, worker)
    assert summary(pool, WRONG) == summary(pool, RIGHT)


def test_records_that_come_after_the_correction_are_corrected_too(pool: Pool, worker: Worker) -> None:
    course = wearing()
    wrong = changed(course, scaled(8.0), 30)
    run(pool, worker, wrong[:50], course[:50])
    fix(pool, "factor", 0.125, course[30].measured_at)
    run(pool, worker, wrong[50:70], course[50:70])
    run(pool, worker, wrong[70:], course[70:])
    assert_alike(pool)


def test_a_recalculation_of_many_rounds_goes_on_while_records_come(
    pool: Pool, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalculation, "A_ROUND", 7)
    course = wearing()
    wrong = changed(course, scaled(8.0), 30)
    run(pool, worker, wrong[:60], course[:60])
    fix(pool, "factor", 0.125, course[30].measured_at)
    for start in range(60, 100, 10):
        send(pool, *(replace(each, machine=WRONG) for each in wrong[start : start + 10]))
        worker.round()
    run(pool, worker, (), course[60:])
    assert_alike(pool)


def test_a_reversed_sign_and_counts_are_corrected(pool: Pool, worker: Worker) -> None:
    def counted(one: Acquisition, gain: float) -> Acquisition:
        waves = (
            Waveform(w.point, (w.samples * 4000 / 20).astype("int16"), w.sampling_rate, w.unit, gain * 20 / 4000)
            for w in one.waveforms
        )
        return replace(one, waveforms=tuple(waves))

    course = [counted(each, 1.0) for each in wearing()]
    wrong = changed(course, lambda one: replace(one, waveforms=tuple(map(_turned, one.waveforms))), 30)
    run(pool, worker, wrong, course)
    fix(pool, "factor", -0.5, course[30].measured_at)
    run(pool, worker)
    assert_alike(pool)


def _turned(wave: Waveform) -> Waveform:
    if wave.point != "de-h":
        return wave
    return replace(wave, samples=-wave.samples, scale=2.0 * (wave.scale or 1.0))


def test_a_unit_is_corrected_of_waveforms_and_scalars(pool: Pool, worker: Worker) -> None:
    def in_other_units(one: Acquisition) -> Acquisition:
        hot = tuple(replace(s, value=s.value * 9 / 5 + 32) for s in one.scalars)
        return replace(scaled(1000.0)(one), scalars=hot)

    course = [replace(a, scalars=(Scalar("oil", 60.0 + i % 7, "degC"),)) for i, a in enumerate(wearing())]
    run(pool, worker, changed(course, in_other_units, 30), course)
    assert summary(pool, WRONG) != summary(pool, RIGHT)
    fix(pool, "unit", "mg", course[30].measured_at)
    fix(pool, "unit", "degF", course[30].measured_at, point="oil")
    run(pool, worker)
    assert summary(pool, WRONG) == summary(pool, RIGHT)


@pytest.mark.parametrize("begin", [0, 25, 60])
def test_swapped_channels_are_corrected(pool: Pool, worker: Worker, begin: int) -> None:
    course = [scaled(3.0)(each) for each in wearing(points=("de-h",))]
    run(pool, worker, changed(course, exchanged, begin), course)
    fix(pool, "swap_with", "de-v", course[begin].measured_at)
    run(pool, worker)
    assert_alike(pool)


def test_swapped_scalars_are_corrected(pool: Pool, settings: Settings) -> None:
    def measured(number: int, one: Acquisition, is_swapped: bool) -> Acquisition:
        keys = ("air", "oil") if is_swapped else ("oil", "air")
        warm = (60.0 + number % 7, 20.0 + number % 5)
        return replace(one, scalars=tuple(Scalar(k, v, "degC") for k, v in zip(keys, warm, strict=True)))

    plain = two_components()
    both = replace(plain, points=(*plain.points, MeasurementPoint("air", "temperature", "degC")))
    add(pool, both, both)
    worker = Worker(pool, settings)
    course = wearing()
    wrong = [measured(i, a, 30 <= i < 80) for i, a in enumerate(course)]
    run(pool, worker, wrong, [measured(i, a, False) for i, a in enumerate(course)])
    assert concluded(pool, WRONG)["health"] != concluded(pool, RIGHT)["health"]
    fix(pool, "swap_with", "air", course[30].measured_at, course[80].measured_at, point="oil")
    run(pool, worker)
    assert_alike(pool)


def test_channels_swapped_back_from_a_date_on_are_right_again(pool: Pool, worker: Worker) -> None:
    course = [scaled(3.0)(each) for each in wearing(points=("de-h",))]
    run(pool, worker, changed(course, exchanged, 30, 60), course)
    fix(pool, "swap_with", "de-v", course[30].measured_at)
    run(pool, worker)
    fix(pool, "swap_with", "de-v", course[60].measured_at)
    run(pool, worker)
    assert_alike(pool)


def test_a_swapped_channel_that_came_alone_is_the_other_one_alone(pool: Pool, worker: Worker) -> None:
    course = [scaled(3.0)(each) for each in wearing(points=())]
    only = changed(course, lambda one: replace(one, waveforms=one.waveforms[:1]), 50, 53)
    run(pool, worker, changed(only, exchanged, 40), only)
    fix(pool, "swap_with", "de-v", course[40].measured_at)
    run(pool, worker)
    assert ask(pool, FEATURES.format(WRONG)) == ask(pool, FEATURES.format(RIGHT))
    assert summary(pool, WRONG) == summary(pool, RIGHT)


def test_a_sampling_rate_is_corrected(pool: Pool, settings: Settings) -> None:
    def at_rate(rate: float, one: Acquisition) -> Acquisition:
        return replace(one, waveforms=tuple(replace(w, sampling_rate=rate) for w in one.waveforms))

    plain = two_components()
    points = tuple(replace(p, sampling_rate=RATE / 2) if p.is_waveform else p for p in plain.points)
    add(pool, plain, replace(plain, points=points))
    worker = Worker(pool, settings)
    course = wearing()
    run(pool, worker, course[:60], [at_rate(RATE / 2, each) for each in course[:60]])
    for point in ("de-h", "de-v"):
        fix(pool, "sampling_rate_hz", RATE / 2, course[0].measured_at, point=point)
    rest = [at_rate(RATE / 2, each) for each in course[60:]]
    run(pool, worker, [*course[60:70], *rest[10:]], rest)
    assert_alike(pool, memory=False)


def test_a_geometry_is_corrected(pool: Pool, settings: Settings) -> None:
    wrong, right = (BearingGeometry(n, 0.00794, 0.0390, 0.0, "sheet") for n in (9, 8))

    def mounted(bearing: BearingGeometry) -> Machine:
        parts = (Component("motor", ComponentKind.MOTOR), Component("bearing-de", ComponentKind.BEARING, bearing))
        return replace(two_components(), components=parts)

    add(pool, mounted(wrong), mounted(right))
    worker = Worker(pool, settings)
    course = [_long(each) for each in wearing()]
    run(pool, worker, course[:60], course[:60])
    assert ask(pool, FEATURES.format(WRONG)) != ask(pool, FEATURES.format(RIGHT))
    wanted = Wanted(CorrectedField.BEARING, right, course[0].measured_at, None)
    correct_component(pool, WRONG, "bearing-de", wanted, BY_LEE)
    run(pool, worker, course[60:], course[60:])
    assert_alike(pool)


def _long(one: Acquisition) -> Acquisition:
    """Return an acquisition with waveforms long enough for the rates of a bearing."""
    return replace(one, waveforms=tuple(replace(w, samples=_repeated(w.samples)) for w in one.waveforms))


def _repeated(samples: Any) -> Any:
    noise = np.random.default_rng(abs(hash(float(samples[0]))) % 2**32).normal(size=8192)
    return (noise * float(np.std(samples))).astype(np.float32)


def test_what_is_older_than_the_stored_waveforms_is_marked_and_not_corrected(pool: Pool, worker: Worker) -> None:
    course = wearing(begins=100)
    run(pool, worker, changed(course, scaled(8.0), 0), course)
    before = ask(pool, FEATURES.format(WRONG))
    kept = course[60].measured_at
    with pool.connection() as conn:
        conn.execute("DELETE FROM waveform WHERE measured_at < %s", (kept,))
    fix(pool, "factor", 0.125, course[0].measured_at)
    run(pool, worker)
    assert ask(pool, "SELECT not_corrected_until FROM measurement_correction") == [(kept,)]
    after, right = ask(pool, FEATURES.format(WRONG)), ask(pool, FEATURES.format(RIGHT))
    assert [row for row in after if row[1] < kept] == [row for row in before if row[1] < kept]
    assert [row for row in after if row[1] >= kept] == [row for row in right if row[1] >= kept]
    assert [row for row in ask(pool, QUALITY.format(WRONG)) if row[1] >= kept] == [], "the old level is no reference"
    assert concluded(pool, WRONG)["alerts"] == []


def test_a_correction_that_was_wrong_is_voided_and_all_is_as_it_was(pool: Pool, worker: Worker) -> None:
    course = wearing()
    run(pool, worker, course, course)
    number = fix(pool, "factor", 0.125, course[SOUND].measured_at)
    run(pool, worker)
    assert summary(pool, WRONG) != summary(pool, RIGHT)
    assert void_correction(pool, WRONG, number, BY_LEE)
    assert not void_correction(pool, WRONG, number, BY_LEE), "it is voided already"
    run(pool, worker)
    assert_alike(pool)


def test_an_alert_of_a_wrong_scale_is_withdrawn_with_one_message(pool: Pool, worker: Worker) -> None:
    course = wearing(begins=100)
    both = changed(changed(course, scaled(8.0), 60), scaled(8.0, "de-v"), 60)
    run(pool, worker, both, course)
    ((alert,),) = ask(pool, "SELECT id FROM alert WHERE state <> 'normal'")
    for point in ("de-h", "de-v"):
        fix(pool, "factor", 0.125, course[60].measured_at, point=point)
    run(pool, worker)
    assert_alike(pool)
    steps = ask(pool, f"SELECT kind, reason FROM alert_event WHERE alert_id = '{alert}' ORDER BY id")
    assert steps[-1] == ("cleared", "correction-withdrawn")
    assert [kind for kind, _ in steps].count("cleared") == 1


def test_diagnoses_of_corrected_records_no_longer_count_and_one_is_due(pool: Pool, worker: Worker) -> None:
    course = wearing()
    run(pool, worker, course)
    with pool.connection() as conn:
        (machine_id,) = conn.execute("SELECT id FROM machine WHERE key = %s", (WRONG,)).fetchone() or (0,)
        for at in (course[10].measured_at, course[60].measured_at):
            conn.execute(
                "INSERT INTO diagnosis (machine_id, measured_at, cause, rule_version, acquisitions, document)"
                " VALUES (%s, %s, 'interval', '1', '{}', '{\"findings\": []}')",
                (machine_id, at),
            )
        conn.execute("DELETE FROM diagnosis_due")
        found = diagnoses.fetch_diagnosis(conn, machine_id, course[70].measured_at)
        assert found is not None and found.measured_at == course[60].measured_at
    fix(pool, "direction", "axial", course[30].measured_at, course[70].measured_at)
    with pool.connection() as conn:
        found = diagnoses.fetch_diagnosis(conn, machine_id, course[70].measured_at)
        assert found is not None and found.measured_at == course[10].measured_at
        assert diagnoses.fetch_due(conn, machine_id) is not None
        stored = fetch_machine(conn, WRONG)
        recordings = [fetch_recordings(conn, stored, course[i].measured_at, 1)[0] for i in (20, 40, 80)]
    directions = [next(c for c in each.channels if c.point.key == "de-h").point.direction for each in recordings]
    assert directions == ["h", "axial", "h"]


def test_a_swap_that_was_voided_leaves_nothing_at_a_channel_that_did_not_come(pool: Pool, worker: Worker) -> None:
    course = changed(wearing(points=()), lambda one: replace(one, waveforms=one.waveforms[:1]), 50, 53)
    run(pool, worker, course, course)
    number = fix(pool, "swap_with", "de-v", course[40].measured_at)
    run(pool, worker)
    void_correction(pool, WRONG, number, BY_LEE)
    run(pool, worker)
    assert_alike(pool)


def test_a_span_of_which_nothing_is_stored_changes_no_conclusion(pool: Pool, worker: Worker) -> None:
    course = wearing()
    run(pool, worker, course, course)
    since, before = course[10].measured_at, course[20].measured_at
    with pool.connection() as conn:
        conn.execute("DELETE FROM waveform WHERE measured_at < %s", (before,))
    fix(pool, "factor", 0.125, since, before)
    run(pool, worker)
    assert ask(pool, "SELECT not_corrected_until FROM measurement_correction") == [(before,)]
    assert_alike(pool)


def test_a_repeated_request_changes_nothing_and_the_last_of_several_counts(pool: Pool, worker: Worker) -> None:
    course = wearing()
    run(pool, worker, changed(course, scaled(8.0), 30), course)
    since = course[30].measured_at
    wrong = fix(pool, "factor", 0.5, since)
    assert fix(pool, "factor", 0.5, since) == wrong
    right = fix(pool, "factor", 0.125, since)
    assert right != wrong
    run(pool, worker)
    assert_alike(pool)
    assert ask(pool, "SELECT value, actor, reason FROM measurement_correction ORDER BY id") == [
        (0.5, "lee", "gain of the channel"),
        (0.125, "lee", "gain of the channel"),
    ]
    assert fix(pool, "factor", 0.5, since) not in (wrong, right), "it is another correction after that"


@pytest.mark.parametrize(
    ("point", "field", "value", "kind", "named"),
    [
        ("de-x", "factor", 2.0, NotFoundError, "de-h"),
        ("de-h", "factor", 0.0, InvalidInputError, "factor"),
        ("de-h", "factor", float("nan"), InvalidInputError, "factor"),
        ("de-h", "factor", 1.0, InvalidInputError, "factor is 1 already"),
        ("de-h", "unit", "degC", UnitError, "m/s2, g, mg"),
        ("de-h", "unit", "g", InvalidInputError, "unit is g already"),
        ("de-h", "sampling_rate_hz", -1.0, InvalidInputError, "sampling rate"),
        ("de-h", "sampling_rate_hz", RATE, InvalidInputError, "25600 already"),
        ("oil", "sampling_rate_hz", 10.0, InvalidInputError, "scalars"),
        ("de-h", "swap_with", "de-h", InvalidInputError, "itself"),
        ("de-h", "swap_with", "oil", InvalidInputError, "quantity"),
        ("de-h", "swap_with", "de-x", NotFoundError, "de-v"),
        ("de-h", "direction", "h", InvalidInputError, "direction is h already"),
    ],
)
def test_what_cannot_be_corrected_is_refused_by_name(
    pool: Pool, worker: Worker, point: str, field: str, value: Any, kind: type[PdmError], named: str
) -> None:
    with pytest.raises(kind) as refused:
        fix(pool, field, value, NOW.replace(day=1, hour=1), point=point)
    assert named in str(refused.value)


def test_impossible_dates_components_and_overlapping_swaps_are_refused(pool: Pool, worker: Worker) -> None:
    at = NOW.replace(hour=1)
    with pytest.raises(TimestampError):
        fix(pool, "factor", 2.0, NOW.replace(year=2027))
    with pytest.raises(InvalidInputError, match="must be before 'until'"):
        fix(pool, "factor", 2.0, at, at)
    bearing = Wanted(CorrectedField.BEARING, BearingGeometry(9, 0.008, 0.04, 0.0, "x"), at, None)
    with pytest.raises(NotFoundError, match="bearing-de"):
        correct_component(pool, WRONG, "bearing-dd", bearing, BY_LEE)
    with pytest.raises(InvalidInputError, match="is a motor"):
        correct_component(pool, WRONG, "motor", bearing, BY_LEE)
    with pool.connection() as conn:
        third = MeasurementPoint("de-a", "acceleration", "g", RATE, "axial", "bearing-de")
        register(conn, replace(two_components(), key=WRONG, points=(third,)))
    first = fix(pool, "swap_with", "de-v", at)
    with pytest.raises(ConflictError, match=f"correction {first}"):
        fix(pool, "swap_with", "de-a", at)
    with pytest.raises(NotFoundError, match="no correction 999"):
        void_correction(pool, WRONG, 999, BY_LEE)
