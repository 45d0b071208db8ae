"""A simulated fleet: machines with recorded past lives and a present in which some of them fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from pdm.errors import NotFoundError
from pdm.machines.model import Machine
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition
from pdm.twin.faults import COMPONENT, FINDING, Degradation, FaultKind
from pdm.twin.physics import OperatingState, Physics, draw_physics
from pdm.twin.plant import BEARINGS, plan_machine
from pdm.twin.simulate import Life, schedule_states, schedule_times, simulate_life

SPACING = timedelta(hours=8)
_REPAIR = timedelta(hours=6)
_PAUSE = timedelta(hours=20)  # from the end of a life to the first acquisition of the next
_TWO_STATES = (OperatingState("partial", 0.6), OperatingState("full", 0.95))
_THREE_STATES = (OperatingState("low", 0.45), OperatingState("normal", 0.7), OperatingState("full", 0.95))

# Fault of the present life, and faults that ended the recorded lives, newest first (None: replaced while healthy).
_K = FaultKind
_FAILING: tuple[tuple[FaultKind, tuple[FaultKind | None, ...]], ...] = (
    (_K.OUTER_RACE, (_K.UNBALANCE, _K.OUTER_RACE)),
    (_K.INNER_RACE, (_K.BROKEN_BARS, _K.MISALIGNMENT)),
    (_K.UNBALANCE, (_K.INNER_RACE, None)),
    (_K.MISALIGNMENT, (_K.OUTER_RACE, _K.UNBALANCE)),
    (_K.BROKEN_BARS, (_K.BALL, _K.BROKEN_BARS)),
    (_K.BALL, (_K.MISALIGNMENT, _K.BALL)),
    (_K.OUTER_RACE, (None, _K.INNER_RACE)),
    (_K.UNBALANCE, (_K.BROKEN_BARS, _K.OUTER_RACE)),
)
_HEALTHY: tuple[tuple[FaultKind | None, ...], ...] = (
    (_K.BALL,),
    (_K.UNBALANCE,),
    (_K.INNER_RACE,),
    (_K.MISALIGNMENT,),
    (None,),
    (_K.BROKEN_BARS,),
)


@dataclass(frozen=True)
class Truth:
    """The simulator's truth of a machine's present life."""

    fault: str | None
    component: str | None
    onset_at: datetime | None
    failed_at: datetime | None
    operating_states: int
    degradation: Degradation | None

    def severity(self, at: datetime) -> float:
        """Return the severity of the fault at a time: 0 healthy, 1 failed."""
        return self.degradation.severity(at) if self.degradation else 0.0


@dataclass(frozen=True)
class SimulatedMachine:
    """A machine of the fleet with its physics and all of its lives, the present one last."""

    machine: Machine
    physics: Physics
    lives: tuple[Life, ...]


@dataclass(frozen=True)
class DemoFleet:
    """A fleet whose data are simulated lazily, machine by machine, in time order."""

    seed: int
    simulated: Mapping[str, SimulatedMachine]

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The registered machines."""
        return tuple(one.machine for one in self.simulated.values())

    def history(self, machine: str) -> Iterator[Acquisition | WorkEvent]:
        """Yield the machine's recorded lives: acquisitions and the work events that ended them."""
        one = self._find(machine)
        for life in one.lives[:-1]:
            yield from simulate_life(one.machine, one.physics, life, self._seed(machine))
            yield from closing_events(machine, life)

    def present(self, machine: str) -> Iterator[Acquisition]:
        """Yield the acquisitions of the machine's present life."""
        one = self._find(machine)
        return simulate_life(one.machine, one.physics, one.lives[-1], self._seed(machine))

    def work_events(self, machine: str) -> tuple[WorkEvent, ...]:
        """Return the work events that ended the machine's recorded lives."""
        one = self._find(machine)
        return tuple(event for life in one.lives[:-1] for event in closing_events(machine, life))

    def count_history(self, machine: str) -> int:
        """Return the number of acquisitions of the recorded lives."""
        return sum(len(life.measured_at) for life in self._find(machine).lives[:-1])

    def count_present(self, machine: str) -> int:
        """Return the number of acquisitions of the present life."""
        return len(self._find(machine).lives[-1].measured_at)

    def present_began_at(self, machine: str) -> datetime:
        """Return the time of the first acquisition of the present life."""
        return self._find(machine).lives[-1].measured_at[0]

    def truth(self, machine: str) -> Truth:
        """Return the true condition of the machine in its present life."""
        life = self._find(machine).lives[-1]
        states = len(set(life.states))
        growth = life.degradation
        if growth is None:
            return Truth(None, None, None, None, states, None)
        component = COMPONENT[growth.fault]
        return Truth(growth.fault.value, component, growth.onset_at, growth.failed_at, states, growth)

    def _find(self, machine: str) -> SimulatedMachine:
        if machine not in self.simulated:
            raise NotFoundError(f"the simulated fleet has no machine {machine!r}")
        return self.simulated[machine]

    def _seed(self, machine: str) -> tuple[int, ...]:
        return (self.seed, list(self.simulated).index(machine))


