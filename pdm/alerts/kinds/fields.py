"""Fields of a rule document: each is taken once and converted; every problem is recorded with its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

from pdm.alerts.kinds.quantities import QuantityError, parse_value
from pdm.errors import InvalidInputError, PdmError
from pdm.words.similar import suggest

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class DocumentProblem:
    """One problem of a document: its place (a path such as rules[2].above), the reason, and the line if known."""

    place: str
    reason: str
    line: int | None = None


class InvalidRulesError(InvalidInputError):
    """A rule document is invalid; `problems` give the places and reasons."""

    code = "invalid-rules"

    problems: tuple[DocumentProblem, ...] = ()

    @classmethod
    def of(cls, problems: Sequence[DocumentProblem]) -> InvalidRulesError:
        """Return the error for a document with these problems."""
        lines = [f"line {p.line}, {p.place}: {p.reason}" if p.line else f"{p.place}: {p.reason}" for p in problems]
        more = f"; and {len(lines) - 5} more" if len(lines) > 5 else ""
        error = cls("; ".join(lines[:5]) + more, field=problems[0].place)
        error.problems = tuple(problems)
        return error


@dataclass(frozen=True)
class FeatureUnit:
    """SI unit of a feature, and whether it is one value for all phases of a machine."""

    unit: str
    is_shared: bool = False


FeatureUnits = Mapping[tuple[str, str], FeatureUnit]
"""Unit by quantity ('acceleration', 'current') and feature name."""


def write_place(place: Place) -> str:
    """Return a place as text, such as rules[2].above."""
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return parts.removeprefix(".") or "document"


class Missing:
    """No default: the field is required."""


MISSING = Missing()


class Fields:
    """The fields of one mapping: each is taken once, and remaining fields are rejected."""

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
        """Record why a field is invalid; an empty `name` refers to the mapping itself."""
        self.problems.append(((*self.place, name) if name else self.place, reason))

    def take(self, name: str, default: Any = MISSING) -> Any:
        """Take a field unconverted; record a problem and return None if a required field is missing."""
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
        """Whether a field is present and not yet taken."""
        return name in self._rest

    def read(self, name: str, how: Callable[[Any], Any], default: Any = MISSING) -> Any:
        """Take a field and convert it; record a problem and return None if that fails."""
        raw = self.take(name, default)
        if raw is None or raw is default:
            return raw
        try:
            return how(raw)
        except (QuantityError, InvalidInputError, ValueError, TypeError, KeyError) as error:
            self.refuse(name, error.message if isinstance(error, PdmError) else str(error))
            return None

    def inner(self, name: str, default: Any = MISSING) -> Fields | None:
        """Take a field that contains a mapping."""
        raw = self.take(name, default)
        return None if raw is None or raw is default else Fields(raw, (*self.place, name), self.problems, self.features)

    def refuse_the_rest(self) -> None:
        """Record a problem for every field not taken."""
        for name in self._rest:
            self.refuse(name, f"is unknown; {suggest(name, self.known)}")


def make(fields: Fields, build: Callable[[], Any], written_as: Mapping[str, tuple[str, ...]] = {}) -> Any:
    """Return the result of `build`, or record its error at the field concerned and return None.

    `written_as` gives the names of fields in documents where they differ from those in the class.
    """
    try:
        return build()
    except InvalidInputError as error:
        names = (error.field or "", *written_as.get(error.field or "", ()))
        fields.refuse(next((name for name in names if name in fields.known), ""), error.message)
        return None


def one_of(*allowed: str) -> Callable[[Any], str]:
    """Return a converter that accepts one of some words."""

    def check(raw: Any) -> str:
        if raw not in allowed:
            raise ValueError(f"{raw!r} must be one of {', '.join(allowed)}")
        return str(raw)

    return check


def several_of(*allowed: str) -> Callable[[Any], tuple[str, ...]]:
    """Return a converter that accepts a list of some words; its error suggests similar words."""

    def check(raw: Any) -> tuple[str, ...]:
        taken = texts(raw)
        for word in taken:
            if word not in allowed:
                near = difflib.get_close_matches(word, allowed, 3) or allowed
                raise ValueError(f"{word!r} is unknown; similar: {', '.join(near)}")
        return taken

    return check


def number(raw: Any) -> float:
    """Return a number without unit, or a percentage as a fraction."""
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
    """Return a text of 1 to 100 printable characters."""
    if not isinstance(raw, str) or not 0 < len(raw) <= 100 or not raw.isprintable():
        raise ValueError(f"{str(raw)[:100]!r} must be a text of 1 to 100 printable characters")
    return raw


def note_of(raw: Any) -> str:
    """Return the note of a rule."""
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
