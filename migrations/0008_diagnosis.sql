-- Diagnoses: what is wrong, from the recordings of a few acquisitions, and who or what asked for it.

CREATE TABLE diagnosis (
    machine_id   bigint NOT NULL,
    measured_at  timestamptz NOT NULL,                 -- of the newest acquisition behind it
    computed_at  timestamptz NOT NULL DEFAULT now(),
    cause        text NOT NULL CHECK (cause IN ('severity', 'symptom', 'operating-state', 'interval', 'request')),
    rule_version text NOT NULL,
    acquisitions timestamptz[] NOT NULL,               -- of the machine, behind it
    document     jsonb NOT NULL,                       -- see pdm/service/diagnosis_document.py
    PRIMARY KEY (machine_id, measured_at, computed_at)
);
SELECT create_hypertable('diagnosis', by_range('measured_at', INTERVAL '30 days'), create_default_indexes => false);

-- What state detection has seen of a machine since its last regular diagnosis.
CREATE TABLE diagnosis_watch (
    machine_id   bigint PRIMARY KEY REFERENCES machine,
    measured_at  timestamptz NOT NULL,                 -- when that one was asked for, on the machine's timeline
    is_severe    boolean NOT NULL,
    told         text[] NOT NULL                       -- states and symptoms that it or a later one was asked for
) WITH (fillfactor = 70);

-- Diagnoses that are to be computed: at most one a machine that somebody asked for, and one that nobody did.
CREATE TABLE diagnosis_due (
    machine_id   bigint NOT NULL REFERENCES machine,
    is_requested boolean NOT NULL,
    cause        text NOT NULL,
    as_of        timestamptz,                          -- from acquisitions up to then; NULL: the newest
    records      integer NOT NULL,                     -- most acquisitions to read
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts     integer NOT NULL DEFAULT 0,           -- counted before each, so that a crash is remembered
    not_before   timestamptz NOT NULL DEFAULT now(),
    error        text,                                 -- of the last attempt
    PRIMARY KEY (machine_id, is_requested)
) WITH (fillfactor = 70);

DO $$ BEGIN
    IF current_setting('timescaledb.license') = 'timescale' THEN
        ALTER TABLE diagnosis SET (timescaledb.compress, timescaledb.compress_segmentby = 'machine_id');
        PERFORM add_compression_policy('diagnosis'::regclass, INTERVAL '30 days');
    END IF;
END $$;
