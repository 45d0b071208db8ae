"""Column index of each current feature in a row of values; compile-time constants of the kernels."""

from __future__ import annotations

from features.catalogue import names

PHASE = names("current", "channel")
GROUP = names("current", "group")

MEAN, RMS, PEAK, CREST, KURTOSIS = (PHASE.index(n) for n in ("mean", "rms", "peak", "crest_factor", "kurtosis"))
SUPPLY = PHASE.index("fundamental_frequency")
FUNDAMENTAL = PHASE.index("fundamental_amplitude")
DISTORTION, K_FACTOR = PHASE.index("total_harmonic_distortion"), PHASE.index("k_factor")
THIRD_HARMONIC, RESIDUAL = PHASE.index("harmonic_3_ratio"), PHASE.index("residual_rms")
SLIP = PHASE.index("slip")
BAR_LOWER, BAR_UPPER = PHASE.index("broken_bar_lower"), PHASE.index("broken_bar_upper")
BAR_INDEX = PHASE.index("broken_bar_index")
ECCENTRICITY_LOWER, ECCENTRICITY_UPPER = PHASE.index("eccentricity_lower"), PHASE.index("eccentricity_upper")
BEARING = PHASE.index("bearing_sideband_bpfo")

SUPPLY_DRIFT, SUPPLY_DEVIATION = PHASE.index("supply_drift"), PHASE.index("supply_deviation")
PHASE_WANDER, VARIATION = PHASE.index("phase_wander"), PHASE.index("fundamental_variation")
NOISE_FLOOR = PHASE.index("noise_floor")
BAR_PROMINENCE, BAR_COUNT = PHASE.index("broken_bar_prominence"), PHASE.index("broken_bars_estimated")
SLIP_ESTIMATED, SLIP_CONFIDENCE = PHASE.index("slip_estimated"), PHASE.index("slip_confidence")
BAR_INDEX_ESTIMATED = PHASE.index("broken_bar_index_estimated")
ECCENTRICITY_PROMINENCE = PHASE.index("eccentricity_prominence")
SECOND_LOWER, SECOND_UPPER = PHASE.index("eccentricity_second_lower"), PHASE.index("eccentricity_second_upper")
SLOT_HARMONIC, SLOT_ECCENTRICITY = PHASE.index("slot_harmonic"), PHASE.index("slot_eccentricity")
STATOR_TURNS = PHASE.index("stator_turns")
ANGLE = PHASE.index("phase_angle_deviation")
INRUSH_PEAK, INRUSH_DURATION = PHASE.index("inrush_peak"), PHASE.index("inrush_duration")
INRUSH_RATIO = PHASE.index("inrush_ratio")

LOAD, UNBALANCE = GROUP.index("load_current"), GROUP.index("current_unbalance")
NEGATIVE, ZERO = GROUP.index("negative_sequence_ratio"), GROUP.index("zero_sequence_ratio")
MODULUS = GROUP.index("park_modulus")
RIPPLE_2F, RIPPLE_2SF = GROUP.index("park_ripple_2f"), GROUP.index("park_ripple_2sf")
ELLIPSE = GROUP.index("park_eccentricity")
FUNDAMENTAL_UNBALANCE = GROUP.index("fundamental_unbalance")
NEGATIVE_ANGLE, RIPPLE_SHAFT = GROUP.index("negative_sequence_angle"), GROUP.index("park_ripple_shaft")
