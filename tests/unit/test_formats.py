from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import machine_from_document, machine_to_document, read_fleet, write_fleet
from pdm.ingest.formats import open_recording
from pdm.ingest.npz_folder import write_block
from pdm.machines.model import (
    BearingGeometry,
    Component,
    ComponentKind,
    Machine,
    MeasurementPoint,
    SeverityLimits,
    Timeline,
)
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform
from pdm.replay.simulated_files import write_files
from pdm.twin.fleet import DemoFleet, demo_fleet

DATA = Path(os.environ.get("PDM_DATA", "../shared/data"))
NOW = datetime(2026, 11, 1, tzinfo=UTC)

FLEET = """
machines:
  - key: press-07
    site: ulsan
    line: stamping
    name: 프레스 7
    rated_speed_rpm: 1780
    rated_power_kw: 45
    supply_frequency_hz: 60
    pole_pairs: 2
    severity_limits: {a_b_mm_s: 1.4, b_c_mm_s: 2.8, c_d_mm_s: 4.5, source: ISO 10816-3 group 2 rigid}
    planning_horizon_h: 120
    baseline_acquisitions: 20
    components:
      - key: de-bearing
        kind: bearing
        bearing:
          rolling_elements: 9
          element_diameter_mm: 7.94
          pitch_diameter_mm: 39.04
          contact_angle_deg: 15
          source: CWRU
    points:
      - {key: de-h, quantity: acceleration, unit: g, sampling_rate_hz: 12800, component: de-bearing}
      - {key: oil-temp, quantity: temperature, unit: degC}
"""


def write_yaml(folder: Path, text: str) -> Path:
    path = folder / "fleet.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_fleet_yaml_is_read_in_the_units_people_use(tmp_path: Path) -> None:
    (machine,) = read_fleet(write_yaml(tmp_path, FLEET))
    assert machine.name == "프레스 7"
    assert machine.rated_speed == pytest.approx(1780 / 60)
    assert machine.rated_power == 45e3
    assert machine.planning_horizon == 120 * 3600
    assert machine.severity_limits is not None
    assert machine.severity_limits.c_d == pytest.approx(4.5e-3)
    bearing = machine.components[0].bearing
    assert bearing is not None
    assert bearing.pitch_diameter == pytest.approx(0.03904)
    assert bearing.contact_angle == pytest.approx(np.pi / 12)
    assert [point.is_waveform for point in machine.points] == [True, False]


def test_a_machine_survives_the_way_to_a_document_and_back_unchanged(tmp_path: Path) -> None:
    machines = read_fleet(write_yaml(tmp_path, FLEET))
    write_fleet(machines, tmp_path / "again.yaml")
    assert read_fleet(tmp_path / "again.yaml") == machines
    assert machine_to_document(machines[0])["rated_speed_rpm"] == 1780
    json.dumps(machine_to_document(machines[0]))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("unit: g", "unit: psi", "machines[0].points[0].unit"),
        ("12800", "-1", "machines[0].points[0].sampling_rate_hz"),
        ("kind: bearing", "kind: wheel", "machines[0].components[0].kind"),
        ("39.04", "3.904", "machines[0].components[0].bearing.element_diameter"),
        ("rated_speed_rpm: 1780", "rated_speed_rpm: fast", "machines[0].rated_speed_rpm"),
        ("rated_speed_rpm: 1780", "speed: 1780", "machines[0]"),
        ("b_c_mm_s: 2.8", "b_c_mm_s: 28", "machines[0].severity_limits.severity_limits"),
        ("key: press-07", "key: Press 07", "machines[0].machine"),
        ("component: de-bearing", "component: gearbox", "machines[0].component"),
        ("site: ulsan", "", "machines[0]"),
        ("machines:", "plants:", "machines"),
        ("machines:", "machines: [", None),
    ],
)
def test_what_is_wrong_in_a_fleet_yaml_is_named_by_its_place(tmp_path: Path, old, new, place) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_fleet(write_yaml(tmp_path, FLEET.replace(old, new, 1)))
    assert caught.value.field == place
    assert caught.value.message.startswith("fleet.yaml: ")


def test_a_machine_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="given twice"):
        read_fleet(write_yaml(tmp_path, FLEET + FLEET.replace("machines:\n", "").lstrip("\n")))


