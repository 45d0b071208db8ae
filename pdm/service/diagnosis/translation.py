"""Texts of a diagnosis in a language, added to its codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pdm.words.phrases import say, say_doubt


def in_words(document: Mapping[str, Any], language: str) -> Mapping[str, Any]:
    """Return a diagnosis's document with `text` beside every fault and reason, and `check_texts` beside checks.

    Examples
    --------
    >>> reason = {"code": "flat", "parameters": {}, "point": "de-h", "remedy": "check-sensor"}
    >>> in_words({"findings": [], "reasons": [reason]}, "en")["reasons"][0]["text"]
    'de-h: The signal does not change. Remedy: check the sensor.'
    """
    return {
        **document,
        "findings": [_finding(each, language) for each in document["findings"]],
        "reasons": [_reason(each, language) for each in document["reasons"]],
    }


def _finding(finding: Mapping[str, Any], language: str) -> Mapping[str, Any]:
    return {
        **finding,
        "text": say(f"fault.{finding['fault']}", {}, language),
        "reasons": [_reason(each, language) for each in finding["reasons"]],
        "check_texts": [say(f"check.{each}", {}, language) for each in finding["checks"]],
    }


def _reason(reason: Mapping[str, Any], language: str) -> Mapping[str, Any]:
    text = say_doubt(reason["code"], reason["parameters"], reason["point"], reason["remedy"], language)
    return {**reason, "text": text}
