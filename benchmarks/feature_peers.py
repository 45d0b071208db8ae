"""Peers for the comparison of features: SciPy code of an expert and of a newcomer, TSFEL and tsfresh.

TSFEL and tsfresh are installed in a separate environment, which `make peers` builds; they are imported when called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import fft, signal, stats

SPEED = 30.0
ORDERS = np.array([3.585, 5.415, 2.357, 0.398])
ENVELOPE_ORDERS = ORDERS * [1, 1, 2, 1]

# Our feature and the peer's equivalent function, of the same or a closely related definition (the peers take
# moments of the amplitude spectrum, ours of power), at the same work or less. 27 each.
MATCHED_TSFEL: dict[str, tuple[str, ...]] = {
    "mean": ("calc_mean",),
    "rms": ("rms",),
    "standard_deviation": ("calc_std",),
    "variance": ("calc_var",),
    "skewness": ("skewness",),
    "kurtosis": ("kurtosis",),
    "maximum": ("calc_max",),
    "minimum": ("calc_min",),
    "peak_to_peak": ("pk_pk_distance",),
    "zero_crossing_rate": ("zero_cross",),
    "energy": ("abs_energy",),
    "mean_absolute_difference": ("mean_abs_diff",),
    "slope_sign_change_rate": ("negative_turning", "positive_turning"),
    **{f"band_power_{band}": ("spectrogram_mean_coeff",) for band in range(1, 9)},  # one call returns all eight
    "spectral_centroid": ("spectral_centroid",),
    "spectral_spread": ("spectral_spread",),
    "spectral_skewness": ("spectral_skewness",),
    "spectral_kurtosis": ("spectral_kurtosis",),
    "spectral_entropy": ("spectral_entropy",),
    "rolloff_85": ("spectral_roll_off",),
}
MATCHED_TSFRESH: dict[str, tuple[str, list[dict[str, Any]] | None]] = {
    "mean": ("mean", None),
    "rms": ("root_mean_square", None),
    "standard_deviation": ("standard_deviation", None),
    "variance": ("variance", None),
    "skewness": ("skewness", None),
    "kurtosis": ("kurtosis", None),
    "maximum": ("maximum", None),
    "minimum": ("minimum", None),
    "peak": ("absolute_maximum", None),
    "zero_crossing_rate": ("number_crossing_m", [{"m": 0}]),
    "energy": ("abs_energy", None),
    "mean_absolute_difference": ("mean_abs_change", None),
    "slope_sign_change_rate": ("number_peaks", [{"n": 1}]),
    "hjorth_mobility": ("cid_ce", [{"normalize": True}]),
    **{f"band_power_{band}": ("spkt_welch_density", [{"coeff": 16 * band - 8}]) for band in range(1, 9)},
    "spectral_centroid": ("fft_aggregated", [{"aggtype": "centroid"}]),
    "spectral_spread": ("fft_aggregated", [{"aggtype": "variance"}]),
    "spectral_skewness": ("fft_aggregated", [{"aggtype": "skew"}]),
    "spectral_kurtosis": ("fft_aggregated", [{"aggtype": "kurtosis"}]),
    "spectral_entropy": ("fourier_entropy", [{"bins": 64}]),
}


def tsfel_runs(x: np.ndarray, fs: float) -> dict[str, Callable[[], object]]:
    """TSFEL on one core: through its extractor, as its users call it, and its functions called directly."""
    import tsfel

    wanted = {function for functions in MATCHED_TSFEL.values() for function in functions}
    chosen: dict[str, dict[str, Any]] = {}
    for domain, entries in tsfel.get_features_by_domain().items():
        for title, entry in entries.items():
            if entry["function"].removeprefix("tsfel.") in wanted:
                chosen.setdefault(domain, {})[title] = entry
    assert sum(map(len, chosen.values())) == len(wanted)
    chosen["spectral"]["Spectrogram mean coefficient"]["parameters"]["bins"] = 8
    series = x.reshape(-1)
    calls = []
    for name in sorted(wanted):
        options: dict[str, Any] = {"bins": 8} if name == "spectrogram_mean_coeff" else {}
        function = getattr(tsfel, name)
        if "fs" in inspect.signature(function).parameters:
            options["fs"] = fs
        calls.append((function, options))

    def extractor() -> object:
        return tsfel.time_series_features_extractor(
            chosen, series, fs=fs, window_size=x.shape[1], verbose=0, n_jobs=None
        )

    return {"extractor": extractor, "functions": lambda: [[f(row, **options) for f, options in calls] for row in x]}


def tsfresh_runs(x: np.ndarray, _: float) -> dict[str, Callable[[], object]]:
    """Return tsfresh's runs on one core: through its extractor, as its users call it, and its functions directly."""
    import pandas as pd
    from tsfresh import extract_features
    from tsfresh.feature_extraction import feature_calculators

    settings: dict[str, list[dict[str, Any]] | None] = {}
    for name, parameters in MATCHED_TSFRESH.values():
        settings[name] = None if parameters is None else [*(settings.get(name) or []), *parameters]
    table = pd.DataFrame({"id": np.repeat(np.arange(len(x)), x.shape[1]), "x": x.reshape(-1)})

    def extractor() -> object:
        return extract_features(
            table, column_id="id", column_value="x", default_fc_parameters=settings, n_jobs=0, disable_progressbar=True
        )

    def call(name: str, parameters: list[dict[str, Any]] | None, row: np.ndarray) -> object:
        function = getattr(feature_calculators, name)
        if parameters is None:
            return function(row)
        if name in ("fft_aggregated", "spkt_welch_density"):
            return list(function(row, parameters))
        return function(row, **parameters[0])

    return {
        "extractor": extractor,
        "functions": lambda: [[call(name, parameters, row) for name, parameters in settings.items()] for row in x],
    }


