"""Requests that keep a processor busy, computed in a child process while a caller waits.

The process that answers requests continues to serve other callers and does not slow down the analysis.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import orjson

from pdm.child_process import ChildEndedError, ChildEnding, call
from pdm.errors import RefusalError, UnavailableError

Row = dict[str, Any]


@dataclass(frozen=True)
class SubprocessCall:
    """One kind of such requests: the module that computes it, its name, and how long a caller waits [s]."""

    module: str
    name: str
    timeout_s: float
    timeout_hint: str
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def run(self, question: Row) -> Row:
        """Return the answer of a child process; one runs at a time.

        Raises
        ------
        UnavailableError
            Another one runs.
        RefusalError
            It takes too long, or the data do not carry an answer.
        ChildEndedError
            The child process ended without an answer.
        """
        if not self.one_at_a_time.acquire(blocking=False):
            raise UnavailableError(f"another {self.name} is running; retry after it has finished")
        try:
            return call(self.module, orjson.dumps(question), name=f"the {self.name}", timeout_s=self.timeout_s)
        except ChildEndedError as error:
            if error.ending is not ChildEnding.TIMEOUT:
                raise
            hint = f"the {self.name} takes longer than {self.timeout_s:g} s: {self.timeout_hint}"
            raise RefusalError(hint) from None
        finally:
            self.one_at_a_time.release()
