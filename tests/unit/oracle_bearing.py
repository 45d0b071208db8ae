"""Every feature of `features.catalogue.bearing` again, one record at a time, in plain double-precision NumPy."""

import numpy as np

FAULTS = ("bpfo", "bpfi", "bsf", "ftf")
SLIP = 0.01


def bearing_features(x, fs, speed, orders):
    x = np.asarray(x, np.float64) - np.mean(x, dtype=np.float64)
    seconds, count = len(x) / fs, len(x) // 2
    lines = np.fft.rfft(x)[:count]
    lines[0] = 0
    power = hann(x)
    out = _peak(power, 1 / seconds) | _cepstrum(power[1:], seconds, speed)
    places = np.array(orders) * [1, 1, 2, 1] * speed * seconds
    magnitude = np.abs(lines)
    whitened = np.divide(lines, magnitude, out=np.zeros_like(lines), where=magnitude > 0)
    out |= _faults(squared_envelope(whitened), count // 2, places, speed * seconds, "whitened")
    table = kurtosis_by_band(lines)
    bands, index = max(table, key=lambda key: (table[key], -key[0], -key[1]))
    width = count // bands
    out["kurtogram_kurtosis"] = table[bands, index]
    out["kurtogram_centre"] = (index + 0.5) * width / seconds
    out["kurtogram_bandwidth"] = width / seconds
    finest = {i: value for (n, i), value in table.items() if n == 32}
    best = max(finest, key=finest.get) if finest else np.nan
    out["spectral_kurtosis_peak"] = finest[best] if finest else np.nan
    out["spectral_kurtosis_peak_frequency"] = (best + 0.5) * (count // 32) / seconds
    band = np.zeros(count // 4, complex)
    band[:width] = lines[index * width : (index + 1) * width]
    last = min(width, count // 4 // 2)
    return out | _faults(squared_envelope(band), last, places, speed * seconds, "kurtogram")


def hann(x):
    """Mean square a line under a Hann window."""
    n = len(x)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    power = np.abs(np.fft.rfft(x * window)) ** 2 * 2 / (n * np.sum(window**2))
    power[0] /= 2
    if n % 2 == 0:
        power[-1] /= 2
    return power


def squared_envelope(lines):
    envelope = np.abs(np.fft.ifft(lines)) ** 2
    return hann(envelope / envelope.mean() - 1)


def kurtosis_by_band(lines):
    """{(bands, index): kurtosis}; a band without power is absent."""
    table = {}
    for bands in (4, 8, 16, 32):
        width = len(lines) // bands
        for index in range(bands if width >= 32 else 0):
            z = np.fft.ifft(lines[index * width : (index + 1) * width])
            z = z[width // 16 : width - width // 16]
            square = np.abs(z * len(z)) ** 2
            if square.mean() > 1e-9 * np.sum(np.abs(lines) ** 2):
                table[bands, index] = np.mean(square**2) / square.mean() ** 2 - 2
    return table


def _between(p, k):
    side = 1 if p[k + 1] >= p[k - 1] else -1
    ratio = np.sqrt(p[k + side] / p[k])
    return k + side * np.clip((2 * ratio - 1) / (1 + ratio), 0, 0.5)


def _peak(power, step):
    best = 1 + int(np.argmax(power[1:-1]))
    place = _between(power, best)
    offset = abs(place - best)
    return {
        "interpolated_peak_frequency": place * step,
        "interpolated_peak_amplitude": np.sqrt(3 * power[best]) * (1 - offset**2) / np.sinc(offset),
    }


def _floor(p, centre, last):
    return np.median(p[max(2, centre - 32) : min(last - 1, centre + 32) + 1])


def _cepstrum(power, seconds, speed):
    count = len(power)
    logs = np.log(np.maximum(power / power.mean(), 1e-9))
    p = hann(logs - logs.mean())
    best = 16 + int(np.argmax(p[16 : count // 4]))
    out = {
        "cepstrum_peak_prominence": 10 * np.log10(p[best] / _floor(p, best, count // 2)),
        "cepstrum_peak_quefrency": _between(p, best) * seconds / count,
        "cepstrum_shaft_prominence": np.nan,
    }
    turn = count / (speed * seconds)
    if speed * seconds >= 8 and turn >= 4:
        width = max(1, 0.02 * turn)
        low = int(np.ceil(turn - width))
        best = low + int(np.argmax(p[low : int(np.floor(turn + width)) + 1]))
        out["cepstrum_shaft_prominence"] = 10 * np.log10(p[best] / _floor(p, best, count // 2))
    return out


def _faults(p, last, places, shaft, kind):
    def level(place, centre):
        k = int(place + 0.5)
        return 10 * np.log10(p[k - 1 : k + 2].max() / _floor(p, int(centre + 0.5), last))

    out = {}
    for fault, line in zip(FAULTS, places, strict=True):
        inside = [h for h in range(1, 6) if line >= 3 and h * line * (1 + SLIP) + 2 < last]
        out |= {f"{kind}_{fault}_prominence": np.nan}
        if kind == "whitened":
            out |= {f"whitened_{fault}_slip": np.nan} | {f"whitened_{fault}_{h}": np.nan for h in range(1, 6)}
        if fault in ("bpfi", "bsf"):
            out[f"{kind}_{fault}_sideband_prominence"] = np.nan
        if not inside:
            continue
        steps = int(np.ceil(2 * len(inside[:3]) * line * SLIP))
        slips = sorted((SLIP * i / steps for i in range(-steps, steps + 1)), key=lambda s: (abs(s), s < 0))
        means = [np.mean([level(h * line * (1 + s), h * line) for h in inside[:3]]) for s in slips]
        slip = slips[int(np.argmax(np.round(means, 9)))]
        out[f"{kind}_{fault}_prominence"] = max(means)
        if kind == "whitened":
            out[f"whitened_{fault}_slip"] = slip
            out |= {f"whitened_{fault}_{h}": level(h * line * (1 + slip), h * line) for h in inside}
        spacing = {"bpfi": shaft, "bsf": places[3]}.get(fault, 0)
        if spacing >= 4:
            sides = [
                level(h * line * (1 + slip) + side * spacing, h * line + side * spacing)
                for h in inside[:3]
                for side in (-1, 1)
                if 3 <= h * line * (1 + slip) + side * spacing < last - 2
            ]
            out[f"{kind}_{fault}_sideband_prominence"] = np.mean(sides) if sides else np.nan
    return out
