"""Rolling bearings: lines of the whitened envelope at the rates at which each part's fault strikes.

Rates: R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", MSSP 25 (2011), eqs 1-4.
Whitening: P. Borghesani et al., MSSP 36 (2013). Score: `features.ranking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import features
from features.ranking import LEAST_EVIDENCE
from pdm.health.diagnosis.heard import Heard
from pdm.health.diagnosis.hypotheses import BEARING_FAULTS, Hypothesis, refuse
from pdm.health.diagnosis.model import Fault, MatchedLine, Reason
from pdm.health.diagnosis.running import Running
from pdm.machines.model import Component, ComponentKind, Machine

PART = 5.0
"""Seconds of a part into which longer records are cut: longer ones have finer lines, which slip smears."""
_HARMONICS = 3
_CAGE_BEATS = 4.0  # dB more that the cage's own lines need: a damaged element passes its load zone at that rate too
_LINE = 8.0  # dB over the local median from which a line of the whitened envelope is named as found
_LARGEST_SLIP = 0.0095  # a line at the end of the search, 1 %, may be of something else
_UNMISTAKEN = 15.0  # dB of prominence from which even such a line is the bearing's, its geometry a little off
_RESOLVED = 1.5  # lines of the spectrum between a bearing's rate and the shaft's nearest multiple


class _Rate(NamedTuple):
    fault: Fault
    column: str
    name: str
    order: float


class _Seen(NamedTuple):
    channel: Heard
    bearing: Component


def bearing_hypotheses(machine: Machine, running: Running, heard: Sequence[Heard]) -> list[Hypothesis]:
    """Return what each accelerometer says of the bearing it is mounted on, or of every bearing if on none."""
    bearings = [each for each in machine.components if each.kind is ComponentKind.BEARING]
    accelerometers = [channel for channel in heard if channel.point.quantity == "acceleration"]
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
    if not accelerometers:
        absent = Reason("vibration-not-measured", {}, None, "measure-acceleration")
        return found + [refuse(fault, each.key, absent) for each in known for fault in BEARING_FAULTS]
    seen = [_Seen(channel, bearing) for channel in accelerometers for bearing in _looked_at(channel, known)]
    for pair, table in _tables(seen, running.speed):
        found += _judge(pair, table, running)
    return found


def _looked_at(channel: Heard, bearings: list[Component]) -> list[Component]:
    own = [each for each in bearings if each.key == channel.point.component]
    return own or bearings


def _orders(bearing: Component) -> features.BearingOrders:
    geometry = bearing.bearing
    assert geometry is not None
    return features.BearingGeometry(
        geometry.rolling_elements, geometry.element_diameter, geometry.pitch_diameter, geometry.contact_angle
    ).orders()


def rates(bearing: Component) -> tuple[_Rate, ...]:
    """Return the rate of each part's fault as a multiple of shaft speed; a ball strikes both races."""
    orders = _orders(bearing)
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


def _tables(seen: list[_Seen], speed: float) -> Iterator[tuple[_Seen, features.Features]]:
    """Extract the bearing features of all channels alike in one batch, longer records in parts."""
    alike: dict[tuple[float, int], list[_Seen]] = {}
    for pair in seen:
        alike.setdefault((pair.channel.rate, len(pair.channel.samples)), []).append(pair)
    for (rate, samples), pairs in alike.items():
        parts = max(1, int(samples / (PART * rate)))
        size = samples if parts == 1 else int(PART * rate)
        rows = np.concatenate([pair.channel.samples[: parts * size].reshape(parts, size) for pair in pairs])
        orders = np.repeat([_row_orders(pair.bearing) for pair in pairs], parts, axis=0)
        table = features.extract(rows, rate, names=_COLUMNS, speed=speed, bearing_orders=orders)
        for place, pair in enumerate(pairs):
            chosen = slice(place * parts, (place + 1) * parts)
            yield (
                pair,
                features.Features(
                    table.names, table.values[chosen], (), table.group_values[chosen], table.reasons[chosen]
                ),
            )


def _row_orders(bearing: Component) -> NDArray[np.float64]:
    orders = _orders(bearing)
    return np.array([orders.bpfo, orders.bpfi, orders.bsf, orders.ftf])


def _judge(pair: _Seen, table: features.Features, running: Running) -> list[Hypothesis]:
    assert running.speed is not None
    return [_judge_rate(pair, rate, table, running, running.speed) for rate in rates(pair.bearing)]


def _judge_rate(pair: _Seen, rate: _Rate, table: features.Features, running: Running, speed: float) -> Hypothesis:
    channel, point = pair.channel, pair.channel.point.key
    seconds = min(channel.seconds, PART)
    prominence = _mean(table, f"whitened_{rate.column}_prominence")
    if prominence is None:
        needed = _RESOLVED / _spacing(rate.order, speed)
        figures: dict[str, float | str] = {"seconds": channel.seconds, "needed": needed, "rate_hz": rate.order * speed}
        return refuse(rate.fault, pair.bearing.key, Reason("rate-unresolved", figures, point, "record-longer"))
    lines = tuple(_lines(rate, table, speed, point))
    doubts = [*channel.doubts, *running.doubts]
    if seconds * _spacing(rate.order, speed) < _RESOLVED:
        needed = _RESOLVED / _spacing(rate.order, speed)
        doubts.append(Reason("near-shaft-harmonic", {"seconds": seconds, "needed": needed}, point, "record-longer"))
    slip = _mean(table, f"whitened_{rate.column}_slip") or 0.0
    if abs(slip) >= _LARGEST_SLIP and prominence < _UNMISTAKEN:
        beside: dict[str, float | str] = {"slip": slip, "limit": _LARGEST_SLIP}
        doubts.append(Reason("beside-kinematic-rate", beside, point, "check-geometry-and-speed"))
    least = LEAST_EVIDENCE + (_CAGE_BEATS if rate.fault is Fault.BEARING_CAGE else 0.0)
    return Hypothesis(rate.fault, pair.bearing.key, prominence - least, lines, tuple(doubts))


def _spacing(order: float, speed: float) -> float:
    """Return how far a rate lies from the nearest multiple of shaft speed [Hz]."""
    return max(abs(order - round(order)) * speed, 1e-6)


def _mean(table: features.Features, name: str) -> float | None:
    values = table.column(name)[:, 0]
    values = values[~np.isnan(values)]
    return float(values.mean(dtype=np.float64)) if len(values) else None


def _lines(rate: _Rate, table: features.Features, speed: float, point: str) -> Iterator[MatchedLine]:
    slip = _mean(table, f"whitened_{rate.column}_slip") or 0.0
    for harmonic in range(1, _HARMONICS + 1):
        level = _mean(table, f"whitened_{rate.column}_{harmonic}")
        expected = harmonic * rate.order * speed
        found = expected * (1.0 + slip) if level is not None and level >= _LINE else None
        name = rate.name if harmonic == 1 else f"{harmonic} x {rate.name}"
        yield MatchedLine(name, "envelope", point, expected, found, level)
