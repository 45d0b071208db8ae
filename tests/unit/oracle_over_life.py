"""Columns over a life, each record recomputed from the whole history in plain double precision. Slow."""

import math
from itertools import pairwise

import numpy as np

NAN = float("nan")
# A Gaussian's variance within +- 3 standard deviations: 1 - 6 phi(3) / (2 Phi(3) - 1).
TRUNCATION = 1 / math.sqrt(1 - 6 * math.exp(-4.5) / math.sqrt(2 * math.pi) / math.erf(3 / math.sqrt(2)))
UPPER = 0.5 * 2.0 ** np.arange(11)
EDGES = np.r_[-UPPER[::-1], 0, UPPER]


def describe(life, times, values):
    """Return the columns (n, columns) of `life`, an OverLife, as float64."""
    rows = []
    for i in range(len(times)):
        row = [times[i] - times[0]]
        for c in range(len(life.channels)):
            seen = ~np.isnan(values[: i + 1, c])
            row += channel(life, times[: i + 1][seen], values[: i + 1, c][seen], times[0])
        for variance, kurtosis in (
            ("residual_variance", "residual_kurtosis"),
            ("envelope_mesh_variance", "envelope_mesh_kurtosis"),
        ):
            if {variance, kurtosis} <= set(life.channels):
                a, b = life.channels.index(variance), life.channels.index(kurtosis)
                row.append(quasi_kurtosis(values[: i + 1, a], values[: i + 1, b]))
        rows.append(row)
    return np.array(rows)


def channel(life, t, x, begun):
    taus = life.time_constants
    if len(x) == 0:
        count = 4 + (4 + life.has_curvature) * len(taus) + len(taus) - 1 + len(life.lags)
        return [NAN] * (count + 9 * (life.baseline_records > 0))
    fast = [weighted_mean(t[: i + 1], x[: i + 1], taus[0]) for i in range(len(x))]
    averages = [weighted_mean(t, x, tau) for tau in taus]
    slow = [weighted_mean(t[: i + 1], x[: i + 1], taus[-1]) for i in range(len(x))]
    steps = np.sign(np.diff(slow))
    row = [len(x), x.mean(), max(fast), steps.sum() / len(steps) if len(steps) else NAN]
    row += averages
    row += [np.sqrt(weighted_mean(t, (x - weighted_mean(t, x, tau)) ** 2, tau)) for tau in taus]
    row += [derivative(t, x, tau, 1) for tau in taus]
    row += [rise(t, x, tau) for tau in taus]
    if life.has_curvature:
        row += [derivative(t, x, tau, 2) for tau in taus]
    row += [a - b for a, b in pairwise(averages)]
    row += [change(t, fast, lag, begun) for lag in life.lags]
    if life.baseline_records:
        row += comparison(life, x, fast[-1])
    return row


def weights(t, tau):
    return np.exp(-(t[-1] - t) / tau)


def weighted_mean(t, x, tau):
    w = weights(t, tau)
    return float((w * x).sum() / w.sum())


def derivative(t, x, tau, degree):
    """The derivative of that degree of a weighted least-squares polynomial of that degree."""
    if len(np.unique(t)) <= degree:
        return NAN
    age = (t - t[-1]) / tau
    root = np.sqrt(weights(t, tau))
    powers = np.stack([age**k for k in range(degree + 1)], axis=1)
    found = np.linalg.lstsq(powers * root[:, None], (x - x[0]) * root, rcond=None)[0]
    return float(found[degree]) * (1 if degree == 1 else 2) / tau**degree


def rise(t, x, tau):
    slope = derivative(t, x, tau, 1)
    return 0.0 if np.isnan(slope) else slope * weighted_mean(t, t[-1] - t, tau)


def change(t, fast, lag, begun):
    """The average now less that of the newest record, first of its cell, that is at least the lag old."""
    cells = np.floor((t - begun) / (lag / 4))
    is_first = np.r_[True, cells[1:] > cells[:-1]]
    old = np.flatnonzero(is_first & (t <= t[-1] - lag))
    return fast[-1] - fast[old[-1]] if len(old) else NAN


def baseline(first, least_scatter):
    middle = np.median(first)
    near = first[np.abs(first - middle) <= 3 * 1.4826022185056018 * np.median(np.abs(first - middle))]
    scatter = TRUNCATION * near.std(ddof=1) if len(near) > 1 else 0.0
    return near.mean(), max(scatter, least_scatter * abs(near.mean()))


def comparison(life, x, average):
    k = life.baseline_records
    if len(x) < k:
        return [NAN] * 9
    location, scale = baseline(x[:k], life.least_scatter)
    if scale == 0:
        return [location, scale, *[NAN] * 7]
    z = (x - location) / scale
    rise = fall = 0.0
    for value in z[k:]:
        step = min(max(value, -4.0), 4.0)
        rise = max(0.0, rise + step - life.cusum_reference)
        fall = max(0.0, fall - step - life.cusum_reference)
    tau, test = mann_kendall(np.searchsorted(EDGES, z, side="right"))
    return [location, scale, z[-1], (average - location) / scale, rise, fall, max(rise, fall), tau, test]


def mann_kendall(places):
    n = len(places)
    s = sum(int(np.sign(places[j] - places[i])) for j in range(n) for i in range(j))
    ties = np.bincount(places)
    variance = (n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    differing = sum(places[j] != places[i] for j in range(n) for i in range(j))
    return s / differing if differing else 0.0, (s - np.sign(s)) / np.sqrt(variance) if variance > 0 else 0.0


def quasi_kurtosis(variance, kurtosis):
    found = NAN
    for i in range(len(variance)):
        so_far = variance[: i + 1][~np.isnan(variance[: i + 1])]
        if not np.isnan(variance[i]) and not np.isnan(kurtosis[i]) and so_far.mean() > 0:
            found = kurtosis[i] * variance[i] ** 2 / so_far.mean() ** 2
    return found
