"""Large recording files are read by parts: the memory is that of a part, not of a channel, a segment or the file."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asammdf
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import write_fleet
from pdm.ingest.formats import open_recording
from pdm.ingest.recording_files import Declared
from pdm.ingest.recordings.content import Reading
from pdm.ingest.recordings.open import read_here
from pdm.machines.model import Machine, MeasurementPoint, Timeline
from tests.unit.test_recording_lies import later, segment, tdms

MIB = 1 << 20
COUNT = 2 * MIB  # samples of a channel, 8 MiB as float32
NOISE = np.random.default_rng(0).normal(size=COUNT).astype(np.float32)
RATE = 12000.0


def peak(read: Callable[[], object]) -> float:
    """Return the most memory that Python and NumPy have while a function runs [MiB]."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def read_all(path: Path, **reading: bool) -> None:
    """Read every channel of a file once, by parts, as the child process does."""
    with ExitStack() as closing:
        for channel in read_here(path, Reading(**reading), closing).channels:
            assert sum(len(part) for part in channel.chunks()) == channel.count


def in_one_segment(path: Path, *, is_interleaved: bool, channels: int = 4) -> None:
    """Write a TDMS file with all samples in one chunk."""
    names = [f"c{place}" for place in range(channels)]
    whole = segment({name: (NOISE[:16], {"wf_increment": 1 / RATE}) for name in names}, count=COUNT)
    head = bytearray(whole[: len(whole) - 4 * 16 * channels])
    (metadata,) = struct.unpack_from("<Q", head, 20)
    contents = 2 | 4 | 8 | (32 if is_interleaved else 0)
    struct.pack_into("<I4xQ", head, 4, contents, metadata + 4 * COUNT * channels)
    struct.pack_into("<I", head, 8, 4713)
    with path.open("wb") as stream:
        stream.write(head)
        if is_interleaved:
            stream.write(np.repeat(NOISE, channels).tobytes())
        else:
            for _ in names:
                stream.write(NOISE.tobytes())


@pytest.mark.parametrize("is_interleaved", [False, True])
def test_a_tdms_file_of_one_segment_is_read_by_parts(tmp_path: Path, is_interleaved: bool) -> None:
    path = tmp_path / "a.tdms"
    in_one_segment(path, is_interleaved=is_interleaved)
    assert peak(lambda: read_all(path)) < 8
    with ExitStack() as closing:
        channel = read_here(path, Reading(), closing).channels[2]
        np.testing.assert_array_equal(channel.load(COUNT - 1000, COUNT), NOISE[-1000:])
        np.testing.assert_array_equal(np.concatenate(list(channel.chunks())), NOISE)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_interleaved", [False, True])
def test_tdms_chunks_of_any_order_are_joined(tmp_path: Path, order: str, is_interleaved: bool) -> None:
    """Three chunks of 50 samples in one segment, of channels of other types, and another segment behind."""
    first, second = NOISE[:150].astype(f"{order}f4"), np.arange(150).astype(f"{order}i2")

    def part(chunks: int) -> bytes:
        objects = [_text(name, order) + struct.pack(f"{order}II", 0xFFFFFFFF, 0) for name in ("/", "/'g'")]
        for name, kind in (("a", 9), ("b", 2)):
            objects.append(_text(f"/'g'/'{name}'", order) + struct.pack(f"{order}IIIQI", 20, kind, 1, 50, 0))
        metadata = struct.pack(f"{order}I", len(objects)) + b"".join(objects)
        raw = b""
        for place in range(0, 50 * chunks, 50):
            rows = slice(place, place + 50)
            if is_interleaved:
                both = np.empty(50, [("a", first.dtype), ("b", second.dtype)])
                both["a"], both["b"] = first[rows], second[rows]
                raw += both.tobytes()
            else:
                raw += first[rows].tobytes() + second[rows].tobytes()
        contents = 2 | 4 | 8 | (32 if is_interleaved else 0) | (64 if order == ">" else 0)
        lead = b"TDSm" + struct.pack("<I", contents)
        return lead + struct.pack(f"{order}IQQ", 4713, len(metadata) + len(raw), len(metadata)) + metadata + raw

    path = tmp_path / "a.tdms"
    path.write_bytes(part(3) + part(2))
    with ExitStack() as closing:
        a, b = read_here(path, Reading(), closing).channels
        np.testing.assert_array_equal(a.load(0, 250), np.concatenate([first, first[:100]]))
        np.testing.assert_array_equal(b.load(40, 201), np.concatenate([second, second[:100]])[40:201])


