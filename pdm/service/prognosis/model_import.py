"""Models that come from elsewhere, read in a child process so that this one neither parses nor dies over them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pdm.errors import InvalidInputError

MOST_BYTES = 64 * 1024 * 1024  # of a model
DEADLINE_S = 60.0
_REFUSED = 3  # exit status of `pdm.prognosis.training.import_check`


def check_model(body: bytes) -> dict[str, Any]:
    """Return what a model says of itself, after a child process has read all of it and lived.

    Raises
    ------
    InvalidInputError
        It is not a sound model, or the process reading it died or took too long.
    """
    if len(body) > MOST_BYTES:
        raise InvalidInputError(f"a model of {len(body)} bytes is larger than {MOST_BYTES}", field="body")
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        child = subprocess.run(
            [sys.executable, "-m", "pdm.prognosis.training.import_check"],
            input=body,
            capture_output=True,
            env={**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            cwd=Path("/"),
            timeout=DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InvalidInputError("the check of the model timed out", field="body") from None
    if child.returncode == 0:
        card: dict[str, Any] = json.loads(child.stdout)
        return card
    refusal = child.stdout.decode("utf-8", "replace").strip() if child.returncode == _REFUSED else ""
    raise InvalidInputError(refusal or "the process that checks the model ended abnormally", field="body")
