"""The version of the model inputs."""

from __future__ import annotations

from pdm.health.baseline.indicators import INDICATOR_VERSION

MEMORY_VERSION = "life-3"  # of the columns over life, so that a model reads only columns of its training
READS = f"{INDICATOR_VERSION} {MEMORY_VERSION}"  # version of a model that can serve machines
