"""What only some formats of recordings have; what all have is in tests/contract/test_file_sources.py."""

import sys
import warnings
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import wavfile

from pdm.errors import ConfigurationError, InvalidInputError
from pdm.ingest.recording_files import Declared, read_recording_file
from pdm.ingest.recordings import open as opening
from pdm.ingest.recordings.content import Reading
from pdm.ingest.recordings.library import REQUIRED
from pdm.machines.model import Machine, MeasurementPoint
from pdm.machines.units import STANDARD_GRAVITY
from pdm.words.phrases import say_doubt

RATE = 12800.0
POINT = MeasurementPoint("de", "acceleration", "g")
MACHINE = Machine(key="pump", line="hall", site="plant", points=(POINT, MeasurementPoint("ia", "current", "A")))
SIGNAL = np.sin(np.arange(2000) * 0.3) + 0.1 * np.cos(np.arange(2000) * 1.7)
DECLARED = Declared(rate=RATE)


def write_csv(path, header="de;ia", rows=None, delimiter=";", decimal="."):
    rows = np.column_stack([SIGNAL, 2 * SIGNAL]) if rows is None else rows
    lines = [delimiter.join(f"{value:.9g}".replace(".", decimal) for value in row) for row in rows]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def write_uff(path, unit="g", binary=0):
    import pyuff

    dataset = {
        "type": 58,
        "func_type": 1,
        "rsp_node": 3,
        "rsp_dir": 2,
        "ref_node": 0,
        "ref_dir": 0,
        "x": np.arange(2000) / RATE,
        "data": SIGNAL,
        "id1": "de",
        "abscissa_spacing": 1,
        "abscissa_inc": 1 / RATE,
        "ordinate_spec_data_type": 12,
        "orddenom_spec_data_type": 0,
        "ordinate_axis_units_lab": unit,
        "binary": binary,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # pyuff's writer of binary sets leaves its file open
        pyuff.UFF(str(path)).write_sets(dataset, mode="add")
    return path


def write_tdms(path, properties=None):
    import nptdms

    usual = {
        "wf_increment": 1 / RATE,
        "unit_string": "g",
        "wf_start_time": np.datetime64("2026-11-01T10:00:00.25", "us"),
    }
    with nptdms.TdmsWriter(str(path)) as writer:
        writer.write_segment([nptdms.ChannelObject("run", "de", SIGNAL, usual if properties is None else properties)])
    return path


def samples_of(read, point="de"):
    channel = next(each for each in read.recording.channels if each.point.key == point)
    return channel.samples * (1.0 if channel.scale is None else channel.scale)


def assert_is_signal(read):
    assert read.recording.channels[0].sampling_rate == pytest.approx(RATE)
    np.testing.assert_allclose(samples_of(read), SIGNAL * STANDARD_GRAVITY, atol=2e-3)


def refusal(path, declared=None, machine=MACHINE):
    with pytest.raises(InvalidInputError) as caught:
        read_recording_file(path, machine, declared)
    assert caught.value.message.startswith(f"{path.name}: ")
    return caught.value.message


@pytest.mark.parametrize(("delimiter", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("|", ".")])
def test_csv_is_read_whatever_parts_its_columns(tmp_path, delimiter, decimal):
    path = write_csv(tmp_path / "a.csv", f"de{delimiter}ia", delimiter=delimiter, decimal=decimal)
    read = read_recording_file(path, MACHINE, DECLARED)
    assert_is_signal(read)
    np.testing.assert_allclose(samples_of(read, "ia"), 2 * SIGNAL, rtol=1e-5)
    assert read.channels == {"de": "de", "ia": "ia"}


def test_a_time_column_tells_the_rate(tmp_path):
    path = write_csv(tmp_path / "a.csv", "time;de", np.column_stack([np.arange(2000) / RATE, SIGNAL]))
    read = read_recording_file(path, MACHINE)
    assert_is_signal(read)
    assert read.doubts == ()


def test_milliseconds_are_recognised_by_the_name_of_the_time_column(tmp_path):
    path = write_csv(tmp_path / "a.csv", "Time [ms];de [g]", np.column_stack([np.arange(2000) / RATE * 1e3, SIGNAL]))
    assert_is_signal(read_recording_file(path, MACHINE))


def test_an_uneven_clock_is_doubted_with_its_figures(tmp_path):
    uneven = np.arange(2000) + 0.3 * np.sin(np.arange(2000) * 0.01)
    path = write_csv(tmp_path / "a.csv", "t;de", np.column_stack([uneven / RATE, SIGNAL]))
    (doubt,) = read_recording_file(path, MACHINE).doubts
    assert doubt.code == "clock-jitter"
    assert doubt.parameters["samples"] == pytest.approx(0.3, rel=0.15)
    assert "even spacing" in say_doubt(doubt.code, doubt.parameters, doubt.point, doubt.remedy)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.delete(np.arange(2001), 700), "samples are missing before sample 701"),
        (np.round(np.arange(2000), -1), "time does not increase at sample 2"),
        (np.arange(2000)[::-1], "time does not increase"),
    ],
)
def test_times_that_break_are_refused(tmp_path, times, message):
    path = write_csv(tmp_path / "a.csv", "time;de", np.column_stack([times / RATE, SIGNAL]))
    assert message in refusal(path)


