"""Interface of a kind of rule: document format, evaluation of an acquisition, and behaviour.

A kind is one class in one file of this package. Required methods are abstract here, so that neither the type checker
nor the run time accepts an incomplete kind.
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
"""State of a condition from earlier acquisitions."""
Named = tuple[str | None, float | None]
"""A component and the confidence [1] in it."""


class RuleKind(ABC):
    """A condition of one kind, as written or fitted to a machine.

    Attributes
    ----------
    kind : str
        Name in documents.
    message : str
        Message key of its alerts.
    category : Category
        Category of its alerts.
    needs_repetition : bool
        A single acquisition does not raise it.
    on_clock : bool
        It is evaluated on the wall clock, not for acquisitions.
    remembers : bool
        Its observation depends on earlier acquisitions.
    reads_diagnoses : bool
        It reads the newest diagnosis.
    on_delay, off_delay : OnDelay, OffDelay
        Defaults if a document has none.
    written_as : mapping
        Names of fields in documents where they differ from those in the class.
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
        """Return the condition from fields of a document; record problems and return None if they are invalid."""

    @abstractmethod
    def write(self) -> Document:
        """Return the fields from which `parse` makes an equal condition, without the kind."""

    @abstractmethod
    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions, without the kind.

        The names are literals, not taken from the class, so that renaming a field does not change a version.
        """

    @abstractmethod
    def look(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return the observation of an acquisition, and the new memory."""

    @abstractmethod
    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions of a history that may violate the condition or change its memory.

        A backtest skips acquisitions without a flag, so a superset is allowed and a missing flag is not.
        """

    @abstractmethod
    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message."""

    @property
    @abstractmethod
    def holds_at_standstill(self) -> bool:
        """Whether the condition remains valid while the machine is off."""

    @property
    def wanted(self) -> tuple[Measured, ...]:
        """The measured values that the condition reads."""
        return ()

    @property
    def basis(self) -> Document:
        """Definition that the memory depends on; memory of another definition is discarded."""
        return {}

    def fit(self, machine: Machine) -> tuple[Self, ...]:  # noqa: ARG002
        """Return the condition fitted to a machine: none, itself, or one per point."""
        return (self,)

    def fit_like(self, fitted: RuleKind) -> Self:  # noqa: ARG002
        """Return the condition with the points of another condition of the kind that is fitted to a machine."""
        return self

    def key_of(self, rule: str) -> str:
        """Return the key of a fitted rule with this condition."""
        return rule

    def names(self, reading: Reading) -> Named:
        """Return the component that an acquisition indicates, and the confidence."""
        return reading.assessment.component, reading.assessment.confidence

    def own_cause(self) -> str | None:
        """Return the cause of a separate case; None: the rule joins the other cases of the machine."""
        return None

    def widened(self, factor: float) -> tuple[Self, float] | None:  # noqa: ARG002
        """Return the condition with the deadband times a factor, and the present deadband; None: no deadband."""
        return None

    def memory_of_end(self, ended_at: datetime) -> Memory:  # noqa: ARG002
        """Return the memory after the end of a life."""
        return ()

    @classmethod
    def ignored(cls, on_delay: OnDelay | None, schedule: Schedule | None) -> Mapping[str, str]:  # noqa: ARG003
        """Return which of these fields do not apply to the kind, with reasons; they are rejected in a document."""
        return {}

    @classmethod
    def made(cls, fields: Fields, before: int, build: Callable[[], Self]) -> Self | None:
        """Return the condition unless its fields have problems; `before` is the earlier number of problems."""
        condition: Self | None = None if len(fields.problems) > before else make(fields, build, cls.written_as)
        return condition


class Plain(RuleKind):
    """A condition on one acquisition, without memory."""

    def look(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return the observation of an acquisition."""
        return self.observe(reading), memory

    @abstractmethod
    def observe(self, reading: Reading) -> Observation:
        """Return the observation of an acquisition."""


class Remembering(RuleKind):
    """A condition on an acquisition and on the memory of earlier ones."""

    remembers: ClassVar[bool] = True

    def look(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return the observation of an acquisition, and the new memory."""
        return self.recall(reading, memory)

    @abstractmethod
    def recall(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return the observation of an acquisition, and the new memory."""
