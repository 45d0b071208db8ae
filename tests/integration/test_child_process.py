"""Child processes: every ending without an answer is an error that names it, and nothing outlives a timeout."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pdm.child_process import ChildEndedError, ChildEnding, Conversation, call, ending_of, start, supervise
from pdm.errors import NotFoundError, RefusalError
from pdm.service.platform.subprocess_call import SubprocessCall

ANSWER = "import os, signal, sys, time\nfrom pdm.child_process import answer\nfrom pdm.errors import NotFoundError\n"
GRANDCHILD = """
import pathlib, subprocess
child = subprocess.Popen(['sleep', '20'])
pathlib.Path(__file__).with_name('grandchild').write_text(str(child.pid))
child.wait()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules child processes can run."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    return tmp_path


def answer_of(folder: Path, find: str, **options: Any) -> dict[str, Any]:
    """Call a child process whose answer is the expression `find` of `body`."""
    (folder / "child_of_test.py").write_text(f"{ANSWER}answer(lambda body: {find})\n")
    return call("child_of_test", b"[1, 2]", **{"name": "the child", "timeout_s": 20.0, **options})


def ending(folder: Path, find: str, **options: Any) -> tuple[ChildEnding, str]:
    with pytest.raises(ChildEndedError) as caught:
        answer_of(folder, find, **options)
    return caught.value.ending, caught.value.message


def wait_until_gone(process_id: int) -> None:
    status = Path(f"/proc/{process_id}/status")
    deadline = time.monotonic() + 5.0
    while status.exists() and "State:\tZ" not in status.read_text():
        assert time.monotonic() < deadline, f"{process_id} still runs"
        time.sleep(0.02)


def test_a_child_process_answers_with_what_it_makes_of_its_input(folder: Path) -> None:
    assert answer_of(folder, "{'length': len(body)}") == {"length": 6}


def test_an_error_of_the_child_process_keeps_its_type_message_and_field(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="no such thing") as caught:
        answer_of(folder, "(_ for _ in ()).throw(NotFoundError('no such thing', field='thing'))")
    assert caught.value.field == "thing"


def test_every_ending_without_an_answer_is_one_error_that_names_it(folder: Path) -> None:
    assert ending(folder, "time.sleep(20)", timeout_s=1.0) == (
        ChildEnding.TIMEOUT,
        "the child did not answer within 1 s",
    )
    assert ending(folder, "os.kill(os.getpid(), signal.SIGSEGV)") == (
        ChildEnding.SIGNAL,
        "the child was ended by signal 11 (SIGSEGV)",
    )
    found, message = ending(folder, "1 / 0")
    assert found is ChildEnding.STATUS
    assert message.startswith("the child ended with status 1: ")
    assert message.endswith("ZeroDivisionError: division by zero")
    found, message = ending(folder, "print('so') or {}")
    assert (found, message.startswith("the child answered with text that is not JSON")) == (ChildEnding.OUTPUT, True)
    assert ending(folder, "[1]") == (ChildEnding.OUTPUT, "the child answered with JSON that is not an object")


def test_limits_of_memory_and_processor_time_end_the_child_process_only(folder: Path) -> None:
    assert ending(folder, "{'length': len(bytes(2 * 1024**3))}", limits={resource.RLIMIT_AS: 1024**3}) == (
        ChildEnding.MEMORY,
        "the child needs more memory than it may use",
    )
    limits = {resource.RLIMIT_CPU: 1, resource.RLIMIT_CORE: 0}
    assert ending(folder, "any(iter(int, 1))", limits=limits) == (
        ChildEnding.CPU_TIME,
        "the child reached its limit of processor time",
    )


def test_a_process_that_the_kernel_kills_may_have_been_out_of_memory() -> None:
    ended = ending_of("its process", -signal.SIGKILL, "loading\n")
    assert ended is not None
    assert ended.message == "its process was ended by signal 9 (SIGKILL); the system may be out of memory: loading"
    assert ending_of("its process", 0, "warnings") is None


