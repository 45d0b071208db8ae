"""The named queries: one name each, each with what it is for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pdm.store
from pdm.store.database.queries import query, query_names

FILES = sorted((Path(pdm.store.__file__).parent / "sql").glob("*.sql"))


def test_every_query_is_one_statement() -> None:
    assert len(query_names()) > 40
    for name in query_names():
        assert query(name).strip()
        assert ";" not in query(name), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_query_says_what_it_is_for(path: Path) -> None:
    for name, following in re.findall(r"^-- name: (\S+)\n(.*)$", path.read_text(), flags=re.MULTILINE):
        assert following.startswith("-- "), f"{name} in {path.name} has no comment"


def test_every_query_is_used() -> None:
    checkout = Path(pdm.store.__file__).parents[2]
    code = "\n".join(path.read_text() for room in ("pdm", "api") for path in (checkout / room).rglob("*.py"))
    unused = [name for name in query_names() if f'"{name}"' not in code]
    assert unused == []


def test_an_unknown_query_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        query("no_such_query")
