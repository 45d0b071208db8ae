"""Every format of recordings in files through one suite: single files of a diagnosis, and folders of a replay."""

from __future__ import annotations

import re
import tomllib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from scipy.io import savemat, wavfile

from pdm.cli import analysis as commands
from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import write_fleet
from pdm.ingest.formats import RecordingSource, open_recording
from pdm.ingest.npz_folder import write_block
from pdm.ingest.recording_files import READERS, Declared, ReadFile, read_recording_file
from pdm.ingest.recordings.library import REQUIRED
from pdm.machines.model import Machine, MeasurementPoint
from pdm.machines.units import STANDARD_GRAVITY
from pdm.measurements import Acquisition, OperatingContext, Waveform

ROOT = Path(__file__).parents[2]
RATE = 12800.0
COUNT = 2000
SIGNALS = {
    "de": np.sin(np.arange(COUNT) * 0.3) + 0.1 * np.cos(np.arange(COUNT) * 1.7),
    "nde": 0.5 * np.sin(np.arange(COUNT) * 0.11),
}
POINTS = tuple(MeasurementPoint(key, "acceleration", "g", RATE) for key in SIGNALS)
MACHINE = Machine(key="pump", line="hall", site="plant", points=POINTS)
UNKNOWN_RATE = Machine(
    key="pump", line="hall", site="plant", points=tuple(MeasurementPoint(key, "acceleration", "g") for key in SIGNALS)
)


# Single files


def write_table(path: Path, delimiter: str) -> None:
    rows = np.column_stack(list(SIGNALS.values()))
    lines = [delimiter.join(f"{value:.9g}" for value in row) for row in rows]
    path.write_text("\n".join([delimiter.join(SIGNALS), *lines]) + "\n")


def write_npz(path: Path) -> None:
    np.savez(path, fs=RATE, rpm=1800.0, **{f"{key}_unit": "g" for key in SIGNALS}, **SIGNALS)


def write_parquet(path: Path) -> None:
    seconds = np.arange(COUNT) / RATE
    pq.write_table(pa.table({"time": seconds} | {f"{key} [g]": signal for key, signal in SIGNALS.items()}), path)


def write_tdms(path: Path) -> None:
    import nptdms

    known = {"wf_increment": 1 / RATE, "unit_string": "g"}
    with nptdms.TdmsWriter(str(path)) as writer:
        writer.write_segment([nptdms.ChannelObject("run", key, signal, known) for key, signal in SIGNALS.items()])


