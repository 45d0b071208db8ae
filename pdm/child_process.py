"""Child processes: start `python -m MODULE`, exchange JSON with it, limit, supervise and kill it.

Work that may exhaust memory, crash, hang or keep a processor busy runs in a separate process. Three modes share the
same start, limits and kill:

- `call`: one input, one JSON document as the answer, then the process ends (backtest, explanation, check of a model);
- `Conversation`: a process that is kept and answers one JSON line with another (chat services);
- `supervise`: a process that writes its results elsewhere, watched until it ends or has to stop (jobs).

Every ending without an answer is a `ChildEndedError`. The functions `answer`, `answer_lines` and `end_with_parent` are
the child's side.
"""

from __future__ import annotations

import ctypes
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import IO, Any

import orjson

from pdm.errors import (
    ConflictError,
    InvalidInputError,
    ModelError,
    NotFoundError,
    PdmError,
    RefusalError,
    UnavailableError,
)

_POLL_S = 0.1
_PRINTED = 500  # last characters of what a child printed that an error quotes
_PR_SET_PDEATHSIG = 1  # prctl(2)
_MEMORY = "out-of-memory"  # the code with which a child reports a MemoryError
_ERRORS: Mapping[str, type[PdmError]] = {
    error.code: error
    for error in (InvalidInputError, NotFoundError, ConflictError, RefusalError, UnavailableError, ModelError)
}


class ChildEnding(Enum):
    """How a child process ended without an answer."""

    TIMEOUT = "timeout"  # killed, because the answer did not come in time
    MEMORY = "memory"  # it could not allocate what it needed
    CPU_TIME = "cpu-time"  # it reached its limit of processor time
    SIGNAL = "signal"  # a signal ended it: a crash, the kernel for lack of memory, or an operator
    STATUS = "status"  # it ended itself with a status other than 0
    OUTPUT = "output"  # its output is no answer


class ChildEndedError(PdmError):
    """A child process ended without an answer: `ending` is the kind, `reason` the text without its subject."""

    def __init__(self, name: str, ending: ChildEnding, reason: str) -> None:
        super().__init__(f"{name} {reason}")
        self.ending = ending
        self.reason = reason


def start(
    module: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    limits: Mapping[int, int] | None = None,
    stdin: int | IO[Any] = subprocess.DEVNULL,
    stdout: int | IO[Any] = subprocess.DEVNULL,
    stderr: int | IO[Any] = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `python -m module` in a separate process group, so that `kill` reaches all that it starts.

    `limits` are set from outside right after the start, so that no input is read without them: the child needs no
    code for it, and this process, which has threads, runs none between fork and exec.

    Parameters
    ----------
    module, arguments
        What follows `python -m`.
    environment, folder
        Its variables and its working directory; those of this process by default.
    limits
        Limits by `resource.RLIMIT_*`. Beyond RLIMIT_CPU [s] the kernel ends the process, beyond RLIMIT_AS [bytes]
        allocations fail.
    stdin, stdout, stderr
        As in `subprocess.Popen`; `PIPE` is unbuffered.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        bufsize=0,
        cwd=folder,
        env=environment,
        start_new_session=True,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
    )
    try:
        _limit(child.pid, limits or {})
    except BaseException:
        kill(child)
        raise
    return child


def _limit(process_id: int, limits: Mapping[int, int]) -> None:
    for kind, limit in limits.items():
        hard = limit + 1 if kind == resource.RLIMIT_CPU else limit  # SIGXCPU comes first and names the reason
        with suppress(ProcessLookupError):  # it has ended already, which its status reports
            resource.prlimit(process_id, kind, (limit, hard))


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a child process with all that it has started, and close its pipes; for one that has just ended as well."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def ending_of(name: str, status: int, printed: str = "") -> ChildEndedError | None:
    """Return how a process ended, from its exit status and what it printed; None where the status is 0."""
    if status == 0:
        return None
    quoted = f": {printed.strip()[-_PRINTED:]}" if printed.strip() else ""
    if status > 0:
        return ChildEndedError(name, ChildEnding.STATUS, f"ended with status {status}{quoted}")
    if -status == signal.SIGXCPU:
        return ChildEndedError(name, ChildEnding.CPU_TIME, f"reached its limit of processor time{quoted}")
    hint = "; the system may be out of memory" if -status == signal.SIGKILL else ""
    return ChildEndedError(name, ChildEnding.SIGNAL, f"was ended by {_signal_name(-status)}{hint}{quoted}")


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:  # a real-time signal
        return f"signal {number}"


