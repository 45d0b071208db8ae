"""A model as a file to carry elsewhere: one line with the SHA-256 of what follows, then the model as JSON.

Nothing of the model is read here. LightGBM takes most damaged models without a word and ends the process over
others, so what comes from elsewhere is parsed in a child process only (`check_model`).
"""

from __future__ import annotations

import hashlib

from pdm.errors import InvalidInputError

MAGIC = b"PDM-MODEL-1 "
_HEAD = len(MAGIC) + 64 + 1  # magic, SHA-256 in hexadecimal, line feed


def pack_model(body: bytes) -> bytes:
    """Return the file of a model's bytes."""
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unpack_model(file: bytes) -> bytes:
    """Return the bytes of a model from its file.

    Raises
    ------
    InvalidInputError
        It is no such file, or its bytes are not those that were written.
    """
    if len(file) <= _HEAD or not file.startswith(MAGIC) or file[_HEAD - 1 : _HEAD] != b"\n":
        raise InvalidInputError("this is not a model file that pdm exported", field="body")
    body = file[_HEAD:]
    if hashlib.sha256(body).hexdigest().encode() != file[len(MAGIC) : _HEAD - 1]:
        raise InvalidInputError("the model file is damaged: the SHA-256 does not match", field="body")
    return body
