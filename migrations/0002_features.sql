-- A row of features a channel and acquisition, a column a feature in catalogue order (features/catalogue.py).
-- Absent is NULL; `reasons` are the bits of features/reasons.py. Features of the phases together stand in the
-- row of an acquisition's first phase.

CREATE TABLE feature_vibration_v1 (
    point_id bigint NOT NULL,
    measured_at timestamptz NOT NULL,
    feature_version smallint NOT NULL,
    reasons integer NOT NULL DEFAULT 0,
    mean real,  -- m/s2
    rms real,  -- m/s2
    standard_deviation real,  -- m/s2
    variance real,  -- (m/s2)^2
    skewness real,
    kurtosis real,
    maximum real,  -- m/s2
    minimum real,  -- m/s2
    peak_to_peak real,  -- m/s2
    peak real,  -- m/s2
    mean_absolute real,  -- m/s2
    crest_factor real,
    shape_factor real,
    impulse_factor real,
    clearance_factor real,
    zero_crossing_rate real,
    energy real,  -- (m/s2)^2 s
    mean_absolute_difference real,  -- m/s2
    slope_sign_change_rate real,
    hjorth_mobility real,
    hjorth_complexity real,
    band_power_1 real,  -- (m/s2)^2
    band_power_2 real,  -- (m/s2)^2
    band_power_3 real,  -- (m/s2)^2
    band_power_4 real,  -- (m/s2)^2
    band_power_5 real,  -- (m/s2)^2
    band_power_6 real,  -- (m/s2)^2
    band_power_7 real,  -- (m/s2)^2
    band_power_8 real,  -- (m/s2)^2
    total_power real,  -- (m/s2)^2
    spectral_centroid real,  -- Hz
    spectral_spread real,  -- Hz
    spectral_skewness real,
    spectral_kurtosis real,
    spectral_entropy real,
    peak_frequency real,  -- Hz
    rolloff_85 real,  -- Hz
    envelope_bpfo_1 real,  -- (m/s2)^4
    envelope_bpfo_2 real,  -- (m/s2)^4
    envelope_bpfo_3 real,  -- (m/s2)^4
    envelope_bpfi_1 real,  -- (m/s2)^4
    envelope_bpfi_2 real,  -- (m/s2)^4
    envelope_bpfi_3 real,  -- (m/s2)^4
    envelope_bsf_1 real,  -- (m/s2)^4
    envelope_bsf_2 real,  -- (m/s2)^4
    envelope_bsf_3 real,  -- (m/s2)^4
    envelope_ftf_1 real,  -- (m/s2)^4
    envelope_ftf_2 real,  -- (m/s2)^4
    envelope_ftf_3 real,  -- (m/s2)^4
    envelope_rms real,  -- m/s2
    envelope_kurtosis real,
    rolloff_95 real,  -- Hz
    spectral_flatness real,
    high_frequency_rms real,  -- m/s2
    histogram_entropy real,
    velocity_rms real,  -- m/s
    velocity_rms_low real,  -- m/s
    velocity_peak real,  -- m/s
    velocity_peak_frequency real,  -- Hz
    order_0_5x real,  -- m/s
    order_1x real,  -- m/s
    order_2x real,  -- m/s
    order_3x real,  -- m/s
    bpfo_prominence real,  -- dB
    bpfi_prominence real,  -- dB
    bsf_prominence real,  -- dB
    ftf_prominence real,  -- dB
    bpfi_sideband_prominence real,  -- dB
    bsf_sideband_prominence real,  -- dB
    envelope_crest_factor real,
    envelope_peak_frequency real,  -- Hz
    envelope_peak_prominence real,  -- dB
    PRIMARY KEY (point_id, measured_at, feature_version)
);
SELECT create_hypertable('feature_vibration_v1', by_range('measured_at', INTERVAL '7 days'), create_default_indexes => false);

CREATE TABLE feature_current_v1 (
    point_id bigint NOT NULL,
    measured_at timestamptz NOT NULL,
    feature_version smallint NOT NULL,
    reasons integer NOT NULL DEFAULT 0,
    mean real,  -- A
    rms real,  -- A
    peak real,  -- A
    crest_factor real,
    kurtosis real,
    fundamental_frequency real,  -- Hz
    fundamental_amplitude real,  -- A
    total_harmonic_distortion real,
    k_factor real,
    harmonic_3_ratio real,
    harmonic_5_ratio real,
    harmonic_7_ratio real,
    residual_rms real,  -- A
    slip real,
    broken_bar_lower real,  -- dB
    broken_bar_upper real,  -- dB
    broken_bar_index real,  -- dB
    eccentricity_lower real,  -- dB
    eccentricity_upper real,  -- dB
    bearing_sideband_bpfo real,  -- dB
    bearing_sideband_bpfi real,  -- dB
    bearing_sideband_bsf real,  -- dB
    bearing_sideband_ftf real,  -- dB
    load_current real,  -- A
    current_unbalance real,
    negative_sequence_ratio real,
    zero_sequence_ratio real,
    park_modulus real,  -- A
    park_ripple_2f real,
    park_ripple_2sf real,
    park_eccentricity real,
    PRIMARY KEY (point_id, measured_at, feature_version)
);
SELECT create_hypertable('feature_current_v1', by_range('measured_at', INTERVAL '7 days'), create_default_indexes => false);
