"""Sound files: RIFF and RF64 WAV with PCM or floating-point samples, read by slices."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.content import Clock, FileChannel, FileRecording, Reading

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_NEVER_WRITTEN = (0, 0xFFFFFFFF)
_OTHER_FILES = {b"fLaC": "FLAC", b"riff": "Wave64", b"OggS": "Ogg", b"ID3\x03": "MP3", b"FORM": "AIFF", b"RIFX": "RIFX"}
_CODES = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 85: "MP3"}


@dataclass(frozen=True)
class _Format:
    code: int
    channels: int
    rate: int
    frame: int  # bytes of one sample of all channels
    bits: int


def read_wav(path: Path, _reading: Reading, _: ExitStack) -> FileRecording:
    """Read a WAV file; its channels are named 1, 2, ...; samples are fractions of full scale."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        chunks = dict(_chunks(stream, size))
        if b"fmt " not in chunks or b"data" not in chunks:
            missing = "format" if b"fmt " not in chunks else "data"
            raise InvalidInputError(f"it has no {missing} chunk: it was cut short, or is no WAV file", field="file")
        kind = _format(stream, *chunks[b"fmt "])
    start, length = chunks[b"data"]
    frames, rest = divmod(length, kind.frame)
    if rest:
        raise InvalidInputError(
            f"its data has {length} bytes, which is no multiple of {kind.frame} bytes a sample", field="file"
        )
    if frames == 0:
        raise InvalidInputError("it has no samples", field="file")
    width = kind.frame // kind.channels
    dtype, count, convert = _conversion(kind, width)
    clock = Clock(float(kind.rate), "the file")
    channels = tuple(
        FileChannel(
            str(place + 1),
            frames,
            dtype,
            _loader(path, start, kind.frame, slice(place * width, place * width + width), convert),
            clock,
            part_of_full_scale=count,
            label=str(place + 1),
        )
        for place in range(kind.channels)
    )
    return FileRecording(
        channels, details={"samples": f"{kind.bits} bits, {'float' if kind.code == _FLOAT else 'PCM'}"}
    )


def _chunks(stream: Any, size: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield the chunks of a file: name, place and length; one whose length is not that of the file is rejected."""
    head = stream.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        other = _OTHER_FILES.get(head[:4], "")
        raise InvalidInputError(
            f"not a WAV file{other and f' but {other}'}: its first bytes are {head[:4]!r}", field="file"
        )
    is_long, long_data, place = head[:4] == b"RF64", None, 12
    while place + 8 <= size:
        stream.seek(place)
        name, length = struct.unpack("<4sI", stream.read(8))
        if name == b"ds64":
            _, long_data = struct.unpack("<QQ", stream.read(16))
        if name == b"data":
            length = _data_length(length, size - place - 8, long_data if is_long else None)
            yield name, (place + 8, length)
            return
        if place + 8 + length > size:
            raise InvalidInputError(f"its chunk {name!r} ends behind the file: it was cut short", field="file")
        yield name, (place + 8, length)
        place += 8 + length
        stream.seek(place)
        if length % 2 and stream.read(1) in (b"\0", b""):
            place += 1


def _data_length(stated: int, left: int, long_data: int | None) -> int:
    """Return the bytes of the samples."""
    if long_data is not None:
        stated = long_data
    elif stated in _NEVER_WRITTEN and left > 0:
        raise InvalidInputError(
            f"its header says {'0' if stated == 0 else 'no'} bytes of samples and {left} bytes follow: the recorder "
            "did not close the file, so that its sizes were never written; repair it (write the sizes into its header)",
            field="file",
        )
    if stated > left:
        raise InvalidInputError(
            f"its header says {stated} bytes of samples but {left} follow: it was cut short", field="file"
        )
    return stated


def _format(stream: Any, place: int, length: int) -> _Format:
    stream.seek(place)
    fields = stream.read(min(length, 40))
    if len(fields) < 16:
        raise InvalidInputError("its format chunk is too short", field="file")
    code, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", fields[:16])
    if code == _EXTENSIBLE and len(fields) >= 26:
        code = struct.unpack("<H", fields[24:26])[0]
    if code not in (_PCM, _FLOAT):
        raise InvalidInputError(
            f"its samples are {_CODES.get(code, f'of format {code}')}; allowed are PCM and floating point", field="file"
        )
    if channels == 0 or frame == 0 or frame % channels or rate == 0:
        raise InvalidInputError(
            f"its header says {channels} channels, {rate} Hz and {frame} bytes a sample: not possible", field="file"
        )
    return _Format(code, channels, rate, frame, bits)


def _conversion(kind: _Format, width: int) -> tuple[np.dtype[Any], float, Callable[[NDArray[Any]], NDArray[Any]]]:
    """Return type, value of one count at full scale, and conversion of the bytes (n, width) of a channel."""
    if kind.code == _FLOAT and width in (4, 8):
        dtype = np.dtype(f"<f{width}")
        return dtype, 1.0, lambda raw: raw.view(dtype)[:, 0]
    if kind.code == _PCM and width == 1:
        return np.dtype(np.int16), 1 / 128, lambda raw: raw[:, 0].astype(np.int16) - 128
    if kind.code == _PCM and width in (2, 4):
        dtype = np.dtype(f"<i{width}")
        return dtype, 0.5 ** (8 * width - 1), lambda raw: raw.view(dtype)[:, 0]
    if kind.code == _PCM and width == 3:
        return np.dtype(np.int32), 0.5**31, _of_24_bits
    raise InvalidInputError(
        f"its samples have {8 * width} bits; allowed are 8, 16, 24, 32 and 64 (float)", field="file"
    )


def _of_24_bits(raw: NDArray[Any]) -> NDArray[Any]:
    padded = np.zeros((len(raw), 4), np.uint8)
    padded[:, 1:] = raw
    return padded.view("<i4")[:, 0]


def _loader(
    path: Path, start: int, frame: int, part: slice, convert: Callable[[NDArray[Any]], NDArray[Any]]
) -> Callable[[int, int], NDArray[Any]]:
    def load(first: int, stop: int) -> NDArray[Any]:
        raw = np.fromfile(path, np.uint8, (stop - first) * frame, offset=start + first * frame)
        return convert(np.ascontiguousarray(raw.reshape(-1, frame)[:, part]))

    return load
