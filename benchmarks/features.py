"""Speed of features: one JSON line per figure, ratios of runs interleaved on one core.

`python -m benchmarks.features [--seconds 6] [--samples 2048 2560 8192 32768]`, about 2 minutes. `make bench` runs it in
`.venv-peers`, where TSFEL and tsfresh (benchmarks/requirements.txt) are installed; without them their figures are
skipped.
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
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import features
from benchmarks import feature_peers as peers
from features import fft
from features.catalogue import bearing, definitions, gear, names, vibration

SAMPLING_RATE = 25_600.0
CORE = tuple(d.name for d in definitions("vibration") if d.core)
FAMILIES = {"more": vibration.MORE, "bearing": bearing.BEARING, "gear": gear.GEAR}
BATCHES = (1, 64, 512)
SINGLE_CALL_EXTRA = 20e-6  # [s], allowed in addition to twice the per-record cost of a batch of 64


def say(**figure: object) -> None:
    print(json.dumps(figure), flush=True)


def interleaved(seconds: float, **runs: Callable[[], object]) -> dict[str, list[float]]:
    """Return the times of each run, interleaved for about `seconds`."""
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


def noise(rows: int, samples: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((rows, samples), np.float32)


def ours(x: np.ndarray, **options: Any) -> features.Features:
    return features.extract(
        x, SAMPLING_RATE, speed=peers.SPEED, bearing_orders=peers.ORDERS, gear_teeth=23, **options
    )  # fmt: skip


def own_transforms(x: np.ndarray) -> Callable[[], None]:
    """Return the FFT calls of the core set on `x` alone, on the same memory."""
    calls: list[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []

    def noting(transform: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: Any, **options: Any) -> object:
            calls.append((transform, arguments, options))
            return transform(*arguments, **options)

        return call

    ours(x[:1], names=CORE)
    with (
        mock.patch.object(fft, "rfft", noting(fft.rfft)),
        mock.patch.object(fft, "irfft", noting(fft.irfft)),
        mock.patch.object(fft, "ifft", noting(fft.ifft)),
    ):
        ours(x, names=CORE)

    def run() -> None:
        for transform, arguments, options in calls:
            transform(*arguments, **options)

    return run


def chunked(x: np.ndarray, **options: bool) -> np.ndarray:
    parts = [peers.vectorised_core(x[i : i + 16], SAMPLING_RATE, **options) for i in range(0, len(x), 16)]
    return np.concatenate(parts)


def compare(samples: int, seconds: float) -> None:
    x = noise(max(16, 2**21 // samples), samples)
    got, expected = ours(x[:16], names=CORE).values[:, 0], peers.vectorised_core(x[:16], SAMPLING_RATE)
    known = ~np.isnan(expected).any(axis=0)
    scale = np.maximum(np.abs(expected[:, known]).max(axis=0), 1e-3)
    worst = float((np.abs(got - expected)[:, known] / scale).max())
    own = interleaved(seconds / 2, core=lambda: ours(x, names=CORE), transforms=own_transforms(x))
    times = interleaved(
        seconds,
        core=lambda: ours(x, names=CORE),
        full=lambda: ours(x),
        chunks=lambda: chunked(x),
        whole=lambda: peers.vectorised_core(x, SAMPLING_RATE),
        decimated_chunks=lambda: chunked(x, is_envelope_decimated=True),
    )
    rate = {name: round(x.size / min(run) / 1e6, 1) for name, run in {**own, **times}.items()}
    better = min(("chunks", "whole"), key=lambda name: min(times[name]))
    say(figure="features.rate", samples=samples, rows=len(x), unit="million samples/s", **rate)
    say(
        figure="features.own_transforms_over_core", samples=samples, gate=0.5, goal=0.6,
        **ratios(own["transforms"], own["core"]),
    )  # fmt: skip
    say(
        figure="features.core_over_vectorised_scipy", samples=samples, against=better,
        gate={8192: 14, 32_768: 12}.get(samples), goal={8192: 18, 32_768: 14}.get(samples),
        largest_difference=worst, **ratios(times[better], times["core"]),
    )  # fmt: skip
    say(
        figure="features.core_over_scipy_with_our_decimated_envelope", samples=samples,
        **ratios(times["decimated_chunks"], times["core"]),
    )  # fmt: skip
    say(figure="features.full_over_core_time", samples=samples, **ratios(times["full"], times["core"]))


def compare_newcomer(seconds: float) -> None:
    x = noise(64, 8192)
    times = interleaved(
        seconds, newcomer=lambda: peers.newcomer_core(x, SAMPLING_RATE), core=lambda: ours(x, names=CORE)
    )
    say(figure="features.core_over_newcomer_scipy", samples=8192, **ratios(times["newcomer"], times["core"]))


def compare_batches(samples: int, seconds: float) -> None:
    """Rates by batch, and a call with one record against its cost in a batch of 64."""
    batches = {size: noise(size, samples) for size in BATCHES}
    times: dict[int, list[float]] = {size: [] for size in BATCHES}
    for x in batches.values():
        ours(x, names=CORE)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[64]) < 5:
        for size, x in batches.items():
            calls = max(1, 16 // size)  # the first of several runs with cold caches
            start = time.perf_counter()
            for _ in range(calls):
                ours(x, names=CORE)
            times[size].append((time.perf_counter() - start) / calls)
    for size, run in times.items():
        say(
            figure="features.core_rate", samples=samples, batch=size, unit="million samples/s",
            best=round(size * samples / min(run) / 1e6, 1),
            median=round(size * samples / statistics.median(run) / 1e6, 1),
        )  # fmt: skip
    per_record = [t / 64 for t in times[64]]
    say(
        figure="features.single_call_over_share_of_64", samples=samples,
        goal=round(2 + SINGLE_CALL_EXTRA / min(per_record), 2), single_us=round(min(times[1]) * 1e6, 1),
        **ratios(times[1], per_record),
    )  # fmt: skip


def compare_families(seconds: float) -> None:
    """Additional time of each family over the core set, as a share of the full catalogue's time."""
    x = noise(256, 8192)
    # A family is computed if one of its features is selected, always together with the core set.
    runs = {family: (*CORE, rows[0][0]) for family, rows in FAMILIES.items() if rows}
    times = interleaved(
        seconds,
        core=lambda: ours(x, names=CORE),
        full=lambda: ours(x),
        **{family: partial(ours, x, names=chosen) for family, chosen in runs.items()},
    )
    core, full = min(times["core"]), min(times["full"])
    shares = {family: round((min(times[family]) - core) / full, 3) for family in runs}
    say(figure="features.share_of_full_time", samples=8192, core=round(core / full, 3), **shares)
    currents = noise(48, 8192).reshape(16, 3, 8192)
    motor = {"supply_frequency": 50.0, "pole_pairs": 2, "rotor_slots": 28}
    extract = partial(features.extract, quantity="current", speed=24.5, bearing_orders=peers.ORDERS, **motor)
    wave = np.float32(20) * np.cos(2 * np.pi * 50 * np.arange(8192) / 2048.0 - 2 * np.pi / 3 * np.arange(3)[:, None])
    currents += wave.astype(np.float32)
    run = interleaved(seconds / 2, currents=partial(extract, currents, 2048.0))
    best, median = min(run["currents"]), statistics.median(run["currents"])
    say(
        figure="features.current_rate", samples=8192, phases=3, features=len(names("current")),
        unit="million samples/s", best=round(currents.size / best / 1e6, 1),
        median=round(currents.size / median / 1e6, 1),
    )  # fmt: skip


