from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pdm.errors import NotFoundError
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition
from pdm.twin.faults import COMPONENT, FINDING, Degradation, FaultKind
from pdm.twin.fleet import DemoFleet, demo_fleet
from pdm.twin.simulate import schedule_states

END = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEEDS = (1, 2, 3, 17)


def same(a: Acquisition, b: Acquisition) -> bool:
    return (a.machine, a.measured_at, a.context, a.scalars) == (b.machine, b.measured_at, b.context, b.scalars) and [
        w.content_hash() for w in a.waveforms
    ] == [w.content_hash() for w in b.waveforms]


def first(fleet: DemoFleet, machine: str) -> Acquisition:
    return next(fleet.present(machine))


def test_one_seed_gives_one_fleet_bit_for_bit_and_another_seed_another() -> None:
    one, again, other = demo_fleet(5, END), demo_fleet(5, END), demo_fleet(6, END)
    assert one.machines == again.machines
    for machine in (m.key for m in one.machines[:3]):
        for a, b in itertools.islice(zip(one.present(machine), again.present(machine), strict=True), 2):
            assert same(a, b)
        assert not same(first(one, machine), first(other, machine))


def test_an_acquisition_does_not_depend_on_the_ones_before_it() -> None:
    fleet = demo_fleet(5, END)
    machine = fleet.machines[0].key
    third = next(itertools.islice(fleet.present(machine), 2, None))
    again = next(itertools.islice(fleet.present(machine), 2, None))
    assert same(third, again)


@pytest.mark.parametrize("seed", SEEDS)
def test_enough_machines_fail_by_different_faults_and_enough_stay_healthy(seed: int) -> None:
    fleet = demo_fleet(seed, END)
    truths = [fleet.truth(m.key) for m in fleet.machines]
    assert len(truths) == 14
    assert len({t.fault for t in truths if t.fault}) == 6
    assert sum(t.fault is not None for t in truths) == 8
    assert sum(t.fault is None and t.operating_states == 3 for t in truths) == 6


@pytest.mark.parametrize("seed", SEEDS)
def test_past_lives_end_in_at_least_twelve_failures_of_mixed_kinds(seed: int) -> None:
    fleet = demo_fleet(seed, END)
    failures = [e for m in fleet.machines for e in fleet.work_events(m.key) if e.kind is WorkEventKind.FAILURE]
    assert len(failures) >= 12
    assert len({e.finding for e in failures}) == 6
    replaced = Counter(e.kind for m in fleet.machines for e in fleet.work_events(m.key))
    assert replaced[WorkEventKind.REPLACEMENT] > len(failures)  # some lives are censored


@pytest.mark.parametrize("seed", SEEDS)
def test_lives_follow_each_other_without_overlap_and_end_before_now(seed: int) -> None:
    fleet = demo_fleet(seed, END)
    total = 0
    for machine in fleet.machines:
        lives = fleet.simulated[machine.key].lives
        times = [at for life in lives for at in life.measured_at]
        total += len(times)
        assert times == sorted(set(times))
        assert times[-1] <= END
        for life in lives:
            assert 72 <= len(life.measured_at) <= 125
            if life.degradation:
                assert life.measured_at[-1] < life.degradation.failed_at <= END
                share = (life.degradation.failed_at - life.degradation.onset_at) / (
                    life.degradation.failed_at - life.measured_at[0]
                )
                assert 0.3 < share < 0.55
        for life, after in itertools.pairwise(lives):
            closed_at = [e.occurred_at for e in fleet.work_events(machine.key) if e.occurred_at > life.measured_at[-1]]
            assert max(e for e in closed_at if e < after.measured_at[0]) < after.measured_at[0]
    assert 3000 <= total <= 4500


def test_history_comes_in_time_order_and_counts_match() -> None:
    fleet = demo_fleet(2, END)
    machine = next(m.key for m in fleet.machines if fleet.truth(m.key).fault)
    items = list(fleet.history(machine))
    times = [i.occurred_at if isinstance(i, WorkEvent) else i.measured_at for i in items]
    assert times == sorted(times)
    assert sum(isinstance(i, Acquisition) for i in items) == fleet.count_history(machine)
    assert tuple(i for i in items if isinstance(i, WorkEvent)) == fleet.work_events(machine)
    assert times[-1] < fleet.present_began_at(machine)
    with pytest.raises(NotFoundError):
        fleet.truth("nothing")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_operating_state_is_visited_often_enough_early_in_life(seed: int) -> None:
    fleet = demo_fleet(seed, END)
    for machine in fleet.machines:
        one = fleet.simulated[machine.key]
        for life in one.lives:
            early = Counter(life.states[:45])
            assert len(early) == len(one.physics.states)
            assert min(early.values()) >= machine.baseline_acquisitions - 2


def test_a_schedule_changes_state_often() -> None:
    schedule = schedule_states(100, 3, np.random.default_rng(0))
    assert sum(a != b for a, b in itertools.pairwise(schedule)) > 25


def test_severity_grows_exponentially_from_onset_to_failure() -> None:
    growth = Degradation(FaultKind.BALL, END, END + timedelta(days=10), 3.0)
    at = [growth.severity(END + timedelta(days=d)) for d in (-1, 0, 5, 10, 11)]
    assert at[0] == at[1] == 0.0
    assert at[2] == pytest.approx(np.expm1(1.5) / np.expm1(3.0))
    assert at[3] == at[4] == 1.0


def test_channels_are_those_the_machine_registers() -> None:
    fleet = demo_fleet(1, END)
    machine = fleet.machines[0]
    acquisition = first(fleet, machine.key)
    declared = {p.key: (p.unit, p.sampling_rate) for p in machine.points}
    assert {w.point: (w.unit, w.sampling_rate) for w in acquisition.waveforms} | {
        s.point: (s.unit, None) for s in acquisition.scalars
    } == declared
    assert all(w.samples.dtype == np.int16 and w.scale for w in acquisition.waveforms)
    assert acquisition.waveforms[0].samples.size / acquisition.waveforms[0].sampling_rate >= 1.0
    assert acquisition.waveforms[2].samples.size / acquisition.waveforms[2].sampling_rate >= 4.0
    assert {c.key for c in machine.components} | {"gear"} == set(COMPONENT.values())
    assert set(FINDING) == set(FaultKind)


def test_severity_limits_are_cited_only_for_machines_in_the_scope_of_the_standard() -> None:
    for seed in SEEDS:
        for machine in demo_fleet(seed, END).machines:
            assert machine.rated_power is not None
            assert (machine.severity_limits is not None) == (machine.rated_power > 15e3)
