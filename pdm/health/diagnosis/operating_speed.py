"""Operating speed from the records: shaft speed, supply frequency and slip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdm.health.diagnosis.feature_batch import FeatureTable, Wanted, describe
from pdm.health.diagnosis.model import Reason
from pdm.health.diagnosis.spectrum import STANDING
from pdm.health.diagnosis.tachometer import MeasuredShaft
from pdm.health.diagnosis.usable_channels import Heard
from pdm.machines.model import Machine
from pdm.measurements import OperatingContext

_Array = NDArray[np.float64]

MEASURED, ESTIMATED, UNKNOWN = "measured", "estimated", "unknown"
_AGREES = 0.02  # relative: a stated speed this near to the current's is the same, at lower resolution
_DRIVES = 0.12  # of synchronous speed: a rated speed this near is the motor's, not one behind a gear or belt
_RATED = 0.05  # search range either side of the rated speed
_LARGEST_SLIP = 0.1  # of synchronous speed: an induction motor's rated slip stays below it
_FAMILY = (1, 2, 3, 4)  # multiples of shaft speed that form a family
_LEAST_FAMILY = 12.0  # dB, mean of the family's three best lines over the floor
_LEAST_LEAD = 3.0  # dB over the next family
_APART = 3.0  # least distance in lines from the best family to the next: a Hann window's main lobe
# dB over the next family; chosen by hand on simulated machines (`python -m benchmarks.diagnosis`), not fitted
_SURE_LEAD = 5.0
_SURE_HARMONICS = 2  # a single line may come from another machine
_CLOCK = 0.02  # relative: greatest deviation of a grid (EN 50160:2010: 1 %, islands 2 %)
_WANDER = 0.05  # rad about a steady drift: the phase of a grid stays within a tenth of it over seconds


@dataclass(frozen=True)
class Running:
    """Shaft speed [Hz] and its source, supply frequency [Hz] and slip [1]; None is unknown.

    `doubts` concern the speed and the results that depend on it, `clock` the converter's clock.
    """

    speed: float | None
    source: str
    supply: float | None
    slip: float | None
    doubts: tuple[Reason, ...] = ()
    clock: tuple[Reason, ...] = ()


class Current(NamedTuple):
    """Supply frequency [Hz] and slip [1] from a current, and doubts about the clock."""

    supply: float | None
    slip: float | None
    clock: tuple[Reason, ...]


def read_running(
    machine: Machine,
    context: OperatingContext,
    heard: Sequence[Heard],
    current: Current,
    shaft: MeasuredShaft | None = None,
) -> Running:
    """Return the operating speed: from a measured speed first, then from current, then from vibration.

    A tachometer has priority over a stated speed, because it is sampled with the record; if they differ by more than 2
    %, the stated sampling rate may be wrong, and both are doubted. A stated speed that agrees with the current's within
    2 % is replaced by the latter, which resolves slip a hundred times more finely; it still counts as measured.
    Otherwise both are doubted.
    """
    measured = context.speed if shaft is None else shaft.speed
    from_current = None
    if current.supply and current.slip is not None and machine.pole_pairs and _is_direct(machine):
        from_current = current.supply / machine.pole_pairs * (1.0 - current.slip)
    doubts = list(_by_tachometer(context, shaft))
    speed, source = measured, MEASURED
    if measured is not None and from_current is not None:
        if abs(from_current / measured - 1.0) <= _AGREES:
            speed = from_current
        else:
            doubts.append(
                Reason("speed-disagrees", {"stated_hz": measured, "current_hz": from_current}, None, "check-speed")
            )
    elif measured is None:
        speed, source = from_current, ESTIMATED
        if speed is None:
            speed, unsure = _from_vibration(machine, current.supply, heard)
            doubts += unsure
        if speed is None:
            source = UNKNOWN
    slip = current.slip
    if slip is None and speed and current.supply and machine.pole_pairs and _is_direct(machine):
        slip = 1.0 - speed * machine.pole_pairs / current.supply
    return Running(speed, source, current.supply, slip, tuple(doubts), current.clock)


def _by_tachometer(context: OperatingContext, shaft: MeasuredShaft | None) -> tuple[Reason, ...]:
    if shaft is None:
        return ()
    if not context.speed or abs(shaft.speed / context.speed - 1.0) <= _AGREES:
        return shaft.doubts
    figures: dict[str, float | str] = {"stated_hz": context.speed, "tachometer_hz": shaft.speed}
    return (*shaft.doubts, Reason("tachometer-disagrees", figures, None, "check-sampling-rate"))


def _is_direct(machine: Machine) -> bool:
    """Return whether the machine's speed is the motor's."""
    if machine.rated_speed is None or machine.supply_frequency is None or machine.pole_pairs is None:
        return True
    return abs(machine.rated_speed * machine.pole_pairs / machine.supply_frequency - 1.0) <= _DRIVES


def read_currents(machine: Machine, recordings: Sequence[Sequence[Heard]]) -> list[Current]:
    """Return supply, slip and clock doubts from the first phase of each recording; all in one call."""
    nominal = machine.supply_frequency
    firsts = [next((each for each in heard if each.point.quantity == "current"), None) for heard in recordings]
    phases = [] if nominal is None else [each for each in firsts if each is not None]
    feature_tables = iter(
        describe(
            [Wanted(phase.samples[None], phase.rate) for phase in phases],
            _NAMES,
            "current",
            supply_frequency=nominal,
            pole_pairs=machine.pole_pairs,
            rotor_slots=machine.rotor_slots,
        )
    )
    nothing = Current(None, None, ())
    return [
        nothing if nominal is None or phase is None else _current(phase, next(feature_tables), nominal)
        for phase in firsts
    ]


def _current(phase: Heard, feature_table: FeatureTable, nominal: float) -> Current:
    supply, slip, wander = (feature_table.mean(name) for name in _NAMES)
    clock = []
    if abs(supply / nominal - 1.0) > _CLOCK:
        figures: dict[str, float | str] = {"found_hz": supply, "nominal_hz": nominal}
        clock.append(Reason("supply-off-nominal", figures, phase.point.key, "check-sampling-clock"))
    if wander > _WANDER:
        clock.append(
            Reason("clock-wanders", {"rad": wander, "limit": _WANDER}, phase.point.key, "check-sampling-clock")
        )
    return Current(_known(supply), _known(slip), tuple(clock))


_NAMES = ("fundamental_frequency", "slip_estimated", "phase_wander")


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _from_vibration(
    machine: Machine, supply: float | None, heard: Sequence[Heard]
) -> tuple[float | None, tuple[Reason, ...]]:
    """Return the speed of the most prominent family of harmonics near the rated speed, None without a clear lead.

    A family of one line, or with a small lead, is doubted.
    """
    span = _span(machine, supply)
    channels = [channel for channel in heard if channel.is_vibration]
    if span is None or not channels:
        return None, ()
    low, high = span
    longest = max(channel.seconds for channel in channels)
    candidates = np.linspace(low, high, max(8, math.ceil((high - low) * longest * 8)))
    electrical = supply or machine.supply_frequency
    scores = np.mean([_family_scores(channel, candidates, electrical) for channel in channels], axis=0)
    best = int(np.argmax(scores))
    away = np.abs(candidates - candidates[best]) > _APART / longest
    lead = float(scores[best] - (scores[away].max() if away.any() else 0.0))
    if scores[best] < _LEAST_FAMILY or lead < _LEAST_LEAD:
        return None, ()
    speed, standing = _sharpen(channels, float(candidates[best]))
    figures: dict[str, float | str] = {"lead_db": lead, "needed": _SURE_LEAD, "harmonics": float(standing)}
    unsure = lead < _SURE_LEAD or standing < _SURE_HARMONICS
    return speed, (Reason("speed-uncertain", figures, None, "measure-speed"),) if unsure else ()


def _span(machine: Machine, supply: float | None) -> tuple[float, float] | None:
    frequency = supply or machine.supply_frequency
    if frequency and machine.pole_pairs and _is_direct(machine):
        synchronous = frequency / machine.pole_pairs
        return synchronous * (1.0 - _LARGEST_SLIP), synchronous
    if machine.rated_speed:
        return machine.rated_speed * (1.0 - _RATED), machine.rated_speed * (1.0 + _RATED)
    return None


def _family_scores(channel: Heard, candidates: _Array, supply: float | None) -> _Array:
    """Return the mean level [dB] of the three best of four harmonics of each candidate speed.

    Lines at the supply frequency and at twice it are not the shaft's, and are excluded.
    """
    spectrum = channel.spectrum
    if spectrum is None or candidates[0] < _APART * spectrum.step:
        return np.zeros(len(candidates))
    top = min(len(spectrum.rms), int(candidates[-1] * (_FAMILY[-1] + 1) / spectrum.step) + 2)
    decibels = 20.0 * np.log10(np.maximum(spectrum.rms[:top], 1e-300))
    decibels = np.clip(decibels - np.median(decibels[2:]), 0.0, 40.0)
    for multiple in (1, 2) if supply else ():
        place = round(multiple * supply / spectrum.step) if supply else 0
        decibels[max(0, place - 1) : place + 2] = 0.0
    places = np.multiply.outer(np.array(_FAMILY), candidates) / spectrum.step
    levels = np.interp(places, np.arange(top), decibels)
    return np.asarray(np.sort(levels, axis=0)[1:].mean(axis=0))


def _sharpen(channels: Sequence[Heard], speed: float) -> tuple[float, int]:
    """Return the speed from the highest prominent harmonics, which resolve it best, and the number of them."""
    found = []
    for channel in channels:
        for order in _FAMILY:
            line = None if channel.spectrum is None else channel.spectrum.line(order * speed)
            if line is not None and line.level >= STANDING + 3.0:
                found.append((order, line.place / order))
    if not found:
        return speed, 0
    weights = [order**2 for order, _ in found]
    return float(np.average([place for _, place in found], weights=weights)), len({order for order, _ in found})
