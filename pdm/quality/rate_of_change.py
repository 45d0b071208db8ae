"""Values of a scalar that change faster than its point can, as declared.

A value is compared with the last measurement and the time since. A true step does not lock the sensor out: values that
agree with each other for some records are the new level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

NEW_LEVEL = 5  # records in turn at another level that agree with each other: the last of them is a measurement
_LEAST_TIME = 1.0  # s: a limit per second is no limit of noise between closer records
_ROUNDING = 1e-9  # relative, of limit times time


@dataclass(frozen=True)
class RateWatch:
    """The last measurement of a scalar, and the records after it that changed too fast, as (time [s], value)."""

    limit: float  # change per second
    last: tuple[float, float] | None = None
    refused: tuple[tuple[float, float], ...] = ()

    def after(self, at: float, value: float) -> RateWatch:
        """Return the watch after one more record; that record is `last` if it is a measurement."""
        record = (at, value)
        if self.last is None or self._can_follow(self.last, record):
            return replace(self, last=record, refused=())
        agrees = bool(self.refused) and self._can_follow(self.refused[-1], record)
        refused = (*self.refused, record) if agrees else (record,)
        if len(refused) >= NEW_LEVEL:
            return replace(self, last=record, refused=())
        return replace(self, refused=refused)

    def _can_follow(self, before: tuple[float, float], record: tuple[float, float]) -> bool:
        possible = self.limit * max(record[0] - before[0], _LEAST_TIME)
        return abs(record[1] - before[1]) <= possible * (1.0 + _ROUNDING)
