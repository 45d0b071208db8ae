"""The how-to pages of docs/develop: what each lists of an example, forgotten in a copy, turns the named test red.

A page has a table (file, what, test) and, in the same order, a TOML block with the text of each row to take out.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fault.source_copy import ROOT, Change, run_in_copy

PAGES = sorted((ROOT / "docs" / "develop").glob("add-*.md"))


@dataclass(frozen=True)
class Row:
    """A place that a page lists, and the test that fails when it is forgotten."""

    change: Change
    test: str

    @property
    def needs_server(self) -> bool:
        """Whether the test runs against a database."""
        return self.test.startswith(("tests/integration", "tests/migration"))


def rows_of(page: Path) -> list[Row]:
    """Return the rows of a page, from its TOML block."""
    block = re.search(r"^```toml forget\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert block is not None, f"{page.name} has no block ```toml forget"
    rows = tomllib.loads(block[1])["row"]
    return [Row(Change(row["file"], row["old"], row.get("new", "")), row["test"]) for row in rows]


def table_of(page: Path) -> list[tuple[str, str]]:
    """Return file and test of each row of the table of a page."""
    found = re.findall(r"^\| `([^`]+)` \| .* \| `([^`]+)` \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [(file, test) for file, test in found if test.startswith("tests/")]


ROWS = {f"{page.stem}-{number}": row for page in PAGES for number, row in enumerate(rows_of(page), 1)}
QUICK = ("add-a-file-format-2", "add-a-rule-kind-2")
"""Proved by `make test` too; the others by `make trust`."""


def test_there_is_a_page_for_each_kind_of_addition() -> None:
    additions = ("diagnosis", "feature", "file-format", "migration", "receiver", "rule-kind")
    assert [page.stem for page in PAGES] == [f"add-a-{name}" for name in additions]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_table_of_a_page_lists_what_is_proved(page: Path) -> None:
    assert table_of(page) == [(row.change.file, row.test) for row in rows_of(page)]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_names_a_file_a_text_and_a_test_that_exist(name: str) -> None:
    row = ROWS[name]
    changed = row.change.apply((ROOT / row.change.file).read_text(encoding="utf-8"))
    parse = {".py": ast.parse, ".toml": tomllib.loads, ".json": json.loads}.get(Path(row.change.file).suffix)
    if parse is not None:
        parse(changed)
    path, _, function = row.test.partition("::")
    assert f"def {function.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")


def _prove(row: Row, folder: Path, server: str | None) -> None:
    printed = run_in_copy(folder, [row.test], row.change, server)
    assert f"FAILED {row.test}" in printed or f"ERROR {row.test.partition('::')[0]}" in printed, printed[-5000:]


@pytest.mark.parametrize("name", QUICK)
def test_a_place_forgotten_turns_its_test_red(name: str, tmp_path: Path) -> None:
    _prove(ROWS[name], tmp_path, None)


@pytest.mark.trust("mutants")
@pytest.mark.parametrize("name", [name for name in ROWS if name not in QUICK])
def test_each_place_forgotten_turns_its_test_red(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    row = ROWS[name]
    _prove(row, tmp_path, request.getfixturevalue("server") if row.needs_server else None)


@pytest.mark.trust("mutants")
def test_with_nothing_forgotten_every_named_test_is_green(tmp_path: Path, server: str) -> None:
    tests = sorted({row.test for row in ROWS.values()})
    printed = run_in_copy(tmp_path, tests, server=server)
    assert re.search(r"^\d+ passed in", printed, re.MULTILINE), printed[-5000:]
