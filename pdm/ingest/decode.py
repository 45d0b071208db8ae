"""Decoding of bodies of POST /v1/acquisitions in all wire formats."""

from __future__ import annotations

from pdm.errors import UnsupportedMediaError
from pdm.ingest import json_body, raw_body
from pdm.ingest.records import Decoded

ARROW_MEDIA_TYPE = "application/vnd.apache.arrow.stream"
ARROW_FILE_MEDIA_TYPE = "application/vnd.apache.arrow.file"

__all__ = ["Decoded", "decode"]


def decode(content_type: str, body: bytes) -> list[Decoded]:
    """Decode a request body to records, each with its accepted channels and the problems of the others.

    Parameters
    ----------
    content_type : str
        Media type with or without parameters.
    body : bytes
        The whole body; samples may be views of it.

    Returns
    -------
    list of Decoded
        One per record, in the order of the body; never empty.

    Raises
    ------
    UnsupportedMediaError
        No decoder exists for the content type.
    MalformedBodyError
        The body does not match its content type, so that no part of it can be read.
    BodyTooLargeError
        A JSON body exceeds the limit for JSON.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == json_body.MEDIA_TYPE:
        return json_body.decode_json(body)
    if media_type == raw_body.MEDIA_TYPE:
        return raw_body.decode_raw(body)
    if media_type in (ARROW_MEDIA_TYPE, ARROW_FILE_MEDIA_TYPE):
        from pdm.ingest.arrow_body import decode_arrow  # pyarrow takes 40 MiB: imported only if a sender uses it

        return decode_arrow(body)
    raise UnsupportedMediaError(
        f"content type {media_type[:80]!r} is not accepted; allowed: {json_body.MEDIA_TYPE}, {ARROW_MEDIA_TYPE}, "
        f"{ARROW_FILE_MEDIA_TYPE} or {raw_body.MEDIA_TYPE}"
    )
