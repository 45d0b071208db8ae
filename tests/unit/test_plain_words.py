"""Texts use standard terms: catalogues, documents, and messages, docstrings and comments of the source."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdm.words.catalogue import messages

ROOT = Path(__file__).parents[2]
ROOMS = ("pdm", "api", "features")

BANNED = (
    # homely words in place of the standard term
    r"\btold\b",
    r"\btells?\b",
    r"\bsaid\b",
    r"\bheld\b(?![- ]out)",
    r"\bnobody\b",
    r"\bsomebody\b",
    r"\banew\b",
    r"\bwish(es)?\b",
    r"\bclockwork\b",
    r"\bstands? for\b",
    r"\bstands still\b",
    r"\bstand still\b",
    r"\bspeaks? (of|for)\b",
    r"\bset aside\b",
    r"\bis away\b",
    r"\bare away\b",
    r"\blane of its own\b",
    r"\bof its own\b",
    r"\bof their own\b",
    r"\bput in force\b",
    r"\bcalls nobody\b",
    r"\bas it stands\b",
    r"\bhears? (of|that|nothing)\b",
    # a count "a thing" in place of "per thing"
    r"\ba acquisition\b",
    r"\ba machine-month\b",
    r"\ban operator and\b",
    r"\ba machine and month\b",
    r"\ban acquisition with\b",
    # sentences of earlier versions
    "wrong so far",
    "weighs most",
    "weighed most",
    "recordings carry a fault",
    "recordings cannot tell",
    "data carry a fault",
    "read at {time}",
    "waits for a reset",
    "over since",
    "became more severe",
    "too far off",
    "no end is known",
    "right in .* of cases",
    "lines of the (outer|inner)",
    "a count is worth",
    "stand at the end of the range",
    "strikes once a turn",
    "there is no such",
    "body came too slowly",
    "known to be stored",
    "schema does not fit",
    "is no (time|json|number|feature|yaml|folder|object)\\b",
    "which machine .* has not\\b",
    "as far as it can see",
    "begin of the past",
    "left out\\.$",
    "until told",
    "a record a line",
    "% alike",
    # Korean
    "맞음:",
    "틀림:",
    "보류 사유$",
    "구역",
    "한계 {",
    "적중률",
    "잔여 수명",
    "수명 도달",
    "말할 수 없음",
    "주파수 선",
    "최강 선",
    "계수 1",
    "변환기의",
    "타행",
    "알리지 않던",
    "체결부",
    "할 것",
)
_BANNED = re.compile("|".join(f"(?:{each})" for each in BANNED), re.IGNORECASE | re.MULTILINE)

PROSE = (
    "api/app.py",
    "api/availability.py",
    "api/body.py",
    "api/dependencies.py",
    "api/errors.py",
    "api/ingest_queue.py",
    "api/language.py",
    "api/metrics.py",
    "api/openapi.py",
    "api/paging.py",
    "api/stream.py",
    "features",
    "pdm",
)
"""Folders and files whose docstrings and comments, also those of SQL, use standard terms."""

BANNED_PROSE = (
    r"\breturn if\b",
    r"\bsay(s|ing)?\b",
    r"\bstands?\b",
    r"\bstood\b",
    r"\bheard\b",
    r"\bspoken\b",
    r"\bsomeone\b",
    r"\bwhoever\b",
    r"\baside\b",
    r"\baway\b",
    r"\bask(s|ed|ing)? (for|of|about)\b",
    r"\bparcels?\b",
    r"(?<!dead )\bletters?\b(?! or digit)",
    r"\bcourses?\b",
    r"\bwr(ite|ites|itten|ote) down\b",
    r"\bput down to\b",
    r"\bbecame of\b",
    r"\bin words\b",
    r"\bgo(es)? on\b",
    r"\bgiv(e|en) (back|up)\b",
    r"\bup to date\b",
    r"\bmeanwhile\b",
)
_BANNED_PROSE = re.compile("|".join(f"(?:{each})" for each in BANNED_PROSE), re.IGNORECASE)

ALLOWED = {
    ("ko", "일시 보류 사유"): "the term for the reason of shelving",
    ("pdm/store/analysis/backfill.py", "set aside"): "a status that the query answers, no text",
    ("pdm/service/analysis/backfill.py", "set aside"): "the same status",
    ("features/kernels/follow.py", "of its own order"): "the order of the shaft itself: no process or thread",
}
"""Texts, or parts of them, that may contain a banned word, each with the reason."""


def offences(text: str, place: str = "") -> list[str]:
    """Return the banned words and sentences in a text, without those that are allowed at its place."""
    for where, allowed in ALLOWED:
        if where == place:
            text = text.replace(allowed, "")
    return [found.group(0) for found in _BANNED.finditer(text)]


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Return the string literals of a source with their lines, without docstrings and OpenAPI descriptions."""
    tree = ast.parse(source)
    silent = {
        id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
    }
    silent |= {
        id(part)
        for each in ast.walk(tree)
        if isinstance(each, ast.keyword) and each.arg == "description"
        for part in ast.walk(each.value)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value


def prose(source: str) -> Iterator[tuple[int, str]]:
    """Return the docstrings and comments of a Python source with their lines, without code and doctests."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, _without_code(node.value.value)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], _without_code(token.string)


def comments_of_sql(source: str) -> Iterator[tuple[int, str]]:
    """Return the comments of an SQL source with their lines, without names of queries."""
    for number, line in enumerate(source.splitlines(), 1):
        _, dashes, comment = line.partition("--")
        if dashes and not comment.startswith(" name:"):
            yield number, _without_code(comment)


def _without_code(text: str) -> str:
    return " ".join(re.sub(r"`[^`]*`|^\s*(>>>|\.\.\.) .*$", "", text, flags=re.MULTILINE).split())


def prose_files(place: str) -> list[Path]:
    """Return the Python and SQL files of a folder, or the file itself."""
    root = ROOT / place
    return [root] if root.is_file() else sorted([*root.rglob("*.py"), *root.rglob("*.sql")])


def is_message(text: str) -> bool:
    """Return whether a literal is a text for people: words with spaces between them, and no SQL."""
    return " " in text.strip() and not re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|COPY|WITH|CREATE|ALTER) ", text)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_no_message_of_a_catalogue_uses_a_banned_word(language: str) -> None:
    found = {key: offences(text, language) for key, text in messages(language).items()}
    assert {key: words for key, words in found.items() if words} == {}


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_no_document_uses_a_banned_word(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    place = str(path.relative_to(ROOT))
    found = {number: offences(line, place) for number, line in enumerate(text.splitlines(), 1)}
    assert {number: words for number, words in found.items() if words} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_no_message_in_the_source_uses_a_banned_word(room: str) -> None:
    found = {}
    for path in sorted((ROOT / room).rglob("*.py")):
        place = str(path.relative_to(ROOT))
        for line, text in literals(path.read_text(encoding="utf-8")):
            words = offences(text, place) if is_message(text) else []
            if words:
                found[f"{place}:{line}"] = words
    assert found == {}


@pytest.mark.parametrize("place", [*PROSE, "migrations/repeatable"])
def test_no_docstring_or_comment_uses_a_banned_word(place: str) -> None:
    found = {}
    for path in prose_files(place):
        where, source = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        for line, text in comments_of_sql(source) if path.suffix == ".sql" else prose(source):
            words = [*offences(text, where), *(each.group(0) for each in _BANNED_PROSE.finditer(text))]
            if words:
                found[f"{where}:{line}"] = words
    assert found == {}


def test_a_planted_word_is_found_in_a_docstring_and_a_comment_but_not_in_code() -> None:
    planted = '"""Return if `told` is so."""\ntold = 1  # nobody\n'
    texts = [text for _, text in prose(planted)]
    assert [_BANNED_PROSE.search(text) is not None for text in texts] == [True, False]
    assert [offences(text) for text in texts] == [[], ["nobody"]]
    assert [text for _, text in comments_of_sql("-- name: tell\n-- Tell.\nSELECT 1; -- told\n")] == ["Tell.", "told"]


def test_a_planted_word_is_found_in_a_message_but_not_in_a_docstring_or_a_name() -> None:
    planted = '"""It is told."""\nraise ValueError(f"the body is no JSON: {told}; nobody was told")\nkey = "told"\n'
    texts = [text for _, text in literals(planted) if is_message(text)]
    assert [word for text in texts for word in offences(text)] == ["is no JSON", "nobody", "told"]


def test_an_allowance_has_a_reason_and_is_used() -> None:
    for (place, allowed), reason in ALLOWED.items():
        texts = messages(place).values() if place in ("en", "ko") else [(ROOT / place).read_text(encoding="utf-8")]
        assert reason
        assert any(allowed in text for text in texts), (place, allowed)