def test_parquet_with_points_in_time_tells_rate_and_moment(tmp_path):
    moments = np.datetime64("2026-11-01T10:00:00", "ns") + (np.arange(2000) * (1e9 / RATE)).astype("timedelta64[ns]")
    zoned = pa.array(moments).cast(pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"timestamp": zoned, "de": SIGNAL.astype(np.float32)}), tmp_path / "a.parquet")
    read = read_recording_file(tmp_path / "a.parquet", MACHINE)
    assert_is_signal(read)
    assert read.recording.measured_at == datetime(2026, 11, 1, 10, tzinfo=UTC)


def test_npz_counts_keep_their_scale_and_the_speed_is_read(tmp_path):
    counts = np.round(SIGNAL * 20000).astype(np.int16)
    np.savez(tmp_path / "a.npz", DE=counts, DE_lsb=1 / 20000, fs=RATE, rpm=1800.0)
    read = read_recording_file(tmp_path / "a.npz", MACHINE, Declared({"de": "DE"}))
    assert_is_signal(read)
    assert read.recording.channels[0].samples.dtype == np.int16
    assert read.recording.context.speed == 30.0
    declared = read_recording_file(tmp_path / "a.npz", MACHINE, Declared({"de": "DE"}, speed=29.0))
    assert declared.recording.context.speed == 29.0


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8, np.float32])
def test_wav_is_worth_what_full_scale_is_declared_to_be(tmp_path, dtype):
    full = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max) / (2 if dtype == np.uint8 else 1)
    zero = 128 if dtype == np.uint8 else 0
    wavfile.write(tmp_path / "a.wav", int(RATE), (SIGNAL / 2 * full + zero).astype(dtype))
    read = read_recording_file(tmp_path / "a.wav", MACHINE, Declared({"de": "1"}, scale={"": 2.0}))
    np.testing.assert_allclose(samples_of(read) / STANDARD_GRAVITY, SIGNAL, atol=0.03 if dtype == np.uint8 else 1e-3)
    assert "add --scale 1=VALUE, its units at full scale" in refusal(tmp_path / "a.wav", Declared({"de": "1"}))


def test_uff_is_read_with_its_rate_and_unit(tmp_path):
    assert_is_signal(read_recording_file(write_uff(tmp_path / "a.uff"), MACHINE))
    assert_is_signal(read_recording_file(write_uff(tmp_path / "binary.uff", binary=1), MACHINE))
    assert "'in/s2'" in refusal(write_uff(tmp_path / "b.uff", unit="in/s2"))


def test_tdms_is_read_with_its_rate_unit_and_moment(tmp_path):
    read = read_recording_file(write_tdms(tmp_path / "a.tdms"), MACHINE)
    assert_is_signal(read)
    assert read.recording.measured_at == datetime(2026, 11, 1, 10, 0, 0, 250_000, tzinfo=UTC)


