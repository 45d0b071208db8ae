"""`python -m docs.pictures` draws the pictures of docs/features.md from simulated machines with known faults."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

import features
from features import order
from features.envelope import envelope_spectrum, kurtogram
from features.over_life import OverLife
from features.spectrum import amplitude_spectrum
from pdm.machines.units import STANDARD_GRAVITY
from pdm.twin.faults import FaultKind
from pdm.twin.motor_current import current_scale, simulate_current
from pdm.twin.physics import (
    ACCELERATION_SCALE,
    CURRENT_RATE,
    VIBRATION_RATE,
    OperatingState,
    Physics,
    SimulatedRunning,
    draw_physics,
)
from pdm.twin.plant import plan_machine
from pdm.twin.vibration import simulate_vibration

FOLDER = Path(__file__).parent / "pictures"
SIGNAL, MARK, PALE = "#1f4e79", "#c0392b", "#9aa5b1"
Signal = NDArray[np.float64]


def spectrum() -> Figure:
    """Draw the spectrum of a misaligned machine: what is tied to the shaft stands at its multiples."""
    physics, running = _machine()
    x = _vibration(physics, running, {FaultKind.MISALIGNMENT: 0.7})
    table = features.extract(x[None], VIBRATION_RATE, speed=running.speed)
    frequency, amplitude = amplitude_spectrum(x, VIBRATION_RATE)
    figure, (whole, low) = _panels(2, "Misaligned: the second order leads")
    whole.semilogy(frequency / 1000, amplitude, color=SIGNAL, linewidth=0.5)
    whole.set(xlabel="frequency [kHz]", ylabel="amplitude [m/s²]", xlim=(0, VIBRATION_RATE / 2000))
    velocity = amplitude[1:] / (2 * np.pi * frequency[1:]) * 1000
    low.plot(frequency[1:], velocity, color=SIGNAL)
    for times in (0.5, 1, 2, 3):
        name = f"order_{str(times).replace('.', '_')}x"
        value = float(table.column(name)[0, 0]) * 1000
        _mark(low, times * running.speed, f"{times}x\n{value:.2f} mm/s")
    top = velocity[frequency[1:] > 10].max()
    low.set(xlabel="frequency [Hz]", ylabel="velocity amplitude [mm/s]", xlim=(5, 120), ylim=(0, 1.35 * top))
    return figure


def envelope() -> Figure:
    """Draw the envelope of an outer-race fault: lines at its frequency that the spectrum hides."""
    physics, running = _machine()
    x = _vibration(physics, running, {FaultKind.OUTER_RACE: 0.2})
    strikes = physics.bearing_orders["outer-race"]
    known = [strikes, *(physics.bearing_orders[fault] for fault in ("inner-race", "ball", "cage"))]
    known[2] /= 2  # the simulator counts strikes, two a turn of a ball
    table = features.extract(x[None], VIBRATION_RATE, speed=running.speed, bearing_orders=known)
    prominence = float(table.column("kurtogram_bpfo_prominence")[0, 0])
    figure, (raw, levels, lines) = _panels(3, "Outer race: in the envelope, hardly in the spectrum")
    found = kurtogram(x, VIBRATION_RATE)
    for level, (bands, kurtosis) in enumerate(zip(found.bands, found.kurtosis, strict=True)):
        edges = np.linspace(0, VIBRATION_RATE / 2000, bands + 1)
        image = levels.pcolormesh(edges, [level, level + 1], kurtosis[None], vmin=0, vmax=found.highest, cmap="Blues")
    figure.colorbar(image, ax=levels, label="kurtosis [1]")
    levels.set_yticks(np.arange(len(found.bands)) + 0.5, [str(bands) for bands in found.bands])
    levels.set(xlabel="frequency [kHz]", ylabel="bands [1]", xlim=(0, VIBRATION_RATE / 2000))
    band = found.band
    frequency, amplitude = amplitude_spectrum(x, VIBRATION_RATE)
    raw.plot(frequency, amplitude, color=SIGNAL, linewidth=0.8)
    raw.set(xlabel="frequency [Hz]", ylabel="acceleration [m/s²]", xlim=(0, 600))
    raw.set_ylim(0, 1.3 * amplitude[frequency < 600].max())
    frequency, amplitude = envelope_spectrum(x, VIBRATION_RATE, band)
    lines.plot(frequency, amplitude, color=SIGNAL, linewidth=0.8)
    lines.set(xlabel="frequency [Hz]", ylabel="squared envelope [(m/s²)²]", xlim=(0, 600))
    lines.set_ylim(0, 1.3 * amplitude[(frequency > 5) & (frequency < 600)].max())
    for axes in (raw, lines):
        for harmonic in range(1, 6):
            _mark(axes, harmonic * strikes * running.speed, f"{harmonic} BPFO" if harmonic > 1 else "BPFO")
    text = f"band {band[0]:.0f} to {band[1]:.0f} Hz, by kurtogram; BPFO {prominence:.0f} dB over its surroundings"
    lines.set_title(text, fontsize=8, loc="left")
    return figure


def orders() -> Figure:
    """Draw a run-up over frequency and, by the tachometer's angle, over orders."""
    rate, rng = 5_000.0, np.random.default_rng(3)
    time = np.arange(40_000) / rate
    turns = 20 * time + 1.25 * time**2  # 20 to 40 Hz in 8 s
    x = sum(a * np.sin(2 * np.pi * k * turns + k) for k, a in ((1, 1.0), (2, 0.6), (3, 0.25), (7.2, 0.4)))
    x = x + rng.normal(0, 0.3, time.size)
    angle = order.shaft_angle_from_pulses((turns % 1 < 0.1).astype(np.float64), rate)
    figure, (before, after) = _panels(2, "Run-up from 20 to 40 Hz: smeared over frequency, sharp over orders")
    frequency, amplitude = amplitude_spectrum(x, rate)
    before.plot(frequency, amplitude, color=SIGNAL, linewidth=0.8)
    before.set(xlabel="frequency [Hz]", ylabel="acceleration [m/s²]", xlim=(0, 320))
    multiples, amplitude = order.order_spectrum(x, rate, angle)
    after.plot(multiples, amplitude, color=SIGNAL, linewidth=0.8)
    after.set(xlabel="order [multiples of shaft speed]", ylabel="acceleration [m/s²]", xlim=(0, 10), ylim=(0, 1.3))
    for times in (1, 2, 3, 7.2):
        _mark(after, times, f"{times}x")
    return figure


