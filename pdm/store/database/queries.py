"""Named SQL queries, one file per aggregate under sql/; each starts with its name and purpose.

A query is a line `-- name: fetch_something`, comment lines, and one statement that ends in `;`.
Parameters are psycopg's `%(name)s`. Names are unique over all files.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString

_NAME = re.compile(r"^-- name: (\S+)$", flags=re.MULTILINE)


def query(name: str) -> LiteralString:
    """Return the statement of a named query; a KeyError is a programming error."""
    return _queries()[name]


def query_names() -> list[str]:
    """Return the names of all queries, in the order of the files."""
    return list(_queries())


@cache
def _queries() -> dict[str, LiteralString]:
    queries: dict[str, LiteralString] = {}
    folder = files("pdm.store").joinpath("sql")
    for path in sorted(folder.iterdir(), key=lambda item: item.name):
        if not path.name.endswith(".sql"):
            continue
        _, *parts = _NAME.split(path.read_text(encoding="utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in queries:
                raise ValueError(f"query {name!r} is defined twice, the second time in {path.name}")
            queries[name] = _statement(text)
    return queries


def _statement(text: str) -> LiteralString:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().removesuffix(";")
