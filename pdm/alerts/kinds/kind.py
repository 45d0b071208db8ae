"""What every kind of rule has: how it is written, what it says of an acquisition, and how it behaves beside that.

A kind is one class in one file of this room. What it must answer is abstract here, so that one that leaves something
out cannot be made, neither for the type checker nor at run time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pdm.alerts.kinds.behaviour import Category, Observation, OffDelay, OnDelay, Schedule
from pdm.alerts.kinds.fields import Fields, make
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.rule_input import Measured, Reading
from pdm.machines.model import Machine

Document = dict[str, Any]
Flags = NDArray[np.bool_]
Memory = tuple[float, ...]
"""What a condition remembers of the acquisitions before."""
Named = tuple[str | None, float | None]
"""A component and how sure (0 to 1) that it is the one."""


class RuleKind(ABC):
    """A condition of one kind, as it is written or fitted to a machine.

    Attributes
    ----------
    kind : str
        As documents name it.
    message : str
        The key of its alerts' words.
    category : Category
        What its alerts are about.
    needs_repetition : bool
        A single acquisition never raises it.
    on_clock : bool
        It is asked on the wall clock and of no acquisition.
    remembers : bool
        What it says depends on the acquisitions before.
    reads_diagnoses : bool
        It reads the newest diagnosis.
    on_delay, off_delay : OnDelay, OffDelay
        Where a document gives none.
    written_as : mapping
        What fields of the class are called in documents, where it is another name.
    """

    kind: ClassVar[str]
    message: ClassVar[str]
    category: ClassVar[Category] = Category.MACHINE
    needs_repetition: ClassVar[bool] = True
    on_clock: ClassVar[bool] = False
    remembers: ClassVar[bool] = False
    reads_diagnoses: ClassVar[bool] = False
    on_delay: ClassVar[OnDelay] = OnDelay()
    off_delay: ClassVar[OffDelay] = OffDelay()
    written_as: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @classmethod
    @abstractmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Return the condition that fields of a document describe; None, and problems noted, where they are wrong."""

    @abstractmethod
    def write(self) -> Document:
        """Return the fields that `parse` turns back into the very same condition, without its kind."""

    @abstractmethod
    def identity(self) -> Document:
        """Return what identifies the condition in stored versions, without its kind.

        Plain values under names that are written in it, not taken from the class: renaming a field changes nothing.
        """

    @abstractmethod
    def look(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return what an acquisition says, and what to remember from now on."""

    @abstractmethod
    def screen(self, history: MachineHistory) -> Flags:
        """Return for each acquisition of a past whether it may be violated or has something to remember.

        Rather too much than too little: what is not flagged is passed over by a backtest.
        """

    @abstractmethod
    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people."""

    @property
    @abstractmethod
    def holds_at_standstill(self) -> bool:
        """Whether what it says is true of a machine that stands still as well."""

    @property
    def wanted(self) -> tuple[Measured, ...]:
        """The measured values that it reads."""
        return ()

    @property
    def basis(self) -> Document:
        """What of the definition its memory rests on; a memory that rests on another is forgotten."""
        return {}

    def fit(self, machine: Machine) -> tuple[Self, ...]:  # noqa: ARG002
        """Return the condition as it is for a machine: none, itself, or one a point."""
        return (self,)

    def fit_like(self, fitted: RuleKind) -> Self:  # noqa: ARG002
        """Return the condition with the points of another of its kind that is fitted to a machine."""
        return self

    def key_of(self, rule: str) -> str:
        """Return the key of a rule with this condition, fitted to a machine."""
        return rule

    def names(self, reading: Reading) -> Named:
        """Return which component an acquisition names."""
        return reading.assessment.component, reading.assessment.confidence

    def own_cause(self) -> str | None:
        """Return the cause of a case of its own; None: it joins the machine's other cases."""
        return None

    def widened(self, factor: float) -> tuple[Self, float] | None:  # noqa: ARG002
        """Return the condition with a dead band that is wider by a factor, and the dead band now; None: it has none."""
        return None

    def memory_of_end(self, ended_at: datetime) -> Memory:  # noqa: ARG002
        """Return what it remembers when a life ends."""
        return ()

    @classmethod
    def ignored(cls, on_delay: OnDelay | None, schedule: Schedule | None) -> Mapping[str, str]:  # noqa: ARG003
        """Return which of these fields have no meaning for the kind, and why: a document that has them is refused."""
        return {}

    @classmethod
    def made(cls, fields: Fields, before: int, build: Callable[[], Self]) -> Self | None:
        """Return the condition unless a field of it was wrong; `before` is how many problems there were."""
        condition: Self | None = None if len(fields.problems) > before else make(fields, build, cls.written_as)
        return condition


class Plain(RuleKind):
    """A condition on one acquisition; it remembers nothing."""

    def look(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return what an acquisition says."""
        return self.observe(reading), memory

    @abstractmethod
    def observe(self, reading: Reading) -> Observation:
        """Return what an acquisition says."""


class Remembering(RuleKind):
    """A condition on an acquisition and on what is remembered of those before."""

    remembers: ClassVar[bool] = True

    def look(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return what an acquisition says, and what to remember from now on."""
        return self.recall(reading, memory)

    @abstractmethod
    def recall(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return what an acquisition says, and what to remember from now on."""
