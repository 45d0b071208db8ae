"""`pdm diagnose FILE` end to end: a process of its own, files of instruments, no database."""

import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

DATA = Path(os.environ.get("PDM_DATA") or Path(__file__).parents[3] / "shared" / "data") / "cwru"
MACHINE = """
machines:
- key: rig
  site: lab
  line: bench
  components:
  - key: drive-end-bearing
    kind: bearing
    bearing: {rolling_elements: 9, element_diameter_mm: 7.94, pitch_diameter_mm: 39.04, source: SKF 6205-2RS}
  points:
  - {key: drive-end, quantity: acceleration, unit: g, direction: radial, component: drive-end-bearing}
"""


@pytest.fixture
def machine(tmp_path):
    path = tmp_path / "machine.yaml"
    path.write_text(MACHINE)
    return path


def run(*arguments):
    without_database = {name: value for name, value in os.environ.items() if name != "PDM_DSN"}
    return subprocess.run(
        [sys.executable, "-m", "pdm.cli", "diagnose", *map(str, arguments)],
        env=without_database | {"COLUMNS": "400"},  # no message is wrapped
        capture_output=True,
        text=True,
        timeout=120,
    )


def answer(*arguments):
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_refused(done, *texts):
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for each in texts:
        assert each in done.stderr


def supported(document):
    return [each["fault"] for each in document["findings"] if each["verdict"] == "SUPPORTED"]


@pytest.fixture
def cwru():
    if not (DATA / "manifest.csv").exists():
        message = f"{DATA} holds no recordings of CWRU; set PDM_DATA to the folder of the recordings"
        if os.environ.get("PDM_REQUIRE_DATA") == "1" or os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return DATA


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "fault"),
    [("DE12k_IR007_L0_105", ["bearing_inner_race"]), ("DE12k_OR007at6_L0_130", ["bearing_outer_race"])],
)
def test_a_seeded_bearing_is_diagnosed_in_json(machine, cwru, name, fault):
    document = answer(cwru / f"{name}.npz", "--machine", machine, "--point", "drive-end=DE")
    assert document["verdict"] == "SUPPORTED"
    assert supported(document) == fault
    assert document["findings"][0]["component"] == "drive-end-bearing"
    assert document["findings"][0]["confidence"] > 0.9
    assert document["channels"] == {"drive-end": "DE"}
    assert document["speed_source"] == "measured"
    line = document["findings"][0]["lines"][0]
    assert line["found_hz"] == pytest.approx(line["expected_hz"], rel=0.01)
    assert document["findings"][0]["checks"]


@pytest.mark.real_data
def test_a_seeded_bearing_is_diagnosed_in_words_with_a_picture(machine, cwru, tmp_path):
    picture = tmp_path / "out.png"
    done = run(cwru / "DE12k_IR007_L0_105.npz", "--machine", machine, "--point", "drive-end=DE", "--plot", picture)
    assert done.returncode == 0, done.stderr
    assert "rig: Strong evidence" in done.stdout
    assert "bearing inner race damage (drive-end-bearing), confidence" in done.stdout
    assert "3 x BPFI" in done.stdout
    assert "Check: listen to the bearing" in done.stdout
    drawn = matplotlib.image.imread(picture)
    assert drawn.shape[0] > 500
    assert drawn.std() > 0.05


@pytest.mark.real_data
def test_a_sound_bearing_is_left_alone(machine, cwru):
    path = next(cwru.glob("NORMAL*.npz"))
    document = answer(path, "--machine", machine, "--point", "drive-end=DE", "--speed", 1797)
    assert document["verdict"] == "WEAK"
    assert supported(document) == []


@pytest.mark.real_data
def test_the_same_samples_as_csv_say_the_same_and_an_uneven_clock_weakens_it(machine, cwru, tmp_path):
    arrays = np.load(cwru / "DE12k_IR007_L0_105.npz")
    samples = arrays["DE"][:60000] * float(arrays["DE_lsb"])
    places = np.arange(len(samples))
    for name, uneven in (("even", places), ("uneven", places + 0.3 * np.sin(places * 0.001))):
        columns = np.column_stack([uneven / float(arrays["fs"]), samples])
        np.savetxt(
            tmp_path / f"{name}.csv", columns, fmt="%.9g", delimiter=",", header="time,drive-end [g]", comments=""
        )
    even = answer(tmp_path / "even.csv", "--machine", machine, "--speed", 1797)
    assert supported(even) == ["bearing_inner_race"]
    uneven = answer(tmp_path / "uneven.csv", "--machine", machine, "--speed", 1797)
    assert uneven["verdict"] == "WEAK"
    assert supported(uneven) == []
    assert "clock-jitter" in [reason["code"] for reason in uneven["findings"][0]["reasons"]]


