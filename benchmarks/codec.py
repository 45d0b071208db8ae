"""Comparison of payload codecs on recorded and simulated signals: compression and speed.

Candidates run interleaved on one core; each is verified to be lossless. The entropy of each record's histogram is the
approximate limit of a codec without prediction; that of the residuals of a linear prediction of order 32 is the limit
of a codec with prediction (both are slightly low, because a record's histogram is fitted to the record). One JSON line
per candidate and set of records: bytes per sample, million samples per second in and out, best and median. Run: python
-m benchmarks.codec
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import pcodec.wrapped
from numpy.typing import NDArray
from pcodec import ChunkConfig, DeltaSpec, PagingSpec, standalone
from scipy.io import loadmat

from pdm.store.acquisitions.waveform_codec import decode, encode, encode_cold

RECORDS, SAMPLES, LONG, ROUNDS = 64, 2560, 8192, 5
JOINED = 16  # records of one point that share the statistics of a frame
Records = NDArray[Any]


@dataclass(frozen=True)
class Candidate:
    """A codec over records (n, samples): to a list of pieces, and back to a list of arrays."""

    name: str
    encode: Callable[[Records], list[Any]]
    decode: Callable[[list[Any], Records], list[NDArray[Any]]]
    size: Callable[[Any], int] = len


def sets() -> dict[str, Records]:
    """Return records (n, samples) by name; recordings only if PDM_DATA has them."""
    folder = Path(os.environ.get("PDM_DATA", "../shared/data"))
    found: dict[str, Records] = {}
    recordings = sorted((folder / "pronostia").glob("Bearing*.npz"))
    if recordings:
        counts = np.concatenate([_pronostia(path) for path in recordings])
        found["pronostia int16"] = counts
        found["pronostia float32 of counts x 0.001"] = counts * np.float32(0.001)
    recordings = sorted((folder / "cwru").glob("*.npz"))
    if recordings:
        parts = [_cwru(path) for path in recordings[:: max(1, 2 * len(recordings) // RECORDS)]]
        found["cwru int16"] = np.concatenate([counts for counts, _ in parts])
        found["cwru float32 [g]"] = np.concatenate([counts * np.float64(step) for counts, step in parts]).astype("f4")
    runs = folder / "nasa_milling_sample" / "mill_2runs.mat"
    if runs.exists():
        table = loadmat(runs)["mill"][0]
        for column, signal in (("smcAC", "current"), ("vib_spindle", "vibration")):
            found[f"milling {signal} float32"] = np.stack([run[column].ravel()[:LONG].astype("f4") for run in table])
    current = _current()
    found["synthetic current int16"] = np.round(current * 1600).astype(np.int16)
    found["synthetic current float32 [A]"] = current.astype(np.float32)
    noise = np.random.default_rng(1).normal(0, 300, (RECORDS, SAMPLES))
    found["white noise int16"] = np.round(noise).astype(np.int16)
    return found


def _pronostia(path: Path) -> Records:
    with np.load(path) as recording:
        first = len(recording["h"]) // 2  # consecutive records, as in the cold pass
        return np.concatenate([recording[axis][first : first + JOINED] for axis in "hv"]).astype(np.int16)


def _cwru(path: Path) -> tuple[Records, float]:
    with np.load(path) as recording:
        return recording["DE"][: 2 * LONG].reshape(2, LONG).astype(np.int16), float(recording["DE_lsb"])


def _current() -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    at = np.arange(LONG) / 10000.0
    supply = 49.9 + 0.2 * rng.random((16, 1))
    phase = 2 * np.pi * (supply * at + rng.random((16, 1)))
    harmonics = 10 * np.sin(phase) + 0.3 * np.sin(5 * phase) + 0.2 * np.sin(7 * phase)
    sidebands = 0.02 * np.sin(phase * 1.04)
    current: NDArray[np.float64] = harmonics + sidebands + rng.normal(0, 0.02, (16, LONG))
    return current


def candidates() -> list[Candidate]:
    """Return all candidates; the service's own two are `hot` and `cold`."""
    lz4, zstd = blosc2.Codec.LZ4, blosc2.Codec.ZSTD
    return [
        Candidate("hot", lambda records: [encode(one) for one in records], _decode_ours, _size_ours),
        Candidate("cold", lambda records: [encode_cold(one) for one in records], _decode_ours, _size_ours),
        _blosc("bit shuffle, LZ4", lz4, 9, _same, _same),
        _blosc("zigzag, bit shuffle, Zstandard 1", zstd, 1, _zigzag, _unzigzag),
        _blosc("zigzag, bit shuffle, Zstandard 5", zstd, 5, _zigzag, _unzigzag),
        _blosc("difference, zigzag, bit shuffle, LZ4", lz4, 9, _difference, _sum),
        _pcodec("pcodec 2", 2),
        _pcodec("pcodec 6", 6),
        _pcodec("pcodec 8", 8),
        _pcodec("pcodec 4, prediction 8", 4, 8),
        _pcodec("pcodec 6, prediction 8", 6, 8),
        _pcodec("pcodec 6, prediction 16", 6, 16),
        _pcodec("pcodec 6, prediction 32", 6, 32),
        _pcodec("pcodec 8, prediction 16", 8, 16),
        Candidate(f"pcodec 8, prediction 16, {JOINED} records joined", _join, _part, _size_joined),
    ]


def _blosc(
    name: str, codec: Any, level: int, before: Callable[[Records], Records], after: Callable[[Records], Records]
) -> Candidate:
    shuffle = blosc2.Filter.BITSHUFFLE

    def pack(one: Records) -> bytes:
        return blosc2.compress(before(one), typesize=one.itemsize, clevel=level, filter=shuffle, codec=codec)

    return Candidate(
        name,
        lambda records: [pack(one) for one in records],
        lambda pieces, records: [after(np.frombuffer(blosc2.decompress(one), records.dtype)) for one in pieces],
    )