def test_a_timeout_ends_what_the_child_process_has_started_as_well(folder: Path) -> None:
    (folder / "parent_of_one.py").write_text(GRANDCHILD)
    with pytest.raises(RefusalError, match=r"takes longer than 2 s: ask for less"):
        SubprocessCall("parent_of_one", "sleep", 2.0, "ask for less").run({})
    wait_until_gone(int((folder / "grandchild").read_text()))


def test_a_supervised_process_ends_with_its_group_at_stop_or_when_it_is_not_kept(folder: Path) -> None:
    (folder / "parent_of_one.py").write_text(GRANDCHILD)
    note = folder / "grandchild"
    for is_stopped in (True, False):
        note.unlink(missing_ok=True)
        stop, kept = threading.Event(), []

        def keep(stop: threading.Event = stop, kept: list[bool] = kept, is_stopped: bool = is_stopped) -> bool:
            kept.append(note.exists() and note.read_text() != "")
            if is_stopped and kept[-1]:
                stop.set()
            return is_stopped or not kept[-1]

        assert supervise(start("parent_of_one"), stop, every_s=0.05, keep=keep) == -signal.SIGKILL
        wait_until_gone(int(note.read_text()))


def test_a_child_process_ends_with_the_process_that_started_it(folder: Path) -> None:
    (folder / "child_of_test.py").write_text(
        f"{ANSWER}import pathlib\nnote = pathlib.Path(__file__).with_name('child')\n"
        "answer(lambda body: [note.write_text(str(os.getpid())), time.sleep(20)])\n"
    )
    (folder / "starter.py").write_text(
        "from pdm.child_process import call\ncall('child_of_test', b'', name='the child', timeout_s=20.0)\n"
    )
    starter = start("starter")
    deadline = time.monotonic() + 10.0
    while not ((folder / "child").exists() and (folder / "child").read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    starter.kill()
    starter.wait()
    wait_until_gone(int((folder / "child").read_text()))


@pytest.fixture
def talk(folder: Path) -> Iterator[Conversation]:
    (folder / "talker.py").write_text(
        "import os, sys, time\nfrom pdm.child_process import answer_lines\n"
        "def find(question):\n"
        "    if question['do'] == 'half a line':\n"
        "        os.write(1, b'{')\n"
        "        time.sleep(20)\n"
        "    if question['do'] == 'exit':\n"
        "        sys.exit(question['status'])\n"
        "    return {'length': len(question['do'])}\n"
        "answer_lines(find)\n"
    )
    with closing(Conversation("talker", name="the talker", start_s=20.0, timeout_s=2.0)) as conversation:
        yield conversation


def ask(talk: Conversation, **question: Any) -> dict[str, Any]:
    return talk.ask(question, dict(os.environ))


def ended(talk: Conversation, **question: Any) -> tuple[ChildEnding, str]:
    with pytest.raises(ChildEndedError) as caught:
        ask(talk, **question)
    assert talk.process is None
    return caught.value.ending, caught.value.reason


def test_a_conversation_keeps_its_process_and_carries_more_than_a_pipe_holds(talk: Conversation) -> None:
    assert ask(talk, do="x") == {"length": 1}
    kept = talk.process
    assert ask(talk, do="x" * 300_000) == {"length": 300_000}
    assert talk.process is kept


def test_a_conversation_starts_another_process_after_every_kind_of_end(talk: Conversation) -> None:
    assert ended(talk, do="exit", status=3) == (ChildEnding.STATUS, "ended with status 3")
    assert ended(talk, do="exit", status=0) == (ChildEnding.OUTPUT, "ended without an answer")
    assert ended(talk, do="half a line") == (ChildEnding.TIMEOUT, "did not answer within 2 s")
    assert ask(talk, do="x") == {"length": 1}
    process = talk.process
    assert isinstance(process, subprocess.Popen)
    process.kill()
    process.wait()
    assert ask(talk, do="xy") == {"length": 2}