def a_machine() -> Machine:
    return Machine(
        key="fan-01",
        line="l",
        site="s",
        rated_speed=0.1,
        severity_limits=SeverityLimits(1.4e-3, 2.8e-3, 4.5e-3, "ISO"),
        timeline=Timeline.REPLAY,
        components=(Component("b", ComponentKind.BEARING, BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0, "x")),),
        points=(
            MeasurementPoint("v", "acceleration", "g", 100.0),
            MeasurementPoint("c", "current", "A", 100.0),
            MeasurementPoint("t", "temperature", "degC"),
        ),
    )


def test_npz_blocks_give_back_what_was_written(tmp_path: Path) -> None:
    write_fleet([a_machine()], tmp_path / "fleet.yaml")
    (tmp_path / "fan-01").mkdir()
    sent = [
        Acquisition(
            "fan-01",
            NOW + timedelta(seconds=i, microseconds=1),
            (
                Waveform("v", np.arange(i, i + 5, dtype=np.int16), 100.0, "g", 0.001),
                Waveform("c", np.float32([i, 0.1]), 100.0, "A"),
            ),
            (Scalar("t", 20.5 + i, "degC"),),
            OperatingContext(29.5, None, "full" if i else None),
        )
        for i in range(5)
    ]
    write_block(tmp_path / "fan-01" / "0.npz", sent[:3])
    write_block(tmp_path / "fan-01" / "1.npz", sent[3:])
    recording = open_recording(tmp_path)
    received = list(recording.acquisitions("fan-01"))
    assert recording.count("fan-01") == 5
    assert [(a.measured_at, a.scalars, a.context) for a in received] == [
        (a.measured_at, a.scalars, a.context) for a in sent
    ]
    assert [w.content_hash() for a in received for w in a.waveforms] == [
        w.content_hash() for a in sent for w in a.waveforms
    ]
    with pytest.raises(InvalidInputError, match="same channels"):
        write_block(tmp_path / "x.npz", [sent[0], replace(sent[1], waveforms=())])
    with pytest.raises(InvalidInputError, match="unknown machine 'fan-02'"):
        recording.count("fan-02")


def test_a_damaged_or_foreign_block_is_named(tmp_path: Path) -> None:
    write_fleet([a_machine()], tmp_path / "fleet.yaml")
    (tmp_path / "fan-01").mkdir()
    (tmp_path / "fan-01" / "0.npz").write_bytes(b"PK\3\4 not really")
    with pytest.raises(InvalidInputError, match=r"fan-01/0\.npz"):
        list(open_recording(tmp_path).acquisitions("fan-01"))
    np.savez(tmp_path / "fan-01" / "0.npz", measured_at=[0], **{"waveform.zz": np.zeros((1, 3), np.float32)})
    with pytest.raises(InvalidInputError, match="no point 'zz'"):
        list(open_recording(tmp_path).acquisitions("fan-01"))
    np.savez(tmp_path / "fan-01" / "0.npz", measured_at=[0], **{"waveform.v": np.zeros((1, 3), np.int16)})
    with pytest.raises(InvalidInputError, match=r"int16 with scale\.v"):
        list(open_recording(tmp_path).acquisitions("fan-01"))


def test_csv_files_are_read_in_time_order_and_bad_ones_named(tmp_path: Path) -> None:
    write_fleet([a_machine()], tmp_path / "fleet.yaml")
    folder = tmp_path / "fan-01"
    folder.mkdir()
    (folder / "20261101T000001Z.csv").write_text("v,c\n1,2\n3,4.5\n")
    (folder / "20261101T000000.500000Z.csv").write_text("c\n7\n")
    recording = open_recording(tmp_path)
    first, second = recording.acquisitions("fan-01")
    assert recording.count("fan-01") == 2
    assert (first.measured_at, second.measured_at) == (NOW + timedelta(seconds=0.5), NOW + timedelta(seconds=1))
    assert [w.samples.tolist() for w in second.waveforms] == [[1.0, 3.0], [2.0, 4.5]]
    for text, words in (
        ("v\nnan\n", "column 'v', line 2: 'nan' is not a number"),
        ("v,c\n1\n", "the file has v,c"),
        ("v,z\n1,2\n", "no waveform point 'z'"),
        ("z\n1\n", "no channel has the name of a point"),
    ):
        (folder / "20261101T000001Z.csv").write_text(text)
        with pytest.raises(InvalidInputError, match=words):
            list(recording.acquisitions("fan-01"))
    (folder / "yesterday.csv").write_text("v\n1\n")
    with pytest.raises(InvalidInputError, match="file name must be a time"):
        list(recording.acquisitions("fan-01"))