def newcomer_core(x: np.ndarray, fs: float) -> np.ndarray:
    """The core set record by record, each feature by its textbook formula, with scipy.stats and scipy.signal."""
    return np.array([_newcomer_record(row, fs) for row in x])


def _newcomer_record(x: np.ndarray, fs: float) -> list[float]:
    n = len(x)
    rms, magnitude = np.sqrt(np.mean(x**2)), np.abs(x)
    d = np.diff(x)
    mobility = np.std(d) / np.std(x)
    out = [
        np.mean(x), rms, np.std(x), np.var(x), stats.skew(x), stats.kurtosis(x, fisher=False), x.max(), x.min(),
        np.ptp(x), magnitude.max(), magnitude.mean(), magnitude.max() / rms, rms / magnitude.mean(),
        magnitude.max() / magnitude.mean(), magnitude.max() / np.mean(np.sqrt(magnitude)) ** 2,
        np.mean(np.diff(x < 0)), np.sum(x**2) / fs, np.mean(np.abs(d)), np.mean(np.diff(d < 0)),
        mobility, np.std(np.diff(d)) / np.std(d) / mobility,
    ]  # fmt: skip
    power = np.abs(fft.rfft((x - np.mean(x)) * signal.windows.hann(n, sym=False))) ** 2 * (2 / (0.375 * n * n))
    frequency = fft.rfftfreq(n, 1 / fs)
    power, frequency = power[1:], frequency[1:]
    share = power / power.sum()
    centroid = np.sum(share * frequency)
    spread = np.sqrt(np.sum(share * (frequency - centroid) ** 2))
    out += [np.sum(band) for band in np.array_split(power, 8)]
    out += [
        power.sum(), centroid, spread, np.sum(share * (frequency - centroid) ** 3) / spread**3,
        np.sum(share * (frequency - centroid) ** 4) / spread**4, stats.entropy(share) / np.log(len(share)),
        frequency[np.argmax(power)], frequency[np.searchsorted(np.cumsum(share), 0.85)],
    ]  # fmt: skip
    filtered = signal.sosfiltfilt(signal.butter(4, [0.25, 0.75], "bandpass", output="sos"), x)
    squared = np.abs(signal.hilbert(filtered)) ** 2
    level = np.mean(squared)
    lines = np.abs(fft.rfft((squared - level) * signal.windows.hann(n, sym=False))) ** 2 * (2 / (0.375 * n * n))
    for centre in np.outer(ENVELOPE_ORDERS * (SPEED * n / fs), (1, 2, 3)).ravel():
        width = max(1.0, 0.02 * centre)
        best = int(np.ceil(centre - width))
        best += int(np.argmax(lines[max(0, best) : int(centre + width) + 1]))
        out.append(np.sum(lines[max(0, best - 1) : best + 2]))
    return [*out, np.sqrt(level), np.mean(squared**2) / level**2]


def vectorised_core(x: np.ndarray, fs: float, *, is_envelope_decimated: bool = False) -> np.ndarray:
    """Compute the 51 core features with vectorised NumPy and SciPy in single precision.

    The analytic band has the length of the record, as from `scipy.signal.hilbert`; or, as in our implementation, the
    least length without aliasing of the squared envelope.
    """
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
    first, lines = n // 8, n // 4
    length = fft.next_fast_len(2 * lines) if is_envelope_decimated else n
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
