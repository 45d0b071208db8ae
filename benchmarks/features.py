"""How fast features are: one JSON line a figure, ratios of runs interleaved on one core.

`python -m benchmarks.features [--seconds 8] [--samples 2048 8192 32768]`. TSFEL and tsfresh are compared where
they are installed (benchmarks/requirements.txt), best in an environment of their own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import ducc0
import numpy as np
from scipy import fft, stats

import features
from features.vibration import CORE_COLUMNS, envelope_band

SAMPLING_RATE = 25_600.0
SPEED = 30.0
ORDERS = np.array([3.585, 5.415, 2.357, 0.398])
ENVELOPE_ORDERS = ORDERS * [1, 1, 2, 1]


def say(**figure: object) -> None:
    print(json.dumps(figure), flush=True)


def interleaved(seconds: float, **runs: Callable[[], object]) -> dict[str, list[float]]:
    """Return the times of each run, taken in turn for about `seconds`."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 5:
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return times


def ratios(numerator: list[float], denominator: list[float]) -> dict[str, float]:
    """Return the ratio of the best times and the median of the ratios of neighbouring runs."""
    pairs = [a / b for a, b in zip(numerator, denominator, strict=True)]
    return {"best": round(min(numerator) / min(denominator), 3), "median": round(statistics.median(pairs), 3)}


