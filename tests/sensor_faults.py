"""Faults of sensors, cables, converters and gateways, put into a sound record of any origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Record = NDArray[np.float32]
Fault = Callable[[Record, np.random.Generator], Record]


def _zeros(x: Record, _: np.random.Generator) -> Record:
    return np.zeros_like(x)


def _constant(x: Record, _: np.random.Generator) -> Record:
    return np.full_like(x, x[0])


def _one_rail(x: Record, _: np.random.Generator) -> Record:
    return np.full_like(x, 20.0 * x.std())


def _random_rails(x: Record, rng: np.random.Generator) -> Record:
    return (rng.choice([-1.0, 1.0], len(x)) * 20.0 * x.std()).astype(np.float32)


def _last_bit(x: Record, rng: np.random.Generator) -> Record:
    return (rng.integers(-1, 2, len(x)) * 1e-3 * x.std()).astype(np.float32)


def _tiled_block(x: Record, _: np.random.Generator) -> Record:
    size = max(len(x) // 8, 32)
    return np.tile(x[:size], len(x) // size + 1)[: len(x)]


def _half_empty(x: Record, _: np.random.Generator) -> Record:
    return np.where(np.arange(len(x)) < len(x) // 2, x, 0.0).astype(np.float32)


def _dropouts(x: Record, rng: np.random.Generator) -> Record:
    found = x.copy()
    for start in rng.integers(0, len(x) - 64, max(len(x) // 640, 2)):
        found[start : start + 48] = 0.0
    return found


def _clipped(x: Record, _: np.random.Generator) -> Record:
    middle, limit = x.mean(), 0.8 * x.std()
    return np.clip(x, middle - limit, middle + limit)


def _spikes(x: Record, rng: np.random.Generator) -> Record:
    found = x.copy()
    places = rng.choice(np.arange(4, len(x) - 4, 8), max(len(x) // 1000, 2), replace=False)
    found[places] += np.float32(80.0 * np.abs(np.diff(x)).mean()) * rng.choice([-1.0, 1.0], len(places))
    return found


def _bursts(x: Record, rng: np.random.Generator) -> Record:
    """A loose cable: the signal jumps between the rails for moments."""
    found, rail = x.copy(), np.float32(20.0 * x.std())
    for start in rng.integers(0, len(x) - 64, 6):
        found[start : start + 40] = rng.choice([-rail, rail], 40)
    return found


def _mains(x: Record, rng: np.random.Generator) -> Record:
    angle = 2 * np.pi * 50.0 / 25600.0 * np.arange(len(x)) + rng.uniform(0, 6)
    hum = np.sin(angle) + 0.1 * np.sin(3 * angle) + 0.003 * rng.normal(size=len(x))
    return (3.0 * x.std() * hum).astype(np.float32)


def _half_rate(x: Record, _: np.random.Generator) -> Record:
    """Sampled at twice the stated rate: everything appears at half its frequency."""
    lines = np.fft.rfft(x)
    finer = np.fft.irfft(np.append(lines, np.zeros(len(x) - len(lines) + 1)), 2 * len(x))
    return (2.0 * finer[: len(x)]).astype(np.float32)


FAULTS: Mapping[str, Fault] = {
    "zeros": _zeros,
    "constant": _constant,
    "one rail": _one_rail,
    "random rails": _random_rails,
    "last bit": _last_bit,
    "tiled block": _tiled_block,
    "half empty": _half_empty,
    "dropouts": _dropouts,
    "clipped": _clipped,
    "spikes": _spikes,
    "loose cable": _bursts,
}
"""Faults that one record shows."""

LASTING: Mapping[str, Fault] = {
    "50 Hz pickup alone": _mains,
    "scale x 10": lambda x, _: 10.0 * x,
    "scale / 100": lambda x, _: x / np.float32(100.0),
    "m/s2 for g": lambda x, _: x * np.float32(9.80665),
    "DC step": lambda x, _: x + np.float32(10.0 * x.std()),
    "half the frequencies": _half_rate,
    "twice the frequencies": lambda x, _: x[::2].copy(),
}
"""Faults that show by what the channel was before, or by the speed of the shaft."""