def write_uff(path: Path, binary: int = 0) -> None:
    import pyuff

    sets = [
        {
            "type": 58, "func_type": 1, "rsp_node": node, "rsp_dir": 2, "ref_node": 0, "ref_dir": 0,
            "x": np.arange(COUNT) / RATE, "data": signal, "id1": key, "abscissa_spacing": 1, "abscissa_inc": 1 / RATE,
            "ordinate_spec_data_type": 12, "orddenom_spec_data_type": 0, "ordinate_axis_units_lab": "g",
            "binary": binary,
        }
        for node, (key, signal) in enumerate(SIGNALS.items())
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        pyuff.UFF(str(path)).write_sets(sets, mode="add")


def write_npy(path: Path) -> None:
    np.save(path, np.column_stack(list(SIGNALS.values())))


def write_mat(path: Path) -> None:
    savemat(path, {"fs": RATE, **{f"{key}_unit": "g" for key in SIGNALS}, **SIGNALS})


def write_hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for key, signal in SIGNALS.items():
            file.create_dataset(key, data=signal).attrs.update(fs=RATE, unit="g")


def write_mdf(path: Path) -> None:
    from asammdf import MDF, Signal

    with MDF(version="4.10") as file:
        seconds = np.arange(COUNT) / RATE
        file.append([Signal(signal, seconds, name=key, unit="g") for key, signal in SIGNALS.items()])
        file.save(path, overwrite=True)


def write_lvm(path: Path) -> None:
    head = [
        "LabVIEW Measurement\t",
        "Separator\tTab",
        "Decimal_Separator\t.",
        "X_Columns\tNo",
        "***End_of_Header***\t",
        "\t",
    ]
    known = {"Channels": "2", "Samples": f"{COUNT}\t{COUNT}", "Y_Unit_Label": "g\tg", "X_Dimension": "Time\tTime"}
    known |= {"X0": "0\t0", "Delta_X": f"{1 / RATE:.15g}\t{1 / RATE:.15g}"}
    part = [*(f"{name}\t{value}\t" for name, value in known.items()), "***End_of_Header***\t\t\t"]
    rows = ["\t" + "\t".join(f"{value:.9g}" for value in row) for row in np.column_stack(list(SIGNALS.values()))]
    path.write_text("\n".join([*head, *part, "\t".join(["X_Value", *SIGNALS, "Comment"]), *rows]) + "\n")


def write_wav(path: Path) -> None:
    columns = np.column_stack(list(SIGNALS.values()))
    wavfile.write(path, int(RATE), np.round(columns / 2 * 32767).astype(np.int16))


@dataclass(frozen=True)
class Format:
    """How a format is written, what a caller must declare of such a file, and what the file itself declares."""

    write: Callable[[Path], None]
    declared: Declared = field(default_factory=Declared)
    has_rate: bool = True
    has_unit: bool = True
    is_cut_by_lines: bool = False


BY_NUMBER = {"de": "1", "nde": "2"}
FORMATS: Mapping[str, Format] = {
    ".csv": Format(lambda path: write_table(path, ","), Declared(rate=RATE), False, False, True),
    ".txt": Format(lambda path: write_table(path, ";"), Declared(rate=RATE), False, False, True),
    ".tsv": Format(lambda path: write_table(path, "\t"), Declared(rate=RATE), False, False, True),
    ".asc": Format(lambda path: write_table(path, " "), Declared(rate=RATE), False, False, True),
    ".dat": Format(lambda path: write_table(path, "|"), Declared(rate=RATE), False, False, True),
    ".npz": Format(write_npz),
    ".npy": Format(write_npy, Declared(BY_NUMBER, rate=RATE), False, False),
    ".parquet": Format(write_parquet),
    ".mat": Format(write_mat),
    ".h5": Format(write_hdf5),
    ".hdf5": Format(write_hdf5),
    ".mf4": Format(write_mdf),
    ".lvm": Format(write_lvm),
    ".tdms": Format(write_tdms),
    ".uff": Format(write_uff),
    ".unv": Format(write_uff),
    ".ufb": Format(lambda path: write_uff(path, 1)),
    ".wav": Format(write_wav, Declared(BY_NUMBER, scale={"": 2.0}), has_unit=False),
}
per_format = pytest.mark.parametrize("ending", FORMATS)


def write(folder: Path, ending: str, name: str = "run") -> Path:
    path = folder / f"{name}{ending}"
    FORMATS[ending].write(path)
    return path


def read(path: Path, **changes: Any) -> ReadFile:
    known = FORMATS[path.suffix].declared
    return read_recording_file(path, MACHINE, Declared(**{**vars(known), **changes}))


def refusal(path: Path, machine: Machine = MACHINE, declared: Declared | None = None) -> str:
    with pytest.raises(InvalidInputError) as caught:
        read_recording_file(path, machine, declared or FORMATS[path.suffix].declared)
    assert caught.value.message.startswith(f"{path.name}: "), "the file must be named"
    return caught.value.message


def samples_of(found: ReadFile) -> dict[str, NDArray[np.float64]]:
    """Return the samples in g."""
    return {
        channel.point.key: channel.samples * (1.0 if channel.scale is None else channel.scale) / STANDARD_GRAVITY
        for channel in found.recording.channels
    }


def test_every_format_known_is_in_this_suite() -> None:
    assert set(FORMATS) == set(READERS)


@per_format
def test_a_format_has_a_row_in_the_docs(ending: str) -> None:
    page = (ROOT / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    assert any(f"`{ending}`" in cell for cell in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE))


@per_format
def test_a_format_is_named_in_the_help_of_the_command(ending: str) -> None:
    shown = get_type_hints(commands.diagnose, include_extras=True)["file"].__metadata__[0].help
    assert READERS[ending].__name__.removeprefix("read_").upper() in shown.upper()


def test_the_extra_for_formats_has_every_library_that_a_reader_loads() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert {re.split("[<>=]", each)[0] for each in extras["formats"]} == set(REQUIRED.values())
    assert extras["files"] == ["pdm-service[formats]"], "the name until now"


@per_format
def test_a_file_gives_back_samples_rate_unit_and_points(tmp_path: Path, ending: str) -> None:
    found = read(write(tmp_path, ending))
    assert {channel.point.key for channel in found.recording.channels} == set(SIGNALS)
    for channel in found.recording.channels:
        assert channel.sampling_rate == pytest.approx(RATE, rel=1e-6)
    for key, samples in samples_of(found).items():
        np.testing.assert_allclose(samples, SIGNALS[key], atol=1e-4)


@per_format
def test_a_file_is_read_alike_twice(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path, ending)
    first, second = (samples_of(read(path)) for _ in range(2))
    assert {key: samples.tobytes() for key, samples in first.items()} == {
        key: samples.tobytes() for key, samples in second.items()
    }


@per_format
def test_a_rate_is_the_files_own_or_asked_for(tmp_path: Path, ending: str) -> None:
    path, known = write(tmp_path, ending), FORMATS[ending].declared
    if FORMATS[ending].has_rate:
        assert "the file says 12800 Hz" in refusal(path, declared=Declared(known.points, rate=2 * RATE))
    else:
        assert "add --rate HZ" in refusal(path, UNKNOWN_RATE, Declared(known.points))


@per_format
def test_a_unit_is_the_files_own_or_that_of_the_point(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path, ending)
    in_metres = Machine(
        key="pump", line="hall", site="plant",
        points=tuple(MeasurementPoint(key, "acceleration", "m/s2", RATE) for key in SIGNALS),
    )  # fmt: skip
    if FORMATS[ending].has_unit:
        assert "select one with --unit" in refusal(path, in_metres)
    else:
        found = read_recording_file(path, in_metres, FORMATS[ending].declared)
        for key, samples in samples_of(found).items():
            np.testing.assert_allclose(samples * STANDARD_GRAVITY, SIGNALS[key], atol=1e-4)


@per_format
def test_channels_and_points_that_are_unknown_are_refused_with_those_that_are_known(
    tmp_path: Path, ending: str
) -> None:
    path, known = write(tmp_path, ending), FORMATS[ending].declared
    names = [*(BY_NUMBER.values() if known.points == BY_NUMBER else SIGNALS)]
    for points, unknown in (({"de": "nowhere"}, "nowhere"), ({"nowhere": names[0]}, "nowhere")):
        message = refusal(path, declared=Declared(points, rate=known.rate, scale=known.scale))
        assert unknown in message
        assert f"the file has {', '.join(names)}" in message
        assert "has the points de, nde" in message


@per_format
@pytest.mark.parametrize("content", [b"", b"\n", b"\x00\xff\xfebroken" * 40, b"1;2\n3;4\n"])
def test_a_file_that_is_empty_or_something_else_is_refused_by_name(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"bad{ending}"
    path.write_bytes(content)
    refusal(path)


@per_format
@pytest.mark.parametrize("part", [0.1, 0.4, 0.9, 0.999])  # at half, two datasets of a UFF part
def test_a_file_cut_short_is_refused(tmp_path: Path, ending: str, part: float) -> None:
    path = write(tmp_path, ending)
    whole = path.read_bytes()
    cut = whole[: int(part * len(whole))]
    if FORMATS[ending].is_cut_by_lines:  # what is cut between two lines is another whole table
        cut = cut[: cut.rfind(b"\n") + 6]
    path.write_bytes(cut)
    refusal(path)


def test_an_unknown_format_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    (tmp_path / "run.sql").write_bytes(b"CREATE TABLE")
    with pytest.raises(InvalidInputError) as caught:
        read_recording_file(tmp_path / "run.sql", MACHINE, Declared())
    assert all(ending in caught.value.message for ending in READERS)


# Folders

STARTED = datetime(2026, 11, 1, tzinfo=UTC)
LENGTH = 64


def acquisitions(machine: str, step: timedelta, points: Mapping[str, float], context: OperatingContext) -> list[Any]:
    rng = np.random.default_rng(7)
    return [
        Acquisition(
            machine,
            STARTED + place * step,
            tuple(
                Waveform(point, rng.integers(-9000, 9000, LENGTH).astype(np.int16), rate, "g", 1e-3)
                for point, rate in points.items()
            ),
            (),
            context,
        )
        for place in range(5)
    ]


def write_npz_folder(folder: Path) -> list[Acquisition]:
    sent = acquisitions("pump", timedelta(minutes=10), dict.fromkeys(SIGNALS, RATE), OperatingContext(29.5, 0.8))
    write_fleet([MACHINE], folder / "fleet.yaml")
    (folder / "pump").mkdir()
    write_block(folder / "pump" / "0.npz", sent[:3])
    write_block(folder / "pump" / "1.npz", sent[3:])
    return sent


def write_csv_folder(folder: Path) -> list[Acquisition]:
    sent = acquisitions("pump", timedelta(minutes=10), dict.fromkeys(SIGNALS, RATE), OperatingContext())
    write_fleet([MACHINE], folder / "fleet.yaml")
    (folder / "pump").mkdir()
    for each in sent:
        columns = np.column_stack([wave.samples * 1e-3 for wave in each.waveforms])
        lines = [",".join(f"{value:.3f}" for value in row) for row in columns]
        path = folder / "pump" / f"{each.measured_at:%Y%m%dT%H%M%SZ}.csv"
        path.write_text("\n".join([",".join(SIGNALS), *lines]) + "\n")
    return sent


def write_pronostia(folder: Path) -> list[Acquisition]:
    points = dict.fromkeys(("bearing-h", "bearing-v"), 25600.0)
    context = OperatingContext(27.5, 1.0, "condition-2")
    sent = acquisitions("bearing2_1", timedelta(seconds=10), points, context)
    none = np.array([], np.int64)
    arrays = {axis: np.stack([each.waveforms[place].samples for each in sent]) for place, axis in enumerate(("h", "v"))}
    overflow = {f"{axis}_{what}": none for axis in "hv" for what in ("ovf_idx", "ovf_val")}
    np.savez_compressed(folder / "Bearing2_1.npz", fs=25600, **arrays, **overflow)
    return sent


@dataclass(frozen=True)
class Folder:
    """How a folder's format is written, and which machine it then has."""

    write: Callable[[Path], list[Acquisition]]
    machine: str


FOLDERS = {
    "npz": Folder(write_npz_folder, "pump"),
    "csv": Folder(write_csv_folder, "pump"),
    "pronostia": Folder(write_pronostia, "bearing2_1"),
}
per_folder = pytest.mark.parametrize("kind", FOLDERS)


def open_folder(folder: Path, kind: str) -> tuple[RecordingSource, list[Acquisition]]:
    sent = FOLDERS[kind].write(folder)
    return open_recording(folder), sent


def values(waveform: Waveform) -> NDArray[np.float64]:
    return waveform.samples.astype(np.float64) * (waveform.scale or 1.0)


@per_folder
def test_a_folder_gives_back_records_in_time_order_with_rate_unit_and_points(tmp_path: Path, kind: str) -> None:
    recording, sent = open_folder(tmp_path, kind)
    (machine,) = recording.machines
    assert machine.key == FOLDERS[kind].machine
    found = list(recording.acquisitions(machine.key))
    assert recording.count(machine.key) == len(found) == len(sent)
    for had, has in zip(sent, found, strict=True):
        assert (has.machine, has.measured_at, has.context) == (had.machine, had.measured_at, had.context)
        for before, after in zip(had.waveforms, has.waveforms, strict=True):
            assert (after.point, after.unit, after.sampling_rate) == (before.point, before.unit, before.sampling_rate)
            np.testing.assert_allclose(values(after), values(before), atol=1e-6)


@per_folder
def test_a_folder_is_read_alike_twice(tmp_path: Path, kind: str) -> None:
    recording, _ = open_folder(tmp_path, kind)
    machine = FOLDERS[kind].machine
    first, second = (
        [wave.content_hash() for each in recording.acquisitions(machine) for wave in each.waveforms] for _ in range(2)
    )
    assert first == second


@per_folder
def test_a_machine_that_a_folder_lacks_is_refused_with_those_it_has(tmp_path: Path, kind: str) -> None:
    recording, _ = open_folder(tmp_path, kind)
    for ask in (recording.count, lambda key: list(recording.acquisitions(key)), recording.work_events):
        with pytest.raises(InvalidInputError, match=f"unknown machine 'fan-99'.*{FOLDERS[kind].machine}"):
            ask("fan-99")


@per_folder
@pytest.mark.parametrize("damage", ["empty", "cut", "spoiled"])
def test_a_damaged_file_of_a_folder_is_refused_by_name(tmp_path: Path, kind: str, damage: str) -> None:
    FOLDERS[kind].write(tmp_path)
    path = sorted(tmp_path.rglob("*.csv" if kind == "csv" else "*.npz"))[-1]
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "empty": b"",
            "cut": whole[: whole.rfind(b",", 0, middle)] if kind == "csv" else whole[:middle],
            "spoiled": whole[:middle] + bytes(16) + whole[middle + 16 :],
        }[damage]
    )
    with pytest.raises(InvalidInputError) as caught:
        list(open_recording(tmp_path).acquisitions(FOLDERS[kind].machine))
    assert path.name in caught.value.message


def test_a_folder_in_no_format_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"PRONOSTIA.*fleet\.yaml"):
        open_recording(tmp_path)
