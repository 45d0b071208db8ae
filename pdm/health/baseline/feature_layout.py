"""The layout of a machine's tracked features in one flat vector: computed once per machine."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from features.catalogue import CATALOGUE, definitions, names
from features.catalogue.definition import Quantity, Scope
from pdm.health.baseline.indicators import INDICATORS
from pdm.health.baseline.layout_document import ColumnIdentity, LayoutIdentity
from pdm.health.baseline.tracked_features import (
    CURRENT,
    CURRENT_GROUP,
    DECIBEL,
    TEMPERATURE,
    VIBRATION,
    Tracked,
    scalar_tracked,
)
from pdm.health.snapshot import Snapshot
from pdm.machines.model import AMBIENT, Machine, MeasurementPoint
from pdm.machines.units import si_unit
from pdm.measurements import OperatingContext

Floats = NDArray[np.float64]
_LARGEST = 1e4  # beyond any decibel or kelvin; within half precision
_MOST_RELATED = 16  # most scalar channels in the multivariate baseline: its size grows with the square
_ABSENT = np.full(1, np.nan)  # the column that padding points to
_SMALLEST = 1e-12  # below the resolution of any sensor, in SI


@dataclass(frozen=True)
class Column:
    """One tracked feature at one point; `point` is '' for features that the phases share.

    `source` is 'vibration', 'current', 'current_group', 'temperature' or 'scalar'.
    """

    source: str
    point: str
    tracked: Tracked
    unit: str


@dataclass(frozen=True)
class Layout:
    """The columns of a machine's tracked vector (M,) and their parameters.

    `described` identifies what is learned of each column, `identity` is its canonical document in stored states.
    """

    machine: Machine
    described: LayoutIdentity
    identity: bytes
    columns: tuple[Column, ...]
    vibration_points: tuple[str, ...]
    current_points: tuple[str, ...]
    temperature_points: tuple[str, ...]
    scalar_points: tuple[str, ...]
    covariates: tuple[str, ...]
    is_log: NDArray[np.bool_]
    offset: Floats
    magnitude: Floats
    floor: Floats
    relative_floor: Floats
    weight: Floats
    persistent: NDArray[np.bool_]
    two_sided: NDArray[np.bool_]
    charted: NDArray[np.bool_]
    to_unit: Floats
    activity: NDArray[np.intp]
    velocity: NDArray[np.intp]
    indicator_columns: NDArray[np.intp]
    related: NDArray[np.intp]
    places: dict[tuple[str, str, str], int]

    @cached_property
    def has_two_sided(self) -> bool:
        """Whether a fall of any feature is evidence."""
        return bool(self.two_sided.any())

    @property
    def has_waveforms(self) -> bool:
        """Whether any point delivers waveforms with tracked features."""
        return bool(self.vibration_points or self.current_points)

    def only(self, which: NDArray[np.integer]) -> Layout:
        """Return some columns with their learning parameters, without the multivariate baseline."""
        return replace(
            self,
            columns=tuple(self.columns[place] for place in which.tolist()),
            floor=self.floor[which],
            relative_floor=self.relative_floor[which],
            weight=self.weight[which],
            two_sided=self.two_sided[which],
            related=np.empty(0, np.intp),
        )

    def raw_values(self, snapshot: Snapshot) -> Floats:
        """Return the tracked features of an acquisition (M,), each in its unit, NaN where absent."""
        raw = np.full(len(self.columns), np.nan)
        start = 0
        for point in self.vibration_points:
            vector = snapshot.vibration.get(point)
            if vector is not None:
                raw[start : start + len(VIBRATION)] = vector[_VIBRATION_INDEX]
            start += len(VIBRATION)
        for point in self.current_points:
            vector = snapshot.current.get(point)
            if vector is not None:
                raw[start : start + len(CURRENT)] = vector[_CURRENT_INDEX]
            start += len(CURRENT)
        if self.current_points:
            if snapshot.current_group is not None:
                raw[start : start + len(CURRENT_GROUP)] = snapshot.current_group[_GROUP_INDEX]
            start += len(CURRENT_GROUP)
        for point in self.temperature_points + self.scalar_points:
            raw[start] = snapshot.scalars.get(point, np.nan)
            start += 1
        raw[np.isinf(raw)] = np.nan
        return raw

    def measured(self, unmeasured: Collection[str]) -> bool | NDArray[np.bool_]:
        """Return which columns (M,) are not of points without a measurement; True: all."""
        if not unmeasured:
            return True
        phases = set(self.current_points)
        lost = {"", *unmeasured} if phases & set(unmeasured) else set(unmeasured)
        return np.array([column.point not in lost for column in self.columns])

    def compared(self, raw: Floats) -> Floats:
        """Return tracked features (M,) in the scale of comparison: logarithms, or the value itself."""
        linear = np.minimum(np.maximum(raw / self.magnitude, -_LARGEST), _LARGEST)
        return np.where(self.is_log, np.log(np.maximum(raw + self.offset, _SMALLEST)), linear)

    def uncompared(self, column: int, value: float) -> float:
        """Return a compared value of one column in the unit of the feature."""
        if not self.is_log[column]:
            return float(value * self.magnitude[column])
        return float(np.exp(value) - self.offset[column])

    def covariate_values(self, snapshot: Snapshot, context: OperatingContext) -> Floats:
        """Return the covariates (C,): speed, load, ambient temperature and process values."""
        known = [np.nan if value is None else value for value in (context.speed, context.load)]
        return np.array([*known, *(snapshot.scalars.get(point, np.nan) for point in self.covariates[2:])])

    def indicators(self, change: Floats) -> NDArray[np.float32]:
        """Return the indicators (len(INDICATORS),) of a change (M,) from the baseline."""
        padded = np.concatenate((change * self.to_unit, _ABSENT))
        largest: NDArray[np.float32] = np.fmax.reduce(padded[self.indicator_columns], axis=1).astype(np.float32)
        return largest


def _index(of: Iterable[Tracked], catalogued: tuple[str, ...]) -> NDArray[np.intp]:
    return np.array([catalogued.index(tracked.feature) for tracked in of], dtype=np.intp)


_VIBRATION_INDEX = _index(VIBRATION, names("vibration", "channel"))
_CURRENT_INDEX = _index(CURRENT, names("current", "channel"))
_GROUP_INDEX = _index(CURRENT_GROUP, names("current", "group"))
_VERSIONS = {(d.quantity, d.scope, d.name): d.version for d in CATALOGUE}
_CATALOGUED: dict[str, tuple[Quantity, Scope]] = {
    "vibration": ("vibration", "channel"),
    "current": ("current", "channel"),
    "current_group": ("current", "group"),
}
_MEASURED_VERSION = 1  # of values that a point reports itself
_VIBRATION_UNITS = {d.name: d.unit for d in definitions("vibration", "channel")}
_CURRENT_UNITS = {d.name: d.unit for d in definitions("current", "channel")}
_GROUP_UNITS = {d.name: d.unit for d in definitions("current", "group")}


@lru_cache(maxsize=4096)
def layout_of(machine: Machine) -> Layout:
    """Return the layout of a machine's tracked features."""
    vibration = tuple(p.key for p in machine.points if p.is_waveform and p.quantity == "acceleration")
    current = tuple(p.key for p in machine.points if p.is_waveform and p.quantity == "current")
    scalars = [point for point in machine.points if not point.is_waveform]
    temperature = tuple(p.key for p in scalars if p.quantity == "temperature" and not is_ambient(p))
    followed = [p for p in scalars if p.component is not None and p.quantity not in _NOT_FOLLOWED]
    covariates = (
        "speed",
        "load",
        *(p.key for p in scalars if is_ambient(p) or (p.component is None and p.quantity not in _NOT_FOLLOWED)),
    )
    columns = [Column("vibration", p, t, _VIBRATION_UNITS[t.feature]) for p in vibration for t in VIBRATION]
    columns += [Column("current", p, t, _CURRENT_UNITS[t.feature]) for p in current for t in CURRENT]
    if current:
        columns += [Column("current_group", "", t, _GROUP_UNITS[t.feature]) for t in CURRENT_GROUP]
    columns += [Column("temperature", p, TEMPERATURE, "K") for p in temperature]
    columns += [Column("scalar", p.key, scalar_tracked(p.quantity), si_unit(p.quantity)) for p in followed]
    two_sided = np.array([c.tracked.two_sided for c in columns], dtype=bool)
    counts = np.array([c.tracked.weight > 0 for c in columns], dtype=bool)
    is_log = np.array([c.tracked.scale == "log" for c in columns], dtype=bool)
    described = LayoutIdentity(tuple(map(_identity, columns)), covariates, tuple(p.key for p in machine.points))
    related = [i for i, c in enumerate(columns) if c.source in ("temperature", "scalar")]
    return Layout(
        machine=machine,
        described=described,
        identity=described.to_bytes(),
        columns=tuple(columns),
        vibration_points=vibration,
        current_points=current,
        temperature_points=temperature,
        scalar_points=tuple(p.key for p in followed),
        covariates=covariates,
        is_log=is_log,
        offset=np.array([c.tracked.offset for c in columns], dtype=np.float64),
        magnitude=np.array([c.tracked.magnitude for c in columns], dtype=np.float64),
        floor=np.array([c.tracked.floor for c in columns], dtype=np.float64),
        relative_floor=np.array([c.tracked.relative_floor for c in columns], dtype=np.float64),
        weight=np.array([c.tracked.weight for c in columns], dtype=np.float64),
        persistent=np.array([c.tracked.persistent for c in columns], dtype=bool),
        two_sided=two_sided,
        charted=np.stack((counts, counts & two_sided)),
        to_unit=np.where(is_log, DECIBEL, 1.0),
        activity=_columns_of(columns, "current" if current else "vibration", ("rms",)),
        velocity=_columns_of(columns, "vibration", ("velocity_rms",)),
        indicator_columns=_indicator_columns(columns),
        related=np.array(related[:_MOST_RELATED] if len(related) > 1 else [], dtype=np.intp),
        places={(c.source, c.tracked.feature, c.point): i for i, c in enumerate(columns)},
    )


