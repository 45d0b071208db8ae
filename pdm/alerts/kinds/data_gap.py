"""Data gap: no new data were received from a live machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from pdm.alerts.kinds.behaviour import LONGEST, Category, Observation, OffDelay, OnDelay, Schedule
from pdm.alerts.kinds.fields import Fields
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Memory, RuleKind
from pdm.alerts.kinds.quantities import parse_duration, write
from pdm.alerts.kinds.rule_input import Reading
from pdm.errors import InvalidInputError


@dataclass(frozen=True)
class DataGap(RuleKind):
    """No new data received from a live machine for `after` [s] on the wall clock; only the scheduler evaluates it."""

    after: float
    category: ClassVar[Category] = Category.DATA
    kind: ClassVar[str] = "data-gap"
    message: ClassVar[str] = "data-missing"
    on_clock: ClassVar[bool] = True
    on_delay: ClassVar[OnDelay] = OnDelay(1, 1)
    off_delay: ClassVar[OffDelay] = OffDelay(1)
    needs_repetition: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 60 <= self.after < LONGEST:
            raise InvalidInputError("must be at least 60 s and less than 31 years", field="after")

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the field `after`."""
        before = len(fields.problems)
        after = fields.read("after", parse_duration)
        return cls.made(fields, before, lambda: cls(after))

    @classmethod
    def ignored(cls, on_delay: OnDelay | None, schedule: Schedule | None) -> Mapping[str, str]:
        """Return the reasons why on-delay and schedule do not apply on the wall clock."""
        why = {}
        if on_delay not in (None, cls.on_delay):
            why["on_delay"] = "not allowed for this kind: 'after' is its delay"
        if schedule is not None:
            why["schedule"] = "not allowed for this kind: missing data is detected on the wall clock at any time"
        return why

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {"after": self.after}

    def write(self) -> Document:
        """Return the field in the form that `parse` reads."""
        return {"after": write(self.after, "s")}

    def look(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:  # noqa: ARG002
        """Return ABSENT: an acquisition gives no information on missing data."""
        return Observation.ABSENT, memory

    def screen(self, history: MachineHistory) -> Flags:
        """Flag no acquisition: missing data are detected on the wall clock and not replayed."""
        return np.zeros(len(history), bool)

    def parameters(self, reading: Reading) -> dict[str, Any]:  # noqa: ARG002
        """Return no parameters: `pdm.service.alerting.data_gaps` gives them."""
        return {}

    @property
    def holds_at_standstill(self) -> bool:
        """Yes: the condition concerns the data."""
        return True
