"""Every kernel as plain Python, on short records: `test_features_without_jit.py` runs this with the compiler off.

Without the compiler an index beyond an array is an error rather than another value of memory, and arithmetic that
overflows or is invalid is a warning, which here is an error.
"""

import os
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import features
from features.catalogue import names
from features.kernels import record as single
from features.kernels.median import LANES, NEIGHBOURS, local_medians, median_of_lines
from features.over_life import OverLife
from tests.contract.short_records import ORDERS, RATE, TABLES, extract, life, over_a_life
from tests.unit.oracle_bearing import bearing_features
from tests.unit.oracle_current import current_features
from tests.unit.oracle_features import vibration_features
from tests.unit.oracle_gear import gear_features
from tests.unit.oracle_over_life import describe

COMPILED = np.load(os.environ["COMPILED_FEATURES"])


def test_the_compiler_is_off():
    assert numba.config.DISABLE_JIT
    assert not hasattr(median_of_lines, "signatures")


@pytest.mark.parametrize("name", TABLES)
def test_plain_python_agrees_with_compiled_code(name):
    plain, reasons = extract(name)
    compiled = COMPILED[name]
    np.testing.assert_array_equal(reasons, COMPILED[f"{name}, reasons"])
    np.testing.assert_array_equal(np.isnan(plain), np.isnan(compiled))
    np.testing.assert_allclose(plain, compiled, rtol=2e-4, atol=2e-3)


def test_a_state_over_life_agrees_with_compiled_code_and_with_the_whole_history():
    with np.errstate(invalid="ignore"):  # the average before a first value is 0 / 0, and not used
        state, columns = over_a_life()
    np.testing.assert_allclose(state, COMPILED["state"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(columns, COMPILED["columns"], rtol=1e-6, atol=1e-6)
    configuration, times, values = life()
    np.testing.assert_allclose(columns, describe(configuration, times, values), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("samples", [250, 256])
def test_vibration_agrees_with_double_precision(samples):
    waves, known = TABLES[f"vibration, {samples} samples"]
    table = features.extract(waves, RATE, **known)
    for row, wave in enumerate(waves):
        truth = vibration_features(wave, RATE, known["speed"], ORDERS)
        if samples >= 256:
            truth |= bearing_features(wave, RATE, known["speed"], ORDERS)
        for name, expected in truth.items():
            got = float(table.column(name)[row, 0])
            assert np.isnan(got) == np.isnan(expected), name
            assert np.isnan(expected) or got == pytest.approx(expected, rel=1e-3, abs=2e-3), name


def test_gears_agree_with_double_precision():
    waves, known = TABLES["gears"]
    table = features.extract(waves, RATE, **known)
    for row, (wave, angle) in enumerate(zip(waves, known["shaft_angle"], strict=True)):
        for name, expected in gear_features(wave, angle, known["gear_teeth"]).items():
            got = float(table.column(name)[row, 0])
            assert np.isnan(got) == np.isnan(expected), name
            assert np.isnan(expected) or got == pytest.approx(expected, rel=1e-3, abs=1e-6), name


def test_currents_agree_with_double_precision():
    waves, known = TABLES["currents"]
    table = features.extract(waves, RATE, **known)
    truth, group = current_features(
        waves[0], RATE, nominal=known["supply_frequency"], speed=known["speed"], pairs=known["pole_pairs"],
        slots=known["rotor_slots"], orders=ORDERS,
    )  # fmt: skip
    for phase, expected_of in enumerate(truth):
        for name, expected in expected_of.items():
            got = float(table.column(name)[0, phase])
            assert np.isnan(got) == np.isnan(expected), name
            assert np.isnan(expected) or got == pytest.approx(expected, rel=1e-3, abs=2e-3), name
    for name, expected in group.items():
        got = float(table.column(name)[0])
        assert np.isnan(got) == np.isnan(expected), name
        assert np.isnan(expected) or got == pytest.approx(expected, rel=1e-3, abs=2e-3), name


def test_medians_are_those_of_numpy():
    powers = np.random.default_rng(3).exponential(size=128).astype(np.float32)
    bits = powers.view(np.int32)
    for first, stop in ((3, 128), (0, 5), (7, 8), (10, 12)):
        assert median_of_lines(bits, first, stop) == pytest.approx(np.median(powers[first:stop]), rel=1e-6)
    centres, medians = np.array([0, 2, 40, 127]), np.empty(4)
    local_medians(bits, centres, 4, 128, np.empty((2 * NEIGHBOURS + 1, LANES), np.int32), medians)
    for centre, median in zip(centres, medians, strict=True):
        around = powers[max(2, centre - NEIGHBOURS) : min(127, centre + NEIGHBOURS) + 1]
        assert median == pytest.approx(np.median(around), rel=1e-6)


def test_kernels_of_a_single_record_agree_with_numpy():
    record = np.random.default_rng(4).normal(2.0, 1.0, 200).astype(np.float32)
    assert single.moments(record) == pytest.approx((record.mean(dtype=float), record.std(dtype=float)), rel=1e-6)
    assert single.standstill(np.array([1, 1, 1, 2, 2, 5, 5, 5, 5]), 1.0, 5.0, 1) == (5, 6, 1)
    prepared, window = np.empty_like(record), np.hanning(200).astype(np.float32)
    single.windowed(record, window, prepared)
    np.testing.assert_allclose(prepared, (record - record.mean(dtype=float)) * window, atol=1e-5)
    levels = np.empty(200)
    single.amplitudes(record.astype(np.complex64), 2.0, levels)
    np.testing.assert_allclose(levels, 2.0 * np.abs(record), rtol=1e-6)
    best, floor = single.strongest(levels, 50, 60, 2, 24)
    assert best == 50 + int(levels[50:61].argmax())
    assert floor == pytest.approx(np.median([*levels[best - 24 : best - 2], *levels[best + 3 : best + 25]]))


def test_every_module_of_kernels_took_part():
    folder = Path(features.__file__).parent / "kernels"
    assert {f"features.kernels.{path.stem}" for path in folder.glob("[a-z]*.py")} <= set(sys.modules)
    assert len(names("vibration")) + len(names("current")) > 0
    assert OverLife().columns
