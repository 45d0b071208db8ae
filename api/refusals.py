"""Sentences of refused requests: what is wrong, where, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pdm.words.similar import suggest

KEY = "1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
_VISIBLE = "text with at least one visible character and without NUL characters"
_ONE_LINE = "text of one line without control characters"

# what a value must be, by the pattern of its schema
PATTERNS: Mapping[str, str] = {
    r"^[a-z0-9][a-z0-9._-]{0,62}$": KEY,
    r"^$|^[a-z0-9][a-z0-9._-]{0,62}$": f"empty, or {KEY}",
    r"^[^\x00-\x1f\x7f/]{1,200}$": "a key or tag of 1-200 characters, without '/' and control characters",
    r"^$|^[^\x00-\x1f\x7f/]{1,200}$": "empty, or a name of 1-200 characters, without '/' and control characters",
    r"^[^\x00]*$": "text without NUL characters",
    r"^[^\x00]+$": "text of at least one character, without NUL characters",
    r"^[^\x00]*\S[^\x00]*$": _VISIBLE,
    r"^[^\x00-\x1f\x7f]*$": _ONE_LINE,
    r"^[^\x00-\x1f\x7f]+$": _ONE_LINE,
    r"^https?://[^\s\x00]+$": "an address that begins with http:// or https://",
    r"^[a-z][a-z0-9]*://[^\s\x00]*$": "an address with a scheme, such as https://example.com/pdm",
    r"^[^\s\x00/@]+$": "the name or address of a host, such as broker.example.com",
    r"^[^\s\x00@]+@[^\s\x00@]+$": "a mail address, such as a@example.com",
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": "a time of day from 00:00 to 23:59, such as 22:00",
    r"^[A-Za-z0-9_+/-]+$": "the name of a time zone, such as Asia/Seoul",
    r"^[A-Za-z0-9._/-]+$": "letters, digits, '.', '_', '/' and '-'",
    r"^(proposed|in-force|retired)$": "one of proposed, in-force, retired",
}
_KINDS: Mapping[str, str] = {
    "missing": "is required",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
}


def describe_problem(problem: Mapping[str, Any]) -> dict[str, str]:
    """Return field and detail of one problem that the validation of a request has found."""
    place = [str(part) for part in problem["loc"]]
    context = problem.get("ctx") or {}
    if problem["type"] == "json_invalid":
        return {"field": "body", "detail": f"not valid JSON: {context.get('error')} at character {place[-1]}"}
    if problem["type"] == "unknown_field":
        place.append(context["name"])
    field = ".".join(place[1:]) or place[0]
    return {"field": field, "detail": _reason(problem, context) + _value_of(problem)}


def _reason(problem: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    kind, message = problem["type"], str(problem["msg"])
    if kind in _KINDS:
        return _KINDS[kind]
    if kind == "string_pattern_mismatch":
        return f"must be {PATTERNS.get(context['pattern'], 'text that matches ' + context['pattern'])}"
    if kind in ("literal_error", "enum"):
        words = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ", ").split(",")]
        return f"is unknown; {suggest(str(problem.get('input')), words)}"
    for prefix, plain in (("Value error, ", ""), ("Input should be ", "must be "), ("Input should ", "must "),
                          ("String should ", "must "), ("List should ", "must ")):  # fmt: skip
        if message.startswith(prefix):
            return plain + message.removeprefix(prefix)
    return message


def _value_of(problem: Mapping[str, Any]) -> str:
    """Return the refused value if it is short and plain."""
    value = problem.get("input")
    if problem["type"] in ("missing", "unknown_field") or not isinstance(value, str | int | float):
        return ""
    shown = repr(value) if isinstance(value, str) else str(value).lower()
    return f"; got {shown if len(shown) <= 100 else shown[:99] + '…'}"