def demo_fleet(seed: int, end: datetime) -> DemoFleet:
    """Draw a fleet of 14 machines: 8 fail in the present, by six kinds of fault; 6 stay healthy.

    Parameters
    ----------
    seed : int
        Determines everything: the same seed and end give identical data.
    end : datetime
        Time after which there are no acquisitions and no failures.

    Returns
    -------
    DemoFleet
        22 recorded lives, 19 of them ended by a failure, then 14 present ones; about 3400 acquisitions.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(_FAILING) + len(_HEALTHY))
    plans: list[tuple[FaultKind | None, tuple[FaultKind | None, ...]]] = [
        *_FAILING,
        *((None, past) for past in _HEALTHY),
    ]
    simulated = {}
    for number, which in enumerate(order):
        present, past = plans[which]
        states = _TWO_STATES if present is not None and rng.uniform() < 0.5 else _THREE_STATES
        machine = plan_machine(number, rng)
        physics = draw_physics(rng, BEARINGS[number % len(BEARINGS)], machine.rated_power or 0.0, states)
        lives = _draw_lives(present, past, len(states), end, rng)
        simulated[machine.key] = SimulatedMachine(machine, physics, lives)
    return DemoFleet(seed, dict(sorted(simulated.items())))


def closing_events(machine: str, life: Life) -> Iterator[WorkEvent]:
    """Yield the work events that ended a recorded life: a failure with its finding, then the overhaul of the machine.

    The next life is simulated as that of a new machine, so the overhaul names no component.
    """
    last = life.measured_at[-1]
    growth = life.degradation
    if growth is None:
        yield WorkEvent(
            machine, WorkEventKind.REPLACEMENT, last + _REPAIR, finding="no damage found", note="preventive"
        )
        return
    component, finding = COMPONENT[growth.fault], FINDING[growth.fault]
    yield WorkEvent(machine, WorkEventKind.FAILURE, growth.failed_at, component, finding)
    yield WorkEvent(machine, WorkEventKind.REPLACEMENT, growth.failed_at + _REPAIR, finding=finding)


def _draw_lives(
    present: FaultKind | None,
    past: tuple[FaultKind | None, ...],
    states: int,
    end: datetime,
    rng: np.random.Generator,
) -> tuple[Life, ...]:
    """Draw the lives backwards from the end, so that none overlaps the next."""
    lives: list[Life] = []
    ended_at = end
    for number, fault in enumerate((present, *past)):
        count = int(rng.integers(72, 126))
        if number == 0 and fault is not None:
            ended_at -= SPACING * float(rng.uniform(0, 12))
        degradation = None
        last = ended_at
        if fault is not None:
            life_time = SPACING * count
            onset_at = ended_at - life_time * float(rng.uniform(0.35, 0.5))
            degradation = Degradation(fault, onset_at, ended_at, float(rng.uniform(2.8, 4.2)))
            last = ended_at - SPACING * float(rng.uniform(0.1, 0.9))
        times = schedule_times(last, count, SPACING, rng)
        lives.append(Life(len(past) - number, times, schedule_states(count, states, rng), degradation))
        ended_at = times[0] - _PAUSE
    return tuple(reversed(lives))
