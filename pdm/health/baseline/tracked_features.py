"""The tracked features of health assessment, from the catalogue, and the comparison of each with its baseline.

Amplitudes and ratios are compared as logarithms, because they vary by factors; prominences are decibels already.
`floor` is the least scatter on any machine: it prevents false alarms from small changes against an exceptionally quiet
baseline. Amplitudes: 0.10, about 0.9 dB, the order of the effect of remounting a sensor or of a change of temperature.
The floors are this project's, not a standard's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Scale = Literal["log", "linear"]

DECIBEL = 20.0 / math.log(10.0)  # dB per unit of the natural logarithm of an amplitude


@dataclass(frozen=True)
class Tracked:
    """A tracked feature of health assessment.

    `floor` is in the natural logarithm for `scale` "log", else in the feature's own unit. `offset` is added before the
    logarithm, in the feature's unit: ratios below it count as zero. `weight` [1] is the weight of the feature's
    deviation as evidence of a fault: 0 for descriptive features (load, centroid), 0.5 for impulsiveness. `persistent`
    requires evidence in nearly every acquisition: a bearing defect causes impacts at every turn, external shocks are
    intermittent. `relative_floor` [1] is a floor as a share of the baseline, `magnitude` the unit of a linear scale.
    For a `two_sided` feature a fall is evidence as well as a rise.
    """

    feature: str
    scale: Scale
    floor: float
    offset: float = 0.0
    weight: float = 1.0
    persistent: bool = False
    relative_floor: float = 0.0
    two_sided: bool = False
    magnitude: float = 1.0


# Floors (least robust standard deviations), weights and offsets of these tables were
# chosen by hand on the simulated fleet (`pdm demo`, seeds 1 to 8), not fitted.
VIBRATION: tuple[Tracked, ...] = (
    Tracked("rms", "log", 0.10),
    Tracked("velocity_rms", "log", 0.10),
    Tracked("high_frequency_rms", "log", 0.10),
    Tracked("envelope_rms", "log", 0.10),
    Tracked("kurtosis", "log", 0.12, weight=0.5, persistent=True),
    Tracked("crest_factor", "log", 0.10, weight=0.5, persistent=True),
    Tracked("envelope_kurtosis", "log", 0.12, weight=0.5, persistent=True),
    Tracked("envelope_peak_prominence", "linear", 3.0),
    Tracked("bpfo_prominence", "linear", 2.0),
    Tracked("bpfi_prominence", "linear", 2.0),
    Tracked("bsf_prominence", "linear", 2.0),
    Tracked("ftf_prominence", "linear", 2.0),
    Tracked("bpfi_sideband_prominence", "linear", 2.0),
    Tracked("bsf_sideband_prominence", "linear", 2.0),
    Tracked("order_0_5x", "log", 0.25),
    Tracked("order_1x", "log", 0.15),
    Tracked("order_2x", "log", 0.20),
    Tracked("order_3x", "log", 0.20),
    Tracked("spectral_centroid", "log", 0.05, weight=0.0),
)

# By hand on the simulated fleet, as those of vibration.
CURRENT: tuple[Tracked, ...] = (
    Tracked("rms", "log", 0.05, weight=0.0),
    Tracked("total_harmonic_distortion", "log", 0.15, offset=0.002),
    Tracked("residual_rms", "log", 0.15, weight=0.5),
    Tracked("broken_bar_index", "linear", 2.0),
    Tracked("eccentricity_lower", "linear", 2.0),
    Tracked("eccentricity_upper", "linear", 2.0),
    Tracked("bearing_sideband_bpfo", "linear", 3.0),
    Tracked("bearing_sideband_bpfi", "linear", 3.0),
    Tracked("bearing_sideband_bsf", "linear", 3.0),
    Tracked("bearing_sideband_ftf", "linear", 3.0),
)

# By hand on the simulated fleet, as those of vibration.
CURRENT_GROUP: tuple[Tracked, ...] = (
    Tracked("current_unbalance", "log", 0.20, offset=0.003),
    Tracked("negative_sequence_ratio", "log", 0.20, offset=0.003),
    Tracked("park_ripple_2f", "log", 0.20, offset=0.003),
    Tracked("park_ripple_2sf", "log", 0.20, offset=0.001),
)

TEMPERATURE = Tracked("temperature", "linear", 2.0)  # floor in K: scatter of sensors and room temperature

_VIBRATION_SCALARS = ("acceleration", "velocity", "displacement")
_MAGNITUDES = {"pressure": 1e5, "power": 1e3, "force": 1e3, "flow": 1e-3}  # SI units in which a usual value is near 1


def scalar_tracked(quantity: str) -> Tracked:
    """Return the tracked feature of a scalar on a component: one-sided for vibration levels, else two-sided.

    The direction of a fault in a process value is unknown, so a change in either direction is evidence beyond 1 % of
    the baseline.
    """
    if quantity in _VIBRATION_SCALARS:
        return Tracked(quantity, "log", 0.10)
    magnitude = _MAGNITUDES.get(quantity, 1.0)
    return Tracked(quantity, "linear", 1e-9, relative_floor=0.01, two_sided=True, magnitude=magnitude)
