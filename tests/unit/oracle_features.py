"""Every vibration feature again, one record at a time, in plain double-precision NumPy."""

import numpy as np

SLIP, LEAST_LINE, NEIGHBOURS = 0.02, 3.0, 32
FAULTS = ("bpfo", "bpfi", "bsf", "ftf")


def vibration_features(x, fs, speed, orders):
    x = np.asarray(x, np.float64)
    out = _time(x, fs)
    power = hann_power(x - x.mean())
    out |= _spectrum(power, fs / len(x))
    out |= _envelope(x - x.mean(), fs, speed, orders)
    out |= _velocity(power, len(x) / fs, speed)
    return out


def hann_power(y):
    n = len(y)
    window = np.sin(np.pi * np.arange(n) / n) ** 2
    power = np.abs(np.fft.rfft(y * window)) ** 2 * 2 / (n * np.sum(window**2))
    power[0] /= 2
    if n % 2 == 0:
        power[-1] /= 2
    return power


def _time(x, fs):
    y, d = x - x.mean(), np.diff(x)
    e = np.diff(d)
    rms, peak, magnitude = np.sqrt(np.mean(x**2)), np.abs(x).max(), np.abs(x).mean()
    mobility = np.sqrt(d.var() / x.var())
    counts = np.histogram(x, 64)[0]
    share = counts[counts > 0] / len(x)
    return {
        "mean": x.mean(),
        "rms": rms,
        "standard_deviation": x.std(),
        "variance": x.var(),
        "skewness": np.mean(y**3) / x.std() ** 3,
        "kurtosis": np.mean(y**4) / x.var() ** 2,
        "maximum": x.max(),
        "minimum": x.min(),
        "peak_to_peak": np.ptp(x),
        "peak": peak,
        "mean_absolute": magnitude,
        "crest_factor": peak / rms,
        "shape_factor": rms / magnitude,
        "impulse_factor": peak / magnitude,
        "clearance_factor": peak / np.mean(np.sqrt(np.abs(x))) ** 2,
        "zero_crossing_rate": np.mean((x[1:] < 0) != (x[:-1] < 0)),
        "energy": np.sum(x**2) / fs,
        "mean_absolute_difference": np.abs(d).mean(),
        "slope_sign_change_rate": np.mean((d[1:] < 0) != (d[:-1] < 0)),
        "hjorth_mobility": mobility,
        "hjorth_complexity": np.sqrt(e.var() / d.var()) / mobility,
        "histogram_entropy": -np.sum(share * np.log(share)) / np.log(64),
    }


