"""A model as a file for export: one line with the SHA-256 of the rest, then the model as JSON.

This module does not parse the model. LightGBM accepts most damaged models without an error and ends the process for
others, so an imported model is parsed in a child process only (`check_model`).
"""

from __future__ import annotations

import hashlib

from pdm.errors import InvalidInputError

MAGIC = b"PDM-MODEL-1 "
_HEAD = len(MAGIC) + 64 + 1  # magic, SHA-256 in hexadecimal, line feed


def pack_model(body: bytes) -> bytes:
    """Return the file with a model's bytes."""
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unpack_model(file: bytes) -> bytes:
    """Return the bytes of a model from its file.

    Raises
    ------
    InvalidInputError
        The file is not a model file, or its checksum does not match.
    """
    if len(file) <= _HEAD or not file.startswith(MAGIC) or file[_HEAD - 1 : _HEAD] != b"\n":
        raise InvalidInputError("this is not a model file that pdm exported", field="body")
    body = file[_HEAD:]
    if hashlib.sha256(body).hexdigest().encode() != file[len(MAGIC) : _HEAD - 1]:
        raise InvalidInputError("the model file is damaged: the SHA-256 does not match", field="body")
    return body
