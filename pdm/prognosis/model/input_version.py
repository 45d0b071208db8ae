"""The version of what models read of machines."""

from __future__ import annotations

from pdm.health.baseline.indicators import INDICATOR_VERSION

MEMORY_VERSION = "life-3"  # of the columns over life, so that no model reads others than it was trained on
READS = f"{INDICATOR_VERSION} {MEMORY_VERSION}"  # what a model must read to serve machines
