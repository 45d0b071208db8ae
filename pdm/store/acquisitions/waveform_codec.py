"""Lossless encoding of samples: fast at ingest (hot), compact later (cold).

Hot: after a bit shuffle the high bits of small samples are long runs; zigzag makes the high bits of negative int16
counts zero too. Cold: pcodec with a linear prediction of each sample from the previous ones, effective for vibration
and current. Measured on PRONOSTIA records of 2,560 counts, one core (million samples per second in and out,
bytes per sample): hot 340, 600, 1.47; cold 36, 75, 1.34. The float32 form of the same records: hot 3.51, cold 1.36,
because it finds the common step of the values. The candidates are compared in
docs/adr/0008-fast-and-compact-waveform-encoding.md.
"""

from __future__ import annotations

import logging
import zlib
from typing import Any

import blosc2
import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, DeltaSpec, standalone

from pdm.errors import RefusalError

log = logging.getLogger(__name__)

RAW = 0  # little-endian samples
BITSHUFFLE_LZ4 = 1  # a Blosc2 chunk: bit shuffle, then LZ4
ZIGZAG_BITSHUFFLE_LZ4 = 2  # int16 as 0, -1, 1, -2, ... first
PCODEC = 3  # CRC-32 of the rest [4 bytes, little-endian], then a standalone pcodec file

_CRC_BYTES = 4
_LEVEL = 6  # higher levels lose two thirds of the speed for 0.3 % of the size
# Each coefficient of the prediction is stored: more coefficients are only useful in longer records.
_ORDERS = ((8192, 32), (4096, 16), (64, 8))  # minimum number of samples, coefficients

blosc2.set_nthreads(1)


def encode(samples: NDArray[np.float32] | NDArray[np.int16]) -> tuple[int, bytes]:
    """Return the codec and the payload of a channel's samples (n,); never larger than the samples."""
    plain = _little_endian(samples)
    is_counts = plain.dtype == np.int16
    packed: bytes = blosc2.compress(
        (plain << 1) ^ (plain >> 15) if is_counts else plain,
        typesize=plain.itemsize,
        clevel=9,
        filter=blosc2.Filter.BITSHUFFLE,
        codec=blosc2.Codec.LZ4,
    )
    if len(packed) >= plain.nbytes:
        return RAW, plain.tobytes()
    return (ZIGZAG_BITSHUFFLE_LZ4 if is_counts else BITSHUFFLE_LZ4), packed


def encode_cold(samples: NDArray[np.float32] | NDArray[np.int16]) -> tuple[int, bytes]:
    """Return codec and payload of rarely read samples (n,); not larger than the result of `encode`.

    Counts are always predicted. For floats both forms are compared: counts times a scale are predicted as counts,
    other floats are larger with a prediction.
    """
    hot = encode(samples)
    plain = _little_endian(samples)
    order = next((order for least, order in _ORDERS if len(plain) >= least), None)
    if order is None:
        return hot
    configs = [ChunkConfig(compression_level=_LEVEL, delta_spec=DeltaSpec.try_conv1(order))]
    if plain.dtype != np.int16:
        configs.append(ChunkConfig(compression_level=_LEVEL))
    best = min(filter(None, (_compress(plain, config) for config in configs)), key=len, default=None)
    if best is None or _CRC_BYTES + len(best) >= len(hot[1]):
        return hot
    return PCODEC, zlib.crc32(best).to_bytes(_CRC_BYTES, "little") + best


def decode(codec: int, payload: bytes, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Return the samples (count,) of a payload.

    Raises
    ------
    RefusalError
        The codec is unknown, or the payload does not contain `count` samples.
    """
    if codec not in (RAW, BITSHUFFLE_LZ4, ZIGZAG_BITSHUFFLE_LZ4, PCODEC):
        raise RefusalError(f"payload codec {codec} is not one this version can read")
    try:
        if codec == PCODEC:
            return _decode_pcodec(payload, dtype, count)
        plain = payload if codec == RAW else _unpack(payload)
    except (RuntimeError, TypeError, ValueError) as error:
        raise RefusalError(f"a stored payload of {len(payload)} bytes is damaged: {error}") from error
    if len(plain) != count * dtype.itemsize:
        raise RefusalError(f"a stored payload has {len(plain)} bytes, not {count} samples of {dtype}")
    samples = np.frombuffer(plain, dtype.newbyteorder("<"))
    if codec != ZIGZAG_BITSHUFFLE_LZ4:
        return samples
    zigzag = samples.view("<u2")
    folded = zigzag >> 1
    folded ^= -(zigzag & 1)
    return folded.view(dtype)


def _little_endian(samples: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))


def _compress(samples: NDArray[Any], config: ChunkConfig) -> bytes | None:
    """Return a standalone pcodec file, or None if the library fails."""
    try:
        packed: bytes = standalone.simple_compress(samples, config)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of its Rust code is not an Exception
        log.warning("pcodec cannot encode %d samples of %s: %s", len(samples), samples.dtype, error)
        return None
    return packed


def _decode_pcodec(payload: bytes, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    # The library trusts its input, so the checksum is verified first; it does not write beyond its output buffer.
    packed = payload[_CRC_BYTES:]
    if zlib.crc32(packed).to_bytes(_CRC_BYTES, "little") != payload[:_CRC_BYTES]:
        raise ValueError("its checksum is wrong")
    samples = np.empty(count, dtype)
    progress = standalone.simple_decompress_into(packed, samples)
    if progress.n_processed != count or not progress.finished:
        raise ValueError(f"it does not contain {count} samples")
    return samples


def _unpack(payload: bytes) -> bytes:
    # Bytes 12-15 of a chunk are its size; the library would read beyond the end of a shorter one.
    if int.from_bytes(payload[12:16], "little") != len(payload):
        raise ValueError("its length differs from its header")
    plain: bytes = blosc2.decompress(payload)
    return plain
