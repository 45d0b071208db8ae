"""The long programme goes on where it ended, on the same revision and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import trust

CONFTEST = """
from tests import trust
pytest_addoption, pytest_configure = trust.add_options, trust.register
"""
TESTS = """
import pathlib
import pytest

@pytest.mark.trust("kills")
def test_one():
    pass

@pytest.mark.trust("kills")
def test_two():
    assert pathlib.Path("out/mended").exists()

@pytest.mark.trust("load")
def test_of_another_area():
    raise AssertionError

def test_of_the_suite():
    raise AssertionError
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "trust.py").write_text(Path(trust.__file__).read_text())
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_long.py").write_text(TESTS)
    (tmp_path / ".gitignore").write_text("out/\n__pycache__/\n.pytest_cache/\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = trust(area): long\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path


def run(folder: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "--area", "kills", *options, "tests"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_what_passed_is_left_out_until_it_is_asked_for_or_the_revision_changes(checkout: Path) -> None:
    code, output = run(checkout)
    assert code == 1
    assert "1 failed, 1 passed, 2 deselected" in output
    (checkout / "out" / "mended").touch()
    code, output = run(checkout)
    assert code == 0
    assert "kills: 1 passed before on this revision" in output
    assert "1 passed, 3 deselected" in output
    code, output = run(checkout)
    assert (code, "4 deselected" in output) == (0, True)
    assert "2 passed, 2 deselected" in run(checkout, "--again")[1]
    (checkout / "changed").touch()
    assert "2 passed, 2 deselected" in run(checkout)[1]
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "two")
    assert "2 passed, 2 deselected" in run(checkout)[1]


def test_a_mark_that_names_no_area_is_refused(checkout: Path) -> None:
    (checkout / "tests" / "test_long.py").write_text(TESTS.replace('"load"', '"lode"'))
    code, output = run(checkout)
    assert code == pytest.ExitCode.USAGE_ERROR or "mark it trust(area)" in output
