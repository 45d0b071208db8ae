"""A folder of recordings in mixed formats: everything is read, or listed with the reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import wavfile

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import write_fleet
from pdm.ingest.formats import open_recording
from pdm.ingest.npz_folder import write_block
from pdm.ingest.recording_files import Declared
from pdm.ingest.recordings.content import Reading
from pdm.machines.model import Machine, MeasurementPoint, Timeline
from pdm.machines.units import STANDARD_GRAVITY
from pdm.measurements import Acquisition, Waveform

RATE = 12000.0
SIGNAL = np.sin(np.arange(64) * 0.7).astype(np.float32)
AT = datetime(2026, 11, 1, 10, tzinfo=UTC)
POINTS = (MeasurementPoint("de", "acceleration", "g", RATE), MeasurementPoint("oil", "temperature", "degC"))
PUMP = Machine(key="p-1", line="l", site="s", timeline=Timeline.REPLAY, points=POINTS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_fleet([PUMP], tmp_path / "Fleet.YML")
    (tmp_path / "p-1").mkdir()
    return tmp_path


def name(minutes: int, ending: str) -> str:
    return f"{AT + timedelta(minutes=minutes):%Y%m%dT%H%M%SZ}{ending}"


def write_csv(path: Path, header: str = "de", samples: object = SIGNAL) -> None:
    path.write_text("\n".join([header, *(f"{value:.9g}" for value in samples)]) + "\n")


def test_all_formats_lie_in_one_folder_and_are_read_in_order_of_time(folder: Path) -> None:
    machine = folder / "p-1"
    write_csv(machine / name(1, ".CSV"))
    np.savez(machine / name(2, ".npz"), de=SIGNAL, fs=RATE)
    moments = np.datetime64(AT.replace(tzinfo=None), "ns") + (np.arange(64) * (1e9 / RATE)).astype("timedelta64[ns]")
    zoned = pa.array(moments).cast(pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"time": zoned, "de": SIGNAL}), machine / "named after nothing.Parquet")
    write_block(
        machine / "block.npz", [Acquisition("p-1", AT + timedelta(minutes=3), (Waveform("de", SIGNAL, RATE, "g"),))]
    )
    recording = open_recording(folder)
    found = list(recording.acquisitions("p-1"))
    assert recording.left_out == ()
    assert recording.count("p-1") == 4
    assert [each.measured_at for each in found] == [AT + timedelta(minutes=minutes) for minutes in range(4)]
    assert {each.waveforms[0].content_hash() for each in found} == {Waveform("de", SIGNAL, RATE, "g").content_hash()}


def test_what_is_not_read_is_listed_with_the_reason(folder: Path) -> None:
    (folder / "P_1").mkdir()
    (folder / "notes.docx").write_bytes(b"any")
    (folder / "p-1" / "old").mkdir()
    (folder / "p-1" / "20261101T100000Z.xyz").write_bytes(b"any")
    for beside in (
        folder / "truth.json",
        folder / "README.md",
        folder / ".DS_Store",
        folder / "p-1" / "work_events.yaml",
    ):
        beside.write_text("[]")
    left_out = "\n".join(open_recording(folder).left_out)
    assert len(open_recording(folder).left_out) == 4
    for text in (
        "P_1/: no machine",
        "is it 'p-1'?",
        "notes.docx: it is not in",
        "p-1/old: a folder",
        "'.xyz'; supported",
    ):
        assert text in left_out


def test_a_bad_file_is_listed_and_the_others_are_read(folder: Path) -> None:
    machine = folder / "p-1"
    write_csv(machine / name(1, ".csv"))
    write_csv(machine / name(2, ".csv"), samples=[*SIGNAL[:9], float("nan")])
    (machine / name(3, ".wav")).write_bytes(b"RIFF")
    write_csv(machine / "yesterday.csv")
    write_csv(machine / name(4, ".csv"), header="oil")
    write_csv(machine / name(5, ".csv"))
    listed: list[str] = []
    found = list(open_recording(folder).acquisitions("p-1", listed.append))
    assert [each.measured_at.minute for each in found] == [1, 5]
    assert len(listed) == 4
    for text in ("line 11: 'nan'", "WAV", "the file name must be a time", "'oil' is registered for scalars"):
        assert sum(text in each for each in listed) == 1, (text, listed)
    with pytest.raises(InvalidInputError, match="yesterday"):
        list(open_recording(folder).acquisitions("p-1"))


def test_a_rate_or_time_that_contradicts_is_refused(folder: Path) -> None:
    np.savez(folder / "p-1" / name(1, ".npz"), de=SIGNAL, fs=2 * RATE)
    stamped = [f"2026-11-01T12:00:00.{round(place * 1e6 / RATE):06d}Z,{value}" for place, value in enumerate(SIGNAL)]
    (folder / "p-1" / name(2, ".csv")).write_text("\n".join(["time,de", *stamped]) + "\n")
    listed: list[str] = []
    assert list(open_recording(folder).acquisitions("p-1", listed.append)) == []
    assert "24000 Hz of point 'de', the fleet file 12000 Hz" in listed[0]
    assert "its name says 2026-11-01T10:02:00" in listed[1]


def test_columns_of_no_point_are_refused_until_some_are_chosen(folder: Path) -> None:
    (folder / "p-1" / name(1, ".csv")).write_text("\n".join(["de,fe", *(f"{value},1" for value in SIGNAL)]) + "\n")
    with pytest.raises(InvalidInputError, match=r"no waveform point 'fe'.*--columns de"):
        list(open_recording(folder).acquisitions("p-1"))
    declared = Declared(reading=Reading(columns=("de",)))
    (found,) = open_recording(folder, declared).acquisitions("p-1")
    assert [each.point for each in found.waveforms] == ["de"]


def test_another_unit_is_converted_to_that_of_the_point_and_counts_keep_their_scale(folder: Path) -> None:
    write_csv(folder / "p-1" / name(1, ".csv"), "de [m/s2]", SIGNAL * np.float32(STANDARD_GRAVITY))
    (found,) = open_recording(folder, Declared(unit="m/s2")).acquisitions("p-1")
    np.testing.assert_allclose(found.waveforms[0].samples, SIGNAL, rtol=1e-6)
    assert found.waveforms[0].unit == "g"
    (folder / "p-1" / name(1, ".csv")).unlink()
    counts = np.round(SIGNAL * 32767).astype(np.int16)
    wavfile.write(folder / "p-1" / name(1, ".wav"), int(RATE), counts)
    (found,) = open_recording(folder, Declared({"de": "1"}, scale={"": 2.0})).acquisitions("p-1")
    assert found.waveforms[0].samples.tolist() == counts.tolist()
    assert found.waveforms[0].scale == 2.0 / 32768


def test_parts_of_a_file_are_acquisitions_with_times(folder: Path) -> None:
    seconds = AT.timestamp() + np.arange(64) / RATE + 60.0 * (np.arange(64) >= 32)
    rows = [f"{at!r},{value}" for at, value in zip(seconds.tolist(), SIGNAL, strict=True)]
    (folder / "p-1" / "run.csv").write_text("\n".join(["time,de", *rows]) + "\n")
    with pytest.raises(InvalidInputError, match="--split"):
        list(open_recording(folder).acquisitions("p-1"))
    first, second = open_recording(folder, Declared(reading=Reading(split=True))).acquisitions("p-1")
    assert (second.measured_at - first.measured_at).total_seconds() == pytest.approx(60 + 32 / RATE, abs=1e-5)
    assert second.waveforms[0].samples.tolist() == SIGNAL[32:].tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {kind: failure, occurred_at: 2026-11-01 12:00:00}", "has no time zone"),
        ("- {kind: failure, occurred_at: '2026-11-01T12:00:00'}", "has no time zone"),
        ("- {kind: failure, occurred_at: yesterday}", "is not a time"),
        ("- {kind: failure, occurred_at: 2026-11-01}", "has no time zone"),
        ("- {kind: failure}", "occurred_at None is not a time"),
        ("- {kind: explosion, occurred_at: 2026-11-01T12:00:00Z}", "kind 'explosion'; allowed: "),
        ("- {kind: failure, occurred_at: 2026-11-01T12:00:00Z, part: x}", "event 1: unknown 'part'; allowed: "),
        ("- {kind: failure, occurred_at: 2026-11-01T12:00:00Z, note: 7}", "note '7' is not|note 7 is not"),
        ("kind: failure", "a list of events is required"),
        ("- failure", "event 1: it must have kind"),
    ],
)
def test_a_work_event_that_is_unclear_is_refused_by_its_place(folder: Path, text: str, words: str) -> None:
    (folder / "p-1" / "Work_Events.yaml").write_text(text)
    with pytest.raises(InvalidInputError, match=words):
        open_recording(folder).work_events("p-1")


@pytest.mark.parametrize("at", ["2026-11-01T12:00:00Z", "'2026-11-01T21:00:00+09:00'", "2026-11-01 21:00:00+09:00"])
def test_a_work_event_has_its_time_quoted_or_not(folder: Path, at: str) -> None:
    (folder / "p-1" / "work_events.yaml").write_text(f"- {{kind: failure, occurred_at: {at}}}")
    (event,) = open_recording(folder).work_events("p-1")
    assert event.occurred_at == datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_a_life_in_capitals_is_listed(tmp_path: Path) -> None:
    none = np.array([], np.int64)
    overflow = {f"{axis}_ovf_{what}": none for axis in "hv" for what in ("idx", "val")}
    for each in ("Bearing2_1.npz", "BEARING2_2.npz"):
        np.savez_compressed(
            tmp_path / each, h=np.zeros((1, 4), np.int16), v=np.zeros((1, 4), np.int16), fs=25600, **overflow
        )
    (tmp_path / "manifest.json").write_text(json.dumps({}))
    assert [text.partition(":")[0] for text in open_recording(tmp_path).left_out] == ["BEARING2_2.npz"]
