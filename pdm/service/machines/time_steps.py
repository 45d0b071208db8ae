"""Ranges of time and equal steps in them, as histories are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pdm.errors import InvalidInputError

DEFAULT_SPAN = timedelta(days=30)
MOST_STEPS = 2000
_DEFAULT_STEPS = 300


def choose_range(since: datetime | None, before: datetime | None, last: datetime | None) -> tuple[datetime, datetime]:
    """Return the range to read: without an end, up to the last measurement; without a start, 30 days.

    A start after the last measurement, without an end, gives an empty range.

    Parameters
    ----------
    since, before : datetime or None
        The requested range.
    last : datetime or None
        Time of the last measurement; None: there is none.

    Raises
    ------
    InvalidInputError
        The range ends before it starts, or starts before year 1.
    """
    try:
        end = before or max(last or datetime.now(UTC), since or last or datetime.now(UTC)) + timedelta(microseconds=1)
        start = since or end - DEFAULT_SPAN
    except OverflowError:
        raise InvalidInputError("the time range is outside the years 1 to 9999", field="to") from None
    if start >= end:
        raise InvalidInputError(f"'from' ({start.isoformat()}) must be before 'to' ({end.isoformat()})", field="from")
    return start, end


def choose_width(span: timedelta, resolution: float | None) -> timedelta:
    """Return the width of the steps: `resolution` [s], or about 300 steps.

    Raises
    ------
    InvalidInputError
        There would be more than 2000 steps.
    """
    if resolution is None:
        return timedelta(seconds=max(1.0, round(span.total_seconds() / _DEFAULT_STEPS)))
    if span.total_seconds() / resolution > MOST_STEPS:
        raise InvalidInputError(
            f"the range has more than {MOST_STEPS} steps of {resolution:g} s; use a shorter range or longer steps",
            field="resolution_s",
        )
    return timedelta(seconds=resolution)
