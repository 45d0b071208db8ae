"""State of the alert rules for one machine: timers, open cases and memories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pdm.alerts.evaluation.causes import GAP_CAUSE, cause_of_component
from pdm.alerts.kinds.behaviour import Category, Observation, OffDelay, OnDelay, Severity
from pdm.alerts.kinds.kind import Memory
from pdm.errors import InvalidInputError

_FORMAT = 2  # of the bytes; raised by hand when their meaning changes (docs/develop/state-formats.md)
_MISSING: Mapping[int, tuple[Any, ...]] = {2: ([], False), 3: (False,)}  # what older services did not write
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # POSIX: times are stored in microseconds since then
_MICROSECOND = timedelta(microseconds=1)  # resolution of the times of PostgreSQL


@dataclass(frozen=True, slots=True)
class RuleTimer:
    """On-delay and off-delay of one rule on one machine.

    `history` has one bit per acquisition, the newest in the lowest bit: 1 is a violation. `since` is the begin of the
    on-delay: the first violation in the window at the time the window first contained the required number. For a
    raised rule, `since` is the first of the `returned` consecutive acquisitions. `cause` is the case that the rule has
    raised, '' while it is not raised. `times` are the times of the violations in `history`, oldest first, if the rule
    has a duration.
    """

    history: int = 0
    since: datetime = _EPOCH
    returned: int = 0
    cause: str = ""
    times: tuple[datetime, ...] = ()

    def before_raise(self, seen: Observation, now: datetime, delay: OnDelay) -> RuleTimer | None:
        """Return the timer of a rule that is not raised, after an acquisition; None: no violation in the window."""
        violated = seen is Observation.VIOLATED
        history = ((self.history << 1) | violated) & ((1 << delay.window) - 1)
        if not history:
            return None
        if not delay.duration:
            return RuleTimer(history, self.since if self.history else now)
        before = self.times or (self.since,) * self.history.bit_count()  # state of earlier versions has no times
        times = ((*before, now) if violated else before)[-history.bit_count() :]
        was_enough = bool(before) and self.history.bit_count() >= delay.required
        since = self.since if was_enough else times[0] if times else now
        return RuleTimer(history, since, times=times)

    def is_due(self, now: datetime, delay: OnDelay) -> bool:
        """Whether the on-delay has expired: enough violations for long enough, including this acquisition."""
        return (
            bool(self.history & 1)
            and self.history.bit_count() >= delay.required
            and (now - self.since).total_seconds() >= delay.duration
        )

    def after_raise(self, seen: Observation, now: datetime, delay: OffDelay) -> RuleTimer | None:
        """Return the timer of a raised rule after an acquisition; None: the off-delay has expired."""
        if seen is not Observation.RETURNED:
            return self if not self.returned else RuleTimer(self.history, now, 0, self.cause)
        since = self.since if self.returned else now
        if self.returned + 1 >= delay.count and (now - since).total_seconds() >= delay.duration:
            return None
        return RuleTimer(self.history, since, self.returned + 1, self.cause)


@dataclass(frozen=True, slots=True)
class Case:
    """An open case: its cause (fixed at the opening), component, present severity and message.

    `rule_key` is the rule that determines the severity. `at_rest`: the case is suppressed at standstill
    (`pdm.alerts.evaluation.standstill`).
    """

    cause: str
    component: str | None
    severity: Severity
    opened_at: datetime
    message: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    category: Category = Category.MACHINE
    rule_key: str = ""
    at_rest: bool = False


@dataclass(frozen=True, slots=True)
class Remembered:
    """Memory of a rule of earlier acquisitions, and the digest of the rule definition that it belongs to.

    `basis` is '' in state of earlier versions: the rule accepts it.
    """

    values: Memory
    basis: str = ""

    def fits(self, basis: str) -> bool:
        """Whether the memory belongs to a definition with this digest."""
        return self.basis in ("", basis)


@dataclass(frozen=True)
class Cases:
    """Rule timers of a machine by rule key and its open cases by cause; empty without violations.

    `memories` are, by rule key, the memories of rules that evaluate a time series; `is_stopped`: the machine was off
    in the latest acquisition that shows its operation.
    """

    timers: Mapping[str, RuleTimer] = field(default_factory=dict)
    open: Mapping[str, Case] = field(default_factory=dict)
    memories: Mapping[str, Remembered] = field(default_factory=dict)
    is_stopped: bool = False

    def to_bytes(self) -> bytes:
        """Return a compact encoding; equal cases give equal bytes, and empty cases two bytes."""
        timers = [
            [key, timer.history, _microseconds(timer.since), timer.returned, timer.cause]
            + ([[_microseconds(at) for at in timer.times]] if timer.times else [])
            for key, timer in sorted(self.timers.items())
        ]
        cases = [
            [
                case.cause,
                case.component,
                case.severity.rank,
                _microseconds(case.opened_at),
                case.message,
                case.parameters,
                case.category.value,
                case.rule_key,
                case.at_rest,
            ]
            for _, case in sorted(self.open.items())
        ]
        memories = [
            [key, known.values, known.basis] if known.basis else [key, known.values]
            for key, known in sorted(self.memories.items())
        ]
        is_quiet = not (timers or cases or memories or self.is_stopped)
        known = [timers, cases, memories, self.is_stopped]
        return msgspec.msgpack.encode([_FORMAT] if is_quiet else [_FORMAT, *known])

    @classmethod
    def from_bytes(cls, content: bytes) -> Cases:
        """Decode the output of `to_bytes`; empty input is a machine without state.

        Raises
        ------
        InvalidInputError
            The bytes are not cases in this format.
        """
        if not content:
            return cls()
        try:
            version, *parts = msgspec.msgpack.decode(content)
            if version not in (1, _FORMAT):
                raise InvalidInputError(f"alert cases are of format {version}, not {_FORMAT}")
            if not parts:
                return cls()
            timers, cases, memories, is_stopped = tuple(parts) + _MISSING.get(len(parts), ())
            opened = [_decode_case(*row) for row in cases]
            renamed = {row[0]: case.cause for row, case in zip(cases, opened, strict=True)}
            return cls(
                {key: _decode_timer(renamed, *row) for key, *row in timers},
                {case.cause: case for case in opened},
                {key: _decode_memory(*row) for key, *row in memories},
                bool(is_stopped),
            )
        except (msgspec.DecodeError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise InvalidInputError(f"alert cases cannot be read: {error}") from error


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _decode_timer(
    renamed: Mapping[str, str], history: Any, since: Any, returned: Any, cause: Any, times: Any = ()
) -> RuleTimer:
    return RuleTimer(history, _time(since), returned, renamed.get(cause, cause), tuple(_time(at) for at in times))


def _decode_memory(values: Any, basis: Any = "") -> Remembered:
    return Remembered(tuple(float(value) for value in values), str(basis))


def _time(microseconds: Any) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _decode_case(
    cause: Any,
    component: Any,
    rank: Any,
    opened_at: Any,
    message: Any,
    parameters: Any,
    category: Any = Category.MACHINE,
    rule_key: Any = "",
    at_rest: Any = False,
) -> Case:
    at = _time(opened_at)
    severity = list(Severity)[rank]
    if cause == GAP_CAUSE:  # rules open no case for missing data: this is a component
        cause = cause_of_component(cause)
    return Case(cause, component, severity, at, message, parameters, Category(category), rule_key, bool(at_rest))
