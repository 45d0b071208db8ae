"""What holds of both FFT libraries: SciPy's, which comes with `features`, and ducc0's, which must be asked for."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import features
from features import fft
from features.catalogue import definitions
from features.errors import FftError
from features.over_life import OverLife

ROOT = Path(__file__).parents[2]
RATE = 12_000.0
SHAFT = {"speed": 30.0, "bearing_orders": [3.585, 5.415, 2.357, 0.398]}
KNOWN = {
    "vibration": SHAFT | {"gear_teeth": 20},
    "current": SHAFT | {"quantity": "current", "supply_frequency": 60.0, "pole_pairs": 2, "rotor_slots": 28},
}


@pytest.fixture(params=fft.LIBRARIES)
def library(request):
    """Each library in turn; afterwards the one that the environment chose is back."""
    if request.param == "ducc0":
        pytest.importorskip("ducc0")
    before = fft.library()
    fft.use(request.param)
    yield request.param
    fft.use(before)


def records(samples, rows=19, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    waves = rng.normal(0, 0.3, (rows, samples)) + np.sin(2 * np.pi * 60 * time + np.arange(rows)[:, None])
    waves[::3] += 4.0 * (np.arange(samples) % 112 == 0)
    return waves.astype(np.float32)


@pytest.mark.parametrize("samples", [256, 1000, 2017, 6000])
@pytest.mark.parametrize("quantity", ["vibration", "current"])
def test_a_record_has_the_same_bits_alone_in_a_stream_and_in_any_batch(library, quantity, samples):
    waves, known = records(samples), KNOWN[quantity]
    whole = features.extract(waves, RATE, **known)
    for threads, step in ((1, 1), (1, 7), (2, 19)):
        for start in range(0, len(waves), step):
            part = features.extract(waves[start : start + step], RATE, threads=threads, **known)
            assert part.values.tobytes() == whole.values[start : start + step].tobytes()
            assert part.reasons.tobytes() == whole.reasons[start : start + step].tobytes()


def test_transforms_agree_with_numpy_and_keep_the_precision(library):
    rng = np.random.default_rng(1)
    for samples in (15, 16, 96):
        for real, complex_, accuracy in ((np.float32, np.complex64, 1e-5), (np.float64, np.complex128, 1e-12)):
            x = rng.normal(size=(5, samples)).astype(real)
            z = (x + 1j * x[::-1]).astype(complex_)
            lines = fft.rfft(x)
            for got, truth, kind in (
                (lines, np.fft.rfft(x), complex_),
                (fft.irfft(lines, samples), x * samples, real),
                (fft.ifft(z), np.fft.ifft(z) * samples, complex_),
            ):
                assert got.dtype == kind
                np.testing.assert_allclose(got, truth, atol=accuracy * samples)


def test_a_transform_into_given_memory_has_the_same_bits(library):
    x = records(96, rows=5)
    padded = np.zeros((5, 60), np.complex64)
    lines = fft.rfft(x)
    assert fft.rfft(x, padded[:, :49]).base is padded
    np.testing.assert_array_equal(padded[:, :49], lines)
    assert not padded[:, 49:].any()
    back = np.zeros((5, 100), np.float32)
    fft.irfft(lines, 96, back[:, :96])
    np.testing.assert_array_equal(back[:, :96], fft.irfft(lines, 96))
    inverse = fft.ifft(lines)
    np.testing.assert_array_equal(fft.ifft(lines, lines), inverse)
    np.testing.assert_array_equal(lines, inverse)


def test_rows_padded_to_whole_groups_have_the_bits_of_a_large_batch(library):
    for samples in (96, 1000, 2017):
        size = fft.group(samples, "rfft", "irfft", "ifft")
        x = records(samples, rows=16)
        whole = fft.rfft(x)
        for start in range(0, 16, size):
            np.testing.assert_array_equal(fft.rfft(x[start : start + size]), whole[start : start + size])


def both(compute):
    pytest.importorskip("ducc0")
    before = fft.library()
    results = []
    for name in fft.LIBRARIES:
        fft.use(name)
        results.append(compute())
    fft.use(before)
    return results


def test_the_libraries_agree_within_single_precision():
    ours, theirs = both(lambda: features.extract(records(6000), RATE, **KNOWN["vibration"]))
    assert ours.reasons.tobytes() == theirs.reasons.tobytes()
    np.testing.assert_array_equal(np.isnan(ours.values), np.isnan(theirs.values))
    for column, definition in enumerate(definitions("vibration")):
        near_zero = 1e-3 if definition.unit == "dB" else 1e-6
        np.testing.assert_allclose(
            ours.values[..., column], theirs.values[..., column], rtol=2e-4, atol=near_zero, err_msg=definition.name
        )


def test_a_state_over_life_goes_on_under_the_other_library():
    life = OverLife(channels=("rms", "envelope_rms"), baseline_records=5)

    def table():
        whole = features.extract(records(1000, rows=40), RATE, names=life.channels, **KNOWN["vibration"])
        return np.column_stack([whole.column(name)[:, 0] for name in life.channels])

    times = np.arange(40.0)
    with_scipy, with_ducc0 = both(table)
    for first, second in ((with_scipy, with_ducc0), (with_ducc0, with_scipy)):
        state, _ = life.advance(life.begin(), times[:20], first[:20])
        state, mixed = life.advance(life.from_bytes(life.to_bytes(state)), times[20:], second[20:])
        _, pure = life.advance(life.begin(), times, first)
        np.testing.assert_allclose(mixed, pure[20:], rtol=1e-3, atol=1e-3, equal_nan=True)
        assert life.to_bytes(life.from_bytes(life.to_bytes(state))) == life.to_bytes(state)


def test_no_module_but_the_one_asks_which_library_computes():
    """So nothing that is stored, named or compared can depend on it."""
    for folder in ("features", "pdm", "api"):
        for path in (ROOT / folder).rglob("*.py"):
            if path != ROOT / "features" / "fft.py":
                text = path.read_text(encoding="utf-8")
                assert not re.search(r"import ducc0|from ducc0|fft\.(library|use|LIBRARIES|VARIABLE)", text), path


def test_a_library_that_is_asked_for_but_not_installed_is_refused_clearly(monkeypatch):
    monkeypatch.setitem(sys.modules, "ducc0", None)
    before = fft.library()
    with pytest.raises(FftError, match=re.escape("ducc0 is not installed; install pdm-service[ducc0]")):
        fft.use("ducc0")
    with pytest.raises(FftError, match="fftw: not an FFT library of features; allowed are scipy and ducc0"):
        fft.use("fftw")
    assert fft.library() == before


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(None, "scipy"), ("", "scipy"), ("scipy", "scipy"), ("ducc0", "ducc0"), ("fftw", "FftError")],
)
def test_the_environment_chooses_the_library(asked, expected):
    if asked == "ducc0":
        pytest.importorskip("ducc0")
    code = (
        "import os, sys; os.environ.pop('PDM_FFT', None); asked = sys.argv[1:]\n"
        "if asked: os.environ['PDM_FFT'] = asked[0]\n"
        "from features import fft; print(fft.library(), 'ducc0' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *([] if asked is None else [asked])],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if expected == "FftError":
        assert "PDM_FFT=fftw: not an FFT library of features; allowed are scipy and ducc0" in done.stderr
    else:
        assert done.stdout.split() == [expected, str(expected == "ducc0")], done.stderr


def test_a_command_that_cannot_have_its_library_ends_with_one_line():
    code = "from pdm.cli import app; from features import fft; app.app = fft.library; app.main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PDM_FFT": "fftw"},
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip() == (
        "configuration: PDM_FFT=fftw: not an FFT library of features; allowed are scipy and ducc0"
    )
