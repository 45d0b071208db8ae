"""Texts of messages: from a key and its parameters to a sentence in a language."""

from __future__ import annotations

import math
from collections.abc import Mapping
from string import Formatter
from typing import Any

from pdm.words.catalogue import DEFAULT_LANGUAGE, messages

Parameters = Mapping[str, Any]

_SIZES = {"years": 31557600.0, "months": 2629800.0, "d": 86400.0, "h": 3600.0, "min": 60.0, "s": 1.0}
_SECTIONS = frozenset(
    {"fault", "feature", "bound", "side", "how", "train"}
)  # sections with the texts of parameter values
_LEAST = {"years": 2.0, "months": 3.0, "d": 2.0, "h": 2.0, "min": 2.0, "s": 0.0}  # units from which each is used


def say(key: str, parameters: Parameters | None = None, language: str = DEFAULT_LANGUAGE) -> str:
    """Return the text of a message.

    A key without a text, such as one of a later version, is returned as its name; a missing or null parameter is
    shown as unknown.

    Parameters
    ----------
    key : str
        Section and name, such as `alert.health-low`.
    parameters : mapping, optional
        The values of the message's placeholders, in SI units; those in `declared`, if present, are shown instead: they
        are in the unit that the sender declared.
    language : str
        'en' or 'ko'.

    Examples
    --------
    >>> say("alert.health-low", {"health": 0.52, "limit": 0.6, "symptom": "bearing_outer_race"})
    'health 52 %, below the limit of 60 %; bearing outer race damage'
    >>> say("alert.health-low", {"health": 0.52, "limit": 0.6, "symptom": "bearing_outer_race"}, "ko")
    '건전도 52 %, 기준값 60 % 미만; 베어링 외륜 결함'
    >>> say("alert.threshold-crossed", {"signal": "temperature", "side": "above", "point": "oil", "value": 368.1,
    ...     "limit": 353.15, "unit": "K", "declared": {"value": 94.9, "limit": 80.0, "unit": "degC"}})
    'temperature at oil above the limit: 94.9 degC, limit 80 degC'
    >>> say("reason.of-tomorrow")
    'of tomorrow'
    """
    template = messages(language).get(key)
    if template is None:
        return key.partition(".")[2].replace("-", " ").replace("_", " ") or key
    values = parameters or {}
    declared = values.get("declared")
    return _Writer(language).vformat(template, (), {**values, **declared} if isinstance(declared, Mapping) else values)


def say_any(section: str, name: str | None, parameters: Parameters | None = None, language: str = "en") -> str | None:
    """Return the text of a name in a section, None without a name; the part after a colon is its detail.

    Examples
    --------
    >>> say_any("reason", "absent:de-h")
    'the point sent no data: de-h'
    """
    if name is None:
        return None
    plain, colon, detail = name.partition(":")
    return say(f"{section}.{plain}", {"detail": detail, **(parameters or {})} if colon else parameters, language)


def say_doubt(
    code: str,
    parameters: Parameters,
    point: str | None,
    remedy: str | None,
    language: str = DEFAULT_LANGUAGE,
) -> str:
    """Return a reason of a diagnosis as a sentence, with the point concerned and the remedy.

    Examples
    --------
    >>> say_doubt("flat", {}, "de-h", "check-sensor")
    'de-h: The signal does not change. Remedy: check the sensor.'
    """
    sentence = say(f"diagnosis.{code}", parameters, language)
    where = f"{point}: " if point else ""
    if remedy is None:
        return f"{where}{sentence}"
    return f"{where}{sentence} {say('page.to-help', {'remedy': say(f'remedy.{remedy}', {}, language)}, language)}"


def say_duration(seconds: float | None, language: str = DEFAULT_LANGUAGE) -> str:
    """Return a time span [s] in the largest unit of which it is at least 2 (months: 3).

    Examples
    --------
    >>> say_duration(9 * 86400.0), say_duration(5400.0, "ko"), say_duration(None)
    ('9 d', '90분', 'unknown')
    """
    if seconds is None or not math.isfinite(seconds):
        return say("time.unknown", {}, language)
    if seconds < _SIZES["min"]:
        return say("time.under-a-minute", {}, language)
    unit = next(name for name, size in _SIZES.items() if seconds >= _LEAST[name] * size)
    value = seconds / _SIZES[unit]
    figure = f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"
    return f"{figure}{'' if language == 'ko' else ' '}{say(f'time.{unit}', {}, language)}"


class _Writer(Formatter):
    """Fills placeholders; formats durations, percentages and names in the language."""

    def __init__(self, language: str) -> None:
        self._language = language

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:  # noqa: ARG002
        return kwargs.get(key)

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in _SECTIONS:
            return say(f"{format_spec}.{value or 'none'}", {}, self._language)
        if format_spec == "unit":
            return f" {value.replace('s2', 's²')}" if isinstance(value, str) and value != "1" else ""
        if format_spec == "at":
            return say("at.point", {"point": value}, self._language) if value else ""
        if value is None:
            return say("time.unknown", {}, self._language)
        if format_spec == "duration":
            return say_duration(float(value), self._language)
        if format_spec == "percent":
            return f"{100 * float(value):.0f} %"
        try:
            return _figure(float(value)) if format_spec == "figure" else format(value, format_spec)
        except (TypeError, ValueError):  # a value from another rule version
            return str(value)


def _figure(value: float) -> str:
    """Return a number with four significant digits, whole and without exponent from 10,000 to 1e9."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"
