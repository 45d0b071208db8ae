"""Features on public recordings whose faults are known."""

import os
from pathlib import Path

import numpy as np
import pytest

import features
from features import BearingGeometry

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


def cwru(name):
    held = recording("cwru", name)
    samples = held["DE"] * float(held["DE_lsb"]) * STANDARD_GRAVITY
    fs, rpm = int(held["fs"]), float(held["rpm"])
    seconds = len(samples) // fs
    whole = samples[: seconds * fs].reshape(seconds, fs)
    return features.extract(whole.astype(np.float32), float(fs), speed=rpm / 60, bearing_orders=orders(DRIVE_END))


@pytest.mark.parametrize(
    ("name", "fault"),
    [("DE12k_OR007at6_L0_130.npz", "bpfo"), ("DE12k_IR007_L0_105.npz", "bpfi"), ("DE12k_IR021_L0_209.npz", "bpfi")],
)
def test_a_seeded_race_fault_stands_out_at_its_own_frequency(name, fault):
    table = cwru(name)
    found = {f: float(np.median(table.column(f"{f}_prominence"))) for f in ("bpfo", "bpfi", "bsf")}
    assert max(found, key=found.get) == fault
    assert found[fault] > 15


def test_vibration_grows_over_the_life_of_a_bearing():
    held = recording("pronostia", "Bearing1_1.npz")
    waves = held["h"].astype(np.float32) * 1e-3 * STANDARD_GRAVITY
    table = features.extract(
        waves,
        float(held["fs"]),
        speed=float(held["rpm"]) / 60,
        bearing_orders=orders(PRONOSTIA),
        names=["rms", "velocity_rms", "envelope_rms"],
    )
    rms = table.column("rms")[:, 0]
    assert np.median(rms[-50:]) > 3 * np.median(rms[:50])
    assert np.isfinite(table.column("envelope_rms")).all()
    # 0.1 s of signal cannot be graded by ISO 20816.
    assert np.isnan(table.column("velocity_rms")).all()
