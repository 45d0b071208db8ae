"""Bodies that the API reads: compressed or not, within limits of size and memory."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pyarrow as pa
import pytest
from starlette.requests import Request
from starlette.types import Message

from api.body import BodyReader
from api.compression import decompress
from pdm.errors import BodyTooLargeError, MalformedBodyError, UnsupportedMediaError

BODY = b'{"acquisitions": []}' * 1000
LIMIT = 1_000_000


def _read(body: bytes, encoding: str | None = None, limit: int = LIMIT, step: int = 1000) -> bytes:
    """Read a body that arrives in pieces."""
    pieces = [body[start : start + step] for start in range(0, len(body), step)]

    async def receive() -> Message:
        piece = pieces.pop(0) if pieces else b""
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def read() -> bytes:
        headers = [(b"content-encoding", encoding.encode())] if encoding is not None else []
        reader = BodyReader(limit, 5.0, 4 * limit)
        try:
            async with reader.read(Request({"type": "http", "headers": headers}, receive)) as whole:
                return whole
        finally:
            assert reader._used == 0

    return asyncio.run(read())


def _raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


def _zstd_stream(body: bytes) -> bytes:
    """Compress without a known size, as a stream does."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(body)
    compressed: bytes = sink.getvalue().to_pybytes()
    return compressed


def _zstd(body: bytes) -> bytes:
    compressed: bytes = pa.Codec("zstd").compress(body, asbytes=True)
    return compressed


COMPRESSED = [
    ("gzip", gzip.compress(BODY, mtime=0)),
    ("X-Gzip", gzip.compress(BODY, mtime=0)),
    ("gzip", gzip.compress(BODY[:5], mtime=0) + gzip.compress(BODY[5:], mtime=0) + bytes(100)),
    ("deflate", zlib.compress(BODY)),
    ("deflate", _raw_deflate(BODY)),
    ("zstd", _zstd(BODY)),
    ("zstd", _zstd_stream(BODY)),
    ("zstd", b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + _zstd(BODY[:5]) + _zstd_stream(BODY[5:])),
    ("identity", BODY),
    ("", BODY),
]


def test_a_compressed_body_is_read_as_it_was_before() -> None:
    for encoding, body in COMPRESSED:
        assert _read(body, encoding) == BODY, encoding


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress", "aws-chunked"])
def test_an_encoding_that_is_not_accepted_is_named_with_those_that_are(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaError, match=f"{encoding}.*allowed: gzip, deflate, zstd"):
        _read(BODY, encoding)


@pytest.mark.parametrize(("encoding", "body"), [each for each in COMPRESSED if each[1] != BODY])
def test_a_compressed_body_without_its_end_or_with_another_encoding_is_refused(encoding: str, body: bytes) -> None:
    for damaged in (body[: len(body) // 2], BODY, b"", b"\x1f"):
        with pytest.raises(MalformedBodyError, match=f"not valid {encoding.lower().removeprefix('x-')}"):
            _read(damaged, encoding)


def test_data_after_the_end_of_a_compressed_body_are_refused() -> None:
    for encoding, body in (
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("zstd", _zstd(BODY)),
    ):
        with pytest.raises(MalformedBodyError):
            _read(body + b"tail", encoding)


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", _zstd_stream)]
)
def test_the_limit_counts_decompressed_bytes_and_a_bomb_takes_no_memory(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    assert len(_read(compress(bytes(LIMIT)), encoding)) == LIMIT
    bomb = compress(bytes(64 * LIMIT))
    assert len(bomb) < LIMIT / 10
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLargeError, match="decompressed body is larger than 1000000 bytes"):
            _read(bomb, encoding, step=len(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT


def test_a_window_that_would_take_more_memory_than_the_largest_body_is_refused() -> None:
    last_empty_block = b"\x01\x00\x00"
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([17 << 3]) + last_empty_block
    with pytest.raises(MalformedBodyError, match=f"window of {2**27} bytes"):
        _read(_zstd(BODY) + frame, "zstd")


def test_a_compressed_body_that_does_not_name_its_encoding_is_refused_with_the_header_to_add() -> None:
    for encoding, body in (("gzip", gzip.compress(BODY, mtime=0)), ("zstd", _zstd(BODY))):
        with pytest.raises(MalformedBodyError, match=f"'Content-Encoding: {encoding}'"):
            _read(body)


def test_a_body_in_many_small_members_and_blocks_lets_other_requests_run() -> None:
    blocks = b"\x00\x00\x00" * 20_000 + b"\x01\x00\x00"
    frame = b"\x28\xb5\x2f\xfd\x00\x00" + blocks
    assert [piece for piece in decompress("zstd", frame, LIMIT) if piece] == []
    assert sum(1 for _ in decompress("zstd", frame, LIMIT)) >= 4
    members = gzip.compress(b"", mtime=0) * 500
    assert sum(1 for _ in decompress("gzip", members, LIMIT)) >= 500