def call(
    module: str,
    body: bytes,
    *,
    name: str,
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    limits: Mapping[int, int] | None = None,
) -> dict[str, Any]:
    """Return what a child process with `answer` makes of `body`; `name` is what errors call it.

    Raises
    ------
    ChildEndedError
        It ended without an answer, or has not answered after `timeout_s` [s] and was killed.
    PdmError
        That with which the child refused.
    """
    pipe = subprocess.PIPE
    child = start(module, environment=environment, folder=folder, limits=limits, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        output, printed = child.communicate(body, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise _timeout(name, timeout_s) from None
    finally:
        kill(child)
    ended = ending_of(name, child.returncode, printed.decode(errors="replace"))
    if ended is not None:
        raise ended
    found = _parse(name, output)
    if found.get("error") == _MEMORY:
        raise ChildEndedError(name, ChildEnding.MEMORY, "needs more memory than it may use")
    if "error" in found:
        raise _ERRORS.get(found["error"], PdmError)(found["message"], field=found["field"])
    return found


def _timeout(name: str, timeout_s: float) -> ChildEndedError:
    return ChildEndedError(name, ChildEnding.TIMEOUT, f"did not answer within {timeout_s:g} s")


def _parse(name: str, output: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(output)
    except orjson.JSONDecodeError as error:
        raise ChildEndedError(name, ChildEnding.OUTPUT, f"answered with text that is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ChildEndedError(name, ChildEnding.OUTPUT, "answered with JSON that is not an object")
    return found


class Conversation:
    """A child process that is kept and answers one JSON line with another; started when needed, for one thread.

    The process runs `answer_lines`. After an error it is ended; the next question starts another.
    """

    def __init__(self, module: str, *, name: str, start_s: float, timeout_s: float) -> None:
        self._module = module
        self._name = name
        self._start_s = start_s  # what loading the module may take [s]
        self._timeout_s = timeout_s  # what one answer may take [s]
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, question: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer to a question; `environment` is that of the process, should it have to be started.

        Raises
        ------
        ChildEndedError
            The process ended, or did not answer in time.
        OSError
            The process cannot be started.
        """
        try:
            if self.process is None or self.process.poll() is not None:
                self._start(environment)
            return _parse(self._name, self._exchange(orjson.dumps(question) + b"\n", self._timeout_s))
        except BaseException:  # an answer that was not read would answer the next question
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            kill(self.process)
            self.process = None

    def _start(self, environment: Mapping[str, str]) -> None:
        self.close()
        pipe = subprocess.PIPE
        self.process = start(self._module, environment=environment, stdin=pipe, stdout=pipe)
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        self._exchange(b"", self._start_s)

    def _exchange(self, sent: bytes, timeout_s: float) -> bytes:
        """Write to the process what is to be sent, and read its next line."""
        child = self.process
        assert child is not None
        assert child.stdin is not None
        assert child.stdout is not None
        deadline = time.monotonic() + timeout_s
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            if sent:
                selector.register(child.stdin, selectors.EVENT_WRITE)
            while not line.endswith(b"\n"):
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise _timeout(self._name, timeout_s)
                for key, _ in ready:
                    if key.fileobj is child.stdout:
                        read = os.read(key.fd, 65536)
                        if not read:
                            raise self._ended(child)
                        line += read
                    elif sent:
                        sent = sent[_write(key.fd, sent) :]
                        if not sent:
                            selector.unregister(child.stdin)
        return line

    def _ended(self, child: subprocess.Popen[bytes]) -> ChildEndedError:
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=1.0)  # it has closed its output: it ends now, or is killed
        kill(child)
        return ending_of(self._name, child.returncode) or ChildEndedError(
            self._name, ChildEnding.OUTPUT, "ended without an answer"
        )


def _write(descriptor: int, sent: bytes) -> int:
    """Write what the pipe takes; all of it where the reader has gone, which the end of its output reports."""
    try:
        return os.write(descriptor, sent)
    except BrokenPipeError:
        return len(sent)


def supervise(
    child: subprocess.Popen[bytes], stop: threading.Event, *, every_s: float, keep: Callable[[], bool]
) -> int:
    """Wait until a child process ends and return its exit status, as `subprocess` counts it.

    It is killed as soon as `stop` is set, or when `keep`, called every `every_s` [s], returns False or raises.
    """
    kept_at = time.monotonic()
    try:
        while child.poll() is None and not stop.wait(_POLL_S):
            if time.monotonic() - kept_at >= every_s:
                kept_at = time.monotonic()
                if not keep():
                    break
    finally:
        kill(child)
    return child.returncode


def answer(find: Callable[[bytes], Mapping[str, Any]]) -> None:
    """Write what `find` makes of the standard input to the standard output, or its refusal: the child of `call`."""
    end_with_parent()
    found: Mapping[str, Any]
    try:
        found = find(sys.stdin.buffer.read())
    except PdmError as error:
        found = {"error": error.code, "message": error.message, "field": error.field}
    except MemoryError:
        found = {"error": _MEMORY}
    sys.stdout.buffer.write(orjson.dumps(found))


def answer_lines(find: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """Answer one question a line until there are no more: the child of a `Conversation`."""
    answers = sys.stdout.buffer
    answers.write(b"ready\n")
    answers.flush()
    for line in sys.stdin.buffer:
        answers.write(orjson.dumps(find(orjson.loads(line))) + b"\n")
        answers.flush()


def end_with_parent(parent: int | None = None) -> None:
    """Let the kernel end this process when the thread that started it ends.

    Where the process id of the `parent` is given and it has ended already, this process ends now.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        sys.exit("the process that started this one has ended")
