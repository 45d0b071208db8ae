"""Layouts as revision 080f245 identified them in states `HLT3`. Frozen: independent of today's parameters.

Its signature was a digest of every parameter of every column. It is recomputed from the parameters of that revision; if
a state has the same signature, the state has the layout of this module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from pdm.health.baseline.layout_document import ColumnIdentity, LayoutIdentity
from pdm.machines.model import Machine, MeasurementPoint

_Numbers = tuple[str, str, float, float, float, bool]  # feature, scale, floor, offset, weight, persistent

# As revision 080f245 had them (pdm/health at that revision): never tuned.
_VIBRATION: tuple[_Numbers, ...] = (
    ("rms", "log", 0.1, 0.0, 1.0, False),
    ("velocity_rms", "log", 0.1, 0.0, 1.0, False),
    ("high_frequency_rms", "log", 0.1, 0.0, 1.0, False),
    ("envelope_rms", "log", 0.1, 0.0, 1.0, False),
    ("kurtosis", "log", 0.12, 0.0, 0.5, True),
    ("crest_factor", "log", 0.1, 0.0, 0.5, True),
    ("envelope_kurtosis", "log", 0.12, 0.0, 0.5, True),
    ("envelope_peak_prominence", "linear", 3.0, 0.0, 1.0, False),
    ("bpfo_prominence", "linear", 2.0, 0.0, 1.0, False),
    ("bpfi_prominence", "linear", 2.0, 0.0, 1.0, False),
    ("bsf_prominence", "linear", 2.0, 0.0, 1.0, False),
    ("ftf_prominence", "linear", 2.0, 0.0, 1.0, False),
    ("bpfi_sideband_prominence", "linear", 2.0, 0.0, 1.0, False),
    ("bsf_sideband_prominence", "linear", 2.0, 0.0, 1.0, False),
    ("order_0_5x", "log", 0.25, 0.0, 1.0, False),
    ("order_1x", "log", 0.15, 0.0, 1.0, False),
    ("order_2x", "log", 0.2, 0.0, 1.0, False),
    ("order_3x", "log", 0.2, 0.0, 1.0, False),
    ("spectral_centroid", "log", 0.05, 0.0, 0.0, False),
)
# As above, of revision 080f245.
_CURRENT: tuple[_Numbers, ...] = (
    ("rms", "log", 0.05, 0.0, 0.0, False),
    ("total_harmonic_distortion", "log", 0.15, 0.002, 1.0, False),
    ("residual_rms", "log", 0.15, 0.0, 0.5, False),
    ("broken_bar_index", "linear", 2.0, 0.0, 1.0, False),
    ("eccentricity_lower", "linear", 2.0, 0.0, 1.0, False),
    ("eccentricity_upper", "linear", 2.0, 0.0, 1.0, False),
    ("bearing_sideband_bpfo", "linear", 3.0, 0.0, 1.0, False),
    ("bearing_sideband_bpfi", "linear", 3.0, 0.0, 1.0, False),
    ("bearing_sideband_bsf", "linear", 3.0, 0.0, 1.0, False),
    ("bearing_sideband_ftf", "linear", 3.0, 0.0, 1.0, False),
)
# As above, of revision 080f245.
_CURRENT_GROUP: tuple[_Numbers, ...] = (
    ("current_unbalance", "log", 0.2, 0.003, 1.0, False),
    ("negative_sequence_ratio", "log", 0.2, 0.003, 1.0, False),
    ("park_ripple_2f", "log", 0.2, 0.003, 1.0, False),
    ("park_ripple_2sf", "log", 0.2, 0.001, 1.0, False),
)
# As above, of revision 080f245.
_TEMPERATURE: _Numbers = ("temperature", "linear", 2.0, 0.0, 1.0, False)
_VIBRATION_SCALARS = ("acceleration", "velocity", "displacement")
_MAGNITUDES = {"pressure": 1e5, "power": 1e3, "force": 1e3, "flow": 1e-3}  # of revision 080f245
_NOT_FOLLOWED = ("temperature", "speed", "tachometer")
_FEATURE_VERSION = 1  # of every feature that the revision tracked


def former_layout(machine: Machine) -> tuple[bytes, LayoutIdentity]:
    """Return the signature of a machine's states in that revision, and the corresponding layout."""
    scalars = [point for point in machine.points if not point.is_waveform]
    vibration = [p.key for p in machine.points if p.is_waveform and p.quantity == "acceleration"]
    current = [p.key for p in machine.points if p.is_waveform and p.quantity == "current"]
    written = [_column("vibration", p, numbers) for p in vibration for numbers in _VIBRATION]
    written += [_column("current", p, numbers) for p in current for numbers in _CURRENT]
    written += [_column("current_group", "", numbers) for numbers in _CURRENT_GROUP] if current else []
    written += [
        _column("temperature", p.key, _TEMPERATURE)
        for p in scalars
        if p.quantity == "temperature" and not _is_ambient(p)
    ]
    written += [
        _scalar(p.key, p.quantity) for p in scalars if p.component is not None and p.quantity not in _NOT_FOLLOWED
    ]
    covariates = ("speed", "load", *_covariates(scalars))
    listed = "\n".join([*(line for line, _ in written), *covariates])
    columns = tuple(column for _, column in written)
    identity = LayoutIdentity(columns, covariates, tuple(point.key for point in machine.points))
    return hashlib.sha256(listed.encode()).digest()[:8], identity


def _covariates(scalars: Iterable[MeasurementPoint]) -> list[str]:
    return [p.key for p in scalars if _is_ambient(p) or (p.component is None and p.quantity not in _NOT_FOLLOWED)]


def _is_ambient(point: MeasurementPoint) -> bool:
    return point.quantity == "temperature" and point.component is None and point.key.startswith("ambient")


def _column(source: str, point: str, numbers: _Numbers) -> tuple[str, ColumnIdentity]:
    feature, scale, floor, offset, weight, persistent = numbers
    line = _line(feature, scale, floor, offset=offset, weight=weight, persistent=persistent)
    return f"{source} {point} {line}", ColumnIdentity(source, point, feature, _FEATURE_VERSION, scale, offset)


def _scalar(point: str, quantity: str) -> tuple[str, ColumnIdentity]:
    if quantity in _VIBRATION_SCALARS:
        line, identity = _line(quantity, "log", 0.1), ColumnIdentity("scalar", point, quantity, 1, "log")
    else:
        magnitude = _MAGNITUDES.get(quantity, 1.0)
        line = _line(quantity, "linear", 1e-9, relative_floor=0.01, two_sided=True, magnitude=magnitude)
        identity = ColumnIdentity("scalar", point, quantity, _FEATURE_VERSION, "linear", magnitude=magnitude)
    return f"scalar {point} {line}", identity


def _line(
    feature: str,
    scale: str,
    floor: float,
    *,
    offset: float = 0.0,
    weight: float = 1.0,
    persistent: bool = False,
    relative_floor: float = 0.0,
    two_sided: bool = False,
    magnitude: float = 1.0,
) -> str:
    return (
        f"Tracked(feature={feature!r}, scale={scale!r}, floor={floor!r}, offset={offset!r}, weight={weight!r}, "
        f"persistent={persistent!r}, relative_floor={relative_floor!r}, two_sided={two_sided!r}, "
        f"magnitude={magnitude!r})"
    )
