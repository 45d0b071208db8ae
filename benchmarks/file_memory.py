"""Peak memory of reading a large recording file, as `pdm import` reads it: in its process, and in the child of it.

A file of 2 GB in each format and layout is written to a temporary folder, one at a time, and removed after: `records`
are seconds of four channels with gaps between them, which `--split` reads; `long` is one recording, of which one
channel is read. Each is read in a process of its own, after a small file of the same form, whose peak is that of the
imports. The batches are encoded as they are sent. Prints one JSON line per file: the peaks above those of the imports,
and the limit of 64 MiB and twice the largest acquisition.
Run: python -m benchmarks.file_memory [--gb 2] [--only tdms/records]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pdm.ingest.encode import encode_raw
from pdm.ingest.fleet_file import write_fleet
from pdm.ingest.formats import open_recording
from pdm.ingest.recording_files import Declared
from pdm.ingest.recordings import open as opening
from pdm.ingest.recordings.content import Reading
from pdm.machines.model import Machine, MeasurementPoint, Timeline
from pdm.replay.feed import BATCH, BATCH_BYTES, batches

RATE, NAMES, SECOND = 25600, ("a", "b", "c", "d"), 25600
AT = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = 10.0  # s from a record to the next
LIMIT_MIB = 64
MIB = 1 << 20

Floats = np.ndarray


def seconds_of(records: int) -> Iterator[Floats]:
    """Yield a second of all channels, (channels, samples)."""
    noise = np.random.default_rng(0).normal(size=(len(NAMES), 8 * SECOND)).astype(np.float32)
    for record in range(records):
        place = (record * 977) % (7 * SECOND)
        yield noise[:, place : place + SECOND]


def _text(value: str) -> bytes:
    return struct.pack("<I", len(value.encode())) + value.encode()


def _tdms_segment(count: int, at: datetime | None, *, is_interleaved: bool) -> bytes:
    """Return all of a segment but its samples: `count` of each channel."""
    objects = [_text(name) + struct.pack("<II", 0xFFFFFFFF, 0) for name in ("/", "/'g'")]
    for name in NAMES:
        properties = [_text("wf_increment") + struct.pack("<Id", 10, 1 / RATE), _text("unit_string")]
        properties[1] += struct.pack("<I", 0x20) + _text("g")
        if at is not None:
            since = round((at - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds())
            properties.append(_text("wf_start_time") + struct.pack("<IQq", 0x44, 0, since))
        index = struct.pack("<IIIQ", 20, 9, 1, count)
        objects.append(_text(f"/'g'/'{name}'") + index + struct.pack("<I", len(properties)) + b"".join(properties))
    metadata = struct.pack("<I", len(objects)) + b"".join(objects)
    contents = 2 | 4 | 8 | (32 if is_interleaved else 0)
    size = len(metadata) + 4 * len(NAMES) * count
    return b"TDSm" + struct.pack("<IIQQ", contents, 4713, size, len(metadata)) + metadata


def tdms_records(path: Path, records: int) -> None:
    with path.open("wb") as stream:
        for record, samples in enumerate(seconds_of(records)):
            at = AT + timedelta(seconds=EVERY * record)
            stream.write(_tdms_segment(SECOND, at, is_interleaved=False) + samples.tobytes())


def tdms_long(path: Path, records: int) -> None:
    with path.open("wb") as stream:
        stream.write(_tdms_segment(SECOND * records, AT, is_interleaved=False))
        for channel in range(len(NAMES)):
            for samples in seconds_of(records):
                stream.write(samples[channel].tobytes())


def tdms_interleaved(path: Path, records: int) -> None:
    with path.open("wb") as stream:
        stream.write(_tdms_segment(SECOND * records, AT, is_interleaved=True))
        for samples in seconds_of(records):
            stream.write(np.ascontiguousarray(samples.T).tobytes())


def times_of(record: int) -> Floats:
    return EVERY * record + np.arange(SECOND) / RATE


def hdf5_long(path: Path, records: int) -> None:
    _hdf5(path, records, has_times=False)


def hdf5_records(path: Path, records: int) -> None:
    _hdf5(path, records, has_times=True)


def _hdf5(path: Path, records: int, *, has_times: bool) -> None:
    import h5py

    def chunk(samples: int) -> tuple[int]:
        return (min(samples, records * SECOND),)

    with h5py.File(path, "w") as file:
        file.attrs["fs"] = float(RATE)
        for name in NAMES:
            file.create_dataset(name, (records * SECOND,), np.float32, chunks=chunk(1 << 20)).attrs["unit"] = "g"
        if has_times:
            times = file.create_dataset("time", (records * SECOND,), np.float64, chunks=chunk(1 << 18))
            times.attrs["unit"] = "s"
        for record, samples in enumerate(seconds_of(records)):
            part = slice(record * SECOND, (record + 1) * SECOND)
            for name, own in zip(NAMES, samples, strict=True):
                file[name][part] = own
            if has_times:
                times[part] = AT.timestamp() + times_of(record)


def mdf_records(path: Path, records: int) -> None:
    _mdf(path, records, has_gaps=True)


def mdf_long(path: Path, records: int) -> None:
    _mdf(path, records, has_gaps=False)


def _mdf(path: Path, records: int, *, has_gaps: bool) -> None:
    """Write the blocks of two samples by the library, and all samples behind them as one block."""
    import asammdf

    with asammdf.MDF(version="4.10") as file:
        file.header.start_time = AT
        file.append([asammdf.Signal(np.zeros(2, np.float32), [0.0, 1.0], name=name, unit="g") for name in NAMES])
        file.save(path, overwrite=True)
    row = np.dtype([("time", "<f8"), *((name, "<f4") for name in NAMES)])
    with path.open("r+b") as stream:
        (group,) = struct.unpack("<Q", _at(stream, 64 + 24, 8))
        (channel_group,) = struct.unpack("<Q", _at(stream, group + 24 + 8, 8))
        start = stream.seek(0, os.SEEK_END)
        start += stream.write(bytes(-start % 8))
        stream.write(struct.pack("<4sIQQ", b"##DT", 0, 24 + records * SECOND * row.itemsize, 0))
        for record, samples in enumerate(seconds_of(records)):
            rows = np.empty(SECOND, row)
            rows["time"] = times_of(record) if has_gaps else record + np.arange(SECOND) / RATE
            for name, own in zip(NAMES, samples, strict=True):
                rows[name] = own
            stream.write(rows.tobytes())
        stream.seek(group + 24 + 16)
        stream.write(struct.pack("<Q", start))
        stream.seek(channel_group + 24 + 48 + 8)
        stream.write(struct.pack("<Q", records * SECOND))


def _at(stream: BinaryIO, place: int, size: int) -> bytes:
    stream.seek(place)
    return stream.read(size)


def parquet_records(path: Path, records: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.list_(pa.float32())
    schema = pa.schema([("time", pa.timestamp("us", "UTC")), ("fs", pa.float64()), *((n, kind) for n in NAMES)])
    with pq.ParquetWriter(path, schema) as writer:
        rows: list[tuple[datetime, Floats]] = []
        for record, samples in enumerate(seconds_of(records)):
            rows.append((AT + timedelta(seconds=EVERY * record), samples))
            if len(rows) == 64 or record == records - 1:
                offsets = np.arange(len(rows) + 1, dtype=np.int32) * SECOND
                lists = {
                    name: pa.ListArray.from_arrays(offsets, np.concatenate([samples[place] for _, samples in rows]))
                    for place, name in enumerate(NAMES)
                }
                columns = {"time": [at for at, _ in rows], "fs": [float(RATE)] * len(rows), **lists}
                writer.write_table(pa.table(columns, schema))
                rows.clear()


def parquet_long(path: Path, records: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.float32()) for name in NAMES], {"fs": str(RATE)})
    with pq.ParquetWriter(path, schema) as writer:
        rows: list[Floats] = []
        for record, samples in enumerate(seconds_of(records)):
            rows.append(samples)
            if len(rows) == 40 or record == records - 1:
                whole = np.concatenate(rows, axis=1)
                writer.write_table(pa.table(dict(zip(NAMES, whole, strict=True)), schema))
                rows.clear()


WRITERS: dict[str, tuple[str, Callable[[Path, int], None], int]] = {
    "tdms/records": (".tdms", tdms_records, 4 * len(NAMES)),
    "tdms/long": (".tdms", tdms_long, 4 * len(NAMES)),
    "tdms/interleaved": (".tdms", tdms_interleaved, 4 * len(NAMES)),
    "hdf5/records": (".h5", hdf5_records, 4 * len(NAMES) + 8),
    "hdf5/long": (".h5", hdf5_long, 4 * len(NAMES)),
    "mdf4/records": (".mf4", mdf_records, 4 * len(NAMES) + 8),
    "mdf4/long": (".mf4", mdf_long, 4 * len(NAMES) + 8),
    "parquet/records": (".parquet", parquet_records, 4 * len(NAMES)),
    "parquet/long": (".parquet", parquet_long, 4 * len(NAMES)),
}


def write(folder: Path, case: str, records: int) -> int:
    """Write a folder of one machine with one file, and return the size of the file [bytes]."""
    ending, writer, _ = WRITERS[case]
    used = NAMES if case.endswith("/records") else NAMES[:1]
    points = tuple(MeasurementPoint(name, "acceleration", "g", float(RATE)) for name in used)
    machine = Machine(key="m", line="l", site="s", timeline=Timeline.REPLAY, points=points)
    (folder / "m").mkdir(parents=True)
    write_fleet([machine], folder / "fleet.yaml")
    path = folder / "m" / f"{AT:%Y%m%dT%H%M%SZ}{ending}"
    writer(path, records)
    return path.stat().st_size


def read(folder: Path, case: str) -> tuple[int, int, int]:
    """Read and encode all acquisitions; return their number, the largest [bytes], and the sum of their samples."""
    is_split = case.endswith("/records")
    reading = Reading(split=is_split, columns=() if is_split else NAMES[:1])
    recording = open_recording(folder, Declared(reading=reading))
    count = largest = samples = 0
    for batch in batches(recording.acquisitions("m"), BATCH, BATCH_BYTES):
        encode_raw(batch)
        for acquisition in batch:
            own = sum(each.samples.nbytes for each in acquisition.waveforms)
            largest = max(largest, own)
            samples += sum(each.samples.size for each in acquisition.waveforms)
        count += len(batch)
    return count, largest, samples


def peaks() -> tuple[float, float]:
    """Return the peaks of this process and of the largest of its children [MiB]."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    own = int(status["VmHWM"].split()[0]) / 1024
    return own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def measure(small: Path, large: Path, case: str) -> None:
    """Print the figures of one file; runs in a process of its own."""
    opening._LARGE = 0  # small Parquet files are read without a child
    read(small, case)
    before = peaks()
    began = time.perf_counter()
    count, largest, samples = read(large, case)
    after = peaks()
    limit = LIMIT_MIB + 2 * largest / MIB
    above = [round(late - early, 1) for early, late in zip(before, after, strict=True)]
    figure = {
        "benchmark": "file_memory",
        "case": case,
        "acquisitions": count,
        "samples": samples,
        "largest_acquisition_mib": round(largest / MIB, 1),
        "imports_mib": [round(each, 1) for each in before],
        "above_imports_mib": {"import": above[0], "reader": above[1]},
        "limit_mib": round(limit, 1),
        "within": max(above) <= limit,
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(figure), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gb", type=float, default=2.0)
    parser.add_argument("--only", choices=list(WRITERS), action="append")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        small, large, case = arguments.measure
        measure(Path(small), Path(large), case)
        return
    for case in arguments.only or WRITERS:
        records = round(arguments.gb * 1e9 / (SECOND * WRITERS[case][2]))
        with tempfile.TemporaryDirectory(prefix="pdm-file-memory-") as name:
            folder = Path(name)
            write(folder / "small", case, 3)
            write(folder / "large", case, records)
            command = [sys.executable, "-m", "benchmarks.file_memory", "--measure"]
            subprocess.run([*command, str(folder / "small"), str(folder / "large"), case], check=True)


if __name__ == "__main__":
    main()
