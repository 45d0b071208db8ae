"""Child processes: every ending without an answer is an error that names it, and nothing outlives a timeout."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pdm.errors import RefusalError
from pdm.service.platform.subprocess_call import SubprocessCall


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules child processes can run."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    return tmp_path


def is_running(process_id: int) -> bool:
    status = Path(f"/proc/{process_id}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


@pytest.mark.xfail(strict=True, reason="only the child itself is killed")
def test_a_timeout_ends_what_the_child_process_has_started_as_well(folder: Path) -> None:
    note = folder / "grandchild"
    (folder / "parent_of_one.py").write_text(
        "import pathlib, subprocess\n"
        "child = subprocess.Popen(['sleep', '20'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "child.wait()\n"
    )
    with pytest.raises(RefusalError, match=r"takes longer than 2 s: ask for less"):
        SubprocessCall("parent_of_one", "sleep", 2.0, "ask for less").run({})
    deadline = time.monotonic() + 2.0
    while is_running(int(note.read_text())) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(int(note.read_text()))
