"""Rolling bearings: lines of the whitened envelope at the fault frequencies of each part.

Rates: R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", MSSP 25 (2011), eqs 1-4.
Whitening: P. Borghesani et al., MSSP 36 (2013). Score: `features.ranking`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from features.ranking import LEAST_EVIDENCE
from pdm.health.diagnosis.bearing_orders import orders_of
from pdm.health.diagnosis.feature_batch import FeatureTable, Wanted, describe
from pdm.health.diagnosis.hypotheses import BEARING_FAULTS, Hypothesis, refuse
from pdm.health.diagnosis.model import Fault, MatchedLine, Reason
from pdm.health.diagnosis.operating_speed import Running
from pdm.health.diagnosis.usable_channels import Heard
from pdm.machines.model import Component, ComponentKind, Machine

PART = 5.0
"""Length [s] of the segments of longer records: slip smears the finer lines of a longer segment."""
_HARMONICS = 3  # evaluated harmonics of a rate: higher ones lie in the noise of most records
_CAGE_BEATS = 4.0  # dB more for the cage's lines: a damaged element passes the load zone at that rate too
_LINE = 8.0  # dB over the local median from which a line of the whitened envelope is reported as found
_LARGEST_SLIP = 0.0095  # a line at the end of the search, 1 %, may be of something else
_UNMISTAKEN = 15.0  # dB of prominence from which even such a line is the bearing's, with a small error of geometry
_RESOLVED = 1.5  # lines of the spectrum between a bearing's rate and the shaft's nearest multiple


class _Rate(NamedTuple):
    fault: Fault
    column: str
    name: str
    order: float


class _MonitoredBearing(NamedTuple):
    channel: Heard
    bearing: Component


def bearing_tables(
    machine: Machine, runs: Sequence[tuple[Running, Sequence[Heard]]]
) -> list[dict[tuple[str, str], FeatureTable]]:
    """Return the features behind `bearing_hypotheses` of each recording, by point and bearing; all in one call."""
    places, wanted = [], []
    for number, (running, heard) in enumerate(runs):
        for channel, bearing in _seen(machine, heard) if running.speed is not None else ():
            parts = max(1, int(len(channel.samples) / (PART * channel.rate)))
            size = len(channel.samples) if parts == 1 else int(PART * channel.rate)
            rows = channel.samples[: parts * size].reshape(parts, size)
            places.append((number, (channel.point.key, bearing.key)))
            wanted.append(Wanted(rows, channel.rate, running.speed, _row_orders(bearing)))
    tables: list[dict[tuple[str, str], FeatureTable]] = [{} for _ in runs]
    for (number, key), feature_table in zip(places, describe(wanted, _COLUMNS), strict=True):
        tables[number][key] = feature_table
    return tables


def bearing_hypotheses(
    machine: Machine, running: Running, heard: Sequence[Heard], table: Mapping[tuple[str, str], FeatureTable]
) -> list[Hypothesis]:
    """Return the hypotheses of each accelerometer on its bearing, or on every bearing if it is mounted on none."""
    bearings = [each for each in machine.components if each.kind is ComponentKind.BEARING]
    found = [
        refuse(fault, each.key, Reason("geometry-missing", {}, None, "give-bearing-geometry"))
        for each in bearings
        if each.bearing is None
        for fault in BEARING_FAULTS
    ]
    known = [each for each in bearings if each.bearing is not None]
    if running.speed is None:
        doubts = (Reason("speed-unknown", {}, None, "measure-speed"),)
        return found + [refuse(fault, each.key, *doubts) for each in known for fault in BEARING_FAULTS]
    seen = _seen(machine, heard)
    if not seen:
        absent = Reason("vibration-not-measured", {}, None, "measure-acceleration")
        return found + [refuse(fault, each.key, absent) for each in known for fault in BEARING_FAULTS]
    for pair in seen:
        feature_table = table[pair.channel.point.key, pair.bearing.key]
        found += [_judge_rate(pair, rate, feature_table, running, running.speed) for rate in rates(pair.bearing)]
    return found


def _seen(machine: Machine, heard: Sequence[Heard]) -> list[_MonitoredBearing]:
    known = [each for each in machine.components if each.kind is ComponentKind.BEARING and each.bearing is not None]
    accelerometers = [channel for channel in heard if channel.point.quantity == "acceleration"]
    return [_MonitoredBearing(channel, bearing) for channel in accelerometers for bearing in _looked_at(channel, known)]


def _looked_at(channel: Heard, bearings: list[Component]) -> list[Component]:
    own = [each for each in bearings if each.key == channel.point.component]
    return own or bearings


@lru_cache(maxsize=256)
def rates(bearing: Component) -> tuple[_Rate, ...]:
    """Return the fault frequency of each part as a multiple of shaft speed; a ball defect strikes both races."""
    orders = orders_of(bearing)
    return (
        _Rate(Fault.BEARING_OUTER_RACE, "bpfo", "BPFO", orders.bpfo),
        _Rate(Fault.BEARING_INNER_RACE, "bpfi", "BPFI", orders.bpfi),
        _Rate(Fault.BEARING_ROLLING_ELEMENT, "bsf", "2 BSF", 2.0 * orders.bsf),
        _Rate(Fault.BEARING_CAGE, "ftf", "FTF", orders.ftf),
    )


_COLUMNS = tuple(
    f"whitened_{part}_{what}"
    for part in ("bpfo", "bpfi", "bsf", "ftf")
    for what in ("1", "2", "3", "prominence", "slip")
)


def _row_orders(bearing: Component) -> tuple[float, ...]:
    orders = orders_of(bearing)
    return orders.bpfo, orders.bpfi, orders.bsf, orders.ftf


def _judge_rate(
    pair: _MonitoredBearing, rate: _Rate, feature_table: FeatureTable, running: Running, speed: float
) -> Hypothesis:
    channel, point = pair.channel, pair.channel.point.key
    seconds = min(channel.seconds, PART)
    prominence = feature_table.mean(f"whitened_{rate.column}_prominence")
    if math.isnan(prominence):
        needed = _RESOLVED / _spacing(rate.order, speed)
        figures: dict[str, float | str] = {"seconds": channel.seconds, "needed": needed, "rate_hz": rate.order * speed}
        return refuse(rate.fault, pair.bearing.key, Reason("rate-unresolved", figures, point, "record-longer"))
    slip = feature_table.mean(f"whitened_{rate.column}_slip")
    slip = 0.0 if math.isnan(slip) else slip
    lines = tuple(_lines(rate, feature_table, slip, speed, point))
    doubts = [*channel.doubts, *running.doubts]
    if seconds * _spacing(rate.order, speed) < _RESOLVED:
        needed = _RESOLVED / _spacing(rate.order, speed)
        doubts.append(Reason("near-shaft-harmonic", {"seconds": seconds, "needed": needed}, point, "record-longer"))
    if abs(slip) >= _LARGEST_SLIP and prominence < _UNMISTAKEN:
        beside: dict[str, float | str] = {"slip": slip, "limit": _LARGEST_SLIP}
        doubts.append(Reason("beside-kinematic-rate", beside, point, "check-geometry-and-speed"))
    least = LEAST_EVIDENCE + (_CAGE_BEATS if rate.fault is Fault.BEARING_CAGE else 0.0)
    return Hypothesis(rate.fault, pair.bearing.key, prominence - least, lines, tuple(doubts))


def _spacing(order: float, speed: float) -> float:
    """Return the distance of a rate from the nearest multiple of shaft speed [Hz]."""
    return max(abs(order - round(order)) * speed, 1e-6)


def _lines(rate: _Rate, feature_table: FeatureTable, slip: float, speed: float, point: str) -> Iterator[MatchedLine]:
    for harmonic in range(1, _HARMONICS + 1):
        measured = feature_table.mean(f"whitened_{rate.column}_{harmonic}")
        level = None if math.isnan(measured) else measured
        expected = harmonic * rate.order * speed
        found = expected * (1.0 + slip) if level is not None and level >= _LINE else None
        name = rate.name if harmonic == 1 else f"{harmonic} x {rate.name}"
        yield MatchedLine(name, "envelope", point, expected, found, level)
