"""A gear's mesh: harmonics of tooth contact, modulated once per turn by eccentricity, wear or a damaged tooth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pdm.twin.faults import FaultKind
from pdm.twin.physics import VIBRATION_RATE, VIBRATION_SAMPLES, Gear, SimulatedRunning

_TIME = np.arange(VIBRATION_SAMPLES) / VIBRATION_RATE
_WORN_HARMONICS = 3.0  # severity 1 raises the second and third harmonic by the factor (1 + this)
_WORN_MODULATION = 0.6  # additional depth at severity 1: wear is uneven around the gear
_LOST_STIFFNESS = 0.8  # of the mesh's amplitude, while a tooth of severity 1 is in contact
_LAG = 1.0  # rad of the mesh's phase during that time
_BLOW = 0.35  # of a bearing's impact, as the next tooth comes into contact early
_TOOTH_WIDTH = 0.6  # of a tooth's pitch: the half-width of reduced stiffness


def simulate_mesh(
    gear: Gear | None, running: SimulatedRunning, severities: Mapping[FaultKind, float], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Simulate a gear's mesh during one acquisition.

    Parameters
    ----------
    gear : Gear, optional
        Without a gear both results are 0.
    severities : mapping
        Of wear and of a damaged tooth, among others [1].

    Returns
    -------
    mesh : ndarray (16384,)
        Acceleration of the mesh at the housing [g].
    blows : ndarray (16384,)
        Force of the impacts of a damaged tooth, relative to the peak of a bearing's impact at severity 1.

    Notes
    -----
    Amplitude and phase modulation of the mesh's harmonics, and a soft tooth as a short loss of amplitude and phase:
    McFadden, Detecting fatigue cracks in gears by amplitude and phase demodulation of the meshing vibration, J. Vib.
    Acoust. 108 (1986) 165-170. Wear raises the second harmonic first: Randall, A new method of modeling gear faults,
    J. Mech. Design 104 (1982) 259-267.
    """
    nothing = np.zeros(VIBRATION_SAMPLES, np.float32)
    if gear is None:
        return nothing, nothing
    worn, broken = severities.get(FaultKind.GEAR_WEAR, 0.0), severities.get(FaultKind.GEAR_TOOTH, 0.0)
    turns = running.speed * _TIME + rng.uniform()
    near = (turns - gear.tooth + 0.5) % 1.0 - 0.5
    soft = broken * np.exp(-((near * gear.teeth / _TOOTH_WIDTH) ** 2))
    depth = gear.modulation + _WORN_MODULATION * worn
    once = 1 + depth * np.cos(2 * np.pi * (turns - gear.tooth))
    angle = 2 * np.pi * gear.teeth * turns + 0.5 * depth * np.sin(2 * np.pi * turns) - _LAG * soft
    wave = np.zeros(VIBRATION_SAMPLES)
    for harmonic, (share, phase) in enumerate(zip(gear.shares, gear.phases, strict=True), 1):
        raised = 1.0 if harmonic == 1 else 1 + _WORN_HARMONICS * worn
        wave += share * raised * np.cos(harmonic * angle + phase)
    wave *= gear.mesh * (0.4 + 0.6 * running.load) * rng.lognormal(0.0, 0.08) * once * (1 - _LOST_STIFFNESS * soft)
    return wave.astype(np.float32), _blows(near, broken, running, rng) if broken else nothing


def _blows(
    near: NDArray[np.float64], severity: float, running: SimulatedRunning, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return one impact per turn, at the contact of the tooth."""
    passed = np.flatnonzero((near[1:] >= 0) & (near[:-1] < 0) & (near[1:] - near[:-1] < 0.5))
    force = np.zeros(VIBRATION_SAMPLES, np.float32)
    force[passed] = _BLOW * severity * (0.6 + 0.4 * running.load) * (1 + 0.1 * rng.standard_normal(passed.size))
    return force
