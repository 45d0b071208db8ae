"""Bodies of POST /v1/acquisitions to acquisitions, whatever the form in which they travelled."""

from __future__ import annotations

from pdm.errors import UnsupportedMediaError
from pdm.ingest import json_body, raw_body
from pdm.ingest.records import Decoded

ARROW_MEDIA_TYPE = "application/vnd.apache.arrow.stream"

__all__ = ["Decoded", "decode"]


def decode(content_type: str, body: bytes) -> list[Decoded]:
    """Decode a request body to records: of each the channels that are good and the problems of the rest.

    Parameters
    ----------
    content_type : str
        Media type, with or without parameters.
    body : bytes
        The whole body; samples may stay views of it.

    Returns
    -------
    list of Decoded
        One a record, in the order of the body; never empty.

    Raises
    ------
    UnsupportedMediaError
        No decoder exists for the content type.
    MalformedBodyError
        The body is not what its content type says, so that nothing of it can be read.
    BodyTooLargeError
        A JSON body is longer than the form is good for.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == json_body.MEDIA_TYPE:
        return json_body.decode_json(body)
    if media_type == raw_body.MEDIA_TYPE:
        return raw_body.decode_raw(body)
    if media_type == ARROW_MEDIA_TYPE:
        from pdm.ingest.arrow_body import decode_arrow  # pyarrow takes 40 MiB: only where a sender uses it

        return decode_arrow(body)
    raise UnsupportedMediaError(
        f"content type {media_type[:80]!r} is not accepted; allowed: {json_body.MEDIA_TYPE}, {ARROW_MEDIA_TYPE} "
        f"or {raw_body.MEDIA_TYPE}"
    )