def _spectrum(power, step):
    p = power[1:]
    last = len(p)
    k = np.arange(1, last + 1)
    edges = [band * last // 8 for band in range(9)]
    out = {f"band_power_{b + 1}": p[edges[b] : edges[b + 1]].sum() for b in range(8)}
    total = p.sum()
    share = p / total
    centroid = np.sum(share * k)
    spread = np.sqrt(np.sum(share * (k - centroid) ** 2))
    floored = np.maximum(p / p.mean(), 1e-9)
    return out | {
        "total_power": total,
        "spectral_centroid": centroid * step,
        "spectral_spread": spread * step,
        "spectral_skewness": np.sum(share * (k - centroid) ** 3) / spread**3,
        "spectral_kurtosis": np.sum(share * (k - centroid) ** 4) / spread**4,
        "spectral_entropy": -np.sum(floored / last * np.log(floored / last)) / np.log(last),
        "peak_frequency": k[np.argmax(p)] * step,
        "rolloff_85": k[np.searchsorted(np.cumsum(p), 0.85 * total)] * step,
        "rolloff_95": k[np.searchsorted(np.cumsum(p), 0.95 * total)] * step,
        "spectral_flatness": np.exp(np.log(floored).mean()),
    }


def _near(p, centre):
    width = max(1.0, SLIP * centre)
    low, high = int(np.ceil(centre - width)), int(np.floor(centre + width))
    return low + int(np.argmax(p[low : high + 1]))


def _inside(p, centre):
    return centre >= LEAST_LINE and centre + max(1.0, SLIP * centre) + 1 < len(p) - 1


def _prominence(p, centres):
    levels = []
    for centre in centres:
        if _inside(p, centre):
            best = _near(p, centre)
            floor = np.median(p[max(2, best - NEIGHBOURS) : min(len(p) - 2, best + NEIGHBOURS) + 1])
            levels.append(10 * np.log10(p[best] / floor))
    return np.mean(levels)


def _envelope(y, fs, speed, orders):
    """By zero-padding the band into a spectrum of the whole record: no decimation."""
    n = len(y)
    spectrum = np.fft.rfft(y)
    kept = np.zeros(n, complex)
    kept[n // 8 : n // 8 + n // 4] = 2 * spectrum[n // 8 : n // 8 + n // 4]
    squared = np.abs(np.fft.ifft(kept)) ** 2
    mean = squared.mean()
    p = hann_power(squared - mean)[: n // 4 + 1]
    out = {"envelope_rms": np.sqrt(mean), "envelope_kurtosis": np.mean(squared**2) / mean**2}
    best = 3 + int(np.argmax(p[3 : len(p) - 1]))
    out["envelope_peak_frequency"] = best * fs / n
    out["envelope_peak_prominence"] = 10 * np.log10(p[best] / np.median(p[3 : len(p) - 1]))
    shaft = speed * n / fs
    lines = dict(zip(FAULTS, np.array(orders) * shaft * [1, 1, 2, 1], strict=True))
    for fault, line in lines.items():
        for harmonic in (1, 2, 3):
            centre = harmonic * line
            if _inside(p, centre):
                k = _near(p, centre)
                out[f"envelope_{fault}_{harmonic}"] = p[k - 1 : k + 2].sum()
            else:
                out[f"envelope_{fault}_{harmonic}"] = np.nan
        inside = _inside(p, line)
        out[f"{fault}_prominence"] = _prominence(p, line * np.arange(1, 6)) if inside else np.nan
    for fault, spacing in (("bpfi", shaft), ("bsf", lines["ftf"])):
        sides = [lines[fault] - spacing, lines[fault] + spacing]
        apart = spacing >= LEAST_LINE + max(1.0, SLIP * lines[fault])
        fits = apart and all(_inside(p, side) for side in sides)
        out[f"{fault}_sideband_prominence"] = _prominence(p, sides) if fits else np.nan
    return out


def _velocity(power, seconds, speed):
    k = np.arange(len(power))
    frequency = k / seconds
    last = len(power) - 1
    velocity = np.zeros(len(power))
    velocity[1:] = power[1:] / (2 * np.pi * frequency[1:]) ** 2
    names = ("high_frequency_rms", "velocity_rms", "velocity_rms_low", "velocity_peak", "velocity_peak_frequency")
    out = dict.fromkeys(names, np.nan)
    if last / seconds > 1000 and seconds >= 0.01:
        out["high_frequency_rms"] = np.sqrt(power[frequency > 1000].sum())
    graded = (frequency >= 10) & (frequency <= 1000)
    if seconds >= 1 and 1000 * seconds < last:
        best = int(np.argmax(np.where(graded, velocity, 0)))
        out["velocity_rms"] = np.sqrt(velocity[graded].sum())
        out["velocity_peak"] = np.sqrt(2 * power[best - 1 : best + 2].sum()) / (2 * np.pi * frequency[best])
        out["velocity_peak_frequency"] = frequency[best]
    if seconds >= 5 and 1000 * seconds < last:
        out["velocity_rms_low"] = np.sqrt(velocity[(frequency >= 2) & (frequency <= 1000)].sum())
    for name, order in (("0_5x", 0.5), ("1x", 1), ("2x", 2), ("3x", 3)):
        centre = order * speed * seconds
        out[f"order_{name}"] = np.nan
        if speed * seconds >= 8 and _inside(power, centre):
            best = _near(power, centre)
            total = power[best - 1 : best + 2].sum()
            out[f"order_{name}"] = np.sqrt(2 * total) / (2 * np.pi * frequency[best])
    return out
