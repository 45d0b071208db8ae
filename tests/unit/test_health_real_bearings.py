"""Health along six real bearing lives (IEEE PHM 2012, PRONOSTIA), one setting for all."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import features
from pdm.health.assess import assess, initial_state
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.units import STANDARD_GRAVITY
from pdm.measurements import OperatingContext

FOLDER = Path(os.environ.get("PDM_DATA", "")) / "pronostia"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="PDM_DATA names no folder with the PRONOSTIA recordings"),
]
LIVES = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2")
TEST_RIG = features.BearingGeometry(
    rolling_elements=13, element_diameter=3.5e-3, pitch_diameter=25.6e-3, contact_angle=0.0
)
WARNING = 0.6


def first_warning(life: str) -> float:
    """Return the place in its life [1] where 3 of 5 acquisitions in a row first warn; 1 if none do."""
    with np.load(FOLDER / f"Bearing{life}.npz") as stored:
        speed = float(stored["rpm"]) / 60
        axes = []
        for axis in "hv":
            counts = stored[axis].astype(np.int32)
            counts.ravel()[stored[f"{axis}_ovf_idx"]] = stored[f"{axis}_ovf_val"]
            axes.append(counts * np.float32(1e-3 * STANDARD_GRAVITY))
    waveforms = np.stack(axes, axis=1).astype(np.float32)
    orders = TEST_RIG.orders()
    lines = [orders.bpfo, orders.bpfi, orders.bsf, orders.ftf]
    values = features.extract(waveforms.reshape(-1, waveforms.shape[-1]), 25600.0, speed=speed, bearing_orders=lines)
    vectors = values.values[:, 0].reshape(len(waveforms), 2, -1)
    rig = Machine(
        key="rig",
        line="rigs",
        site="lab",
        rated_speed=speed,
        components=(Component("bearing", ComponentKind.BEARING),),
        points=tuple(MeasurementPoint(a, "acceleration", "g", 25600.0, component="bearing") for a in "hv"),
    )
    state, low = initial_state(rig), []
    for place, (horizontal, vertical) in enumerate(vectors):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=10 * place)
        snapshot = Snapshot(at, OperatingContext(speed), {"h": horizontal, "v": vertical})
        state, assessment = assess(rig, state, snapshot)
        low.append(assessment.health is not None and assessment.health < WARNING)
    sums = np.convolve(low, np.ones(5), "valid")
    return float(np.argmax(sums >= 3) / len(low)) if (sums >= 3).any() else 1.0


def test_real_bearings_are_warned_of_before_their_end_and_not_in_their_first_half():
    onset = {life: first_warning(life) for life in LIVES}
    assert sum(place < 1.0 for place in onset.values()) >= 5, onset
    assert sum(place < 0.9 for place in onset.values()) >= 4, onset
    # 2_1 and 2_2 change early in truth: their RMS steps up in the third and the fourth decile
    assert all(onset[life] > 0.5 for life in ("1_1", "1_2", "3_1", "3_2")), onset