def test_a_rate_that_nothing_declares_is_asked_for(tmp_path):
    assert "add --rate HZ, or sampling_rate_hz to point 'de'" in refusal(write_csv(tmp_path / "a.csv"))
    assert "add --rate HZ" in refusal(write_tdms(tmp_path / "a.tdms", {}))


def test_a_rate_that_the_file_contradicts_is_refused(tmp_path):
    assert "the file says 12800 Hz" in refusal(write_tdms(tmp_path / "a.tdms"), Declared(rate=25600.0))


def test_units_that_differ_are_settled_by_the_caller(tmp_path):
    path = write_csv(tmp_path / "a.csv", "de [m/s^2];x")
    assert "select one with --unit" in refusal(path, DECLARED)
    read = read_recording_file(path, MACHINE, Declared(rate=RATE, unit="m/s2"))
    np.testing.assert_allclose(samples_of(read), SIGNAL, atol=1e-5)
    assert "'bar' is not one of acceleration" in refusal(path, Declared(rate=RATE, unit="bar"))


def test_counts_without_a_scale_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", de=np.round(SIGNAL * 20000).astype(np.int16), fs=RATE)
    assert "add --scale de=VALUE, its units per count" in refusal(tmp_path / "a.npz")
    assert_is_signal(read_recording_file(tmp_path / "a.npz", MACHINE, Declared(scale={"de": 1 / 20000})))
    assert "scale nan of channel 'de'" in refusal(tmp_path / "a.npz", Declared(scale={"": float("nan")}))


def test_channels_are_not_guessed(tmp_path):
    path = write_csv(tmp_path / "a.csv", "left;right")
    message = refusal(path, DECLARED)
    assert "the file has left, right" in message
    assert "--point POINT=CHANNEL" in message
    assert "unknown channel 'up'" in refusal(path, Declared({"de": "up"}, rate=RATE))
    assert "no point 'nde'" in refusal(path, Declared({"nde": "left"}, rate=RATE))


@pytest.mark.parametrize(("ending", "library"), REQUIRED.items())
def test_a_library_that_is_missing_is_named_with_its_extra(tmp_path, monkeypatch, ending, library):
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"any")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigurationError, match=f"requires {library}: install the extra 'formats'"):
        read_recording_file(path, MACHINE)


def test_a_time_without_a_zone_gives_the_rate_and_is_named(tmp_path):
    moments = np.datetime64("2026-11-01T10:00:00", "ns") + (np.arange(2000) * (1e9 / RATE)).astype("timedelta64[ns]")
    pq.write_table(pa.table({"timestamp": moments, "de": SIGNAL.astype(np.float32)}), tmp_path / "a.parquet")
    read = read_recording_file(tmp_path / "a.parquet", MACHINE)
    assert_is_signal(read)
    assert not read.has_time
    assert any("no time zone" in note for note in read.notes)


@pytest.mark.parametrize(("begin", "noted"), [(4.8e8, "1985-03-18T13:20:00Z if they count since 1970"), (3600.0, None)])
def test_times_of_last_century_are_noted_and_not_assumed(tmp_path, begin, noted):
    rows = np.column_stack([begin + np.arange(2000) / RATE, SIGNAL])
    lines = ["timestamp;de", *(f"{time:.9f};{value:.9g}" for time, value in rows)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    read = read_recording_file(tmp_path / "a.csv", MACHINE, Declared(reading=Reading(time="timestamp=s")))
    assert_is_signal(read)
    assert not read.has_time
    assert [noted in note for note in read.notes if "begin at" in note] == ([] if noted is None else [True])


def test_a_container_is_read_in_a_child_within_its_limits(tmp_path, monkeypatch):
    path = write_tdms(tmp_path / "a.tdms")
    assert_is_signal(read_recording_file(path, MACHINE))
    monkeypatch.setattr(opening, "_MEMORY", 64 << 20)
    assert "the file was not read: the reader of the file" in refusal(path)
    monkeypatch.setattr(opening, "_MEMORY", 4 << 30)
    monkeypatch.setattr(opening, "_SECONDS", 0.01)
    assert "did not answer within" in refusal(path)
