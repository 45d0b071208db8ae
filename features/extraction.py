"""Computation of the catalogued features of a batch of records."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features import arguments, motor_current, vibration
from features.catalogue import names as catalogue_names
from features.catalogue.definition import Quantity
from features.catalogue.reasons import Reason
from features.catalogue.vibration_columns import PEAK
from features.errors import SignalError
from features.workspace import rows_in_block

_INT16_RAIL = 32767
"""Count at which a 16-bit converter is at its limit, of either sign; a record with two such samples is clipped."""


@dataclass(frozen=True)
class Features:
    """Features of n records: values (n, channels, features), and of all phases together (n, group features).

    NaN is absent; `reasons` (n, channels) are bits of `features.Reason`, `features.explain` the text.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    group_names: tuple[str, ...]
    group_values: NDArray[np.float32]
    reasons: NDArray[np.uint32]

    def column(self, name: str) -> NDArray[np.float32]:
        """Return one feature, (n, channels), or (n,) if it is of all phases together."""
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
    shaft_angle: ArrayLike | None = None,
    bearing_orders: ArrayLike | None = None,
    gear_teeth: ArrayLike | None = None,
    supply_frequency: float | None = None,
    pole_pairs: ArrayLike | None = None,
    rotor_slots: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    bad: Literal["raise", "flag"] = "raise",
    threads: int = 1,
) -> Features:
    """Compute the catalogued features of a batch of records.

    A record's features are bit-identical alone and in any batch, so that reprocessing of late data reproduces them.

    Parameters
    ----------
    waveforms : (n, samples) or (n, channels, samples), float32, float64 or int16
        Acceleration [m/s2], or currents [A] with the phases as channels.
    sampling_rate : float
        [Hz].
    quantity : {'vibration', 'current'}
        Which part of the catalogue.
    names : sequence of str, optional
        A selection of features; the result is in catalogue order. Families that are not selected are not computed.
    speed : scalar or (n,), optional
        Shaft speed [Hz]; NaN is unknown.
    shaft_angle : (n, samples), optional
        Shaft angle at each sample [rad], from `features.order`, for varying speed.
    bearing_orders : (4,) or (n, 4), optional
        BPFO, BPFI, BSF and FTF as multiples of shaft speed; NaN is unknown.
    gear_teeth : int or (n,), optional
        Teeth of the gear on that shaft; NaN is unknown.
    supply_frequency : float, optional
        Nominal supply frequency [Hz]; the component within 10 % of it is the fundamental.
    pole_pairs, rotor_slots : int or (n,), optional
        Of the motor; NaN is unknown.
    scale : scalar or (n,), optional
        Unit per count, for int16.
    bad : {'raise', 'flag'}
        Whether a record with samples that are not finite or beyond 1e8 is refused, or gets the reason NOT_FINITE or
        OUT_OF_RANGE and no features, while the rest of the batch is computed.
    threads : int
        Number of threads for rows of vibration; the result does not depend on it.

    Returns
    -------
    Features
        `values` float32 (n, channels, features), NaN with its reason in `reasons`.

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
    choice = _choose(quantity, None if names is None else tuple(names))
    stacked = arguments.check_waveforms(waveforms)
    n, channels, samples = stacked.shape
    rate = arguments.check_rate(sampling_rate)
    tiny = float(np.finfo(np.float64).tiny)
    shaft = arguments.at_least("speed", speed, n, tiny, "a shaft speed [Hz] is positive")
    angle = arguments.check_angle(shaft_angle, n, samples)
    orders = arguments.at_least("bearing_orders", bearing_orders, n, tiny, "orders are positive", (4,))
    factor = None if scale is None else arguments.per_row("scale", scale, n)
    if factor is not None and not (np.isfinite(factor) & (factor != 0)).all():
        raise SignalError("scale", "scale must be finite and not 0")
    flags = None
    if bad not in ("raise", "flag"):
        raise SignalError("bad", f"{bad!r} is neither 'raise' nor 'flag'")
    if bad == "flag":
        stacked, flags = arguments.flag_bad(stacked, factor)
    if quantity == "vibration":
        teeth = arguments.whole("gear_teeth", gear_teeth, n, 2, "a gear has a whole number of teeth, at least two")
        values, group_values, reasons = _vibration(
            stacked, factor, vibration.Shafts(rate, samples, shaft, orders, teeth, angle), choice.families, threads
        )
    else:
        pairs = arguments.whole("pole_pairs", pole_pairs, n, 1, "a motor has a whole number of pole pairs")
        slots = arguments.whole("rotor_slots", rotor_slots, n, 2, "a rotor has a whole number of slots, at least two")
        if supply_frequency is not None and not 0 < supply_frequency < np.inf:
            raise SignalError("supply_frequency", f"{supply_frequency} Hz is not positive")
        currents = _checked(arguments.in_si(stacked, factor), channels)
        values, group_values, reasons = motor_current.describe(
            currents, rate, shaft, orders, supply_frequency, pairs, slots
        )
    if stacked.dtype == np.int16:
        at_rail = ((stacked >= _INT16_RAIL) | (stacked <= -_INT16_RAIL)).sum(axis=2) >= 2
        reasons[at_rail] |= np.uint32(Reason.CLIPPED)
    if flags is not None and flags.any():
        values[flags != 0] = np.nan
        group_values[flags.any(axis=1)] = np.nan
        reasons |= flags | (flags.max(axis=1, keepdims=True) if group_values.shape[1] else np.uint32(0))
    return Features(
        choice.names, values[..., choice.columns], choice.group_names, group_values[..., choice.group_columns], reasons
    )


@dataclass(frozen=True)
class _Choice:
    names: tuple[str, ...]
    columns: slice | list[int]
    group_names: tuple[str, ...]
    group_columns: slice | list[int]
    families: frozenset[str]


@lru_cache(maxsize=64)
def _choose(quantity: Quantity, chosen: tuple[str, ...] | None) -> _Choice:
    if quantity not in ("vibration", "current"):
        raise SignalError("quantity", f"{quantity!r} is neither 'vibration' nor 'current'")
    channel, group = catalogue_names(quantity, "channel"), catalogue_names(quantity, "group")
    if chosen is None:
        return _Choice(channel, slice(None), group, slice(None), vibration.ALL_FAMILIES)
    unknown = set(chosen) - set(channel) - set(group)
    if unknown:
        raise SignalError("names", f"no {quantity} feature is called {', '.join(sorted(unknown))}")
    mine = [i for i, name in enumerate(channel) if name in chosen]
    ours = [i for i, name in enumerate(group) if name in chosen]
    return _Choice(
        tuple(channel[i] for i in mine),
        slice(len(mine)) if mine == list(range(len(mine))) else mine,
        tuple(group[i] for i in ours),
        ours,
        vibration.families_of(chosen),
    )


def _vibration(
    stacked: NDArray[Any],
    factor: NDArray[np.float64] | None,
    shafts: vibration.Shafts,
    families: frozenset[str],
    threads: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint32]]:
    n, channels, samples = stacked.shape
    rows = stacked.reshape(n * channels, samples)
    shafts = shafts.repeat(channels)
    factor = factor if factor is None or channels == 1 else np.repeat(factor, channels)
    width = vibration.width(families)
    values = np.full((len(rows), width), np.nan, np.float32)
    reasons = np.full(len(rows), vibration.record_reasons(shafts.sampling_rate, samples), np.uint32)

    def work(part: slice) -> None:
        def load(start: int, stop: int) -> NDArray[np.float32]:
            chosen = slice(part.start + start, part.start + stop)
            return arguments.in_si(rows[chosen], None if factor is None else factor[chosen])

        bad = vibration.describe(load, values[part], reasons[part], shafts.of(part), families)
        if bad >= 0:
            raise arguments.not_finite(rows[part.start + bad], part.start + bad, channels)

    parts = _shares(len(rows), rows_in_block(samples), threads)
    if len(parts) <= 1:
        for part in parts:
            work(part)
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(work, parts))
    arguments.check_range(values[:, PEAK], channels)
    shape = (n, channels)
    return values.reshape(*shape, width), np.empty((n, 0), np.float32), reasons.reshape(shape)


def _shares(rows: int, block: int, threads: int) -> list[slice]:
    """Return the rows of each thread, in whole blocks."""
    blocks = -(-rows // block)
    each = max(1, -(-blocks // max(1, threads))) * block
    return [slice(start, min(start + each, rows)) for start in range(0, rows, each)]


def _checked(waveforms: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    finite = np.isfinite(waveforms).all(axis=2)
    if not finite.all():
        row = int(np.argmin(finite.reshape(-1)))
        raise arguments.not_finite(waveforms.reshape(-1, waveforms.shape[2])[row], row, channels)
    arguments.check_range(np.abs(waveforms).max(axis=2, initial=0.0).reshape(-1), channels)
    return waveforms