def compare_threads(seconds: float) -> None:
    x = noise(512, 8192)
    for what, chosen in (("core", CORE), ("full", None)):
        times = interleaved(seconds, one=partial(ours, x, names=chosen), two=partial(ours, x, names=chosen, threads=2))
        say(figure=f"features.two_cores_over_one_{what}", samples=8192, goal=1.8, **ratios(times["one"], times["two"]))


def warm_start() -> None:
    """A new process, cache filled: seconds from `import numba` done to all kernels ready."""
    code = (
        "import time, numba; start = time.perf_counter(); import features; features.warm(); "
        "print(time.perf_counter() - start)"
    )
    runs = [float(_in_new_process(code)) for _ in range(3)]
    say(figure="features.warm_start", unit="s", goal=0.6, best=round(min(runs), 3), median=round(sorted(runs)[1], 3))


def peak_memory() -> None:
    """Peak memory of a batch of 512 x 32768 in addition to its data, as reported by the kernel (Linux)."""
    code = (
        "import pathlib, numpy as np, features; features.warm(); me = pathlib.Path('/proc/self');\n"
        "def held(key): return int(me.joinpath('status').read_text().split(key + ':')[1].split()[0])\n"
        "x = np.random.default_rng(1).standard_normal((512, 32768), np.float32)\n"
        "me.joinpath('clear_refs').write_text('5'); before = held('VmRSS')\n"
        "features.extract(x, 25600.0, speed=30.0, bearing_orders=[3.6, 5.4, 2.4, 0.4], gear_teeth=23)\n"
        "print((held('VmHWM') - before) / 1024)"
    )
    batch = 512 * 32_768 * 4 / 2**20
    beyond = float(_in_new_process(code))
    say(
        figure="features.peak_memory_beyond_batch", samples=32_768, rows=512, unit="MiB", batch=batch,
        value=round(beyond, 1), share_of_batch=round(beyond / batch, 3),
    )  # fmt: skip


def _in_new_process(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def compare_peers(samples: int, seconds: float) -> None:
    """TSFEL and tsfresh on their part of the core set, per record, against a record in a batch of ours."""
    x = noise(512, samples)
    few = x[:16]  # their cost per record does not depend on the number of records
    for peer, prepare, matched, gate, goal in (
        ("tsfel", peers.tsfel_runs, tuple(peers.MATCHED_TSFEL), 400, 500),
        ("tsfresh", peers.tsfresh_runs, tuple(peers.MATCHED_TSFRESH), 200, 250),
    ):
        if importlib.util.find_spec(peer) is None:
            say(figure=f"features.matched_over_{peer}", skipped=f"{peer} is not installed: `make peers`")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runs = prepare(few, SAMPLING_RATE)
            times = interleaved(seconds, **runs, matched=partial(ours, x, names=matched))
        theirs = {name: [t / len(few) for t in times[name]] for name in runs}
        own = [t / len(x) for t in times["matched"]]
        rate = {name: round(samples / min(run) / 1e6, 2) for name, run in (theirs | {"matched": own}).items()}
        say(
            figure=f"features.matched_over_{peer}", samples=samples, matched=len(matched), gate=gate, goal=goal,
            **ratios(theirs["extractor"], own), functions_alone=ratios(theirs["functions"], own),
            million_samples_per_s=rate,
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each comparison")
    parser.add_argument("--samples", type=int, nargs="+", default=[2048, 2560, 8192, 32_768])
    arguments = parser.parse_args()
    features.warm()
    for samples in arguments.samples:
        compare(samples, arguments.seconds)
        compare_batches(samples, arguments.seconds)
    compare_newcomer(arguments.seconds / 2)
    compare_families(arguments.seconds)
    compare_threads(arguments.seconds / 2)
    warm_start()
    peak_memory()
    for samples in (2048, 8192):
        compare_peers(samples, arguments.seconds)


if __name__ == "__main__":
    main()
