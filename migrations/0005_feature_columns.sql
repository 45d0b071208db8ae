-- The columns that version 2 of the catalogue brought (features/catalogue.py), and what those features need to know
-- of a machine. Version 2 only adds: a row of version 2 holds all that one of version 1 does.

ALTER TABLE machine ADD COLUMN rotor_slots integer;
ALTER TABLE component
    ADD COLUMN teeth integer,                          -- of a gear
    ADD COLUMN ratio double precision NOT NULL DEFAULT 1;  -- turns of its shaft a turn of the machine's
ALTER TABLE point ADD COLUMN pulses_per_turn integer;  -- of a tachometer

ALTER TABLE feature_vibration_v1
    ADD COLUMN kurtogram_kurtosis real,
    ADD COLUMN kurtogram_centre real,  -- Hz
    ADD COLUMN kurtogram_bandwidth real,  -- Hz
    ADD COLUMN spectral_kurtosis_peak real,
    ADD COLUMN spectral_kurtosis_peak_frequency real,  -- Hz
    ADD COLUMN interpolated_peak_frequency real,  -- Hz
    ADD COLUMN interpolated_peak_amplitude real,  -- m/s2
    ADD COLUMN cepstrum_peak_prominence real,  -- dB
    ADD COLUMN cepstrum_peak_quefrency real,  -- s
    ADD COLUMN cepstrum_shaft_prominence real,  -- dB
    ADD COLUMN whitened_bpfo_1 real,  -- dB
    ADD COLUMN whitened_bpfo_2 real,  -- dB
    ADD COLUMN whitened_bpfo_3 real,  -- dB
    ADD COLUMN whitened_bpfo_4 real,  -- dB
    ADD COLUMN whitened_bpfo_5 real,  -- dB
    ADD COLUMN whitened_bpfi_1 real,  -- dB
    ADD COLUMN whitened_bpfi_2 real,  -- dB
    ADD COLUMN whitened_bpfi_3 real,  -- dB
    ADD COLUMN whitened_bpfi_4 real,  -- dB
    ADD COLUMN whitened_bpfi_5 real,  -- dB
    ADD COLUMN whitened_bsf_1 real,  -- dB
    ADD COLUMN whitened_bsf_2 real,  -- dB
    ADD COLUMN whitened_bsf_3 real,  -- dB
    ADD COLUMN whitened_bsf_4 real,  -- dB
    ADD COLUMN whitened_bsf_5 real,  -- dB
    ADD COLUMN whitened_ftf_1 real,  -- dB
    ADD COLUMN whitened_ftf_2 real,  -- dB
    ADD COLUMN whitened_ftf_3 real,  -- dB
    ADD COLUMN whitened_ftf_4 real,  -- dB
    ADD COLUMN whitened_ftf_5 real,  -- dB
    ADD COLUMN whitened_bpfo_prominence real,  -- dB
    ADD COLUMN whitened_bpfi_prominence real,  -- dB
    ADD COLUMN whitened_bsf_prominence real,  -- dB
    ADD COLUMN whitened_ftf_prominence real,  -- dB
    ADD COLUMN whitened_bpfo_slip real,
    ADD COLUMN whitened_bpfi_slip real,
    ADD COLUMN whitened_bsf_slip real,
    ADD COLUMN whitened_ftf_slip real,
    ADD COLUMN whitened_bpfi_sideband_prominence real,  -- dB
    ADD COLUMN whitened_bsf_sideband_prominence real,  -- dB
    ADD COLUMN kurtogram_bpfo_prominence real,  -- dB
    ADD COLUMN kurtogram_bpfi_prominence real,  -- dB
    ADD COLUMN kurtogram_bsf_prominence real,  -- dB
    ADD COLUMN kurtogram_ftf_prominence real,  -- dB
    ADD COLUMN kurtogram_bpfi_sideband_prominence real,  -- dB
    ADD COLUMN kurtogram_bsf_sideband_prominence real,  -- dB
    ADD COLUMN order_tracked_0_5x real,  -- m/s2
    ADD COLUMN order_tracked_1x real,  -- m/s2
    ADD COLUMN order_tracked_2x real,  -- m/s2
    ADD COLUMN order_tracked_3x real,  -- m/s2
    ADD COLUMN synchronous_rms real,  -- m/s2
    ADD COLUMN synchronous_ratio real,
    ADD COLUMN mesh_1 real,  -- m/s2
    ADD COLUMN mesh_2 real,  -- m/s2
    ADD COLUMN mesh_3 real,  -- m/s2
    ADD COLUMN fm0 real,
    ADD COLUMN fm4 real,
    ADD COLUMN m6a real,
    ADD COLUMN m8a real,
    ADD COLUMN energy_ratio real,
    ADD COLUMN sideband_level_factor real,
    ADD COLUMN sideband_index real,  -- m/s2
    ADD COLUMN residual_rms real,  -- m/s2
    ADD COLUMN residual_variance real,  -- (m/s2)^2
    ADD COLUMN residual_kurtosis real,
    ADD COLUMN envelope_mesh_variance real,  -- (m/s2)^2
    ADD COLUMN envelope_mesh_kurtosis real;

ALTER TABLE feature_current_v1
    ADD COLUMN supply_drift real,  -- Hz
    ADD COLUMN supply_deviation real,  -- Hz
    ADD COLUMN phase_wander real,  -- rad
    ADD COLUMN fundamental_variation real,
    ADD COLUMN noise_floor real,  -- dB
    ADD COLUMN broken_bar_prominence real,  -- dB
    ADD COLUMN broken_bars_estimated real,
    ADD COLUMN slip_estimated real,
    ADD COLUMN slip_confidence real,  -- dB
    ADD COLUMN broken_bar_index_estimated real,  -- dB
    ADD COLUMN eccentricity_prominence real,  -- dB
    ADD COLUMN eccentricity_second_lower real,  -- dB
    ADD COLUMN eccentricity_second_upper real,  -- dB
    ADD COLUMN slot_harmonic real,  -- dB
    ADD COLUMN slot_eccentricity real,  -- dB
    ADD COLUMN stator_turns real,  -- dB
    ADD COLUMN phase_angle_deviation real,  -- rad
    ADD COLUMN inrush_peak real,  -- A
    ADD COLUMN inrush_duration real,  -- s
    ADD COLUMN inrush_ratio real,
    ADD COLUMN fundamental_unbalance real,
    ADD COLUMN negative_sequence_angle real,  -- rad
    ADD COLUMN park_ripple_shaft real;
