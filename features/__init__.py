"""Condition-monitoring features: arrays in, numbers out. No machine, no database, no clock.

Kernels (and Numba) are loaded at the first use of `extract` or `warm`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from features.bearing import BearingGeometry, BearingOrders
from features.catalogue import explain
from features.catalogue.reasons import Reason
from features.errors import SignalError

if TYPE_CHECKING:
    from features.compile import warm
    from features.extraction import Features, extract

__all__ = [
    "BearingGeometry",
    "BearingOrders",
    "Features",
    "Reason",
    "SignalError",
    "explain",
    "extract",
    "warm",
]


def __getattr__(name: str) -> Any:
    if name in {"extract", "Features"}:
        import features.extraction as module
    elif name == "warm":
        import features.compile as module  # type: ignore[no-redef]
    else:
        raise AttributeError(f"module 'features' has no attribute {name!r}")
    return getattr(module, name)