def own_transforms(x: np.ndarray) -> Callable[[], None]:
    """Return the three FFTs that the core set makes, over blocks of the same size and nothing else."""
    rows, n = x.shape
    _, _, length = envelope_band(n)
    block = 16 * max(1, 2**17 // (16 * n))
    rng = np.random.default_rng(0)
    real = x[:block]
    spectrum = np.empty((block, n // 2 + 1), np.complex64)
    band = rng.normal(size=(block, 2 * length)).astype(np.float32).view(np.complex64)
    analytic = np.empty_like(band)
    squared = rng.normal(size=(block, length)).astype(np.float32)
    envelope = np.empty((block, length // 2 + 1), np.complex64)

    def run() -> None:
        for _ in range(rows // block):
            ducc0.fft.r2c(real, axes=(1,), out=spectrum, nthreads=1)
            ducc0.fft.c2c(band, axes=(1,), forward=False, out=analytic, nthreads=1)
            ducc0.fft.r2c(squared, axes=(1,), out=envelope, nthreads=1)

    return run


def vectorised_core(x: np.ndarray, fs: float) -> np.ndarray:
    """Compute the 51 core features as one would with vectorised NumPy and SciPy in single precision."""
    n = x.shape[1]
    mean, deviation = x.mean(1), x.std(1)
    magnitude, square = np.abs(x), np.mean(x * x, axis=1)
    peak, mean_magnitude, rms = magnitude.max(1), magnitude.mean(1), np.sqrt(square)
    d = np.diff(x, axis=1)
    e = np.diff(d, axis=1)
    mobility = d.std(1) / deviation
    negative, falling = x < 0, d < 0
    out = [
        mean, rms, deviation, deviation**2, stats.skew(x, axis=1), stats.kurtosis(x, axis=1, fisher=False),
        x.max(1), x.min(1), np.ptp(x, axis=1), peak, mean_magnitude, peak / rms, rms / mean_magnitude,
        peak / mean_magnitude, peak / np.sqrt(magnitude).mean(1) ** 2,
        (negative[:, 1:] != negative[:, :-1]).mean(1), square * n / fs, np.abs(d).mean(1),
        (falling[:, 1:] != falling[:, :-1]).mean(1), mobility, e.std(1) / d.std(1) / mobility,
    ]  # fmt: skip
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)
    centred = x - mean[:, None]
    p = (np.abs(fft.rfft(centred * window, axis=1)) ** 2 * np.float32(2 / (0.375 * n * n)))[:, 1:]
    if n % 2 == 0:
        p[:, -1] /= 2
    last = p.shape[1]
    k = np.arange(1, last + 1, dtype=np.float32) * np.float32(fs / n)
    edges = [b * last // 8 for b in range(8)]
    total = p.sum(1)
    share = p / total[:, None]
    centroid = share @ k
    u = k - centroid[:, None]
    u2 = u * u
    spread = np.sqrt((share * u2).sum(1))
    cumulative = np.cumsum(share, axis=1)
    out += [
        *np.add.reduceat(p, edges, axis=1).T, total, centroid, spread,
        (share * u2 * u).sum(1) / spread**3, (share * u2 * u2).sum(1) / spread**4,
        -(share * np.log(np.maximum(share, np.float32(1e-20)))).sum(1) / np.log(last),
        k[p.argmax(1)], k[(cumulative >= 0.85).argmax(1)],
    ]  # fmt: skip
    first, lines, length = envelope_band(n)
    analytic = fft.ifft(fft.rfft(centred, axis=1)[:, first : first + lines], length, axis=1)
    squared = (analytic.real**2 + analytic.imag**2) * np.float32((2 * length / n) ** 2)
    level = squared.mean(1)
    smooth = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)
    q = np.abs(fft.rfft((squared - level[:, None]) * smooth, axis=1)) ** 2 * np.float32(2 / (0.375 * length * length))
    for line in ENVELOPE_ORDERS * (SPEED * n / fs):
        for centre in line * np.arange(1, 4):
            if centre < 3:
                out.append(np.full(len(x), np.nan, np.float32))
                continue
            width = max(1.0, 0.02 * centre)
            low = int(np.ceil(centre - width))
            best = low + q[:, low : int(np.floor(centre + width)) + 1].argmax(1)
            out.append(sum(np.take_along_axis(q, best[:, None] + i, 1)[:, 0] for i in (-1, 0, 1)))
    out += [np.sqrt(level), np.mean(squared * squared, axis=1) / level**2]
    return np.stack(out, axis=1)


def chunked(x: np.ndarray, fs: float) -> np.ndarray:
    return np.concatenate([vectorised_core(x[i : i + 16], fs) for i in range(0, len(x), 16)])


def ours(x: np.ndarray, **options: object) -> features.Features:
    return features.extract(x, SAMPLING_RATE, speed=SPEED, bearing_orders=ORDERS, **options)


def compare(samples: int, seconds: float) -> None:
    rows = max(16, 2**21 // samples)
    x = np.random.default_rng(1).normal(size=(rows, samples)).astype(np.float32)
    got, expected = ours(x[:16], names=CORE_COLUMNS).values[:, 0], vectorised_core(x[:16], SAMPLING_RATE)
    known = ~np.isnan(expected).any(axis=0)
    scale = np.maximum(np.abs(expected[:, known]).max(axis=0), 1e-3)
    worst = float((np.abs(got - expected)[:, known] / scale).max())
    times = interleaved(
        seconds,
        core=lambda: ours(x, names=CORE_COLUMNS),
        transforms=own_transforms(x),
        full=lambda: ours(x),
        chunks=lambda: chunked(x, SAMPLING_RATE),
        whole=lambda: vectorised_core(x, SAMPLING_RATE),
    )
    rate = {name: round(x.size / min(run) / 1e6, 1) for name, run in times.items()}
    better = min(("chunks", "whole"), key=lambda name: min(times[name]))
    say(figure="features.rate", samples=samples, rows=rows, unit="million samples/s", **rate)
    say(
        figure="features.own_transforms_over_core",
        samples=samples,
        gate=0.5,
        **ratios(times["transforms"], times["core"]),
    )
    say(
        figure="features.core_over_vectorised_scipy", samples=samples, against=better,
        gate={8192: 14, 32768: 12}.get(samples), largest_difference=worst, **ratios(times[better], times["core"]),
    )  # fmt: skip
    say(figure="features.full_over_core_time", samples=samples, **ratios(times["full"], times["core"]))


def compare_threads(seconds: float) -> None:
    x = np.random.default_rng(1).normal(size=(512, 8192)).astype(np.float32)
    times = interleaved(seconds, one=lambda: ours(x, threads=1), two=lambda: ours(x, threads=2))
    say(figure="features.two_cores_over_one", samples=8192, goal=1.8, **ratios(times["one"], times["two"]))


def warm_start() -> None:
    """A new process, cache filled: seconds from `import numba` done to all kernels ready."""
    code = (
        "import time, numba; start = time.perf_counter(); import features; features.warm(); "
        "print(time.perf_counter() - start)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
        for _ in range(3)
    ]
    say(figure="features.warm_start", unit="s", goal=0.6, best=round(min(runs), 3), median=round(sorted(runs)[1], 3))


def compare_peers(seconds: float) -> None:
    x = np.random.default_rng(1).normal(size=(32, 8192)).astype(np.float32)
    for peer, run in (("tsfel", _tsfel), ("tsfresh", _tsfresh)):
        if importlib.util.find_spec(peer) is None:
            say(figure=f"features.core_over_{peer}", skipped=f"{peer} is not installed: benchmarks/requirements.txt")
            continue
        times = interleaved(seconds, peer=run(x), core=lambda: ours(x, names=CORE_COLUMNS))
        say(figure=f"features.core_over_{peer}", samples=8192, **ratios(times["peer"], times["core"]))


def _tsfel(x: np.ndarray) -> Callable[[], object]:
    """TSFEL's own functions for what of the core set it has."""
    import tsfel

    own = (
        tsfel.rms, tsfel.calc_std, tsfel.calc_var, tsfel.skewness, tsfel.kurtosis, tsfel.calc_max, tsfel.calc_min,
        tsfel.calc_mean, tsfel.pk_pk_distance, tsfel.zero_cross, tsfel.mean_abs_diff, tsfel.slope,
    )  # fmt: skip
    spectral = (
        tsfel.spectral_centroid, tsfel.spectral_spread, tsfel.spectral_skewness, tsfel.spectral_kurtosis,
        tsfel.spectral_entropy, tsfel.spectral_roll_off, tsfel.max_power_spectrum, tsfel.fundamental_frequency,
    )  # fmt: skip
    return lambda: [[f(r) for f in own] + [f(r, SAMPLING_RATE) for f in spectral] for r in x]


def _tsfresh(x: np.ndarray) -> Callable[[], object]:
    """The functions of tsfresh for what of the core set it has."""
    from tsfresh.feature_extraction import feature_calculators as calculators

    plain = (
        calculators.mean, calculators.root_mean_square, calculators.standard_deviation, calculators.variance,
        calculators.skewness, calculators.kurtosis, calculators.maximum, calculators.minimum,
        calculators.abs_energy, calculators.mean_abs_change, calculators.absolute_maximum,
    )  # fmt: skip
    moments = [{"aggtype": kind} for kind in ("centroid", "variance", "skew", "kurtosis")]
    return lambda: [
        [f(r) for f in plain]
        + [calculators.number_crossing_m(r, 0), calculators.fourier_entropy(r, 64)]
        + list(calculators.fft_aggregated(r, moments))
        for r in x
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each comparison")
    parser.add_argument("--samples", type=int, nargs="+", default=[2048, 8192, 32_768])
    arguments = parser.parse_args()
    features.warm()
    for samples in arguments.samples:
        compare(samples, arguments.seconds)
    compare_threads(arguments.seconds / 2)
    warm_start()
    compare_peers(arguments.seconds)


if __name__ == "__main__":
    main()
