"""Records of at most 256 samples on which every kernel has something to do, and what is computed of them."""

import numpy as np

import features
from features.over_life import OverLife

RATE = 1_024.0
ORDERS = [3.585, 5.415, 2.357, 0.398]
SHAFT = {"speed": 50.0, "bearing_orders": ORDERS, "gear_teeth": 6}
MOTOR = {
    "quantity": "current",
    "supply_frequency": 160.0,
    "speed": 77.0,
    "pole_pairs": 2,
    "rotor_slots": 8,
    "bearing_orders": ORDERS,
}


def vibration(samples, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    waves = rng.normal(0, 0.2, (2, samples)) + np.sin(2 * np.pi * 50 * time)
    waves += 0.5 * np.sin(2 * np.pi * 300 * time + 0.3 * np.sin(2 * np.pi * 50 * time))
    waves[1, ::6] += 3.0
    return waves.astype(np.float32)


def currents(samples=256, seed=1):
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * 160.3 * np.arange(samples) / RATE - 2 * np.pi / 3 * np.arange(3)[:, None]
    bars = 1 + 0.1 * np.cos(2 * np.pi * 13 * np.arange(samples) / RATE)
    return (10 * bars * np.cos(angle) + rng.normal(0, 0.05, angle.shape))[None].astype(np.float32)


def start(samples=256):
    """Return a motor that is off for a fifth, draws six times its current and settles."""
    time = np.arange(samples) / RATE
    envelope = np.where(time >= 0.05, 1 + 5 * np.exp(-np.clip(time - 0.05, 0, None) / 0.015), 0.0)
    angle = 2 * np.pi * 100 * time - 2 * np.pi / 3 * np.arange(3)[:, None]
    return (10 * envelope * np.cos(angle))[None].astype(np.float32)


def angles(samples=256):
    time = np.arange(samples) / RATE
    return np.repeat((2 * np.pi * (40 * time + 30 * time**2))[None], 2, axis=0)


def meshing(samples=256):
    rng = np.random.default_rng(5)
    angle = angles(samples)
    waves = np.cos(6 * angle) * (1 + 0.3 * np.cos(angle)) + 0.4 * np.cos(angle) + rng.normal(0, 0.05, angle.shape)
    return waves.astype(np.float32)


TABLES = {
    "vibration, 250 samples": (vibration(250), SHAFT),
    "vibration, 256 samples": (vibration(256), SHAFT),
    "vibration, 17 samples": (vibration(17), SHAFT),
    "vibration, nothing known": (vibration(128), {}),
    "vibration, constant": (np.full((2, 256), 2.5, np.float32), SHAFT),
    "gears": (meshing(), SHAFT | {"shaft_angle": angles()}),
    "gears without an angle": (meshing()[:, :200], SHAFT | {"speed": 43.0}),
    "currents": (currents(), MOTOR),
    "currents, one phase": (currents()[:, :1], MOTOR | {"pole_pairs": None}),
    "currents, nothing known": (currents(100), {"quantity": "current"}),
    "currents, a start": (start(), MOTOR | {"supply_frequency": 100.0, "speed": 49.0}),
}


def extract(name):
    """Return all features of a table's records in one array, and their reasons."""
    waves, known = TABLES[name]
    table = features.extract(waves, RATE, **known)
    return np.concatenate([table.values.reshape(len(waves), -1), table.group_values], axis=1), table.reasons


def life():
    """Return a configuration, times and values (n, channels) of a life."""
    configuration = OverLife(
        channels=("rms", "residual_variance", "residual_kurtosis"), time_constants=(4.0, 15.0), lags=(6.0,),
        baseline_records=6,
    )  # fmt: skip
    rng = np.random.default_rng(7)
    values = rng.normal(1.0, 0.1, (40, 3)) + np.linspace(0, 2, 40)[:, None]
    values[9, 0] = np.nan
    return configuration, np.cumsum(rng.uniform(0.2, 2.0, 40)), values


def over_a_life():
    """Return the last state and all columns of that life."""
    configuration, times, values = life()
    return configuration.advance(configuration.begin(), times, values)


def compute():
    """Return everything by name, as `kernels_without_jit.py` compares it."""
    results = {}
    for name in TABLES:
        results[name], results[f"{name}, reasons"] = extract(name)
    results["state"], results["columns"] = over_a_life()
    return results
