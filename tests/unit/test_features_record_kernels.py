"""The loops over one record agree with plain NumPy."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.kernels.record import amplitudes, moments, standstill, strongest, windowed

RNG = np.random.default_rng(11)
COUNTS = arrays(np.int16, st.integers(2, 80), elements=st.integers(-3, 3))


@pytest.mark.parametrize("samples", [RNG.integers(-900, 900, 4097).astype(np.int16), RNG.normal(2.0, 3.0, 4097)])
def test_moments_are_those_of_numpy(samples):
    mean, spread = moments(samples)
    assert mean == pytest.approx(samples.mean(dtype=np.float64), rel=1e-12)
    assert spread == pytest.approx(samples.std(dtype=np.float64), rel=1e-12)


@settings(deadline=None)  # the first call compiles
@given(COUNTS, st.integers(1, 5))
def test_standing_still_is_counted_as_by_hand(samples, least_run):
    low, high = float(samples.min()), float(samples.max())
    pairs = list(pairwise(samples))
    repeats = "".join("r" if a == b and b not in (low, high) else "-" for a, b in pairs)
    expected = (
        sum(a == b and b in (low, high) for a, b in pairs),
        sum(a == b for a, b in pairs),
        sum(len(run) for run in repeats.split("-") if len(run) >= least_run),
    )
    assert standstill(samples, low, high, least_run) == expected


def test_a_window_is_laid_over_what_the_mean_leaves():
    record, window = RNG.normal(5.0, 1.0, 1000).astype(np.float32), np.hanning(1000).astype(np.float32)
    prepared = np.empty_like(record)
    windowed(record, window, prepared)
    assert prepared == pytest.approx((record - record.mean(dtype=np.float64)) * window, abs=1e-6)


def test_amplitudes_are_moduli_in_double_precision():
    lines = (RNG.normal(size=100) + 1j * RNG.normal(size=100)).astype(np.complex64)
    levels = np.empty(100)
    amplitudes(lines, 3.0, levels)
    assert levels == pytest.approx(3.0 * np.abs(lines.astype(np.complex128)), rel=1e-14)


@settings(deadline=None)  # the first call compiles
@given(st.integers(3, 95), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_the_prominence_of_the_strongest_line_is_relative_to_the_median_around_it(first, reach, seed):
    levels = np.random.default_rng(seed).exponential(size=110)
    best, floor = strongest(levels, first, first + reach, 2, 24)
    assert best == first + int(levels[first : first + reach + 1].argmax())
    around = [*levels[max(1, best - 24) : best - 2], *levels[best + 3 : best + 25]]
    assert floor == pytest.approx(np.median(around))
