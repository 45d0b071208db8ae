"""Remaining life: it may end within a horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pdm.alerts.kinds.behaviour import Observation, OffDelay, OnDelay
from pdm.alerts.kinds.fields import Fields, number
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Plain
from pdm.alerts.kinds.quantities import parse_duration, write
from pdm.alerts.kinds.rule_input import Reading, finite, rounded
from pdm.errors import InvalidInputError
from pdm.machines.model import Machine


@dataclass(frozen=True)
class RemainingLifeShort(Plain):
    """Remaining life may end within a horizon.

    A prognosis alone is weak evidence, so `health_below` [1] also requires degradation. The condition has
    returned if there is no prognosis because the machine does not degrade (health above `healthy_above` [1]).
    An absent prognosis does not raise.

    Attributes
    ----------
    bound : {'lower', 'median'}
        The compared value of the prognosis.
    horizon_fraction : float
        Raise below this fraction of the machine's planning horizon [1], if `horizon` is None.
    horizon : float or None
        Raise below this time [s].
    clear_ratio : float
        The condition has returned above this multiple of the raise limit [1].
    """

    bound: Literal["lower", "median"]
    horizon_fraction: float = 1.0
    horizon: float | None = None
    clear_ratio: float = 1.5
    health_below: float | None = None
    healthy_above: float = 0.85
    kind: ClassVar[str] = "remaining-life"
    message: ClassVar[str] = "remaining-life-short"
    on_delay: ClassVar[OnDelay] = OnDelay(4, 6)
    off_delay: ClassVar[OffDelay] = OffDelay(30)
    written_as: ClassVar[Mapping[str, tuple[str, ...]]] = {"horizon": ("within",)}

    def __post_init__(self) -> None:
        if self.bound not in ("lower", "median"):
            raise InvalidInputError(f"bound {self.bound!r} must be 'lower' or 'median'", field="bound")
        if not 0 < self.horizon_fraction <= 100:
            raise InvalidInputError("horizon_fraction must be in (0, 100]", field="horizon_fraction")
        if self.horizon is not None and not 0 < self.horizon < 1e10:
            raise InvalidInputError("horizon must be positive", field="horizon")
        if not 1 < self.clear_ratio <= 100:
            raise InvalidInputError("clear_ratio must be in (1, 100]: it is the deadband", field="clear_ratio")
        if not 0 < (0.5 if self.health_below is None else self.health_below) < self.healthy_above < 1:
            raise InvalidInputError("0 < health_below < healthy_above < 1 is required", field="health_below")

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the bound, the horizon as a time or a fraction, and the ratios."""
        before = len(fields.problems)
        more: dict[str, Any] = {"bound": fields.read("bound", str, "lower")}
        if fields.has("within"):
            more["horizon"] = fields.read("within", parse_duration)
        else:
            more["horizon_fraction"] = fields.read("horizon_fraction", number, 1.0)
        more["clear_ratio"] = fields.read("clear_ratio", number, 1.5)
        more["health_below"] = fields.read("health_below", number, None)
        more["healthy_above"] = fields.read("healthy_above", number, 0.85)
        return cls.made(fields, before, lambda: cls(**more))

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {
            "bound": self.bound,
            "horizon_fraction": self.horizon_fraction,
            "horizon": self.horizon,
            "clear_ratio": self.clear_ratio,
            "health_below": self.health_below,
            "healthy_above": self.healthy_above,
        }

    def write(self) -> Document:
        """Return the fields in the form that `parse` reads."""
        written: Document = {"bound": self.bound}
        if self.horizon is not None:
            written["within"] = write(self.horizon, "s")
        else:
            written["horizon_fraction"] = self.horizon_fraction
        written["clear_ratio"] = self.clear_ratio
        if self.health_below is not None:
            written["health_below"] = self.health_below
        return written | {"healthy_above": self.healthy_above}

    def limit(self, machine: Machine) -> float:
        """Return the remaining life below which it raises [s]."""
        return self.horizon if self.horizon is not None else machine.planning_horizon * self.horizon_fraction

    def observe(self, reading: Reading) -> Observation:
        """Compare the remaining life with the two limits, if health confirms degradation."""
        health = finite(reading.assessment.health)
        if health is None:
            return Observation.ABSENT
        prognosis = reading.prognosis
        remaining = self._remaining(reading)
        limit = self.limit(reading.machine)
        if remaining is None:
            at_least = finite(prognosis.rul_lower) if prognosis and prognosis.source != "none" else None
            is_long = at_least is not None and at_least > limit * self.clear_ratio
            return Observation.RETURNED if is_long or health > self.healthy_above else Observation.ABSENT
        if remaining > limit * self.clear_ratio:
            return Observation.RETURNED
        if self.health_below is not None and health >= self.health_below:
            return Observation.RETURNED if health > self.healthy_above else Observation.IN_DEADBAND
        return Observation.VIOLATED if remaining < limit else Observation.IN_DEADBAND

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message; times in s."""
        return {
            "bound": self.bound,
            "rul_s": self._remaining(reading),
            "limit_s": self.limit(reading.machine),
            "level": reading.prognosis.level if reading.prognosis else None,
            "health": rounded(reading.assessment.health),
        }

    def _remaining(self, reading: Reading) -> float | None:
        prognosis = reading.prognosis
        if prognosis is None or not prognosis.can_decide:
            return None
        return finite(prognosis.rul_lower if self.bound == "lower" else prognosis.rul)

    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions with the remaining life below the limit and degraded health."""
        rows = history.conclusions
        figure = rows.rul_lower if self.bound == "lower" else rows.rul
        short: Flags = figure < self.limit(history.machine)
        return short if self.health_below is None else short & (rows.health < self.health_below)

    @property
    def holds_at_standstill(self) -> bool:
        """No: the condition applies to a running machine."""
        return False
