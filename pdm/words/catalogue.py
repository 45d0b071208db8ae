"""Message catalogues: the text of every key in each language, read from the data files beside this module."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from pdm.errors import NotFoundError

LANGUAGES = ("en", "ko")
DEFAULT_LANGUAGE = "en"

_RANGE = re.compile(r"\s*([A-Za-z*]{1,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*")


@cache
def messages(language: str) -> Mapping[str, str]:
    """Return every message of a language by its key, such as `alert.health-low`.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.

    Raises
    ------
    NotFoundError
        There is no catalogue of this language.

    Examples
    --------
    >>> messages("ko")["fault.bearing_outer_race"]
    '베어링 외륜 결함'
    """
    if language not in LANGUAGES:
        raise NotFoundError(
            f"no message catalogue for language {language!r}; available: {', '.join(LANGUAGES)}", field="language"
        )
    text = files("pdm.words").joinpath(f"{language}.toml").read_text(encoding="utf-8")
    sections = tomllib.loads(text)
    return MappingProxyType(
        {f"{section}.{name}": sentence for section, part in sections.items() for name, sentence in part.items()}
    )


def choose_language(accepted: str | None) -> str:
    """Return the language that an Accept-Language header prefers (RFC 9110, 12.5.4), English where none is known.

    Examples
    --------
    >>> choose_language("ko-KR,ko;q=0.9,en-US;q=0.8"), choose_language("de, en;q=0.1"), choose_language(None)
    ('ko', 'en', 'en')
    """
    best, weight = DEFAULT_LANGUAGE, 0.0
    for entry in (accepted or "").split(","):
        match = _RANGE.fullmatch(entry)
        if match is None:
            continue
        name, quality = match[1].lower(), float(match[2] or 1)
        language = DEFAULT_LANGUAGE if name == "*" else name
        if language in LANGUAGES and quality > weight:
            best, weight = language, quality
    return best
