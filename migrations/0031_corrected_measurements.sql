-- serves: 0.1.0
-- Corrections of what points reported and components are, append-only; samples and values stay as they were sent, and a
-- correction is applied when they are read.

CREATE TABLE measurement_correction (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    machine_id          bigint NOT NULL REFERENCES machine,
    point_id            bigint REFERENCES point,
    component_id        bigint REFERENCES component,
    swapped_with        bigint REFERENCES point,
    field               text NOT NULL CHECK (field IN (
                            'factor', 'unit', 'sampling_rate_hz', 'swap_with', 'direction', 'bearing')),
    value               jsonb NOT NULL,                -- what is right
    registered          jsonb NOT NULL,                -- the registered value that is wrong in this span
    begins_at           timestamptz NOT NULL,
    ends_at             timestamptz CHECK (ends_at > begins_at), -- NULL: it also applies to records still to come
    not_corrected_until timestamptz,                   -- features before it remain: their waveforms are no longer stored
    reason              text NOT NULL,
    actor               text NOT NULL,
    recorded_at         timestamptz NOT NULL DEFAULT now(),
    CHECK ((point_id IS NULL) <> (component_id IS NULL))
);
CREATE INDEX measurement_correction_of_machine ON measurement_correction (machine_id, id);

-- A correction that was wrong itself.
CREATE TABLE voided_correction (
    correction_id       bigint PRIMARY KEY REFERENCES measurement_correction,
    not_corrected_until timestamptz,                   -- features before it remain as the correction had made them
    reason              text NOT NULL,
    actor               text NOT NULL,
    recorded_at         timestamptz NOT NULL DEFAULT now()
);

-- Machines of which features and quality are computed again from stored records, in order of time; then the machine is
-- analysed again from `since` on.
CREATE TABLE recalculation (
    machine_id   bigint PRIMARY KEY REFERENCES machine,
    since        timestamptz NOT NULL,
    reached      timestamptz,                          -- the last acquisition that was computed again
    memories     jsonb NOT NULL DEFAULT '{}',          -- as in channel_memory after `reached`, by point
    requested_at timestamptz NOT NULL DEFAULT now()
);
