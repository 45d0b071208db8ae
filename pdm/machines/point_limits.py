"""What a measurement point can measure, as its owner declares it: range, own values of faults, and rate of change."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pdm.errors import InvalidInputError

_MOST_VALUES = 32


@dataclass(frozen=True)
class PointLimits:
    """Lowest and highest possible value, values that report a fault, and largest change per second, of one point.

    All in the unit of the point, the change in that unit per second; None, or empty, where nothing is declared.
    """

    lowest: float | None = None
    highest: float | None = None
    not_a_measurement: tuple[float, ...] = ()
    rate: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("lowest", self.lowest), ("highest", self.highest)):
            _check_finite(value, name, f"range.{name}")
        if self.lowest is not None and self.highest is not None and not self.lowest < self.highest:
            raise InvalidInputError(
                f"lowest {self.lowest:g} must be less than highest {self.highest:g}; both in the unit of the point",
                field="range",
            )
        for value in self.not_a_measurement:
            _check_finite(value, "a value of not_a_measurement", "not_a_measurement")
        if len(self.not_a_measurement) > _MOST_VALUES:
            raise InvalidInputError(
                f"{len(self.not_a_measurement)} values are more than the allowed {_MOST_VALUES}; declare a range for "
                "what lies outside of it",
                field="not_a_measurement",
            )
        if self.rate is not None and not 0 < self.rate < math.inf:
            raise InvalidInputError(
                f"{self.rate} must be a positive number, in the unit of the point per second", field="rate_limit_per_s"
            )

    @property
    def has_range(self) -> bool:
        """Whether a lowest or a highest value is declared."""
        return self.lowest is not None or self.highest is not None

    @property
    def of_scalars(self) -> tuple[str, ...]:
        """The fields that are declared and apply to scalars only."""
        declared = {"not_a_measurement": bool(self.not_a_measurement), "rate_limit_per_s": self.rate is not None}
        return tuple(name for name, is_declared in declared.items() if is_declared)


def _check_finite(value: float | None, name: str, field: str) -> None:
    if value is not None and not math.isfinite(value):
        raise InvalidInputError(f"{name} must be a finite number, not {value}", field=field)