def _text(value: str, order: str) -> bytes:
    return struct.pack(f"{order}I", len(value)) + value.encode()


def test_lists_of_samples_are_read_by_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    lists = pa.ListArray.from_arrays(np.arange(0, COUNT + 1, COUNT // 64, dtype=np.int32), NOISE)
    at = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=place) for place in range(64)]
    pq.write_table(pa.table({"time": at, "fs": [RATE] * 64, "de": lists}), path)
    assert peak(lambda: read_all(path, split=True)) < 5  # a channel has 8 MiB


def test_an_index_of_pandas_takes_no_memory(tmp_path: Path) -> None:
    frame = pd.DataFrame({"de": NOISE}, index=pd.RangeIndex(0, 2 * COUNT, 2, name="elapsed_us"))
    frame.to_parquet(tmp_path / "a.parquet")
    assert peak(lambda: read_all(tmp_path / "a.parquet")) < 14  # the index as a whole has 16 MiB
    with ExitStack() as closing:
        (de,) = read_here(tmp_path / "a.parquet", Reading(), closing).channels
        assert de.clock is not None
        assert de.clock.rate == pytest.approx(5e5)


def test_rows_behind_a_row_group_are_read_from_there(tmp_path: Path) -> None:
    pq.write_table(pa.table({"de": NOISE[:1000]}), tmp_path / "a.parquet", row_group_size=300)
    with ExitStack() as closing:
        (de,) = read_here(tmp_path / "a.parquet", Reading(), closing).channels
        for first, stop in ((0, 1000), (950, 1000), (10, 20), (299, 301), (899, 901), (600, 601), (0, 1)):
            np.testing.assert_array_equal(de.load(first, stop), NOISE[first:stop])


def test_an_mdf_file_of_many_channels_has_one_block_in_memory(tmp_path: Path) -> None:
    with asammdf.MDF(version="4.10") as file:
        times = np.arange(1 << 18) / RATE
        file.append([asammdf.Signal(NOISE[: 1 << 18], times, name=f"c{place}", unit="g") for place in range(12)])
        file.save(tmp_path / "a.mf4", overwrite=True)
    most = peak(lambda: read_all(tmp_path / "a.mf4"))
    assert most < 40, "twelve channels have 24 MiB as float64, beside the 30 MiB of the library"


def in_parts(path: Path, parts: int, bad: int | None = None) -> None:
    count = COUNT // parts
    segments = []
    for place in range(parts):
        samples = NOISE[place * count : (place + 1) * count].astype(np.float64)
        if place == bad:
            samples[5] = np.nan
        segments.append(segment({"de": (samples, later(3600.0 * place))}))
    tdms(*segments)(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    points = (MeasurementPoint("de", "acceleration", "g", RATE),)
    write_fleet([Machine(key="p-1", line="l", site="s", timeline=Timeline.REPLAY, points=points)], tmp_path / "f.yaml")
    (tmp_path / "f.yaml").rename(tmp_path / "fleet.yaml")
    (tmp_path / "p-1").mkdir()
    return tmp_path


SPLIT = Declared(reading=Reading(split=True))


def test_an_import_has_one_recording_of_a_file_in_memory(folder: Path) -> None:
    in_parts(folder / "p-1" / "20260101T000000Z.tdms", 32)
    recording = open_recording(folder, SPLIT)
    assert peak(lambda: [each.measured_at for each in recording.acquisitions("p-1")]) < 6  # all have 8 MiB
    assert len(list(recording.acquisitions("p-1"))) == 32


def test_a_file_with_one_bad_recording_is_left_out_as_a_whole(folder: Path) -> None:
    in_parts(folder / "p-1" / "20260101T000000Z.tdms", 32, bad=30)
    found = []
    with pytest.raises(InvalidInputError, match=r"sample 1966086 \(nan\) is not finite"):
        found += open_recording(folder, SPLIT).acquisitions("p-1")
    assert found == []
