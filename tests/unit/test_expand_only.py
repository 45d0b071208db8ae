"""Migrations only add: what older code reads and writes stays as it is, so that it serves while the next one starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from pdm.store.database.compatibility import describe_missing, describe_too_new
from pdm.store.database.migrate import Migration, read_migrations

FIRST = "0018"
"""From here on; what came before may do as it did."""

NUMBERED = [m for m in read_migrations(files("migrations")) if not m.is_repeatable and m.name >= FIRST]

_CONTRACTING = {
    "removes what older code uses": r"\bDROP\s+(TABLE|COLUMN|VIEW|MATERIALIZED|FUNCTION|TYPE|SCHEMA|SEQUENCE|POLICY)\b",
    "renames what older code uses": r"\bRENAME\b",
    "changes a type": r"\bALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b",
    "refuses rows that older code writes (NOT NULL)": r"\bSET\s+NOT\s+NULL\b",
    "refuses rows that older code writes (no default)": r"\bDROP\s+DEFAULT\b",
    "throws away rows": r"\b(DELETE\s+FROM|TRUNCATE)\b",
    "throws away what was learned": r"\bUPDATE\s+analysis_(state|checkpoint)\b",
}
_ADDED_COLUMN = re.compile(r"\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?!CONSTRAINT\b)\w+[^,;]*", re.I)
_ON_TABLE = re.compile(r"\bCREATE\s+UNIQUE\s+INDEX\b.*?\bON\s+(\w+)", re.I | re.S)
_CREATED = re.compile(r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", re.I)


def contractions(sql: str) -> Iterator[str]:
    """Yield what a migration does that code before it cannot live with."""
    bare = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.S)
    bare = re.sub(r"(\$\w*\$).*?\1", "''", bare, flags=re.S)
    bare = re.sub(r"'(?:[^']|'')*'", "''", bare)
    for what, pattern in _CONTRACTING.items():
        if re.search(pattern, bare, re.I):
            yield what
    for statement in bare.split(";"):
        if not re.search(r"\bALTER\s+TABLE\b", statement, re.I):
            continue
        for added in _ADDED_COLUMN.findall(statement):
            if re.search(r"\bNOT\s+NULL\b", added, re.I) and not re.search(r"\b(DEFAULT|GENERATED)\b", added, re.I):
                yield "adds a column that older code does not fill"
    new = {name.lower() for name in _CREATED.findall(bare)}
    if any(table.lower() not in new for table in _ON_TABLE.findall(bare)):
        yield "refuses rows that older code writes (unique)"


@pytest.mark.parametrize("migration", NUMBERED, ids=lambda migration: migration.name)
def test_a_migration_only_adds_and_says_which_code_may_serve_after_it(migration: Migration) -> None:
    assert list(contractions(migration.sql)) == []
    assert re.match(r"-- serves: \d+\.\d+\.\d+\n", migration.sql), "its first line: -- serves: VERSION"


@pytest.mark.parametrize(
    "planted",
    [
        "DROP TABLE alert",
        "ALTER TABLE alert DROP COLUMN message",
        "ALTER TABLE alert RENAME COLUMN message TO text",
        "ALTER TABLE alert RENAME TO cases",
        "ALTER TABLE alert ALTER COLUMN message TYPE varchar(10)",
        "ALTER TABLE alert ALTER message SET DATA TYPE varchar(10)",
        "alter table alert alter column message set not null",
        "ALTER TABLE alert ALTER COLUMN version DROP DEFAULT",
        "ALTER TABLE alert ADD COLUMN IF NOT EXISTS cause text NOT NULL",
        "ALTER TABLE alert ADD COLUMN a int DEFAULT 0, ADD b int NOT NULL",
        "CREATE TABLE seen (id int); CREATE UNIQUE INDEX one ON alert (cause)",
        "DELETE FROM analysis_checkpoint",
        "UPDATE analysis_state SET state = NULL",
        "TRUNCATE receipt",
        "DROP VIEW current_alert",
    ],
)
def test_what_older_code_cannot_live_with_is_found(planted: str) -> None:
    assert list(contractions(f"-- serves: 0.1.0\nCREATE TABLE fine (id int);\n{planted};\n"))


@pytest.mark.parametrize(
    "planted",
    [
        "-- DROP TABLE alert\nSELECT 1",
        "ALTER TABLE alert ADD COLUMN cause text",
        "ALTER TABLE alert ADD COLUMN cause text NOT NULL DEFAULT ''",
        "ALTER TABLE alert ADD COLUMN a int NOT NULL DEFAULT 0, ADD COLUMN b int",
        "CREATE TABLE seen (id int NOT NULL); CREATE UNIQUE INDEX one ON seen (id)",
        "CREATE FUNCTION forget() RETURNS void LANGUAGE sql AS $$ DELETE FROM seen; DROP TABLE seen $$",
        "COMMENT ON TABLE alert IS 'we DROP TABLE nothing'",
        "ALTER TABLE alert ALTER COLUMN message DROP NOT NULL",
        "CREATE INDEX CONCURRENTLY more ON alert (cause)",
    ],
)
def test_what_only_adds_is_left_alone(planted: str) -> None:
    assert list(contractions(planted)) == []


def test_newer_code_on_an_older_schema_says_what_is_missing_and_what_to_do() -> None:
    missing = describe_missing(["0001_a.sql"], ["0001_a.sql", "0002_b.sql"])
    assert missing is not None
    assert "lacks 0002_b.sql" in missing
    assert "run `pdm migrate`" in missing
    assert describe_missing(["0001_a.sql", "0002_b.sql"], ["0001_a.sql"]) is None


@pytest.mark.parametrize(
    ("oldest", "version", "may"),
    [("0.1.0", "0.1.0", True), ("0.9.0", "0.10.0", True), ("0.10.0", "0.9.3", False), (None, "9.9.9", False)],
)
def test_older_code_serves_a_newer_schema_where_its_migrations_allow_it(
    oldest: str | None, version: str, may: bool
) -> None:
    allowed = {} if oldest is None else {"0019_c.sql": oldest}
    message = describe_too_new(["0018_b.sql", "0019_c.sql", "repeatable/x.sql"], ["0018_b.sql"], allowed, version)
    assert (message is None) is may
    assert may or "upgrade this process" in str(message)
