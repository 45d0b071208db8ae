"""What the README tells a newcomer works when typed, and what it names exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest
import typer

from api.app import create
from pdm.cli.app import app
from pdm.ingest.bearing_form import BearingForm
from pdm.ingest.fleet_file import (
    BeltForm,
    ComponentForm,
    CostsForm,
    LineForm,
    MachineForm,
    PointForm,
    SeverityForm,
    SiteForm,
)
from pdm.machines.units import UNITS
from pdm.replay.client import Client
from pdm.replay.stack import Stack
from pdm.settings import Settings
from tests.acceptance.readme import README, Example, missing_lines, read_examples
from tests.database import own_name

ROOT = README.parent
DOCUMENTS = (README, *sorted((ROOT / "docs").rglob("*.md")))
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_PATH = re.compile(r"`(?P<path>(?:pdm|api|features|tests|docs|deploy|benchmarks|migrations)/[\w./-]*)`")

_ADDRESS = re.compile(r"(/v1/[\w{}$./-]*[\w}])")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(own_name("readme"), fresh=True, log_folder=tmp_path / "logs") as running:
        yield running
        running.cluster.destroy()


class Shell:
    """Runs one block after the other as one would in one terminal: what is exported stays."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._exports = folder / "exports"
        self._exports.touch()

    def run(self, example: Example) -> str:
        program = example.text
        if example.language == "python":
            (self._folder / example.purpose).write_text(program)
            program = f"python {example.purpose}\n"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f". ./exports\n{program}\nexport -p > exports"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"README line {example.line}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.mark.timeout(600)  # it waits for a fleet, a training and alerts beside other tests
def test_the_examples_of_the_readme_run_and_show_what_it_says(stack: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "typed"
    folder.mkdir()
    programs = str(Path(sys.executable).parent)
    environment = {
        **stack.environment,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PDM_URL": stack.url,
        "PDM_KEY": stack.admin_key,
        "COLUMNS": "200",
    }
    shell, output, ran = Shell(folder, environment), "", 0
    with Client(stack.url, stack.admin_key) as client:
        for example in read_examples(README.read_text()):
            if example.is_run:
                client.wait_until_analysed()
                output = shell.run(example)
                ran += 1
            elif example.purpose == "shows":
                missing = missing_lines(example.text, output)
                assert not missing, f"README line {example.line}: {missing} is not in\n{output[:4000]}"
            else:
                (folder / example.purpose).write_text(example.text)
    assert ran >= 8, "the README's examples were not found"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_path_in_the_documents_leads_somewhere(document: Path) -> None:
    text = document.read_text()
    broken = []
    for target in (match["target"] for match in _LINK.finditer(text)):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        linked = (document.parent / place).resolve() if place else document
        if not linked.exists() or (anchor and anchor not in _anchors(linked)):
            broken.append(target)
    broken += [match["path"] for match in _PATH.finditer(text) if not (ROOT / match["path"]).exists()]
    assert not broken, f"{document.name} names what is not there: {broken}"


def test_every_setting_is_documented_with_its_default() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    rows = {match[1]: match[2] for match in re.finditer(r"^\| `(PDM_\w+)` \| `?([^|`]*?)`? \|", text, re.MULTILINE)}
    expected = {f"PDM_{field.name.upper()}": str(field.default) for field in fields(Settings)}
    assert {name: value for name, value in rows.items() if name in expected} == expected


def test_every_command_is_documented() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    text = "\n".join(document.read_text() for document in DOCUMENTS)
    missing = [name for name in commands if not re.search(rf"\bpdm {name}\b", text)]
    assert commands
    assert not missing


def test_every_field_and_unit_of_a_fleet_file_is_documented() -> None:
    documented = set(re.findall(r"`([^`\n]+)`", (ROOT / "docs" / "sending.md").read_text()))
    forms = (MachineForm, ComponentForm, BearingForm, BeltForm, PointForm, SeverityForm, CostsForm, SiteForm, LineForm)
    names = {field.name for form in forms for field in msgspec.structs.fields(form)}
    units = {unit for quantity in UNITS.values() for unit in quantity}
    assert names | units <= documented, (names | units) - documented


def test_every_address_in_the_documents_is_one_of_the_api() -> None:
    routes = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) for path in create(Settings()).openapi()["paths"]]
    known = re.compile("|".join(f"(?:{route})" for route in routes))
    documented = {match for document in DOCUMENTS for match in _ADDRESS.findall(document.read_text())}
    assert len(documented) > 10
    assert [address for address in documented if not known.fullmatch(address)] == []


def test_a_line_that_was_not_printed_is_noticed() -> None:
    assert missing_lines('..."stored":1,...\nend', 'x "stored":1, y\nend') == []
    assert missing_lines("first\nsecond", "second first") == ["second"]


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
