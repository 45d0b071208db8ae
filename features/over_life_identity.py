"""The identity of a configuration over life in stored states: documents with literal names.

A state is valid for a configuration with an identical document. `FORMAT` is raised by hand when the meaning of a
state's array changes; `former_document` is frozen: it is the document of revision 080f245 (states `OVL1`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from features.over_life import OverLife

FORMAT = 2  # raised by hand when the array of a state gets another meaning


def document(life: OverLife) -> bytes:
    """Return the canonical document of a configuration: sorted keys, every number a float."""
    content = {
        "format": FORMAT,
        "channels": list(life.channels),
        "time_constants": [float(tau) for tau in life.time_constants],
        "lags": [float(lag) for lag in life.lags],
        "baseline_records": int(life.baseline_records),
        "curvature": bool(life.has_curvature),
        "cusum_reference": float(life.cusum_reference),
        "least_scatter": float(life.least_scatter),
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def former_document(life: OverLife) -> bytes:
    """Return the identity of the configuration of states `OVL1`; it must not be changed."""
    return (
        f"OverLife(channels={life.channels!r}, time_constants={life.time_constants!r}, lags={life.lags!r}, "
        f"baseline_records={life.baseline_records!r}, has_curvature={life.has_curvature!r}, "
        f"cusum_reference={life.cusum_reference!r}, least_scatter={life.least_scatter!r})"
    ).encode()