def _same(one: Records) -> Records:
    return one


def _zigzag(one: Records) -> Records:
    return (one << 1) ^ (one >> 15) if one.dtype == np.int16 else one


def _unzigzag(one: Records) -> Records:
    if one.dtype != np.int16:
        return one
    plain = one.view(np.uint16)
    return ((plain >> 1) ^ -(plain & 1)).view(np.int16)


def _difference(one: Records) -> Records:
    whole = one.view(f"i{one.itemsize}")
    steps = np.diff(whole, prepend=whole.dtype.type(0))
    return (steps << 1) ^ (steps >> (8 * one.itemsize - 1))


def _sum(one: Records) -> Records:
    plain = one.view(f"u{one.itemsize}")
    steps = (plain >> 1) ^ -(plain & 1)
    return np.cumsum(steps, dtype=plain.dtype).view(one.dtype)


def _pcodec(name: str, level: int, order: int | None = None) -> Candidate:
    delta = DeltaSpec.auto() if order is None else DeltaSpec.try_conv1(order)
    config = ChunkConfig(compression_level=level, delta_spec=delta)
    return Candidate(
        name,
        lambda records: [standalone.simple_compress(one, config) for one in records],
        lambda pieces, _: [standalone.simple_decompress(one) for one in pieces],
    )


def _join(records: Records) -> list[tuple[bytes, bytes, list[bytes]]]:
    joined = []
    for start in range(0, len(records), JOINED):
        group = np.ascontiguousarray(records[start : start + JOINED])
        pages = PagingSpec.exact_page_sizes([group.shape[1]] * len(group))
        file = pcodec.wrapped.FileCompressor()
        config = ChunkConfig(compression_level=8, delta_spec=DeltaSpec.try_conv1(16), paging_spec=pages)
        chunk = file.chunk_compressor(group.ravel(), config)
        joined.append((file.write_header(), chunk.write_meta(), [chunk.write_page(i) for i in range(len(group))]))
    return joined


def _part(pieces: list[tuple[bytes, bytes, list[bytes]]], records: Records) -> list[NDArray[Any]]:
    back = []
    for header, meta, pages in pieces:
        file, _ = pcodec.wrapped.FileDecompressor.new(header)
        chunk, _ = file.chunk_decompressor(meta, records.dtype.str[1:].replace("2", "16").replace("4", "32"))
        for page in pages:
            samples = np.empty(records.shape[1], records.dtype)
            chunk.read_page_into(page, len(samples), samples)
            back.append(samples)
    return back


def _size_joined(piece: tuple[bytes, bytes, list[bytes]]) -> int:
    return len(piece[0]) + len(piece[1]) + sum(len(page) for page in piece[2])


def _decode_ours(pieces: list[tuple[int, bytes]], records: Records) -> list[NDArray[Any]]:
    return [decode(codec, payload, records.dtype, records.shape[1]) for codec, payload in pieces]


def _size_ours(piece: tuple[int, bytes]) -> int:
    return len(piece[1])


def entropy(records: Records) -> tuple[float, float]:
    """Return the entropy of the counts, and of the residuals of a linear prediction [bytes per sample]."""
    plain, residual = 0.0, 0.0
    for one in records:
        plain += _histogram_entropy(one)
        history = np.lib.stride_tricks.sliding_window_view(one.astype(np.float64), 33)
        weights = np.linalg.lstsq(history[:, :-1], history[:, -1], rcond=None)[0]
        residual += _histogram_entropy(np.round(history[:, -1] - history[:, :-1] @ weights))
    return plain / len(records) / 8, residual / len(records) / 8


def _histogram_entropy(values: NDArray[Any]) -> float:
    _, times = np.unique(values, return_counts=True)
    share = times / times.sum()
    return float(-(share * np.log2(share)).sum())


def show(**figure: Any) -> None:
    print(json.dumps({key: float(f"{v:.4g}") if isinstance(v, float) else v for key, v in figure.items()}), flush=True)


def measure(name: str, records: Records) -> None:
    if records.dtype == np.int16:
        plain, residual = entropy(records)
        show(set=name, figure="entropy [bytes/sample]", value=plain, of_prediction_residuals=residual)
    spent: dict[str, tuple[list[float], list[float]]] = {}
    pieces: dict[str, list[Any]] = {}
    for _ in range(ROUNDS):
        for candidate in candidates():
            into, back = spent.setdefault(candidate.name, ([], []))
            began = time.perf_counter()
            pieces[candidate.name] = candidate.encode(records)
            between = time.perf_counter()
            samples = candidate.decode(pieces[candidate.name], records)
            into.append(records.size / 1e6 / (between - began))
            back.append(records.size / 1e6 / (time.perf_counter() - between))
            assert np.stack(samples).tobytes() == records.tobytes(), (name, candidate.name)
    for candidate in candidates():
        into, back = spent[candidate.name]
        show(
            set=name,
            samples=records.shape[1],
            codec=candidate.name,
            bytes_per_sample=sum(map(candidate.size, pieces[candidate.name])) / records.size,
            encode_million_per_s=statistics.median(into),
            encode_best=max(into),
            decode_million_per_s=statistics.median(back),
            decode_best=max(back),
        )


def main() -> None:
    blosc2.set_nthreads(1)
    for name, records in sets().items():
        measure(name, np.ascontiguousarray(records))


if __name__ == "__main__":
    main()
