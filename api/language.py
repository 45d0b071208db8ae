"""The language that an answer's words are in."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header

from pdm.words.catalogue import choose_language


async def preferred(
    accept_language: Annotated[
        str | None, Header(max_length=200, description="Of the words: `en` or `ko`.", examples=["ko"])
    ] = None,
) -> str:
    """Return the language that the caller prefers of those that there are."""
    return choose_language(accept_language)


Language = Annotated[str, Depends(preferred)]