def test_a_folder_in_no_known_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="neither PRONOSTIA"):
        open_recording(tmp_path)
    with pytest.raises(InvalidInputError, match="not a folder"):
        open_recording(tmp_path / "absent")


def test_a_simulated_fleet_written_to_files_reads_back_the_same(tmp_path: Path) -> None:
    fleet = demo_fleet(3, NOW)
    key = next(m.key for m in fleet.machines if fleet.truth(m.key).fault)
    one = fleet.simulated[key]
    short = replace(one, lives=tuple(replace(life, measured_at=life.measured_at[-3:]) for life in one.lives))
    small = DemoFleet(fleet.seed, {key: short})
    assert write_files(small, tmp_path) == 9
    recording = open_recording(tmp_path)
    machine_again = machine_from_document(machine_to_document(one.machine))
    assert recording.machines == (machine_again,)
    assert recording.work_events(key) == small.work_events(key)
    past = [a for a in small.history(key) if isinstance(a, Acquisition)]
    for read, made in zip(recording.acquisitions(key), itertools.chain(past, small.present(key)), strict=True):
        assert (read.measured_at, read.scalars, read.context) == (made.measured_at, made.scalars, made.context)
        assert [w.content_hash() for w in read.waveforms] == [w.content_hash() for w in made.waveforms]
    truth = json.loads((tmp_path / "truth.json").read_text())["machines"][key]
    assert truth["fault"] == small.truth(key).fault
    assert datetime.fromisoformat(truth["failed_at"]) <= NOW


def write_pronostia(folder: Path, h: np.ndarray, v: np.ndarray, overflow: dict[int, int]) -> None:
    at = np.array(sorted(overflow), np.int64)
    values = np.array([overflow[i] for i in at], np.int32)
    none = np.array([], np.int64)
    np.savez_compressed(
        folder / "Bearing2_1.npz", h=h, v=v, h_ovf_idx=at, h_ovf_val=values, v_ovf_idx=none, v_ovf_val=none, fs=25600
    )


def test_pronostia_records_keep_counts_unless_a_peak_left_the_range(tmp_path: Path) -> None:
    h = np.arange(12, dtype=np.int16).reshape(3, 4)
    write_pronostia(tmp_path, h, -h, {5: 48000})
    recording = open_recording(tmp_path)
    (machine,) = recording.machines
    assert (machine.key, machine.severity_limits, machine.rated_speed) == ("bearing2_1", None, 27.5)
    assert recording.count("bearing2_1") == 3
    first, second, third = recording.acquisitions("bearing2_1")
    assert [w.samples.dtype for w in second.waveforms] == [np.float32, np.int16]
    np.testing.assert_allclose(second.waveforms[0].samples, [0.004, 48.0, 0.006, 0.007], rtol=1e-6)
    assert first.waveforms[0].samples.tolist() == [0, 1, 2, 3]
    assert third.waveforms[0].scale == 0.001
    assert third.measured_at - first.measured_at == timedelta(seconds=20)


@pytest.mark.real_data
def test_the_real_pronostia_lives_have_the_records_their_readme_says() -> None:
    folder = DATA / "pronostia"
    if not folder.is_dir():
        if os.environ.get("CI") == "true" or os.environ.get("PDM_REQUIRE_DATA") == "1":
            pytest.fail(f"{folder} is absent")
        pytest.skip(f"{folder} is absent")
    recording = open_recording(folder)
    counts = {m.key: recording.count(m.key) for m in recording.machines}
    assert counts == {
        "bearing1_1": 2803,
        "bearing1_2": 871,
        "bearing2_1": 911,
        "bearing2_2": 797,
        "bearing3_1": 515,
        "bearing3_2": 1637,
    }
    file = np.load(folder / "Bearing3_1.npz")
    whole = file["h"].astype(np.int32)
    whole.ravel()[file["h_ovf_idx"]] = file["h_ovf_val"]
    for truth, a in zip(whole, recording.acquisitions("bearing3_1"), strict=True):
        w = a.waveforms[0]
        np.testing.assert_allclose(w.samples * (w.scale or 1.0), truth * 1e-3, rtol=1e-6)
