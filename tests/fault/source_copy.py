"""A copy of the program in which one text is changed, and tests that run in it in a process of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("features", "pdm", "api", "migrations", "benchmarks", "docs", "tests", "pyproject.toml", "README.md")
LINKED = ("deploy",)


@dataclass(frozen=True)
class Change:
    """A text of one file, and what it becomes."""

    file: str
    old: str
    new: str = ""

    def apply(self, text: str) -> str:
        """Return the changed content of the file, which must have the text exactly once."""
        count = text.count(self.old)
        assert count == 1, f"{self.file} has this text {count} times, not once: {self.old!r}"
        return text.replace(self.old, self.new)


def run_in_copy(folder: Path, tests: Sequence[str], change: Change | None = None, server: str | None = None) -> str:
    """Return what pytest prints of named tests in a copy of the program that is changed.

    Parameters
    ----------
    folder : Path
        Empty; the copy is made in it.
    tests : sequence of str
        As pytest names them.
    change : Change, optional
        None leaves the copy as it is.
    server : str, optional
        DSN of a running server; without it, tests that need one start their own.
    """
    _copy(folder, is_compiled_again=change is not None and change.file.startswith("features/"))
    if change is not None:
        place = folder / change.file
        place.write_text(change.apply(place.read_text(encoding="utf-8")), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = str(folder)
    if server is not None:
        environment["PDM_TEST_DSN"] = server
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "240", *tests]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _copy(folder: Path, is_compiled_again: bool) -> None:
    """Copy the sources; kernels keep their compiled code, unless one changes: its callers would still have the old."""
    compiled = ("__pycache__",) if is_compiled_again else ()
    ignored = shutil.ignore_patterns("node_modules", "community", *compiled)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, folder / name)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
