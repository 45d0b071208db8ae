"""Pages for developers: links lead somewhere, decisions have a status and are in the index, names of files exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADR = ROOT / "docs" / "adr"
DECISIONS = sorted(ADR.glob("0*.md"))
PAGES = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "README.md",
    ADR / "README.md",
    *sorted((ROOT / "docs" / "develop").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: decision.stem)
def test_a_decision_has_a_number_a_title_and_a_status_and_is_in_the_index(decision: Path) -> None:
    title, empty, status = decision.read_text(encoding="utf-8").splitlines()[:3]
    found = re.fullmatch(r"# (\d+)\. (.+)", title)
    assert found is not None
    assert int(found[1]) == int(decision.name[:4])
    assert empty == ""
    assert re.match(r"Status: .*\b(accepted|superseded by \[\d+\])", status)
    short = re.split(r"[;,]", status.removeprefix("Status: "))[0]
    assert f"| {found[1]} | [{found[2]}]({decision.name}) | {short}" in (ADR / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["architecture.md", "testing.md", "state-formats.md", *(f"../adr/{d.name}" for d in DECISIONS)]
)
def test_a_file_that_a_page_names_exists(name: str) -> None:
    text = (ROOT / "docs" / "develop" / name).read_text(encoding="utf-8")
    named = re.findall(r"`((?:pdm|api|features|tests|benchmarks|migrations)/[\w/]+\.\w+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []
