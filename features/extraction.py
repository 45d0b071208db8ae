"""A batch of records in, every catalogued feature out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features import motor_current, vibration
from features.catalogue import names as catalogue_names
from features.definition import Quantity
from features.errors import SignalError
from features.reasons import Reason

LEAST_SAMPLES = 16
LARGEST_SAMPLE = 1e8
"""Beyond it [SI] fourth powers leave single precision; no sensor of vibration or current reaches it."""
_INT16_RAIL = 32767


@dataclass(frozen=True)
class Features:
    """Features of n records: values (n, channels, features), of the phases together (n, group features).

    NaN is absent; `reasons` (n, channels) holds the bits of `features.Reason`, `features.explain` the text.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    group_names: tuple[str, ...]
    group_values: NDArray[np.float32]
    reasons: NDArray[np.uint32]

    def column(self, name: str) -> NDArray[np.float32]:
        """Return one feature, (n, channels), or (n,) if it speaks of the phases together."""
        if name in self.names:
            return self.values[..., self.names.index(name)]
        return self.group_values[..., self.group_names.index(name)]


def extract(
    waveforms: NDArray[Any],
    sampling_rate: float,
    *,
    quantity: Quantity = "vibration",
    names: Sequence[str] | None = None,
    speed: ArrayLike | None = None,
    bearing_orders: ArrayLike | None = None,
    supply_frequency: float | None = None,
    pole_pairs: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    threads: int = 1,
) -> Features:
    """Compute the catalogued features of a batch of records.

    A record's features have the same bits alone and in any batch, so that replaying late data repeats them.

    Parameters
    ----------
    waveforms : (n, samples) or (n, channels, samples), float32, float64 or int16
        Acceleration [m/s2], or currents [A] with the phases as channels.
    sampling_rate : float
        [Hz].
    quantity : {'vibration', 'current'}
        Which part of the catalogue.
    names : sequence of str, optional
        A choice of features; the answer keeps the catalogue's order. Asking only for `core` ones is faster.
    speed : scalar or (n,), optional
        Shaft speed [Hz]; NaN is unknown.
    bearing_orders : (4,) or (n, 4), optional
        BPFO, BPFI, BSF and FTF as multiples of shaft speed; NaN is unknown.
    supply_frequency : float, optional
        Nominal supply frequency [Hz]; the component within 10 % of it is the fundamental.
    pole_pairs : int or (n,), optional
        Of the motor.
    scale : scalar or (n,), optional
        Unit a count, for int16.
    threads : int
        Rows of vibration are shared out among so many threads; it does not change a bit of the result.

    Returns
    -------
    Features
        `values` float32 (n, channels, features), NaN explained by `reasons`.

    Raises
    ------
    SignalError
        Samples that are not finite or beyond 1e8, fewer than 16 samples, another type or shape, a sampling
        rate or a speed that is not positive, an unknown name.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(2 * np.pi * 50 * np.arange(4096) / 4096).astype(np.float32)
    >>> table = extract(wave[None], 4096.0)
    >>> round(float(table.column("crest_factor")[0, 0]), 3)
    1.414
    """
    stacked = _check_waveforms(waveforms)
    n, channels, _ = stacked.shape
    rate = _check_rate(sampling_rate)
    shaft = _per_row("speed", speed, n, ())
    if np.any(shaft <= 0) or np.any(np.isinf(shaft)):
        raise SignalError("speed", "a shaft speed [Hz] is positive; NaN says unknown")
    orders = _per_row("bearing_orders", bearing_orders, n, (4,))
    if np.any(orders <= 0) or np.any(np.isinf(orders)):
        raise SignalError("bearing_orders", "orders are positive; NaN says unknown")
    factor = _per_row("scale", scale, n, ())
    if scale is not None and not (np.isfinite(factor) & (factor != 0)).all():
        raise SignalError("scale", "a count is worth a finite amount that is not 0")
    if quantity == "vibration":
        table = _vibration(stacked, rate, shaft, orders, factor, names, threads)
    elif quantity == "current":
        pairs = _per_row("pole_pairs", pole_pairs, n, ())
        if np.any(pairs < 1):
            raise SignalError("pole_pairs", "a motor has at least one pole pair")
        if supply_frequency is not None and not 0 < supply_frequency < np.inf:
            raise SignalError("supply_frequency", f"{supply_frequency} Hz is not positive")
        table = motor_current.describe(
            _checked(_in_si(stacked, factor), channels), rate, shaft, orders, supply_frequency, pairs
        )
    else:
        raise SignalError("quantity", f"{quantity!r} is neither 'vibration' nor 'current'")
    values, group_values, reasons = table
    if stacked.dtype == np.int16:
        at_rail = (np.abs(stacked.astype(np.int32)) >= _INT16_RAIL).sum(axis=2) >= 2
        reasons[at_rail] |= np.uint32(Reason.CLIPPED)
    return _select(quantity, values, group_values, reasons, names)