def gear() -> Figure:
    """Draw the average turn of a gear with one weak tooth, and what stays without the mesh and its sidebands."""
    rate, teeth, rng = 20_000.0, 23, np.random.default_rng(5)
    time = np.arange(80_000) / rate
    turns = 25 * time + 0.02 * np.sin(2 * np.pi * 0.7 * time)
    dent = 0.5 * np.exp(-((((turns % 1) - 0.6) / 0.02) ** 2))
    mesh = 2 * np.pi * teeth * turns
    x = (1 - dent) * np.sin(mesh - dent) + 0.3 * np.sin(2 * mesh) + 0.1 * np.sin(2 * np.pi * turns)
    x = x + rng.normal(0, 1.0, time.size)
    average, counted = order.synchronous_average(x, 2 * np.pi * turns, 1024)
    lines = np.fft.rfft(average)
    for harmonic in range(1, 512 // teeth):
        lines[harmonic * teeth - 1 : harmonic * teeth + 2] = 0
    lines[:2] = 0
    degrees = np.arange(1024) * 360 / 1024
    figure, (turn, difference) = _panels(2, f"One weak tooth of {teeth}: {counted} turns averaged")
    turn.plot(degrees, average, color=SIGNAL, linewidth=0.8)
    turn.set(xlabel="shaft angle [°]", ylabel="average [m/s²]", xlim=(0, 360))
    difference.plot(degrees, np.fft.irfft(lines, 1024), color=SIGNAL, linewidth=0.8)
    difference.set(xlabel="shaft angle [°]", ylabel="difference [m/s²]", xlim=(0, 360), ylim=(-0.9, 1.1))
    _mark(difference, 216, "weak tooth")
    return figure


def current() -> Figure:
    """Draw the current of a sound motor and of one with broken bars, in dB of the fundamental."""
    physics, running = _machine()
    figure, (axes,) = _panels(1, "Broken bars: sidebands at twice the slip frequency")
    for severity, color, label in ((0.0, PALE, "sound"), (1.0, SIGNAL, "broken bars")):
        rng = np.random.default_rng(2)
        amperes = simulate_current(physics, running, {FaultKind.BROKEN_BARS: severity}, rng) * current_scale(physics)
        frequency, amplitude = amplitude_spectrum(amperes[0], CURRENT_RATE)
        level = 20 * np.log10(np.maximum(amplitude, 1e-9) / amplitude.max())
        axes.plot(frequency, level, color=color, label=label, linewidth=1.0)
    table = features.extract(
        amperes[None].astype(np.float32), CURRENT_RATE, quantity="current", speed=running.speed,
        supply_frequency=running.supply_frequency, pole_pairs=physics.pole_pairs,
    )  # fmt: skip
    supply, slip = (float(table.column(name)[0, 0]) for name in ("fundamental_frequency", "slip"))
    for side, text in ((-1, "lower"), (1, "upper")):
        value = float(table.column(f"broken_bar_{text}")[0, 0])
        _mark(axes, supply * (1 + side * 2 * slip), f"f(1 {'-' if side < 0 else '+'} 2s)\n{value:.1f} dB")
    axes.set(xlabel="frequency [Hz]", ylabel="amplitude [dB of the fundamental]", xlim=(50, 70), ylim=(-100, 12))
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    return figure


def over_life() -> Figure:
    """Draw one feature over a life with its averages, and its cumulative sum against the usual limit."""
    rng = np.random.default_rng(1)
    hours = np.arange(300.0)
    rms = (1 + 0.6 * np.clip((hours - 180) / 120, 0, None) ** 2) * rng.lognormal(0, 0.06, hours.size)
    life = OverLife(channels=("rms",))
    _, columns = life.advance(life.begin(), hours, rms[:, None])
    of = dict(zip(life.columns, columns.T, strict=True))
    figure, (level, change) = _panels(2, "A slow rise from hour 180 on")
    level.plot(hours, rms, ".", color=PALE, markersize=3, label="rms")
    for constant, color in (("12", SIGNAL), ("80", MARK)):
        level.plot(hours, of[f"rms.ewma_{constant}"], color=color, label=f"average of {constant} h")
    level.set(xlabel="life time [h]", ylabel="rms [m/s²]", xlim=(0, 300))
    level.legend(loc="upper left", fontsize=8, frameon=False)
    change.semilogy(hours, np.maximum(of["rms.cusum_rise"], 0.1), color=SIGNAL, label="cusum_rise")
    change.axhline(5, color=MARK, linewidth=0.8, label="limit 5")
    change.set(xlabel="life time [h]", ylabel="cumulative sum [σ]", xlim=(0, 300))
    change.legend(loc="upper left", fontsize=8, frameon=False)
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    "spectrum": spectrum,
    "envelope": envelope,
    "order": orders,
    "gear": gear,
    "current": current,
    "over_life": over_life,
}


