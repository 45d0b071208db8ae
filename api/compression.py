"""Content-Encoding of request bodies: decompression in bounded steps of time and memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping

from pdm.errors import MalformedBodyError, UnsupportedEncodingError

STEP_BYTES = 256 * 1024
LEAST_WINDOW = 8 * 1024 * 1024  # RFC 9659: largest window of zstd as a content encoding
_INPUT_BYTES = 64 * 1024
_BLOCKS_PER_STEP = 4096
_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15  # wbits of zlib
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MAGICS = {"gzip": b"\x1f\x8b", "zstd": _ZSTD_MAGIC}
_SKIPPABLE = 0x184D2A50  # to ...5F: frames without content (RFC 8878, 3.1.2)


def find_encoding(header: str | None) -> str | None:
    """Return the content encoding that a header names, None for a body as it is.

    Raises
    ------
    UnsupportedEncodingError
        The encoding is unknown, or there is more than one.
    """
    names = [name for part in (header or "").lower().split(",") if (name := part.strip()) not in ("", "identity")]
    if not names:
        return None
    name = names[0].removeprefix("x-")  # RFC 9110, 8.4.1.3: x-gzip is gzip
    if len(names) > 1 or name not in ENCODINGS:
        raise UnsupportedEncodingError(
            f"content encoding {', '.join(names)[:80]!r} is not accepted; allowed: {', '.join(ENCODINGS)} or none, and "
            "only one of them",
            field="Content-Encoding",
        )
    return name


def refuse_unmarked(body: bytes) -> None:
    """Refuse a compressed body whose encoding is not named.

    Raises
    ------
    MalformedBodyError
        The body begins like compressed data.
    """
    for name, magic in _MAGICS.items():
        if body.startswith(magic):
            raise MalformedBodyError(
                f"the body is compressed with {name}, but the request does not name it; add the header "
                f"'Content-Encoding: {name}'",
                field="Content-Encoding",
            )


def decompress(encoding: str, body: bytes, max_bytes: int) -> Iterator[bytes]:
    """Yield the decompressed body in pieces of at most `STEP_BYTES`, some of them empty.

    Parameters
    ----------
    encoding : str
        One of `ENCODINGS`.
    body : bytes
        The whole compressed body.
    max_bytes : int
        Largest decompressed body; it bounds the memory of the decoder too, the caller counts the pieces.

    Raises
    ------
    MalformedBodyError
        The body does not have this encoding, or its end is missing.
    """
    try:
        yield from ENCODINGS[encoding](body, max_bytes)
    except (zlib.error, OSError, ValueError, IndexError) as error:
        reason = "its end is missing" if isinstance(error, IndexError) else error
        raise MalformedBodyError(
            f"the body is not valid {encoding}: {reason}"[:300], field="Content-Encoding"
        ) from None


def _gunzip(body: bytes, _: int) -> Iterator[bytes]:
    return _inflate(body, _GZIP)


def _undeflate(body: bytes, _: int) -> Iterator[bytes]:
    """Read zlib data as RFC 9110 defines it, or DEFLATE data without a header, which some clients send."""
    has_header = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _inflate(body, _ZLIB if has_header else _RAW_DEFLATE)


def _inflate(body: bytes, wbits: int) -> Iterator[bytes]:
    """Decompress piece by piece; a gzip body may have several members and zeros after them."""
    decoder = zlib.decompressobj(wbits)
    for start in range(0, len(body), _INPUT_BYTES):
        rest = body[start : start + _INPUT_BYTES]
        while rest:
            if decoder.eof:
                rest = rest.lstrip(b"\0") if wbits == _GZIP else rest
                if not rest:
                    break
                if wbits != _GZIP:
                    raise zlib.error("data follow its end")
                decoder = zlib.decompressobj(wbits)
            yield decoder.decompress(rest, STEP_BYTES)
            rest = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    while not decoder.eof:
        piece = decoder.decompress(b"", STEP_BYTES)
        if not piece and not decoder.eof:
            raise zlib.error("its end is missing")
        yield piece


def _unzstd(body: bytes, max_bytes: int) -> Iterator[bytes]:
    yield from _check_frames(body, max(LEAST_WINDOW, max_bytes))
    import pyarrow as pa  # 40 MiB: imported only if a sender uses it

    with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
        while piece := stream.read(STEP_BYTES):
            yield piece


def _check_frames(body: bytes, max_window: int) -> Iterator[bytes]:
    """Read the headers of frames and blocks (RFC 8878, 3.1): a decoder allocates the window that a frame declares."""
    place = blocks = 0
    while place < len(body):
        if int.from_bytes(body[place : place + 4], "little") & 0xFFFFFFF0 == _SKIPPABLE:
            place += 8 + int.from_bytes(body[place + 4 : place + 8], "little")
            continue
        if body[place : place + 4] != _ZSTD_MAGIC:
            raise zlib.error(f"no frame begins at byte {place}")
        has_checksum = body[place + 4] & 4
        place, window = _read_frame_header(body, place + 4)
        if window > max_window:
            raise zlib.error(f"a frame needs a window of {window} bytes; at most {max_window} are allowed")
        is_last = False
        while not is_last:
            if place + 3 > len(body):
                raise zlib.error("its end is missing")
            header = int.from_bytes(body[place : place + 3], "little")
            is_last, is_run = bool(header & 1), header & 6 == 2
            place += 3 + (1 if is_run else header >> 3)
            blocks += 1
            if blocks % _BLOCKS_PER_STEP == 0:
                yield b""
        place += 4 if has_checksum else 0
    if place > len(body) or not body:
        raise zlib.error("its end is missing")


def _read_frame_header(body: bytes, place: int) -> tuple[int, int]:
    """Return where the first block begins, and the window of the frame [bytes]; `place` is after the magic number."""
    descriptor = body[place]
    is_single = bool(descriptor & 32)
    window = 0
    place += 1
    if not is_single:
        base = 1 << (10 + (body[place] >> 3))
        window = base + (base >> 3) * (body[place] & 7)
        place += 1
    place += (0, 1, 2, 4)[descriptor & 3]
    size = (1 if is_single else 0, 2, 4, 8)[descriptor >> 6]
    content = int.from_bytes(body[place : place + size], "little") + (256 if size == 2 else 0)
    return place + size, content if is_single else window


ENCODINGS: Mapping[str, Callable[[bytes, int], Iterator[bytes]]] = {
    "gzip": _gunzip,
    "deflate": _undeflate,
    "zstd": _unzstd,
}
