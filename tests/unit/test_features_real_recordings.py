"""Features on public recordings whose faults are known."""

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

import features
from features import BearingGeometry
from features.ranking import LEAST_EVIDENCE, rank_bearing_faults
from tests.unit.oracle_bearing import bearing_features
from tests.unit.test_features_bearing_bands import assert_agrees

pytestmark = pytest.mark.real_data

DATA = Path(os.environ.get("PDM_DATA") or Path(__file__).parents[3] / "shared" / "data")
STANDARD_GRAVITY = 9.80665
# SKF 6205-2RS, drive end of the CWRU rig; CWRU Bearing Data Center's own multiples are 3.5848, 5.4152, 0.3983.
DRIVE_END = BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0)
# NSK 6804DD of PRONOSTIA: 13 balls of 3.5 mm on 25.6 mm. P. Nectoux et al., IEEE PHM 2012.
PRONOSTIA = BearingGeometry(13, 3.5e-3, 25.6e-3, 0.0)


def recording(*parts):
    path = DATA.joinpath(*parts)
    if not path.exists():
        message = f"{path} is absent; set PDM_DATA to the folder of the recordings"
        if os.environ.get("PDM_REQUIRE_DATA") == "1" or os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return np.load(path)


def orders(geometry):
    known = geometry.orders()
    return [known.bpfo, known.bpfi, known.bsf, known.ftf]


# CWRU's nominal speeds by load [hp], for the files that state none.
NOMINAL_RPM = {0: 1797.0, 1: 1772.0, 2: 1750.0, 3: 1730.0}
FAULTS = {"IR": "inner race", "OR": "outer race", "B": "rolling element"}


def cwru_record(name):
    """Drive-end acceleration [m/s2] at 12 kHz and the shaft speed [Hz]."""
    archive = recording("cwru", name)
    samples = archive["DE"] * float(archive["DE_lsb"]) * STANDARD_GRAVITY
    stated = float(archive["rpm"])
    rpm = NOMINAL_RPM[int(archive["load_hp"])] if np.isnan(stated) else stated
    return signal.resample_poly(samples, 1, int(archive["fs"]) // 12_000), rpm / 60


def cwru(name, seconds=1.0):
    samples, speed = cwru_record(name)
    size = int(seconds * 12_000)
    whole = samples[: len(samples) // size * size].reshape(-1, size)
    return features.extract(whole.astype(np.float32), 12_000.0, speed=speed, bearing_orders=orders(DRIVE_END))


def test_one_rule_ranks_the_right_fault_first_on_most_seeded_bearings():
    recording("cwru", "NORMAL_L0_48k_a.npz")
    with (DATA / "cwru" / "manifest.csv").open() as file:
        seeded = [row for row in csv.DictReader(file) if row["fault"] != "N"]
    right, all_of = Counter(), Counter(row["fault"] for row in seeded)
    for row in seeded:
        ranked = rank_bearing_faults(cwru(f"{row['name']}.npz", seconds=5.0))
        right[row["fault"]] += ranked[0].fault == FAULTS[row["fault"]]
    assert all_of == {"IR": 8, "OR": 14, "B": 8}
    # A crude envelope test reads 7, 12 and 3 of them.
    assert right == {"IR": 8, "OR": 13, "B": 6}


def test_the_rule_finds_no_evidence_of_a_fault_in_the_healthy_bearing():
    for seconds in (1.0, 2.0, 2.5):
        ranked = rank_bearing_faults(cwru("NORMAL_L0_48k_a.npz", seconds))
        assert len(ranked) == 3
        assert max(each.score for each in ranked) < LEAST_EVIDENCE


@pytest.mark.parametrize("name", ["DE12k_OR007at6_L0_130.npz", "DE12k_IR021_L2_211.npz", "DE12k_B028_L0_3005.npz"])
def test_bearing_features_of_a_seeded_fault_agree_with_double_precision(name):
    samples, speed = cwru_record(name)
    waves = samples[:60_000].reshape(3, 20_000).astype(np.float32)
    table = features.extract(waves, 12_000.0, speed=speed, bearing_orders=orders(DRIVE_END))
    for row, wave in enumerate(waves):
        assert_agrees(table, row, bearing_features(wave, 12_000.0, speed, orders(DRIVE_END)))


def test_bearing_features_over_a_whole_life_agree_with_double_precision():
    archive = recording("pronostia", "Bearing1_1.npz")
    fs, speed = float(archive["fs"]), float(archive["rpm"]) / 60
    waves = archive["h"][::280].astype(np.float32) * np.float32(1e-3 * STANDARD_GRAVITY)
    table = features.extract(waves, fs, speed=speed, bearing_orders=orders(PRONOSTIA))
    for row, wave in enumerate(waves):
        assert_agrees(table, row, bearing_features(wave, fs, speed, orders(PRONOSTIA)))


@pytest.mark.parametrize(
    ("name", "fault"),
    [("DE12k_OR007at6_L0_130.npz", "bpfo"), ("DE12k_IR007_L0_105.npz", "bpfi"), ("DE12k_IR021_L0_209.npz", "bpfi")],
)
def test_a_seeded_race_fault_is_prominent_at_its_frequency(name, fault):
    table = cwru(name)
    found = {f: float(np.median(table.column(f"{f}_prominence"))) for f in ("bpfo", "bpfi", "bsf")}
    assert max(found, key=found.get) == fault
    assert found[fault] > 15


def test_vibration_grows_over_the_life_of_a_bearing():
    archive = recording("pronostia", "Bearing1_1.npz")
    waves = archive["h"].astype(np.float32) * 1e-3 * STANDARD_GRAVITY
    table = features.extract(
        waves,
        float(archive["fs"]),
        speed=float(archive["rpm"]) / 60,
        bearing_orders=orders(PRONOSTIA),
        names=["rms", "velocity_rms", "envelope_rms"],
    )
    rms = table.column("rms")[:, 0]
    assert np.median(rms[-50:]) > 3 * np.median(rms[:50])
    assert np.isfinite(table.column("envelope_rms")).all()
    # 0.1 s of signal cannot be graded by ISO 20816.
    assert np.isnan(table.column("velocity_rms")).all()
