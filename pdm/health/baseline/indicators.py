"""Health indicators: the deviations that are stored for prognosis, the same list for every machine."""

from __future__ import annotations

from dataclasses import dataclass

INDICATOR_VERSION = "indicators-1"


@dataclass(frozen=True)
class Indicator:
    """A health indicator: the deviation of a machine from its baseline in its operating state.

    The largest change over the machine's points of `source`'s feature, in `unit`: dB for amplitudes,
    ratios and prominences, K for temperature. It is NaN where no point delivers the feature, and for all
    indicators while the machine is off. While the baseline is being learned the reference is the median
    so far, so that a life has indicators from its first acquisition.
    """

    name: str
    symptom: str
    meaning: str
    source: str
    features: tuple[str, ...]
    unit: str = "dB"


INDICATORS: tuple[Indicator, ...] = (
    Indicator("rms_change", "overall_vibration", "acceleration rms", "vibration", ("rms",)),
    Indicator("velocity_rms_change", "overall_vibration", "velocity rms 10-1000 Hz", "vibration", ("velocity_rms",)),
    Indicator("high_frequency_change", "bearing_wear", "rms above 1 kHz", "vibration", ("high_frequency_rms",)),
    Indicator("envelope_rms_change", "bearing_wear", "envelope rms", "vibration", ("envelope_rms",)),
    Indicator("kurtosis_change", "bearing_wear", "kurtosis", "vibration", ("kurtosis",)),
    Indicator("crest_factor_change", "bearing_wear", "crest factor", "vibration", ("crest_factor",)),
    Indicator("envelope_kurtosis_change", "bearing_wear", "envelope kurtosis", "vibration", ("envelope_kurtosis",)),
    Indicator("bearing_outer_change", "bearing_outer_race", "outer-race lines", "vibration", ("bpfo_prominence",)),
    Indicator("bearing_inner_change", "bearing_inner_race", "inner-race lines", "vibration", ("bpfi_prominence",)),
    Indicator(
        "bearing_element_change",
        "bearing_rolling_element",
        "rolling-element lines",
        "vibration",
        ("bsf_prominence",),
    ),
    Indicator("bearing_cage_change", "bearing_cage", "cage lines", "vibration", ("ftf_prominence",)),
    Indicator("order_1x_change", "unbalance", "1 x running speed", "vibration", ("order_1x",)),
    Indicator("order_2x_change", "misalignment", "2 x running speed", "vibration", ("order_2x",)),
    Indicator("order_3x_change", "looseness", "3 x running speed", "vibration", ("order_3x",)),
    Indicator("centroid_change", "bearing_wear", "spectral centroid", "vibration", ("spectral_centroid",)),
    Indicator("broken_bar_change", "broken_rotor_bar", "bar sidebands", "current", ("broken_bar_index",)),
    Indicator(
        "eccentricity_change",
        "eccentricity",
        "supply +- running speed",
        "current",
        ("eccentricity_lower", "eccentricity_upper"),
    ),
    Indicator(
        "current_unbalance_change",
        "supply_unbalance",
        "negative over positive sequence",
        "current_group",
        ("negative_sequence_ratio",),
    ),
    Indicator(
        "distortion_change",
        "supply_unbalance",
        "total harmonic distortion",
        "current",
        ("total_harmonic_distortion",),
    ),
    Indicator("temperature_rise", "overheating", "temperature", "temperature", ("temperature",), "K"),
)
"""Every indicator, in the order in which assessments store them."""
