"""Model channels over a life: sensors standardised per operating regime, and combinations of sensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.model.regimes import Regimes, find_regimes

COMPONENTS = 3  # principal components in addition to the health index
WORN, FRESH = 0.16, 1.2  # of the cap: rows of the two classes of the health index (20 and 150 of 125 cycles)
LARGEST = 8.0  # standard deviations; limit of a value
# added to a Gram matrix of standardised columns: small relative to hundreds of rows; chosen with the recipe on C-MAPSS
# training engines
_RIDGE = 10.0
_LEAST_ROWS = 50  # of each class for a health index

Vector = NDArray[np.float64]
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Channels:
    """The transformation of settings and sensor values to channels that are comparable across regimes.

    `mean` and `scale` are per regime (R, K) of the sensors `kept` (K,); `mixes` (M, K) are the combinations
    appended to the standardised sensors: the health index, then principal components.
    """

    regimes: Regimes
    sensors: int
    kept: tuple[int, ...]
    mean: tuple[Numbers, ...]
    scale: tuple[Numbers, ...]
    mixes: tuple[Numbers, ...]
    names: tuple[str, ...]

    @classmethod
    def of_relative(cls, names: Sequence[str]) -> Channels:
        """Return channels of values that are already relative: each value is a channel without change."""
        return cls(Regimes(((),), (), (), ()), len(names), (), (), (), (), tuple(names))

    @property
    def are_relative(self) -> bool:
        """Whether the channels are the values without change."""
        return not self.kept

    def of(self, settings: Vector, values: Vector) -> Vector:
        """Return the channels of a life, shape (n, K + M); NaN where a sensor is missing.

        Parameters
        ----------
        settings : ndarray, shape (n, S)
        values : ndarray, shape (n, sensors)

        Raises
        ------
        InvalidInputError
            The shapes differ from those of training.
        """
        if values.ndim != 2 or values.shape[1] != self.sensors:
            raise InvalidInputError(
                f"values have shape {values.shape}; the model was trained with {self.sensors} sensors"
            )
        if self.are_relative:
            return np.asarray(values, np.float64)
        regime = self.regimes.assign(settings)
        standard = (values[:, list(self.kept)] - np.array(self.mean)[regime]) / np.array(self.scale)[regime]
        standard = np.clip(standard, -LARGEST, LARGEST)
        mixes = np.array(self.mixes).reshape(-1, len(self.kept))
        # not a matrix product: its last bits depend on the number of rows, which is 1 in a stream
        return np.hstack([standard, (standard[:, None, :] * mixes).sum(axis=2)])

    def to_document(self) -> dict[str, Any]:
        """Return the channels as a JSON document."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Channels:
        """Read channels from a document of `to_document`; raises KeyError or TypeError if it is not one."""
        fields = document["regimes"]
        regimes = Regimes(
            _table(fields["centres"]), tuple(fields["scale"]), tuple(fields["low"]), tuple(fields["high"])
        )
        tables = {name: _table(document[name]) for name in ("mean", "scale", "mixes")}
        kept = tuple(int(sensor) for sensor in document["kept"])
        return cls(regimes, int(document["sensors"]), kept, **tables, names=tuple(document["names"]))


def learn_channels(settings: Vector, values: Vector, remaining: Vector, cap: float, names: Sequence[str]) -> Channels:
    """Learn the channels of a fleet from all rows of its training lives.

    A sensor that is constant within a regime is dropped. The health index is a ridge regression that separates rows
    near the end (16 % of the cap left) from rows far from it (120 %); the index and the components have unit variance.

    Parameters
    ----------
    settings : ndarray, shape (n, S)
    values : ndarray, shape (n, K)
        NaN where a sensor is missing.
    remaining : ndarray, shape (n,)
        Remaining life [unit of life time], NaN where the life did not end in failure.
    cap : float
        Remaining life beyond which lives are not distinguished [unit of life time].
    names : sequence of str, length K

    Raises
    ------
    RefusalError
        No sensor varies within a regime.
    """
    regimes = find_regimes(settings)
    own = regimes.assign(settings)
    parts = [values[own == regime] for regime in range(regimes.count)]
    mean, scale = np.array([_moments(part) for part in parts]).transpose(1, 0, 2)
    is_kept = (scale > 1e-6 * np.maximum(np.abs(mean), 1e-9)).all(axis=0)
    if not is_kept.any():
        raise RefusalError("no sensor varies within an operating regime")
    kept = np.flatnonzero(is_kept)
    mean, scale = mean[:, kept], scale[:, kept]
    standard = np.clip((values[:, kept] - mean[own]) / scale[own], -LARGEST, LARGEST)
    is_whole = np.isfinite(standard).all(axis=1)
    mixes = _mixes(standard[is_whole], remaining[is_whole], cap)
    chosen = tuple(names[sensor] for sensor in kept.tolist())
    return Channels(
        regimes,
        values.shape[1],
        tuple(kept.tolist()),
        _table(mean.tolist()),
        _table(scale.tolist()),
        _table([mix.tolist() for mix in mixes.values()]),
        (*chosen, *mixes),
    )


def _moments(values: Vector) -> tuple[Vector, Vector]:
    is_seen = np.isfinite(values)
    count = np.maximum(is_seen.sum(axis=0), 1)
    mean = np.where(is_seen, values, 0.0).sum(axis=0) / count
    return mean, np.sqrt(np.where(is_seen, (values - mean) ** 2, 0.0).sum(axis=0) / count)


def _mixes(standard: Vector, remaining: Vector, cap: float) -> dict[str, Vector]:
    found = {}
    is_worn, is_fresh = remaining <= WORN * cap, remaining >= FRESH * cap
    if min(is_worn.sum(), is_fresh.sum()) >= _LEAST_ROWS:
        rows = standard[is_worn | is_fresh]
        centred = rows - rows.mean(axis=0)
        labels = is_worn[is_worn | is_fresh].astype(np.float64)
        gram = centred.T @ centred + _RIDGE * np.eye(rows.shape[1])
        found["health_index"] = np.linalg.solve(gram, centred.T @ (labels - labels.mean()))
    if len(standard) > _LEAST_ROWS and standard.shape[1] > 1:
        values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(standard.T)))
        for number in range(min(COMPONENTS, standard.shape[1])):
            vector = vectors[:, -1 - number]
            if values[-1 - number] > 1e-9:
                found[f"component{number + 1}"] = vector * np.sign(vector[np.argmax(np.abs(vector))])
    return {name: mix / max(float((standard @ mix).std()), 1e-12) for name, mix in found.items()}


def _table(rows: Sequence[Sequence[float]]) -> tuple[Numbers, ...]:
    return tuple(tuple(float(value) for value in row) for row in rows)