def _vibration(
    stacked: NDArray[Any],
    rate: float,
    speed: NDArray[np.float64],
    orders: NDArray[np.float64],
    factor: NDArray[np.float64],
    names: Sequence[str] | None,
    threads: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint32]]:
    n, channels, samples = stacked.shape
    rows = stacked.reshape(n * channels, samples)
    row_speed, row_orders = np.repeat(speed, channels), np.repeat(orders, channels, axis=0)
    row_factor = np.repeat(factor, channels)
    values = np.full((len(rows), len(vibration.COLUMNS)), np.nan, np.float32)
    reasons = vibration.record_reasons(rate, samples, row_speed, row_orders)
    core_only = names is not None and set(names) <= set(vibration.CORE_COLUMNS)

    def work(part: slice) -> None:
        def load(start: int, stop: int) -> NDArray[np.float32]:
            chosen = slice(part.start + start, part.start + stop)
            return _in_si(rows[chosen], row_factor[chosen])

        bad = vibration.describe(
            load,
            values[part],
            reasons[part],
            rate,
            samples,
            row_speed[part],
            row_orders[part],
            core_only=core_only,
        )
        if bad >= 0:
            raise _not_finite(rows[part.start + bad], part.start + bad, channels)

    parts = _shares(len(rows), vibration.rows_in_block(samples), threads)
    if len(parts) <= 1:
        for part in parts:
            work(part)
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(work, parts))
    _check_range(values[:, vibration.COLUMNS.index("peak")], channels)
    shape = (n, channels)
    return values.reshape(*shape, len(vibration.COLUMNS)), np.empty((n, 0), np.float32), reasons.reshape(shape)


def _shares(rows: int, block: int, threads: int) -> list[slice]:
    """Return the rows of each thread, in whole blocks."""
    blocks = -(-rows // block)
    each = max(1, -(-blocks // max(1, threads))) * block
    return [slice(start, min(start + each, rows)) for start in range(0, rows, each)]


def _in_si(rows: NDArray[Any], factor: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return contiguous float32 in SI units; out of single precision's range becomes infinite."""
    if np.isnan(factor).all():
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(rows, np.float32)
    weight = factor.astype(np.float32).reshape(-1, *(1,) * (rows.ndim - 1))
    with np.errstate(over="ignore"):
        return np.asarray(np.multiply(rows, weight, dtype=np.float32, casting="unsafe"))


def _checked(waveforms: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    finite = np.isfinite(waveforms).all(axis=2)
    if not finite.all():
        row = int(np.argmin(finite.reshape(-1)))
        raise _not_finite(waveforms.reshape(-1, waveforms.shape[2])[row], row, channels)
    _check_range(np.abs(waveforms).max(axis=2, initial=0.0).reshape(-1), channels)
    return waveforms


def _not_finite(row: NDArray[Any], index: int, channels: int) -> SignalError:
    with np.errstate(over="ignore"):
        sample = int(np.argmin(np.isfinite(row.astype(np.float32))))
    return SignalError(
        f"waveforms, record {index // channels}, channel {index % channels}, sample {sample}",
        "not a finite number in single precision",
    )


def _check_range(peaks: NDArray[np.float32], channels: int) -> None:
    if len(peaks) and float(peaks.max()) > LARGEST_SAMPLE:
        index = int(np.argmax(peaks))
        raise SignalError(
            f"waveforms, record {index // channels}, channel {index % channels}",
            f"a sample of {peaks[index]:g} is beyond {LARGEST_SAMPLE:g} and no measurement",
        )


def _check_waveforms(waveforms: NDArray[Any]) -> NDArray[Any]:
    stacked = np.asarray(waveforms)
    if stacked.dtype not in (np.float32, np.float64, np.int16):
        raise SignalError("waveforms", f"{stacked.dtype} is not float32, float64 or int16")
    if stacked.ndim not in (2, 3):
        raise SignalError("waveforms", f"shape {stacked.shape} is not (n, samples) or (n, channels, samples)")
    if stacked.shape[-1] < LEAST_SAMPLES:
        raise SignalError("waveforms", f"{stacked.shape[-1]} samples are fewer than {LEAST_SAMPLES}")
    if stacked.ndim == 3 and stacked.shape[1] == 0:
        raise SignalError("waveforms", "there is no channel")
    return stacked if stacked.ndim == 3 else stacked[:, None, :]


def _check_rate(sampling_rate: float) -> float:
    rate = float(sampling_rate)
    if not 0 < rate < np.inf:
        raise SignalError("sampling_rate", f"{rate} Hz is not positive")
    return rate


def _per_row(where: str, value: ArrayLike | None, n: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    if value is None:
        return np.full((n, *shape), np.nan)
    given = np.asarray(value, np.float64)
    if given.shape not in (shape, (n, *shape)):
        raise SignalError(where, f"shape {given.shape} is neither {shape} nor {(n, *shape)}")
    return np.array(np.broadcast_to(given, (n, *shape)))


def _select(
    quantity: Quantity,
    values: NDArray[np.float32],
    group_values: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    chosen: Sequence[str] | None,
) -> Features:
    channel, group = catalogue_names(quantity, "channel"), catalogue_names(quantity, "group")
    if chosen is None:
        return Features(channel, values, group, group_values, reasons)
    unknown = set(chosen) - set(channel) - set(group)
    if unknown:
        raise SignalError("names", f"no {quantity} feature is called {', '.join(sorted(unknown))}")
    mine = [i for i, name in enumerate(channel) if name in chosen]
    ours = [i for i, name in enumerate(group) if name in chosen]
    return Features(
        tuple(channel[i] for i in mine),
        values[..., mine],
        tuple(group[i] for i in ours),
        group_values[..., ours],
        reasons,
    )
