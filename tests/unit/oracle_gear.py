"""Every gear and order feature again, one record and its measured shaft angle, in plain double-precision NumPy."""

import numpy as np


def gear_features(x, angle, teeth=np.nan):
    """By the sum that defines each order's Fourier coefficient: no grid, no FFT."""
    x, turns = np.asarray(x, np.float64), np.asarray(angle) / (2 * np.pi)
    step = np.gradient(turns)
    weight = step * fade(turns - turns[0])
    y = x - x.mean()
    highest = int(0.45 / np.diff(turns).max())
    half = np.arange(2 * highest + 1) / 2
    lines = np.array([np.sum(weight * y * np.exp(-2j * np.pi * order * turns)) for order in half]) / weight.sum()
    a = lines[::2].copy()
    a[0] = 0
    variance = np.average(y**2, weights=weight) - np.average(y, weights=weight) ** 2
    power = 2 * np.sum(np.abs(a) ** 2)
    out = {f"order_tracked_{name}": 2 * abs(lines[k]) for name, k in (("0_5x", 1), ("1x", 2), ("2x", 4), ("3x", 6))}
    out |= {"synchronous_rms": np.sqrt(power), "synchronous_ratio": power / variance}
    return out if np.isnan(teeth) else out | _mesh(a, int(teeth))


def fade(passed):
    """Return the weight of each sample over the turns passed: an even number of turns counts."""
    total = passed[-1]
    flank = total - 2 * int((total - 0.25) / 2)
    inside = np.clip(np.minimum(passed, total - passed) / flank, 0, 1)
    return inside**3 * (10 - 15 * inside + 6 * inside**2)


def signal(a, points):
    """Return the signal whose Fourier coefficients over one turn are `a`, complex where they are one-sided."""
    place = np.arange(points) / points
    return sum(2 * c * np.exp(2j * np.pi * k * place) for k, c in enumerate(a) if c != 0)


def _mesh(a, teeth):
    order = np.arange(len(a))
    points = 16 * len(a)
    harmonic = (order % teeth == 0) & (order > 0)
    beside = (np.abs((order + teeth // 2) % teeth - teeth // 2) == 1) & (order > 2)
    band = np.abs(order - teeth) <= (teeth - 1) // 2
    residual_lines = np.where(harmonic | (order <= 2), 0, a)
    difference_lines = np.where(beside, 0, residual_lines)
    average, fine = signal(a, points).real, signal(a, 16 * points).real
    residual, difference = signal(residual_lines, points).real, signal(difference_lines, points).real
    regular = signal(np.where(harmonic | beside, a, 0), points).real
    envelope = np.abs(signal(np.where(band & (order > 0), a, 0), points))
    sides = 2 * (abs(a[teeth - 1]) + abs(a[teeth + 1]))
    mesh = [2 * abs(a[h * teeth]) if h * teeth < len(a) else np.nan for h in (1, 2, 3)]
    return {
        **{f"mesh_{h + 1}": level for h, level in enumerate(mesh)},
        "fm0": np.ptp(fine) / np.sum(2 * np.abs(a[harmonic])),
        "fm4": np.mean(difference**4) / np.mean(difference**2) ** 2,
        "m6a": np.mean(difference**6) / np.mean(difference**2) ** 3,
        "m8a": np.mean(difference**8) / np.mean(difference**2) ** 4,
        "energy_ratio": difference.std() / regular.std(),
        "sideband_level_factor": sides / average.std(),
        "sideband_index": sides / 2,
        "residual_rms": residual.std(),
        "residual_variance": residual.var(),
        "residual_kurtosis": np.mean(residual**4) / residual.var() ** 2,
        "envelope_mesh_variance": envelope.var(),
        "envelope_mesh_kurtosis": np.mean((envelope - envelope.mean()) ** 4) / envelope.var() ** 2,
    }
