"""The physical model of a machine: geometry, resonances, gains, operating states."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from pdm.machines.model import BearingGeometry

VIBRATION_RATE = 12800.0  # Hz
VIBRATION_SAMPLES = 16384  # 1.28 s: velocity RMS from 10 Hz needs at least 1 s
CURRENT_RATE = 2048.0  # Hz
CURRENT_SAMPLES = 8192  # 4 s: resolves twice the slip frequency at the lowest load
AXES = 2
ACCELERATION_SCALE = 0.001  # g per count of a 16-bit converter, +-32.8 g


@dataclass(frozen=True)
class OperatingState:
    """One operating state of the machine: a name and the load [fraction of rated]."""

    name: str
    load: float


@dataclass(frozen=True)
class SimulatedRunning:
    """Operating point during one acquisition: shaft and supply frequency [Hz], load [1], slip [1]."""

    speed: float
    load: float
    slip: float
    supply_frequency: float


@dataclass(frozen=True)
class Resonance:
    """A structural resonance: natural frequency [Hz], damping ratio [1], gain to each axis [1]."""

    frequency: float
    damping: float
    gains: tuple[float, ...]


@dataclass(frozen=True)
class Gear:
    """A gear on the shaft: teeth, amplitude of the mesh at rated load [g], and modulation once per turn.

    `shares` and `phases` are of the mesh's harmonics, `modulation` is the depth of a sound, slightly eccentric gear,
    `tooth` the position of its weakest tooth on the turn [turns].
    """

    teeth: int
    mesh: float
    shares: tuple[float, ...]
    phases: tuple[float, ...]
    modulation: float
    tooth: float


@dataclass(frozen=True)
class Physics:
    """The individual parameters of one machine: all parameters of the signals except the fault.

    Velocities are mm/s RMS of the healthy machine at rated load; accelerations in g; currents in A RMS.
    """

    bearing: BearingGeometry
    resonances: tuple[Resonance, ...]
    axis_gains: tuple[float, ...]
    harmonic_velocities: tuple[float, ...]  # at 1x, 2x, 3x
    harmonic_phases: tuple[float, ...]
    background: float
    sensor_noise: float
    pulse_peak: float  # peak acceleration of an impact at severity 1
    fault_gain: float  # sensitivity of this machine's signals to severity
    supply_frequency: float
    pole_pairs: int
    rated_slip: float
    rated_current: float
    phase_gains: tuple[float, float, float]
    bar_sideband: float  # healthy sidebands at f(1+-2s), ratio to the fundamental
    eccentricity: float  # healthy sidebands at f+-fr, ratio to the fundamental
    ambient: float  # mean temperature around it [degC]
    states: tuple[OperatingState, ...]
    gear: Gear | None = None
    rotor_slots: int | None = None
    slot_line: float = 0.0  # healthy principal slot harmonics, ratio to the fundamental
    negative_sequence: float = 0.0  # of a typical supply and sound windings, ratio of rated current
    magnetic_pull: float = 0.0  # velocity at twice the supply of a sound motor [mm/s RMS]
    mounting: Resonance | None = None  # of the machine on its foundation

    @cached_property
    def bearing_orders(self) -> dict[str, float]:
        """Fault frequencies of the bearing as multiples of shaft speed.

        Notes
        -----
        Kinematics of a rolling bearing with a fixed outer race: Randall and Antoni, Rolling element
        bearing diagnostics - a tutorial, MSSP 25 (2011) 485-520, table 1. A ball defect strikes both
        races, at twice the ball spin frequency.
        """
        b = self.bearing
        ratio = b.element_diameter / b.pitch_diameter * math.cos(b.contact_angle)
        return {
            "outer-race": b.rolling_elements / 2 * (1 - ratio),
            "inner-race": b.rolling_elements / 2 * (1 + ratio),
            "ball": b.pitch_diameter / b.element_diameter * (1 - ratio**2),
            "cage": (1 - ratio) / 2,
        }

    @cached_property
    def transfer(self) -> NDArray[np.complex64]:
        """Frequency response from a force on the bearing to each axis, (axes, bins), unit peak for unit pulse."""
        frequencies = fft.rfftfreq(VIBRATION_SAMPLES, 1 / VIBRATION_RATE)
        response = np.zeros((AXES, frequencies.size), np.complex128)
        for r in self.resonances:
            damping = 2j * r.damping * r.frequency * frequencies
            shape = damping / (r.frequency**2 - frequencies**2 + damping)
            response += np.outer(r.gains, shape)
        peak = np.abs(fft.irfft(response, VIBRATION_SAMPLES, axis=1)).max()
        scaled: NDArray[np.complex64] = (response / peak).astype(np.complex64)
        return scaled

    @cached_property
    def noise_gain(self) -> float:
        """Factor that scales unit white force noise to unit RMS on the most sensitive axis."""
        power = np.mean(np.abs(self.transfer) ** 2, axis=1)
        return float(1 / np.sqrt(power.max()))

    def run(self, load: float, supply_frequency: float) -> SimulatedRunning:
        """Return the operating point at a load on a supply: slip increases with load."""
        slip = self.rated_slip * load
        return SimulatedRunning(supply_frequency / self.pole_pairs * (1 - slip), load, slip, supply_frequency)


def draw_physics(
    rng: np.random.Generator, nominal: BearingGeometry, rated_power: float, states: tuple[OperatingState, ...]
) -> Physics:
    """Draw one machine: machines of one type differ by the scatter of manufacture and mounting.

    Parameters
    ----------
    nominal : BearingGeometry
        As registered; the real one differs by about 1 % (slip included, as its orders show).
    rated_power : float
        Shaft power [W].
    """
    resonances = tuple(
        Resonance(
            float(rng.uniform(*span)),
            float(rng.uniform(0.02, 0.05)),
            tuple(float(g) for g in rng.uniform(0.5, 1.0, AXES)),
        )
        for span in ((1500.0, 2300.0), (2700.0, 3700.0), (4200.0, 5300.0))[: int(rng.integers(2, 4))]
    )
    geometry = BearingGeometry(
        nominal.rolling_elements,
        nominal.element_diameter * float(1 + 0.005 * rng.uniform(-1, 1)),
        nominal.pitch_diameter * float(1 + 0.005 * rng.uniform(-1, 1)),
        nominal.contact_angle,
        "drawn by the simulator around the nominal geometry",
    )
    phase_gains = 1 + 0.01 * rng.uniform(-1, 1, 3)
    return Physics(
        bearing=geometry,
        resonances=resonances,
        axis_gains=(1.0, float(rng.uniform(0.6, 0.9))),
        harmonic_velocities=(
            float(rng.uniform(0.45, 0.8)),
            float(rng.uniform(0.15, 0.3)),
            float(rng.uniform(0.06, 0.14)),
        ),
        harmonic_phases=tuple(float(p) for p in rng.uniform(0, 2 * np.pi, 3 * AXES)),
        background=float(rng.uniform(0.03, 0.06)),
        sensor_noise=0.004,
        pulse_peak=float(rng.uniform(3.0, 5.5)),
        fault_gain=float(rng.uniform(0.85, 1.15)),
        supply_frequency=60.0,
        pole_pairs=2,
        rated_slip=float(rng.uniform(0.022, 0.032)),
        rated_current=rated_power / (math.sqrt(3) * 400 * 0.85 * 0.92),  # 400 V, typical power factor and efficiency
        phase_gains=(float(phase_gains[0]), float(phase_gains[1]), float(phase_gains[2])),
        bar_sideband=float(rng.uniform(0.0006, 0.0015)),
        eccentricity=float(rng.uniform(0.001, 0.003)),
        ambient=float(rng.uniform(17, 24)),
        states=states,
    )


def equip(physics: Physics, rng: np.random.Generator) -> Physics:
    """Return the machine with a gear on its shaft, rotor slots, a typical supply and a separate foundation.

    Without them it has neither their faults nor their healthy scatter.
    """
    teeth = int(rng.integers(19, 41))
    gear = Gear(
        teeth,
        mesh=float(rng.uniform(0.06, 0.2)),
        shares=(1.0, float(rng.uniform(0.1, 0.45)), float(rng.uniform(0.05, 0.25))),
        phases=tuple(float(p) for p in rng.uniform(0, 2 * np.pi, 3)),
        modulation=float(rng.uniform(0.02, 0.15)),
        tooth=float(rng.uniform()),
    )
    mounting = Resonance(
        float(rng.uniform(70, 280)), float(rng.uniform(0.02, 0.05)), tuple(float(g) for g in rng.uniform(0.4, 1, AXES))
    )
    return replace(
        physics,
        gear=gear,
        rotor_slots=int(rng.choice((26, 28, 30))),
        slot_line=float(rng.uniform(0.0008, 0.002)),
        negative_sequence=float(rng.uniform(0.0, 0.025)),
        magnetic_pull=float(rng.uniform(0.05, 0.3)),
        mounting=mounting,
    )
