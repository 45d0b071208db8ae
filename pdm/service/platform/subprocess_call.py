"""Questions that keep a processor busy, answered in a process of their own while a caller waits.

The process that answers requests has others to answer, and does not load the analysis.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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

Row = dict[str, Any]

_ERRORS: Mapping[str, type[PdmError]] = {
    error.code: error
    for error in (InvalidInputError, NotFoundError, ConflictError, RefusalError, UnavailableError, ModelError)
}


@dataclass(frozen=True)
class SubprocessCall:
    """One kind of such questions: the module that answers, what it is called, and how long a caller waits [s]."""

    module: str
    name: str
    timeout_s: float
    timeout_hint: str
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def run(self, question: Row) -> Row:
        """Return the answer of a process of its own; one runs at a time.

        Raises
        ------
        UnavailableError
            Another one runs.
        RefusalError
            It takes too long, or the data do not carry an answer.
        """
        if not self.one_at_a_time.acquire(blocking=False):
            raise UnavailableError(f"another {self.name} is running; retry after it has finished")
        try:
            done = subprocess.run(
                [sys.executable, "-m", self.module],
                input=orjson.dumps(question),
                capture_output=True,
                timeout=self.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RefusalError(f"the {self.name} takes longer than {self.timeout_s:g} s: {self.timeout_hint}") from None
        finally:
            self.one_at_a_time.release()
        if done.returncode:
            tail = done.stderr.decode(errors="replace")[-500:]
            raise PdmError(f"the {self.name} ended with {done.returncode}: {tail}")
        answer: Row = orjson.loads(done.stdout)
        if "error" in answer:
            raise _ERRORS.get(answer["error"], PdmError)(answer["message"], field=answer["field"])
        return answer


def answer_one(answer: Callable[[Row], Row]) -> None:
    """Answer the question on standard input, in the process of its own: the answer or the refusal goes out."""
    try:
        found = answer(orjson.loads(sys.stdin.buffer.read()))
    except PdmError as error:
        found = {"error": error.code, "message": error.message, "field": error.field}
    sys.stdout.buffer.write(orjson.dumps(found))