def draw(folder: Path) -> None:
    """Draw every picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in PICTURES.items():
        figure = picture()
        memory = BytesIO()
        figure.savefig(memory, dpi=110)
        plt.close(figure)
        # 160 colours are plenty for lines, in a half of the bytes.
        Image.open(memory).convert("RGB").quantize(160).save(folder / f"{name}.png", optimize=True)


def _machine() -> tuple[Physics, SimulatedRunning]:
    """Return a machine of the simulator, at full load."""
    rng = np.random.default_rng(7)
    machine = plan_machine(0, rng)
    bearing = machine.components[0].bearing
    assert bearing is not None
    physics = draw_physics(rng, bearing, machine.rated_power or 0.0, (OperatingState("full", 1.0),))
    return physics, physics.run(1.0, physics.supply_frequency)


def _vibration(physics: Physics, running: SimulatedRunning, severities: Mapping[FaultKind, float]) -> Signal:
    counts = simulate_vibration(physics, running, severities, np.random.default_rng(1))
    return np.asarray(counts[0] * (ACCELERATION_SCALE * STANDARD_GRAVITY), np.float64)


def _panels(count: int, title: str) -> tuple[Figure, list[Axes]]:
    figure, axes = plt.subplots(count, 1, figsize=(8, 2.4 * count + 0.6), layout="constrained", squeeze=False)
    figure.suptitle(title, fontsize=11)
    for panel in axes[:, 0]:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
        panel.xaxis.label.set_size(9)
        panel.yaxis.label.set_size(9)
    return figure, list(axes[:, 0])


def _mark(axes: Axes, x: float, text: str) -> None:
    axes.axvline(x, color=MARK, linewidth=0.7, linestyle=":")
    axes.text(x, 0.98, text, color=MARK, fontsize=8, ha="center", va="top", transform=axes.get_xaxis_transform())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    draw(parser.parse_args().folder)
