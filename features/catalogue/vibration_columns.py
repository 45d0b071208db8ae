"""Column index of each vibration feature in a row of values; compile-time constants of the kernels.

Columns of `BEARING` and `GEAR` are relative to the first of their family.
"""

from __future__ import annotations

from features.catalogue.bearing import BEARING
from features.catalogue.gear import GEAR
from features.catalogue.vibration import CORE, MORE

_OF = {row[0]: column for column, row in enumerate(CORE + MORE)}  # column of each name

MEAN, RMS, DEVIATION, VARIANCE = (_OF[n] for n in ("mean", "rms", "standard_deviation", "variance"))
SKEWNESS, KURTOSIS = _OF["skewness"], _OF["kurtosis"]
MAXIMUM, MINIMUM, PEAK_TO_PEAK, PEAK = (_OF[n] for n in ("maximum", "minimum", "peak_to_peak", "peak"))
MEAN_ABSOLUTE = _OF["mean_absolute"]
CREST, SHAPE, IMPULSE = (_OF[n] for n in ("crest_factor", "shape_factor", "impulse_factor"))
CLEARANCE = _OF["clearance_factor"]
CROSSINGS, ENERGY = _OF["zero_crossing_rate"], _OF["energy"]
DIFFERENCE, SLOPE_CHANGES = _OF["mean_absolute_difference"], _OF["slope_sign_change_rate"]
MOBILITY, COMPLEXITY = _OF["hjorth_mobility"], _OF["hjorth_complexity"]

BAND_POWER, TOTAL_POWER = _OF["band_power_1"], _OF["total_power"]
CENTROID, SPREAD = _OF["spectral_centroid"], _OF["spectral_spread"]
SPECTRAL_SKEWNESS, SPECTRAL_KURTOSIS = _OF["spectral_skewness"], _OF["spectral_kurtosis"]
SPECTRAL_ENTROPY, PEAK_FREQUENCY = _OF["spectral_entropy"], _OF["peak_frequency"]
ROLLOFF_85, ROLLOFF_95, FLATNESS = _OF["rolloff_85"], _OF["rolloff_95"], _OF["spectral_flatness"]

ENVELOPE_LINES = _OF["envelope_bpfo_1"]
"""First of three harmonics of four faults."""
ENVELOPE_RMS, ENVELOPE_KURTOSIS = _OF["envelope_rms"], _OF["envelope_kurtosis"]
ENVELOPE_CREST = _OF["envelope_crest_factor"]
ENVELOPE_PEAK_FREQUENCY, ENVELOPE_PEAK_LEVEL = _OF["envelope_peak_frequency"], _OF["envelope_peak_prominence"]
PROMINENCE, SIDEBANDS = _OF["bpfo_prominence"], _OF["bpfi_sideband_prominence"]
"""First of four faults, and of two."""

HIGH_FREQUENCY, HISTOGRAM_ENTROPY = _OF["high_frequency_rms"], _OF["histogram_entropy"]
VELOCITY, VELOCITY_LOW = _OF["velocity_rms"], _OF["velocity_rms_low"]
VELOCITY_PEAK, VELOCITY_PEAK_FREQUENCY = _OF["velocity_peak"], _OF["velocity_peak_frequency"]
ORDERS = _OF["order_0_5x"]
"""First of four."""

_OF_BEARING = {row[0]: column for column, row in enumerate(BEARING)}  # as above

KURTOGRAM_KURTOSIS = _OF_BEARING["kurtogram_kurtosis"]
KURTOGRAM_CENTRE, KURTOGRAM_BANDWIDTH = _OF_BEARING["kurtogram_centre"], _OF_BEARING["kurtogram_bandwidth"]
FINEST_KURTOSIS = _OF_BEARING["spectral_kurtosis_peak"]
FINEST_FREQUENCY = _OF_BEARING["spectral_kurtosis_peak_frequency"]
SINE_FREQUENCY = _OF_BEARING["interpolated_peak_frequency"]
SINE_AMPLITUDE = _OF_BEARING["interpolated_peak_amplitude"]
CEPSTRUM_LEVEL, CEPSTRUM_QUEFRENCY = (_OF_BEARING[f"cepstrum_peak_{n}"] for n in ("prominence", "quefrency"))
CEPSTRUM_SHAFT = _OF_BEARING["cepstrum_shaft_prominence"]
WHITENED_PROMINENCE, WHITENED_LINES = _OF_BEARING["whitened_bpfo_prominence"], _OF_BEARING["whitened_bpfo_1"]
WHITENED_SLIP = _OF_BEARING["whitened_bpfo_slip"]
WHITENED_SIDEBANDS = _OF_BEARING["whitened_bpfi_sideband_prominence"]
KURTOGRAM_PROMINENCE = _OF_BEARING["kurtogram_bpfo_prominence"]
KURTOGRAM_SIDEBANDS = _OF_BEARING["kurtogram_bpfi_sideband_prominence"]

_OF_GEAR = {row[0]: column for column, row in enumerate(GEAR)}  # as above

TRACKED_ORDERS = _OF_GEAR["order_tracked_0_5x"]
"""First of four."""
SYNCHRONOUS_RMS, SYNCHRONOUS_RATIO = _OF_GEAR["synchronous_rms"], _OF_GEAR["synchronous_ratio"]
MESH = _OF_GEAR["mesh_1"]
"""First of three harmonics."""
FM0, FM4, M6A, M8A = (_OF_GEAR[n] for n in ("fm0", "fm4", "m6a", "m8a"))
ENERGY_RATIO, SIDEBAND_LEVEL = _OF_GEAR["energy_ratio"], _OF_GEAR["sideband_level_factor"]
SIDEBAND_INDEX = _OF_GEAR["sideband_index"]
RESIDUAL_RMS, RESIDUAL_VARIANCE, RESIDUAL_KURTOSIS = (
    _OF_GEAR[f"residual_{n}"] for n in ("rms", "variance", "kurtosis")
)
MESH_ENVELOPE_VARIANCE = _OF_GEAR["envelope_mesh_variance"]
MESH_ENVELOPE_KURTOSIS = _OF_GEAR["envelope_mesh_kurtosis"]
