"""Following a machine: the same whatever the batches, and a life's end forgets what was learned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from features.catalogue import names
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.work_events import LifeEnd
from pdm.measurements import OperatingContext
from pdm.service.analysis.analysis_state import AnalysisState, begin
from pdm.service.analysis.machine_pipeline import AnalysisResult, follow

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = names("vibration", "channel")
MACHINE = Machine(
    key="m",
    line="l",
    site="s",
    components=(Component("bearing", ComponentKind.BEARING),),
    points=tuple(MeasurementPoint(p, "acceleration", "g", 25600.0, component="bearing") for p in ("h", "v")),
    baseline_acquisitions=10,
)


def _snapshots(count: int, worse_from: int | None = None) -> list[Snapshot]:
    rng = np.random.default_rng(3)
    made = []
    for index in range(count):
        gain = 1.0 if worse_from is None or index < worse_from else 8.0
        vector = (gain * np.exp(0.05 * rng.standard_normal((2, len(COLUMNS))))).astype(np.float32)
        made.append(
            Snapshot(
                measured_at=START + timedelta(hours=index),
                context=OperatingContext(speed=25.0, load=0.8),
                vibration={"h": vector[0], "v": vector[1]},
                current={},
                current_group=None,
                scalars={},
            )
        )
    return made


def _in_pieces(
    memory: AnalysisState, snapshots: list[Snapshot], size: int
) -> tuple[AnalysisState, list[AnalysisResult]]:
    courses = []
    for start in range(0, len(snapshots), size):
        course = follow(MACHINE, AnalysisState.from_bytes(memory.to_bytes()), snapshots[start : start + size], [], None)
        memory = course.memory
        courses.append(course)
    return memory, courses


def test_the_outcome_does_not_depend_on_the_batches() -> None:
    snapshots = _snapshots(60, worse_from=40)
    whole, (at_once,) = _in_pieces(begin(MACHINE), snapshots, 60)
    single, one_by_one = _in_pieces(begin(MACHINE), snapshots, 1)
    assert single.to_bytes() == whole.to_bytes()
    assert [repr(c.prognoses[0]) for c in one_by_one] == [repr(p) for p in at_once.prognoses]
    assert [c.assessments[0].health for c in one_by_one] == [a.health for a in at_once.assessments]
    assert [change for c in one_by_one for change in c.changes] == list(at_once.changes)


def test_a_sustained_change_is_noticed_and_a_quiet_course_is_not_alerted() -> None:
    _, (quiet,) = _in_pieces(begin(MACHINE), _snapshots(60), 60)
    _, (changed,) = _in_pieces(begin(MACHINE), _snapshots(60, worse_from=40), 60)
    assert quiet.changes == ()
    assert [change.kind for change in changed.changes][:1] == ["opened"]
    assert changed.changes[0].occurred_at > START + timedelta(hours=40)


def test_the_end_of_a_life_closes_its_alerts_and_restarts_learning() -> None:
    snapshots = _snapshots(61, worse_from=40)
    end = LifeEnd(snapshots[59].measured_at + timedelta(minutes=1))
    course = follow(MACHINE, begin(MACHINE), snapshots, [end], None)
    assert course.changes[-1].kind == "cleared"
    assert course.changes[-1].occurred_at == end.occurred_at
    assert course.assessments[-1].health is None
    assert course.assessments[-1].learning_progress < 0.5
    assert course.memory.life.records == 1


def test_an_end_behind_the_last_acquisition_closes_alerts_and_is_learned_from_with_the_next() -> None:
    snapshots = _snapshots(61, worse_from=40)
    end = LifeEnd(snapshots[59].measured_at + timedelta(minutes=1))
    course = follow(MACHINE, begin(MACHINE), snapshots[:60], [end], None)
    assert [change.kind for change in course.changes][-1] == "cleared"
    assert course.memory.life.records == 60
    late = follow(MACHINE, course.memory, snapshots[60:], [end], None)
    at_once = follow(MACHINE, begin(MACHINE), snapshots, [end], None)
    assert late.changes == ()
    assert late.memory.to_bytes() == at_once.memory.to_bytes()
