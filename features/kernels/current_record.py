"""The currents of one record in one kernel: few calls from Python, and few kernels to load."""

from __future__ import annotations

import math

from numba import njit

from features.kernels.current import describe_lines, find_supply, write_power
from features.kernels.current_group import describe_together
from features.kernels.current_rotor import describe_rotor, noise_floor
from features.kernels.current_slip import estimate_slip
from features.kernels.current_time import describe_park, describe_samples, describe_start
from features.kernels.current_track import describe_track, gather_band
from features.kernels.time_domain import Array


@njit(cache=True, nogil=True, error_model="numpy")
def prepare(
    currents: Array, window: Array, windowed: Array, variance: Array, values: Array, group: Array, reasons: Array
) -> None:
    """Write the time-domain features and the windowed rows to transform: the phases, then the Park modulus."""
    describe_samples(currents, window, windowed, variance, values, reasons)
    if currents.shape[0] == 3:
        describe_park(currents, window, windowed[3], values, reasons, group)


@njit(cache=True, nogil=True, error_model="numpy")
def describe_spectra(
    currents: Array,
    spectrum: Array,
    power: Array,
    variance: Array,
    scales: Array,
    motor: Array,
    values: Array,
    group: Array,
    reasons: Array,
    supplies: Array,
) -> None:
    """Write the spectral features, and each phase's supply [lines] to `supplies`, NaN where there is none.

    `scales` are sampling rate, nominal supply, scale of `write_power` and share of `describe_together`;
    `motor` speed, pole pairs, rotor slots and the four orders of the bearing.
    """
    phases, samples = currents.shape
    rate, nominal = scales[0], scales[1]
    seconds = samples / rate
    speed, pairs, slots = motor[0], motor[1], motor[2]
    write_power(spectrum, scales[2], power)
    for phase in range(phases):
        p, out, why = power[phase], values[phase], reasons[phase : phase + 1]
        describe_start(currents[phase], rate / nominal, rate, out, why)
        supply = find_supply(p, variance[phase], nominal, seconds, out, why)
        supplies[phase] = supply
        if math.isnan(supply):
            continue
        describe_lines(p, supply, out, why, speed, pairs, motor[3:7], seconds)
        noise_floor(p, supply, out, why)
        if not math.isnan(speed):
            describe_rotor(p, supply, out, why, speed * seconds, pairs, slots)
        estimate_slip(p, supply, out, why, pairs, slots)
    if phases == 3:
        describe_together(spectrum[:3], power[3], scales[3], values, group, reasons, speed, seconds)


@njit(cache=True, nogil=True, error_model="numpy")
def gather_bands(spectrum: Array, supplies: Array, half: int, bands: Array) -> None:
    """Write the lines around each phase's supply to `bands` (phases, points), zeros where there is none."""
    for phase in range(supplies.shape[0]):
        bands[phase] = 0.0
        if not math.isnan(supplies[phase]):
            gather_band(spectrum[phase], round(supplies[phase]), half, bands[phase])


@njit(cache=True, nogil=True, error_model="numpy")
def describe_tracks(bands: Array, window: Array, supplies: Array, seconds: float, values: Array) -> None:
    """Write the drift and variation of each phase's demodulated fundamental."""
    for phase in range(supplies.shape[0]):
        if not math.isnan(supplies[phase]):
            describe_track(bands[phase], window, supplies[phase] - round(supplies[phase]), seconds, values[phase])
