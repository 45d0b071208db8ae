"""Suggestions for unknown names in refusals."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_FEW = 12
_MOST = 40


def suggest(name: str, allowed: Iterable[str]) -> str:
    """Return what to write instead of an unknown name: similar names, and all allowed ones if they are few.

    Examples
    --------
    >>> suggest("severty", ["state", "severity"])
    "did you mean 'severity'? allowed: state, severity"
    """
    names = list(dict.fromkeys(allowed))
    if not names:
        return "none is allowed here"
    by_folded = {each.casefold(): each for each in names}
    near = [by_folded[each] for each in difflib.get_close_matches(name[:100].casefold(), by_folded, 3)]
    question = f"did you mean {' or '.join(map(repr, near))}?" if near else ""
    if near and len(names) > _FEW:
        return question
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"{question} allowed: {', '.join(names[:_MOST])}{more}".lstrip()
