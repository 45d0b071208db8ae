"""Models from elsewhere, parsed and tried in a child process with limits: a hostile file ends the child only."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pdm.child_process import ChildEndedError, ChildEnding, call
from pdm.errors import InvalidInputError, PdmError

MOST_BYTES = 64 * 1024 * 1024  # of a model
DEADLINE_S = 60.0
_LIMITS: Mapping[int, int] = {
    resource.RLIMIT_AS: 4 * 1024**3,  # address space [bytes]; libraries take half of it
    resource.RLIMIT_CPU: 40,  # processor time [s]
    resource.RLIMIT_FSIZE: 0,  # no file is written
    resource.RLIMIT_CORE: 0,
}


def check_model(body: bytes) -> dict[str, Any]:
    """Return the card of a model (what it reads, metrics, training data), after a child process has tried all of it.

    The child has none of the service's settings and secrets, and limits of memory, processor time and files.

    Raises
    ------
    InvalidInputError
        The bytes are not a valid model, or the child process ended abnormally or took too long.
    """
    if len(body) > MOST_BYTES:
        raise InvalidInputError(f"a model of {len(body)} bytes is larger than {MOST_BYTES}", field="body")
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        return call(
            "pdm.prognosis.training.import_check",
            body,
            name="the process that checks the model",
            timeout_s=DEADLINE_S,
            environment={**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            folder=Path("/"),
            limits=_LIMITS,
        )
    except ChildEndedError as error:
        # a traceback of the child is no answer to a caller
        reason = "ended abnormally" if error.ending is ChildEnding.STATUS else error.reason
        raise InvalidInputError(f"the process that checks the model {reason}", field="body") from None
    except PdmError as error:
        raise InvalidInputError(error.message, field="body") from None
