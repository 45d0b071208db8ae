"""The child process that reads a container for `pdm.ingest.recordings.open`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import orjson

from pdm.child_process import answer
from pdm.errors import InvalidInputError
from pdm.ingest.recordings.content import Reading
from pdm.ingest.recordings.open import read_here, to_document


def read(body: bytes) -> Mapping[str, Any]:
    """Return the content of the file of a request; the samples are written into its folder."""
    request = orjson.loads(body)
    with ExitStack() as closing, redirect_stdout(sys.stderr):  # libraries print while they read slowly
        content = read_here(Path(request["path"]), msgspec.convert(request["reading"], Reading), closing)
        try:
            return to_document(content, request["wanted"], Path(request["folder"]))
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"its samples cannot be read: {error}", field="file") from error


if __name__ == "__main__":
    answer(read)
