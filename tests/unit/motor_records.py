"""Currents of a motor in closed form: what stands in them is known exactly. Independent of the simulator."""

import numpy as np


def motor(
    seconds=10.0,
    *,
    rate=5_000.0,
    supply=50.013,
    slip=0.03,
    pole_pairs=2,
    slots=None,
    bars=None,
    eccentricity=None,
    slot_level=None,
    negative=0.0,
    amplitude=10.0,
    gains=(1.0, 1.0, 1.0),
    harmonics=((5, 0.02), (7, 0.012)),
    noise=0.0,
    wander=None,
    reverse=False,
    seed=0,
):
    """Return currents (1, 3, samples) [A]; levels are in dB over the fundamental, `wander(t)` in rad."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(rate * seconds)) / rate
    start = rng.uniform(0, 2 * np.pi)
    angle = 2 * np.pi * supply * t + start + (0 if wander is None else wander(t))
    shaft = 2 * np.pi * supply * (1 - slip) / pole_pairs * t
    thirds = 2 * np.pi / 3 * np.arange(3)[:, None] * (-1 if reverse else 1)
    wave = np.cos(angle - thirds) + negative * np.cos(angle + thirds + rng.uniform(0, 6))
    for level, offset in ((bars, 2 * slip * angle), (eccentricity, shaft)):
        for side in () if level is None else (-1, 1):
            wave += 10 ** (level / 20) * np.cos(angle + side * offset + rng.uniform(0, 6) - thirds)
    for side in () if slot_level is None else (-1, 1):
        wave += 10 ** (slot_level / 20) * np.cos(slots * shaft + side * angle + rng.uniform(0, 6) - thirds)
    for order, share in harmonics:
        wave += share * np.cos(order * (angle - thirds))
    wave += noise * rng.standard_normal(wave.shape)
    return (amplitude * np.asarray(gains)[:, None] * wave)[None]


def start(
    seconds=10.0, *, rate=5_000.0, supply=50.0, off=1.0, ratio=6.0, decay=0.7, amplitude=10.0, offset=0.0, noise=0.0
):
    """Return currents (1, 3, samples) of a motor that is off, draws `ratio` times its current and settles.

    The excess decays exponentially with time constant `decay` [s].
    """
    t = np.arange(round(rate * seconds)) / rate
    running = t >= off
    envelope = np.where(running, 1 + (ratio - 1) * np.exp(-np.clip(t - off, 0, None) / decay), 0.0)
    thirds = 2 * np.pi / 3 * np.arange(3)[:, None]
    rng = np.random.default_rng(1)
    wave = amplitude * envelope * np.cos(2 * np.pi * supply * t - thirds) + offset
    return (wave + noise * rng.standard_normal(wave.shape))[None]


def in_counts(currents, full_scale=40.0):
    """Return currents as a 16-bit converter gives them, and what a count is worth [A]."""
    scale = full_scale / 32768
    return np.clip(np.rint(currents / scale), -32768, 32767).astype(np.int16), scale