def test_noise_without_a_speed_is_refused_with_what_would_help(machine, tmp_path):
    noise = np.random.default_rng(1).normal(size=20000)
    np.savez(tmp_path / "noise.npz", **{"drive-end": noise, "fs": 12000.0})
    done = run(tmp_path / "noise.npz", "--machine", machine)
    assert done.returncode == 0, done.stderr
    assert "speed unknown" in done.stdout
    assert "Cannot judge: " in done.stdout
    assert "Remedy: measure the speed." in done.stdout


def test_refusals_are_one_line_and_exit_status_2(machine, tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    assert_refused(run(tmp_path / "bad.npz", "--machine", machine), "bad.npz: not a readable NPZ file")
    (tmp_path / "a.csv").write_text("x [/g]\n1\n2\n")
    assert_refused(run(tmp_path / "a.csv", "--machine", machine), "the file has x", "--point POINT=CHANNEL")
    assert_refused(run(tmp_path / "a.csv", "--machine", machine, "--point", "x"), "--point POINT=CHANNEL")
    assert_refused(run(tmp_path / "a.csv", "--machine", machine, "--scale", "x=many"), "'many' is not a number")
    assert_refused(
        run(tmp_path / "a.csv", "--machine", machine, "--key", "other"),
        "no machine 'other'",
        "machines in the file: rig",
    )
    assert_refused(
        run(tmp_path / "a.csv", "--machine", machine, "--point", "drive-end=x", "--rate", 9),
        "select one with --unit",
        "'/g'",
    )
    assert_refused(run(tmp_path / "absent.csv", "--machine", machine), "absent.csv")


def test_one_of_several_machines_is_named(machine, tmp_path):
    machine.write_text(MACHINE + MACHINE.replace("machines:\n", "").replace("key: rig", "key: rig-2").lstrip("\n"))
    np.savez(tmp_path / "a.npz", **{"drive-end": np.random.default_rng(1).normal(size=9000), "fs": 12000.0})
    assert_refused(run(tmp_path / "a.npz", "--machine", machine), "select one with --key", "rig, rig-2")
    assert answer(tmp_path / "a.npz", "--machine", machine, "--key", "rig-2")["machine"] == "rig-2"


def test_a_picture_of_nothing_or_to_nowhere_is_refused(machine, tmp_path):
    np.savez(tmp_path / "flat.npz", **{"drive-end": np.zeros(9000), "fs": 12000.0})
    assert_refused(run(tmp_path / "flat.npz", "--machine", machine, "--plot", tmp_path / "o.png"), "nothing to plot")
    np.savez(tmp_path / "a.npz", **{"drive-end": np.random.default_rng(1).normal(size=9000), "fs": 12000.0})
    assert_refused(
        run(tmp_path / "a.npz", "--machine", machine, "--plot", tmp_path / "no" / "o.png"), "cannot be written"
    )


def test_broken_bars_are_found_in_three_phases_and_drawn(tmp_path):
    rate, supply, slip = 5000.0, 50.0, 0.02
    t = np.arange(50_000) / rate
    noise = np.random.default_rng(2)
    phases = {}
    for place, phase in enumerate(("ia", "ib", "ic")):
        shift = -2 * np.pi * place / 3
        sides = sum(0.03 * np.cos(2 * np.pi * supply * (1 + 2 * side * slip) * t + shift) for side in (-1, 1))
        pure = np.cos(2 * np.pi * supply * t + shift)
        phases[phase] = 14.0 * (pure + sides) + 0.005 * noise.normal(size=t.size)
    np.savez(tmp_path / "motor.npz", fs=rate, rpm=1470.0, **phases)
    points = "".join(f"\n  - {{key: {phase}, quantity: current, unit: A}}" for phase in phases)
    machine = tmp_path / "machine.yaml"
    machine.write_text(
        "machines:\n- key: motor\n  site: lab\n  line: bench\n  supply_frequency_hz: 50\n  pole_pairs: 2\n"
        f"  components: [{{key: rotor, kind: motor}}]\n  points:{points}\n"
    )
    document = answer(tmp_path / "motor.npz", "--machine", machine, "--plot", tmp_path / "o.png")
    assert supported(document) == ["broken_rotor_bar"]
    assert document["slip"] == pytest.approx(slip, abs=0.002)
    assert matplotlib.image.imread(tmp_path / "o.png").shape[0] > 1000