def is_ambient(point: MeasurementPoint) -> bool:
    """Return whether a point measures the ambient temperature: a temperature on no component, named ambient.

    Its key begins with "ambient" (docs/sending.md). Such a point explains other features and is not assessed itself.
    `former_layout` has the rule of an older revision, which must not change with this one.
    """
    return point.quantity == "temperature" and point.component is None and point.key.startswith(AMBIENT)


def _identity(column: Column) -> ColumnIdentity:
    tracked = column.tracked
    if column.source in _CATALOGUED:
        version = _VERSIONS[(*_CATALOGUED[column.source], tracked.feature)]
    else:
        version = _MEASURED_VERSION
    return ColumnIdentity(
        column.source, column.point, tracked.feature, version, tracked.scale, tracked.offset, tracked.magnitude
    )


_NOT_FOLLOWED = ("temperature", "speed", "tachometer")


def _columns_of(columns: list[Column], source: str, features: tuple[str, ...]) -> NDArray[np.intp]:
    found = [i for i, c in enumerate(columns) if c.source == source and c.tracked.feature in features]
    return np.array(found, dtype=np.intp)


def _indicator_columns(columns: list[Column]) -> NDArray[np.intp]:
    """Return the columns (indicators, most) of each indicator, padded with M, one past the last column."""
    found = [_columns_of(columns, i.source, i.features) for i in INDICATORS]
    most = max(1, *(len(f) for f in found))
    padded = np.full((len(INDICATORS), most), len(columns), dtype=np.intp)
    for row, f in enumerate(found):
        padded[row, : len(f)] = f
    return padded
