"""The fields of a document of rules: each taken once and converted, every refusal kept with its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

from pdm.alerts.kinds.quantities import QuantityError, parse_value
from pdm.errors import InvalidInputError, PdmError

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class DocumentProblem:
    """One thing that is wrong with a document: where (a path such as rules[2].above), why, and the line if known."""

    place: str
    reason: str
    line: int | None = None


class InvalidRulesError(InvalidInputError):
    """A document of rules is not one; `problems` say where and why."""

    code = "invalid-rules"

    problems: tuple[DocumentProblem, ...] = ()

    @classmethod
    def of(cls, problems: Sequence[DocumentProblem]) -> InvalidRulesError:
        """Return the refusal of a document with these problems."""
        lines = [f"line {p.line}, {p.place}: {p.reason}" if p.line else f"{p.place}: {p.reason}" for p in problems]
        more = f"; and {len(lines) - 5} more" if len(lines) > 5 else ""
        error = cls("; ".join(lines[:5]) + more, field=problems[0].place)
        error.problems = tuple(problems)
        return error


@dataclass(frozen=True)
class FeatureUnit:
    """A feature's SI unit, and whether the phases of a machine have it together."""

    unit: str
    is_shared: bool = False


FeatureUnits = Mapping[tuple[str, str], FeatureUnit]
"""By quantity ('acceleration', 'current') and name."""


def write_place(place: Place) -> str:
    """Return a place as people read it: rules[2].above."""
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return parts.removeprefix(".") or "document"


class Missing:
    """No default: the field must be there."""


MISSING = Missing()


class Fields:
    """The fields of one mapping: each is taken once, and what is left is refused."""

    def __init__(self, raw: object, place: Place, problems: list[tuple[Place, str]], features: FeatureUnits) -> None:
        self.place = place
        self.problems = problems
        self.features = features
        self.known: list[str] = []
        self._rest: dict[str, Any] = {}
        if not isinstance(raw, dict):
            self.refuse("", "must be a mapping of names to values")
        else:
            self._rest = {str(name): value for name, value in raw.items()}

    def refuse(self, name: str, reason: str) -> None:
        """Note why a field cannot be; the mapping itself where `name` is empty."""
        self.problems.append(((*self.place, name) if name else self.place, reason))

    def take(self, name: str, default: Any = MISSING) -> Any:
        """Take a field as it is; None, and a problem noted, where it must be there and is not."""
        self.known.append(name)
        if name in self._rest:
            taken = self._rest.pop(name)
            if taken is None:
                self.refuse(name, "has no value; give a value or remove the field")
            return taken
        if isinstance(default, Missing):
            self.refuse(name, "is missing")
            return None
        return default

    def has(self, name: str) -> bool:
        """Whether a field is there and was not taken yet."""
        return name in self._rest

    def read(self, name: str, how: Callable[[Any], Any], default: Any = MISSING) -> Any:
        """Take a field and convert it; None, and a problem noted, where that fails."""
        raw = self.take(name, default)
        if raw is None or raw is default:
            return raw
        try:
            return how(raw)
        except (QuantityError, InvalidInputError, ValueError, TypeError, KeyError) as error:
            self.refuse(name, error.message if isinstance(error, PdmError) else str(error))
            return None

    def inner(self, name: str, default: Any = MISSING) -> Fields | None:
        """Take a field that holds fields."""
        raw = self.take(name, default)
        return None if raw is None or raw is default else Fields(raw, (*self.place, name), self.problems, self.features)

    def refuse_the_rest(self) -> None:
        """Note every field that nobody has taken."""
        for name in self._rest:
            near = difflib.get_close_matches(name, self.known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(self.known)}"
            self.refuse(name, f"is unknown{hint}")


def make(fields: Fields, build: Callable[[], Any], written_as: Mapping[str, tuple[str, ...]] = {}) -> Any:
    """Return what can be made of fields, or None, and note where the refusal belongs.

    `written_as` is what the fields of the thing are called in documents, where it is another name.
    """
    try:
        return build()
    except InvalidInputError as error:
        names = (error.field or "", *written_as.get(error.field or "", ()))
        fields.refuse(next((name for name in names if name in fields.known), ""), error.message)
        return None


def one_of(*allowed: str) -> Callable[[Any], str]:
    """Return what takes one of some words."""

    def check(raw: Any) -> str:
        if raw not in allowed:
            raise ValueError(f"{raw!r} must be one of {', '.join(allowed)}")
        return str(raw)

    return check


def several_of(*allowed: str) -> Callable[[Any], tuple[str, ...]]:
    """Return what takes a list of some words; what is near is offered."""

    def check(raw: Any) -> tuple[str, ...]:
        taken = texts(raw)
        for word in taken:
            if word not in allowed:
                near = difflib.get_close_matches(word, allowed, 3) or allowed
                raise ValueError(f"{word!r} is unknown; similar: {', '.join(near)}")
        return taken

    return check


def number(raw: Any) -> float:
    """Return a number that has no unit, or a share in %."""
    return parse_value(raw, "1")


def count(raw: Any) -> int:
    """Return a whole number."""
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise ValueError(f"{raw!r} must be a whole number")
    return raw


def flag(raw: Any) -> bool:
    """Return true or false."""
    if not isinstance(raw, bool):
        raise ValueError(f"{raw!r} must be true or false")
    return raw


def text_of(raw: Any) -> str:
    """Return a text of 1 to 100 characters that can be shown."""
    if not isinstance(raw, str) or not 0 < len(raw) <= 100 or not raw.isprintable():
        raise ValueError(f"{str(raw)[:100]!r} must be a text of 1 to 100 printable characters")
    return raw


def note_of(raw: Any) -> str:
    """Return what people wrote beside a rule."""
    lines = raw.splitlines() if isinstance(raw, str) and len(raw) <= 1000 else None
    if lines is None or not all(line.replace("\t", " ").isprintable() for line in lines):
        raise ValueError("must be a text of at most 1000 printable characters")
    return str(raw)


def texts(raw: Any) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(raw, list) or not raw or len(raw) > 50:
        raise ValueError("must be a list of 1 to 50 texts")
    return tuple(text_of(item) for item in raw)


def clock(raw: Any) -> time:
    """Return a time of day."""
    if not isinstance(raw, str):
        raise ValueError(f'{raw!r} must be a time of day in quotes, such as "06:00"')
    try:
        found = time.fromisoformat(raw)
    except ValueError:
        raise ValueError(f'{raw!r} must be a time of day such as "06:00"') from None
    if found.tzinfo is not None:
        raise ValueError(f"{raw!r} must be a time of the schedule's 'time_zone', without a UTC offset")
    return found
