"""Every format with every lie that a file can tell: right values, or a refusal that names what is wrong.

The files are written by bytes, or by another writer than the reader under test. Containers are read in this process, to
be fast; that they are read in a child with limits is in test_recording_files.py.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asammdf
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import savemat

from pdm.errors import InvalidInputError
from pdm.ingest.recording_files import READERS, Declared, ReadFile, read_recordings
from pdm.ingest.recordings import open as opening
from pdm.ingest.recordings.content import Reading
from pdm.machines.model import Machine, MeasurementPoint
from pdm.machines.units import STANDARD_GRAVITY
from pdm.measurements import Waveform

RATE = 12000.0
COUNT = 600
PLACES = np.arange(COUNT)
DE = (np.sin(PLACES * 0.7) + 0.2 * np.cos(PLACES * 2.3)).astype(np.float32)
FE = (0.5 * np.sin(PLACES * 0.31)).astype(np.float32)
TIME = PLACES / RATE
AT = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = AT.timestamp()


def machine(rate: float | None = None) -> Machine:
    points = tuple(MeasurementPoint(key, "acceleration", "g", rate) for key in ("de", "fe"))
    return Machine(key="m1", line="l", site="s", points=points)


@dataclass(frozen=True)
class Lie:
    """A file, what is declared of it, and either the words of its refusal or the rate that it must have."""

    name: str
    write: Callable[[Path], None]
    refused: str | None = None
    rate: float = RATE
    declared: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    point_rate: float | None = None
    samples: Mapping[str, Any] = field(default_factory=lambda: {"de": DE})
    at: datetime | None = None


# writers


def text(*lines: str, end: str = "\n", encoding: str = "utf-8") -> Callable[[Path], None]:
    return lambda path: path.write_bytes((end.join(lines) + end).encode(encoding)) and None


def table(
    header: str | None, *columns: Any, sep: str = ",", before: tuple[str, ...] = (), decimal: str = ".", **known: Any
) -> Callable[[Path], None]:
    rows = [sep.join(_cell(value).replace(".", decimal) for value in row) for row in zip(*columns, strict=True)]
    return text(*before, *([] if header is None else [header]), *rows, **known)


def _cell(value: Any) -> str:
    if isinstance(value, str | int | np.integer):
        return str(value)
    return f"{value:.9g}" if isinstance(value, np.float32) else repr(float(value))


def changed(column: Any, place: int, value: Any) -> list[Any]:
    cells = list(column)
    cells[place] = value
    return cells


def cut(write: Callable[[Path], None], share: float) -> Callable[[Path], None]:
    def write_cut(path: Path) -> None:
        write(path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])

    return write_cut


def ending(write: Callable[[Path], None], at: int) -> Callable[[Path], None]:
    def write_part(path: Path) -> None:
        write(path)
        path.write_bytes(path.read_bytes()[:at])

    return write_part


def parquet(**columns: Any) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table(columns), path)


def frame(data: dict[str, Any], index: Any) -> Callable[[Path], None]:
    return lambda path: pd.DataFrame(data, index=index).to_parquet(path)


def of_metadata(metadata: dict[str, str]) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table({"de": DE}).replace_schema_metadata(metadata), path)


def npz(**arrays: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **arrays)


def wav(
    samples: Any = None, *, rate: int = int(RATE), data_size: int | None = None, code: int = 3, bits: int = 32,
    before: bytes = b"", riff: bytes = b"RIFF", channels: int = 1,
) -> Callable[[Path], None]:  # fmt: skip
    raw = (DE if samples is None else samples).tobytes()
    frame_size = channels * bits // 8
    size = len(raw) if data_size is None else data_size
    head = b"fmt " + struct.pack("<IHHIIHH", 16, code, channels, rate, rate * frame_size, frame_size, bits)
    body = b"WAVE" + before + head + b"data" + struct.pack("<I", size) + raw
    return lambda path: path.write_bytes(riff + struct.pack("<I", len(body)) + body) and None


def rf64(size: int = 4 * COUNT) -> Callable[[Path], None]:
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, size, COUNT, 0)
    return wav(riff=b"RF64", before=ds64, data_size=0xFFFFFFFF)


def uff(
    *sets: tuple[str, Any], step: float = 1 / RATE, unit: str = "g", abscissa: str = "s", count: int | None = None,
    exponent: str = "e", binary: str = "", axis: int = 17, kind: int = 4, function: int = 1, end: bool = True,
    size: int | None = None, spacing: int = 1,
) -> Callable[[Path], None]:  # fmt: skip
    parts = []
    for title, samples in sets or (("de", DE),):
        stated = len(samples) if count is None else count
        head = [
            title, "NONE", "NONE", "NONE", "NONE",
            f"{function:5d}{0:10d}{0:5d}{0:10d} {'NONE':10s}{1:10d}{1:4d} {'NONE':10s}{0:10d}{0:4d}",
            f"{kind:10d}{stated:10d}{spacing:10d}{0.0:13.5e}{step:13.5e}{0.0:13.5e}",
            f"{axis:10d}{0:5d}{0:5d}{0:5d} {'Time':20s} {abscissa:20s}",
            f"{12:10d}{0:5d}{0:5d}{0:5d} {'Acc':20s} {unit:20s}",
            *[f"{0:10d}{0:5d}{0:5d}{0:5d} {'NONE':20s} {'NONE':20s}"] * 2,
        ]  # fmt: skip
        if binary:
            order = {"<": 1, ">": 2}[binary]
            raw = np.asarray(samples).astype(f"{binary}f{8 if kind == 4 else 4}").tobytes()
            length = len(raw) if size is None else size
            first = f"    58b{order:6d}{2:6d}{11:12d}{length:12d}     0     0           0           0"
            parts.append(
                ("\n".join(["    -1", first, *head]) + "\n").encode() + raw + b"\n    -1\n"[: None if end else 1]
            )
            continue
        values = [f"{value:20.11e}".replace("e", exponent) for value in samples]
        lines = ["".join(values[place : place + 4]) for place in range(0, len(values), 4)]
        parts.append("\n".join(["    -1", "    58", *head, *lines, *(["    -1"] if end else [])]).encode() + b"\n")
    return lambda path: path.write_bytes(b"".join(parts)) and None


_TDMS_TYPES = {"f4": 9, "f8": 10, "i2": 2}


def _string(value: str) -> bytes:
    return struct.pack("<I", len(value.encode())) + value.encode()


def _property(name: str, value: Any) -> bytes:
    if isinstance(value, str):
        return _string(name) + struct.pack("<I", 0x20) + _string(value)
    if isinstance(value, datetime):
        seconds = value.timestamp()
        whole = int(seconds // 1) + 2_082_844_800
        return _string(name) + struct.pack("<IQq", 0x44, int(seconds % 1 * 2**64), whole)
    return _string(name) + struct.pack("<Id", 10, float(value))


def two_rates_uff(path: Path) -> None:
    uff(("de", DE))(path)
    first = path.read_bytes()
    uff(("fe", FE), step=2 / RATE)(path)
    path.write_bytes(first + path.read_bytes())


def segment(
    channels: Mapping[str, tuple[Any, Mapping[str, Any]]], *, missing: int = 0, count: int | None = None
) -> bytes:
    """Return one TDMS segment: lead-in, the objects with their properties, and the samples of each channel."""
    objects = [b"/", b"/'g'"]
    body = [struct.pack("<I", 2 + len(channels))]
    body += [_string(name.decode()) + struct.pack("<II", 0xFFFFFFFF, 0) for name in objects]
    raw = b""
    for name, (samples, properties) in channels.items():
        kind = _TDMS_TYPES[samples.dtype.str[1:]]
        length = len(samples) if count is None else count
        body.append(_string(f"/'g'/'{name}'") + struct.pack("<IIIQ", 20, kind, 1, length))
        body.append(struct.pack("<I", len(properties)) + b"".join(_property(*each) for each in properties.items()))
        raw += samples.tobytes()
    metadata = b"".join(body)
    lead = b"TDSm" + struct.pack("<IIQQ", 2 | 4 | 8, 4713, len(metadata) + len(raw), len(metadata))
    return (lead + metadata + raw)[: -missing or None]


def tdms(*segments: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(b"".join(segments)) and None


def _element(kind: int, raw: bytes) -> bytes:
    return struct.pack("<II", kind, len(raw)) + raw + bytes(-len(raw) % 8)


def mat(**variables: Any) -> Callable[[Path], None]:
    """Write a MATLAB file v5, uncompressed: arrays of double."""
    parts = [b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"]
    for name, value in variables.items():
        array = np.atleast_1d(np.asarray(value, np.float64))
        shape = (array.size, 1) if array.ndim == 1 else array.shape
        body = _element(6, struct.pack("<II", 6, 0)) + _element(5, struct.pack("<ii", *shape))
        body += _element(1, name.encode()) + _element(9, array.tobytes("F"))
        parts.append(struct.pack("<II", 14, len(body)) + body)
    return lambda path: path.write_bytes(b"".join(parts)) and None


def mat73(**variables: Any) -> Callable[[Path], None]:
    """Write a MATLAB file v7.3: HDF5 behind 512 bytes, dimensions reversed."""

    def write(path: Path) -> None:
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, value in variables.items():
                array = np.atleast_2d(np.asarray(value, np.float64))
                file.create_dataset(name, data=array).attrs["MATLAB_class"] = np.bytes_("double")
        with path.open("r+b") as stream:
            stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<H", 0x0200) + b"IM")

    return write


def hdf5(attributes: Mapping[str, Any], mapping: str | None = None, **datasets: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            for name, value in datasets.items():
                file.create_dataset(name, data=value).attrs.update(attributes)
        if mapping is not None:
            path.with_name(path.name + ".yaml").write_text(mapping)

    return write


def mdf(seconds: Any, *channels: tuple[str, Any], unit: str = "g", slower: float = 1.0) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with asammdf.MDF(version="4.10") as file:
            for place, (name, samples) in enumerate(channels):
                own = seconds * slower**place
                texts = "utf-8" if np.asarray(samples).dtype.kind == "S" else None
                file.append([asammdf.Signal(np.asarray(samples), own, name=name, unit=unit, encoding=texts)])
            file.save(path, overwrite=True)

    return write


def lvm(
    *parts: Any, samples: int | None = None, step: str = f"{1 / RATE:.15g}", x_column: Any = None, decimal: str = ".",
    unit: str = "g", at: str | None = None,
) -> Callable[[Path], None]:  # fmt: skip
    lines = ["LabVIEW Measurement\t", "Separator\tTab", f"Decimal_Separator\t{decimal}", "***End_of_Header***\t", "\t"]
    for place, part in enumerate(parts or (DE,)):
        lines += ["Channels\t1\t\t", f"Samples\t{len(part) if samples is None else samples}\t\t"]
        lines += ["Date\t2026/01/01\t\t", f"Time\t10:00:{place:02d}.0\t\t"] if at is None else []
        lines += [f"Y_Unit_Label\t{unit}\t\t", "X_Dimension\tTime\t\t", "X0\t0\t\t", f"Delta_X\t{step}\t\t"]
        lines += ["***End_of_Header***\t\t\t", "X_Value\tde\tComment"]
        first = [""] * len(part) if x_column is None else [f"{x:.12g}" for x in x_column]
        lines += [f"{x}\t{y:.9g}".replace(".", decimal) for x, y in zip(first, part, strict=True)]
        lines.append("")
    return text(*lines)


KNOWN = {"wf_increment": 1 / RATE, "unit_string": "g", "wf_start_time": AT}
DE64 = DE.astype(np.float64)


IN_24_BITS = b"".join(struct.pack("<i", round(float(value) * 2**22))[:3] for value in DE)


def later(seconds: float, **other: Any) -> dict[str, Any]:
    return {**KNOWN, "wf_start_time": datetime.fromtimestamp(EPOCH + seconds, UTC), **other}


ISO = [f"2026-01-01T00:00:00.{round(place * 1e6 / RATE):06d}Z" for place in PLACES]
NAIVE = [cell[:-1] for cell in ISO]
MOMENTS = np.datetime64("2026-01-01", "ns") + (PLACES * (1e9 / RATE)).astype("timedelta64[ns]")
GAPS = TIME + 0.5 * (PLACES // 200)

LIES = [
    # text: the control, and times under other names
    Lie("time.csv", table("time,de", TIME, DE)),
    Lie("x_value.csv", table("X_Value,de", TIME, DE), point_rate=25600.0),
    Lie("elapsed_ms.csv", table("elapsed_ms,de", TIME * 1e3, DE), point_rate=25600.0),
    Lie("timestamp_utc.csv", table("Timestamp_UTC,de", EPOCH + np.round(TIME, 6), DE), point_rate=25600.0, at=AT),
    Lie("iso.csv", table("when,de", ISO, DE), point_rate=25600.0, at=AT),
    Lie("unknown_name.csv", table("abscissa,de", TIME, DE), "'abscissa' increases", point_rate=25600.0),
    Lie("unknown_name_declared.csv", table("abscissa,de", TIME, DE), reading={"time": "abscissa"}, point_rate=25600.0),
    Lie("unknown_name_behind.csv", table("de,abscissa", DE, TIME), "'abscissa' increases", point_rate=25600.0),
    Lie("unknown_name_agrees.csv", table("abscissa,de", TIME, DE), point_rate=RATE),
    Lie("time_none.csv", table("abscissa,de", TIME, DE), reading={"time": "none"}, declared={"rate": RATE}),
    Lie("counter.csv", table("n,de", PLACES, DE), point_rate=RATE),
    Lie("milliseconds_unnamed.csv", table("x,de", PLACES, DE), "'x' increases by 1", point_rate=25600.0),
    Lie("uneven_unknown.csv", table("x,de", GAPS, DE), "'x' increases unevenly", point_rate=RATE),
    Lie("slashes.csv", table("when,de", [cell.replace("-", "/") for cell in ISO], DE), point_rate=25600.0, at=AT),
    Lie("day_first.csv", table("when,de", ["01.02.2026 10:00:00"] * COUNT, DE), "texts like times", point_rate=25600.0),
    Lie("seconds.csv", table("seconds,de", TIME, DE), point_rate=25600.0),
    Lie("time_of_day.csv", table("time,de", [f"10:00:{t:09.6f}" for t in TIME], DE), point_rate=25600.0),
    # two times
    Lie(
        "two_times.csv",
        table("time,de,time,fe", TIME, DE, 2 * TIME, FE),
        samples={"de": DE},
        declared={"points": {"de": "de"}},
    ),
    Lie("second_unknown.csv", table("time,de,abscissa,fe", TIME, DE, 3 * TIME, FE), "'abscissa' increases"),
    Lie("angle.csv", table("time,angle,de", TIME, 0.1 * PLACES, DE), "or --time time if only that is time"),
    Lie("angle_declared.csv", table("time,angle,de", TIME, 0.1 * PLACES, DE), reading={"time": "time"}),
    Lie("contradicting.csv", table("time,elapsed,de", TIME, 3 * TIME, DE), "contradict each other"),
    Lie("last_contradicts.csv", table("time,de,elapsed", TIME, DE, 3 * TIME), "contradict each other"),
    # units of time
    Lie("epoch_ms.csv", table("timestamp,de", (EPOCH * 1000 + PLACES).astype(np.int64), DE), rate=1000.0, at=AT),
    Lie("epoch_us.csv", table("timestamp,de", (EPOCH * 1e6 + 250 * PLACES).astype(np.int64), DE), rate=4000.0, at=AT),
    Lie("epoch_ns.csv", table("timestamp,de", (np.int64(EPOCH) * 10**9 + 250_000 * PLACES), DE), rate=4000.0, at=AT),
    Lie("excel_days.csv", table("time,de", [f"{46023 + t / 86400:.12f}" for t in PLACES / 10], DE), "days"),
    Lie(
        "excel_days_declared.csv",
        table("time,de", [f"{46023 + t / 86400:.12f}" for t in PLACES / 10], DE),
        rate=10.0,
        reading={"time": "time=days"},
    ),
    Lie("ms_without_unit.csv", table("time,de", TIME * 1e3, DE), "have no unit"),
    Lie("ms_declared.csv", table("time,de", TIME * 1e3, DE), reading={"time": "time=ms"}),
    Lie("furlongs.csv", table("time [furlong],de", TIME, DE), "'furlong' is unknown"),
    Lie("naive.csv", table("time,de", NAIVE, DE)),
    Lie("gaps.csv", table("time,de", GAPS, DE), "--split"),
    # cells
    Lie("over.csv", table("time,de", TIME, changed(DE, 77, "Over")), "column 'de', line 79: 'Over'"),
    Lie(
        "over_first.csv", table("de", changed(DE, 0, "Over")), "line 2: 'Over' is neither a number nor", point_rate=RATE
    ),
    Lie("dash.csv", table("de,fe", changed(DE, 0, "-"), FE), "column 'de', line 2: '-'", point_rate=RATE),
    Lie("msvc_nan.csv", table("time,de", TIME, changed(DE, 9, "1.#INF")), "line 11: '1.#INF'"),
    Lie("nan.csv", table("time,de", TIME, changed(DE, 9, "NaN")), "line 11: 'NaN'"),
    Lie("empty_cell.csv", table("time,de", TIME, changed(DE, 9, "")), "column 'de', line 11 is empty"),
    Lie("blank_line.csv", table("de", changed(DE, 300, "")), "line 302 is empty", point_rate=RATE),
    Lie("comment_inside.csv", table("de", changed(DE, 300, "# paused")), "line 302: '# paused'", point_rate=RATE),
    Lie("comment_before.csv", table("de", DE, before=("# rate 25600",)), "--skip 1", point_rate=RATE),
    Lie("unequal.csv", table("de,fe", DE, [*FE[:400], *[""] * 200]), "'fe' is empty from line 402", point_rate=RATE),
    Lie("delimiter_at_end.csv", table("time,de", TIME, DE, [""] * COUNT), "--skip 1"),
    Lie("index_without_name.csv", table(",de", TIME, DE), "'column 1' increases", point_rate=25600.0),
    Lie("other_cells.csv", table("time,de", TIME, changed(DE, 300, "0,5")), "line 302 has 3 cells"),
    Lie("cut_in_time.csv", ending(table("time,de", TIME, DE), -16), "line 601 has 1 cells"),
    Lie("cut_in_value.csv", ending(table("time,de", TIME, DE), -7), "shorter than those before"),
    Lie("no_last_line_end.csv", ending(table("time,de", TIME, DE), -1)),
    # layout
    Lie("units_below.csv", table("time,de", ["ms", *TIME * 1e3], ["g", *DE]), point_rate=25600.0),
    Lie("header_lines.csv", table("time,de", TIME, DE, before=("Device: X1", "Rate: 12000 Hz", "")), "--skip 3"),
    Lie("skipped.csv", table("time,de", TIME, DE, before=("Device: X1", "")), reading={"skip": 2}),
    Lie("no_header.csv", table(None, TIME, DE), "--columns"),
    Lie("no_header_named.txt", table(None, TIME, DE, sep=" "), reading={"columns": ("time", "de")}),
    Lie("sep_line.csv", table("time;de", TIME, DE, sep=";", before=("sep=;",))),
    Lie(
        "late_comma.csv",
        table("time;de", TIME, [*[0] * 500, *DE[500:]], sep=";", decimal=","),
        samples={"de": np.r_[DE[:0], np.zeros(500), DE[500:]]},
    ),
    Lie("thousands.csv", table("time;de", TIME, ["1.234,5"] * COUNT, sep=";"), r"both \. and ,"),
    Lie("brackets.csv", table("time;DE (x, radial)", TIME, DE, sep=";"), declared={"points": {"de": "DE (x, radial)"}}),
    Lie("utf16.csv", table("time,de", TIME, DE, encoding="utf-16")),
    Lie("cp1252.csv", table("time,de,µ°", TIME, DE, FE, encoding="cp1252"), "--encoding"),
    Lie("cp949.csv", table("time,de,진동", TIME, DE, FE, encoding="cp949"), reading={"encoding": "cp949"}),
    Lie("names_repeat.csv", table("time,de,de", TIME, DE, FE), "de#1"),
    Lie("names_repeat_chosen.csv", table("time,fe,fe", TIME, FE, DE), declared={"points": {"de": "fe#2"}}),
    Lie("unit_unknown.csv", table("time,de [EU]", TIME, DE), "'EU', which is no unit"),
    Lie("unit_unknown_declared.csv", table("time,de [EU]", TIME, DE), declared={"unknown_unit": "g"}),
    Lie("plus_and_d.csv", table("time,de", TIME, [f"{value:+.8E}".replace("E", "D") for value in DE])),
    # Parquet
    Lie("time.parquet", parquet(time=TIME, de=DE)),
    Lie("index.parquet", frame({"de": DE}, TIME), "increases", point_rate=25600.0),
    Lie("index_named.parquet", frame({"de": DE}, pd.Index(TIME, name="time"))),
    Lie("index_moments.parquet", frame({"de": DE}, pd.DatetimeIndex(MOMENTS, tz="UTC")), at=AT, point_rate=25600.0),
    Lie("naive.parquet", parquet(time=MOMENTS, de=DE)),
    Lie(
        "time_of_day.parquet", parquet(at=pa.array(np.round(TIME * 1e9).astype(np.int64)).cast(pa.time64("ns")), de=DE)
    ),
    Lie("duration.parquet", parquet(at=np.round(TIME * 1e9).astype("m8[ns]"), de=DE), point_rate=25600.0),
    Lie("nested.parquet", parquet(at=[{"a": 1, "b": 2}] * COUNT, time=TIME, fe=FE, de=DE)),
    Lie(
        "categories.parquet",
        parquet(time=TIME, de=pa.array(["0.5"] * COUNT).dictionary_encode(), fe=FE),
        "type dictionary",
    ),
    Lie("text.parquet", parquet(time=TIME, de=[*["0.5"] * 599, "Over"]), "row 600: 'Over'"),
    Lie("date_column.parquet", parquet(day=[AT.date()] * COUNT, time=TIME, de=DE)),
    Lie("null.parquet", parquet(time=TIME, de=pa.array([None, *DE64[1:]])), "sample 1"),
    Lie("nan.parquet", parquet(time=TIME, de=changed(DE64, 5, np.nan)), "sample 6"),
    Lie("decimal.parquet", parquet(time=TIME, de=pa.array(DE64).cast(pa.float64()).cast(pa.string()))),
    Lie("metadata.parquet", of_metadata({"sampling_rate": "12000"}), point_rate=25600.0),
    Lie("metadata_zero.parquet", of_metadata({"fs": "0"}), "must be positive"),
    Lie("cut.parquet", cut(parquet(time=TIME, de=DE), 0.6), "not a readable PARQUET"),
    Lie(
        "repeated.parquet",
        lambda path: pq.write_table(pa.Table.from_arrays([pa.array(DE), pa.array(FE)], ["de", "de"]), path),
        "de#1",
        declared={"rate": RATE},
    ),
    Lie("lists.parquet", parquet(rate=[RATE, RATE], de=[DE.tolist()] * 2), "--split"),
    Lie("list.parquet", parquet(sampling_rate=[RATE], measured_at=[AT], de=[DE.tolist()]), at=AT),
    Lie("lists_unequal.parquet", parquet(rate=[RATE], de=[DE.tolist()], fe=[FE[:400].tolist()]), "row 1"),
    Lie("lists_naive.parquet", parquet(time=[AT.replace(tzinfo=None)], de=[DE.tolist()]), "no time zone"),
    # NumPy
    Lie("rate.npz", npz(de=DE, sampling_rate=RATE), point_rate=25600.0),
    Lie("interval.npz", npz(de=DE, dt=1 / RATE), point_rate=25600.0),
    Lie("time.npz", npz(de=DE, t=TIME), point_rate=25600.0),
    Lie("two_rates.npz", npz(de=DE, fs=RATE, rate=25600.0), "several rates"),
    Lie("rate_zero.npz", npz(de=DE, fs=0.0), "must be positive"),
    Lie("camel.npz", npz(de=DE, samplingFreq=RATE), point_rate=25600.0),
    Lie(
        "of_channel.npz",
        npz(de=DE, de_fs=RATE, fe=FE, fe_fs=RATE / 2),
        point_rate=25600.0,
        declared={"points": {"de": "de"}},
    ),
    Lie("rates.npz", npz(de=DE, fs=[RATE, 25600.0]), "several rates"),
    Lie("rate_absent.npz", npz(de=DE), "sampling rate of channel 'de' is missing"),
    Lie("unequal.npz", npz(de=DE, time=TIME[:400]), "600 samples, its times 'time' have 400"),
    Lie("nan.npz", npz(de=changed(DE64, 5, np.nan), fs=RATE), "sample 6"),
    Lie("cut.npz", cut(npz(de=DE, fs=RATE), 0.5), "not a readable NPZ"),
    Lie("one.npy", lambda path: np.save(path, DE), declared={"rate": RATE, "points": {"de": "1"}}),
    Lie("columns.npy", lambda path: np.save(path, np.column_stack([TIME, DE])), reading={"columns": ("time", "de")}),
    Lie(
        "columns_unnamed.npy",
        lambda path: np.save(path, np.column_stack([TIME, DE])),
        "'1' increases",
        declared={"points": {"de": "2"}},
        point_rate=25600.0,
    ),
    Lie("cut.npy", cut(lambda path: np.save(path, DE), 0.5), "not a readable NPY"),
    # WAV
    Lie("float.wav", wav(), declared={"points": {"de": "1"}, "scale": {"": 1.0}}),
    Lie(
        "junk_unpadded.wav",
        wav(before=b"junk\x03\x00\x00\x00abc"),
        declared={"points": {"de": "1"}, "scale": {"": 1.0}},
    ),
    Lie("rf64.wav", rf64(), declared={"points": {"de": "1"}, "scale": {"": 1.0}}),
    Lie("rf64_more.wav", rf64(size=4800), "cut short", declared={"points": {"de": "1"}}),
    Lie(
        "24_bits.wav",
        wav(np.frombuffer(IN_24_BITS, np.uint8), code=1, bits=24),
        declared={"points": {"de": "1"}, "scale": {"": 2.0}},
    ),
    Lie("part_of_a_sample.wav", wav(DE, data_size=2399), "no multiple", declared={"points": {"de": "1"}}),
    Lie("size_zero.wav", wav(data_size=0), "never written", declared={"points": {"de": "1"}}),
    Lie("size_unknown.wav", wav(data_size=0xFFFFFFFF), "never written", declared={"points": {"de": "1"}}),
    Lie("size_more.wav", wav(data_size=4800), "cut short", declared={"points": {"de": "1"}}),
    Lie("cut.wav", cut(wav(), 0.5), "cut short", declared={"points": {"de": "1"}}),
    Lie("rate_zero.wav", wav(rate=0), "not possible", declared={"points": {"de": "1"}}),
    Lie("no_channels.wav", wav(channels=0), "not possible", declared={"points": {"de": "1"}}),
    Lie("mu_law.wav", wav(code=7, bits=8), "mu-law", declared={"points": {"de": "1"}}),
    Lie(
        "nan.wav",
        wav(np.array(changed(DE, 5, np.nan), np.float32)),
        "sample 6",
        declared={"points": {"de": "1"}, "scale": {"": 1.0}},
    ),
    Lie("flac.wav", text("fLaC and more"), "FLAC"),
    # UFF
    Lie("text.uff", uff()),
    Lie("milliseconds.uff", uff(step=1e3 / RATE, abscissa="ms")),
    Lie("unknown_abscissa.uff", uff(abscissa="furlong"), "'furlong'"),
    Lie("unit_of_time_missing.uff", uff(step=1e3 / RATE, abscissa="NONE"), "have no unit"),
    Lie(
        "unit_of_time_declared.uff",
        uff(step=1e3 / RATE, abscissa="NONE"),
        reading={"time": "abscissa=ms"},
    ),
    Lie("uneven.uff", uff(("de", np.c_[TIME, DE64].ravel()), spacing=0, count=COUNT)),
    Lie("uneven_gaps.uff", uff(("de", np.c_[GAPS, DE64].ravel()), spacing=0, count=COUNT), "--split"),
    Lie("uneven_cut.uff", uff(("de", np.c_[TIME, DE64].ravel()[:-1]), spacing=0, count=COUNT), "cut or damaged"),
    Lie("exponents.uff", uff(exponent="D")),
    Lie("count_more.uff", uff(count=900), "says 900 samples, the data have 600"),
    Lie("count_less.uff", uff(count=500), "says 500 samples, the data have 600"),
    Lie("unclosed.uff", uff(end=False), "cut short"),
    Lie("cut.uff", cut(uff(), 0.5), "cut short"),
    Lie("repeated.uff", uff(("de", DE), ("de", FE)), "de#1"),
    Lie("rate_zero.uff", uff(step=0.0), "sampling rate of channel 'de' is missing"),
    Lie("two_rates.uff", two_rates_uff),
    Lie("unit_missing.uff", uff(unit="NONE")),
    Lie("nan.uff", uff(("de", changed(DE64, 5, np.nan))), "sample 6"),
    Lie("spectrum.uff", uff(axis=18, function=12), "no time record"),
    Lie("little.ufb", uff(binary="<")),
    Lie("big_single.ufb", uff(binary=">", kind=2)),
    Lie("count_more.ufb", uff(binary="<", count=900), "says 900 samples, the data have 600"),
    Lie("size_zero.ufb", uff(binary="<", size=0)),  # the number of samples and the closing line agree
    Lie("size_zero_count_more.ufb", uff(binary="<", size=0, count=900), "says 900 samples|cut short"),
    Lie("cut.ufb", cut(uff(binary="<"), 0.5), "cut short"),
    # MATLAB
    Lie("rate.mat", mat(de=DE, fs=RATE), point_rate=25600.0),
    Lie("time.mat", mat(time=TIME, de=DE), point_rate=25600.0),
    Lie("unknown_time.mat", mat(x=TIME, de=DE), "'x' increases", point_rate=25600.0),
    Lie("rate_absent.mat", mat(de=DE), "sampling rate of channel 'de' is missing"),
    Lie("rate_zero.mat", mat(de=DE, fs=0), "must be positive"),
    Lie("two_rates.mat", mat(de=DE, fs=RATE, dt=1.0), "several rates"),
    Lie("nan.mat", mat(de=changed(DE64, 5, np.nan), fs=RATE), "sample 6"),
    Lie("unequal.mat", mat(t=TIME[:400], de=DE), "600 samples, its times 't' have 400", point_rate=RATE),
    Lie("structure.mat", lambda path: savemat(path, {"run": {"de": DE, "fs": RATE}}), point_rate=25600.0),
    Lie("columns.mat", mat(de=np.column_stack([FE, DE]), fs=RATE), "de#1"),
    Lie("columns_chosen.mat", mat(X=np.column_stack([FE, DE]), fs=RATE), declared={"points": {"de": "X#2"}}),
    Lie("cut.mat", cut(mat(de=DE, fs=RATE), 0.5), "not a readable MAT"),
    Lie("rate_73.mat", mat73(de=DE, fs=RATE), point_rate=25600.0),
    Lie("time_73.mat", mat73(de=DE, t=TIME), point_rate=25600.0),
    Lie("nan_73.mat", mat73(de=changed(DE64, 5, np.nan), fs=RATE), "sample 6"),
    Lie("cut_73.mat", cut(mat73(de=DE, fs=RATE), 0.5), "not a readable MAT"),
    # HDF5
    Lie("attributes.h5", hdf5({"fs": RATE, "unit": "g"}, de=DE), point_rate=25600.0),
    Lie("interval.hdf5", hdf5({"dt": 1 / RATE}, de=DE), point_rate=25600.0),
    Lie("rate_absent.h5", hdf5({}, de=DE), "sampling rate of channel 'de' is missing"),
    Lie("rate_zero.h5", hdf5({"fs": 0.0}, de=DE), "must be positive"),
    Lie("unit_unknown.h5", hdf5({"fs": RATE, "unit": "EU"}, de=DE), "'EU', which is no unit"),
    Lie("time.h5", hdf5({}, time=TIME, de=DE), point_rate=25600.0),
    Lie("unknown_time.h5", hdf5({}, axis=TIME, de=DE), "'axis' increases", point_rate=25600.0),
    Lie("unequal.h5", hdf5({}, time=TIME[:400], de=DE), "its times 'time' have 400", point_rate=RATE),
    Lie("shape.h5", hdf5({"fs": RATE}, de=np.zeros((4, 5, 6)), fe=FE), "which axis"),
    Lie("text.h5", hdf5({"fs": RATE}, de=np.array([b"a"] * COUNT), fe=FE), "values of type"),
    Lie("nan.h5", hdf5({"fs": RATE}, de=changed(DE64, 5, np.nan)), "sample 6"),
    Lie("cut.h5", cut(hdf5({"fs": RATE}, de=DE), 0.5), "not a readable H5"),
    Lie(
        "mapped.h5",
        hdf5({}, "channels: {de: {dataset: /raw, column: 1, rate: /rate, unit: g}}", raw=np.c_[FE, DE], rate=RATE),
        point_rate=25600.0,
    ),
    Lie("mapped_time.h5", hdf5({}, "channels: {de: {dataset: /a, time: /b}}", a=DE, b=TIME), point_rate=25600.0),
    Lie("mapped_nowhere.h5", hdf5({}, "channels: {de: {dataset: /c}}", a=DE), "no dataset '/c'"),
    Lie("mapped_wrongly.h5", hdf5({}, "channels: {de: {dataset: /a, rats: 1}}", a=DE), "unknown 'rats'"),
    Lie("mapped_naive.h5", hdf5({}, "{measured_at: 2026-01-01 10:00:00, channels: {de: /a}}", a=DE), "no time zone"),
    # MDF
    Lie("master.mf4", mdf(TIME, ("de", DE)), point_rate=25600.0),
    Lie("repeated.mf4", mdf(TIME, ("de", DE), ("de", FE)), "de#1"),
    Lie("two_rates.mf4", mdf(TIME, ("de", DE), ("fe", FE), slower=2.0), declared={"points": {"de": "de"}}),
    Lie("gaps.mf4", mdf(GAPS, ("de", DE)), "--split"),
    Lie("text.mf4", mdf(TIME, ("de", np.array([b"a"] * COUNT)), ("fe", FE)), "values of type"),
    Lie("nan.mf4", mdf(TIME, ("de", np.array(changed(DE64, 5, np.nan)))), "sample 6"),
    Lie("unit_unknown.mf4", mdf(TIME, ("de", DE), unit="EU"), "'EU', which is no unit"),
    Lie("unit_missing.mf4", mdf(TIME, ("de", DE), unit="")),
    Lie("cut.mf4", cut(mdf(TIME, ("de", DE)), 0.5), "not a readable MF4|cut short"),
    Lie("cut_late.mf4", cut(mdf(TIME, ("de", DE)), 0.9), "not a readable MF4|cut short"),
    # LabVIEW
    Lie("step.lvm", lvm(), point_rate=25600.0),
    Lie("comma.lvm", lvm(decimal=","), point_rate=25600.0),
    Lie("x_column.lvm", lvm(step="", x_column=TIME), point_rate=25600.0),
    Lie("count_more.lvm", lvm(samples=900), "says 900 samples of 'de', 600 follow"),
    Lie("two_parts.lvm", lvm(DE, FE), "2 recordings"),
    Lie("rate_zero.lvm", lvm(step="0"), "sampling rate of channel 'de' is missing"),
    Lie("unit_unknown.lvm", lvm(unit="EU"), "'EU', which is no unit"),
    Lie("nan.lvm", lvm(changed(DE64, 5, np.nan)), "sample 6"),
    Lie("cut.lvm", cut(lvm(), 0.5), "600 samples of 'de'"),
    # TDMS
    Lie("whole.tdms", tdms(segment({"de": (DE64, KNOWN)})), at=AT),
    Lie("cut.tdms", tdms(segment({"de": (DE64, KNOWN)}, missing=800)), "cut short"),
    Lie(
        "count_more.tdms", tdms(segment({"de": (DE64, KNOWN)}, count=900)), "cut short|lacks|no numeric|not a readable"
    ),
    Lie(
        "continued.tdms",
        tdms(segment({"de": (DE64[:300], KNOWN)}), segment({"de": (DE64[300:], later(300 / RATE))})),
        at=AT,
    ),
    Lie("same_start.tdms", tdms(segment({"de": (DE64[:300], KNOWN)}), segment({"de": (DE64[300:], KNOWN)})), at=AT),
    Lie(
        "an_hour_later.tdms", tdms(segment({"de": (DE64, KNOWN)}), segment({"de": (DE64, later(3600))})), "2 recordings"
    ),
    Lie(
        "two_rates.tdms",
        tdms(segment({"de": (DE64, KNOWN)}), segment({"de": (DE64, later(COUNT / RATE, wf_increment=2 / RATE))})),
        "several rates",
    ),
    Lie(
        "rate_zero.tdms",
        tdms(segment({"de": (DE64, {"wf_increment": 0.0, "unit_string": "g"})})),
        "sampling rate of channel 'de' is missing",
    ),
    Lie(
        "time_channel.tdms", tdms(segment({"Time": (TIME, {}), "de": (DE64, {"unit_string": "g"})})), point_rate=25600.0
    ),
    Lie("time_contradicts.tdms", tdms(segment({"Time": (3 * TIME, {}), "de": (DE64, KNOWN)})), "12000 Hz from"),
    Lie("unit_missing.tdms", tdms(segment({"de": (DE64, {"wf_increment": 1 / RATE})}))),
    Lie(
        "offset.tdms",
        tdms(segment({"de": (DE64, {**KNOWN, "wf_start_offset": 2.0})})),
        at=datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC),
    ),
    Lie(
        "unequal.tdms",
        tdms(segment({"Time": (TIME[:400], {}), "de": (DE64, {})})),
        "600 samples, its times 'Time' have 400",
        point_rate=RATE,
    ),
    Lie("nan.tdms", tdms(segment({"de": (np.array(changed(DE64, 5, np.nan)), KNOWN)})), "sample 6"),
]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    # asammdf leaves files open that it cannot read: those are read in a child, as all are outside of this module
    is_cut = "cut" in request.node.name and "mf4" in request.node.name
    monkeypatch.setattr(opening, "CONTAINERS", frozenset({".mf4"} if is_cut else ()))


def read(lie: Lie, path: Path) -> tuple[ReadFile, ...]:
    lie.write(path)
    declared = Declared(**lie.declared, reading=Reading(**lie.reading))
    return read_recordings(path, machine(lie.point_rate), declared)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_a_file_gives_right_values_or_is_refused_by_name(tmp_path: Path, lie: Lie) -> None:
    path = tmp_path / lie.name
    if lie.refused is not None:
        with pytest.raises(InvalidInputError) as caught:
            read(lie, path)
        assert re.search(lie.refused, caught.value.message), caught.value.message
        assert caught.value.message.startswith(f"{lie.name}: ")
        assert len(caught.value.message) < 700
        return
    (found,) = read(lie, path)
    for channel in found.recording.channels:
        if channel.point.key in lie.samples:
            assert channel.sampling_rate == pytest.approx(lie.rate, rel=1e-5)
            expected = np.asarray(lie.samples[channel.point.key]) * STANDARD_GRAVITY
            np.testing.assert_allclose(channel.samples, expected, rtol=1e-5, atol=1e-6)
    assert {channel.point.key for channel in found.recording.channels} >= set(lie.samples)
    if lie.at is not None:
        assert abs((found.recording.measured_at - lie.at).total_seconds()) < 1e-3


def test_there_are_enough_of_them() -> None:
    assert len(LIES) >= 60
    assert len({lie.name for lie in LIES}) == len(LIES)


THREE = [datetime.fromtimestamp(EPOCH + n * (0.5 + 200 / RATE), UTC) for n in range(3)]
THIRDS = [slice(200 * n, 200 * n + 200) for n in range(3)]
IN_PARTS = {
    "gaps.csv": table("time,de", EPOCH + GAPS, DE),
    "gaps.tdms": tdms(
        *(segment({"de": (DE64[p], KNOWN | {"wf_start_time": t})}) for p, t in zip(THIRDS, THREE, strict=True))
    ),
    "rows.parquet": parquet(rate=[RATE] * 3, time=THREE, de=[DE[part].tolist() for part in THIRDS]),
}


@pytest.mark.parametrize("name", IN_PARTS)
def test_parts_with_gaps_are_recordings_with_times(tmp_path: Path, name: str) -> None:
    IN_PARTS[name](tmp_path / name)
    found = read_recordings(tmp_path / name, machine(), Declared(reading=Reading(split=True)))
    assert len(found) == 3
    for part, at, each in zip(THIRDS, THREE, found, strict=True):
        (channel,) = each.recording.channels
        np.testing.assert_allclose(channel.samples, DE[part] * STANDARD_GRAVITY, rtol=1e-5)
        assert channel.sampling_rate == pytest.approx(RATE, rel=1e-4)
        assert abs((each.recording.measured_at - at).total_seconds()) < 1e-4


BY_NUMBER = {"points": {"de": "1"}}
SAME: Mapping[str, tuple[Callable[[Path], None], Mapping[str, Any]]] = {
    "a.csv": (table("time,de", TIME, DE), {}),
    "semicolon.txt": (table("time;de [g]", TIME, DE, sep=";", decimal=","), {}),
    "a.parquet": (parquet(time=TIME, de=DE), {}),
    "lists.parquet": (parquet(rate=[RATE], de=[DE.tolist()]), {}),
    "a.npz": (npz(fs=RATE, de=DE), {}),
    "a.npy": (lambda path: np.save(path, DE), {"rate": RATE, **BY_NUMBER}),
    "a.wav": (wav(), {"scale": {"": 1.0}, **BY_NUMBER}),
    "a.uff": (uff(), {}),
    "little.ufb": (uff(binary="<"), {}),
    "big.ufb": (uff(binary=">", kind=2), {}),
    "a.tdms": (tdms(segment({"de": (DE64, KNOWN)})), {}),
    "a.mat": (mat(de=DE, fs=RATE), {}),
    "v73.mat": (mat73(de=DE, fs=RATE), {}),
    "a.h5": (hdf5({"fs": RATE}, de=DE), {}),
    "a.mf4": (mdf(TIME, ("de", DE)), {}),
    "a.lvm": (lvm(), {}),
}


def test_one_recording_has_one_hash_in_all_formats(tmp_path: Path) -> None:
    hashes = {}
    for name, (write, declared) in SAME.items():
        write(tmp_path / name)
        (found,) = read_recordings(tmp_path / name, machine(RATE), Declared(**declared), in_point_units=True)
        (channel,) = found.recording.channels
        assert channel.sampling_rate == pytest.approx(RATE, rel=1e-5), name
        hashes[name] = Waveform("de", channel.samples, RATE, "g").content_hash()
    assert hashes == dict.fromkeys(SAME, Waveform("de", DE, RATE, "g").content_hash())
    assert {Path(name).suffix for name in SAME} == set(READERS) - {".tsv", ".asc", ".dat", ".hdf5", ".unv"}
