-- serves: 0.1.0
-- Failures that are no record's: machines on hold, models that cannot be read, threads that died, outages of jobs.

-- A machine whose analysis fails for a reason that no single acquisition carries: tried again at `retry_at`.
CREATE TABLE analysis_hold (
    machine_id   bigint PRIMARY KEY REFERENCES machine,
    reason       text NOT NULL,
    attempts     integer NOT NULL DEFAULT 1,
    since        timestamptz NOT NULL DEFAULT now(),
    retry_at     timestamptz NOT NULL
);

-- Registered models that a worker could not read: they give no figures.
CREATE TABLE unreadable_model (
    model_id     bigint PRIMARY KEY REFERENCES model,
    reason       text NOT NULL,
    found_at     timestamptz NOT NULL DEFAULT now()
);

-- Workers that ended because one of their threads died.
CREATE TABLE worker_death (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread       text NOT NULL,
    error        text NOT NULL,
    died_at      timestamptz NOT NULL DEFAULT now()
);

-- How often a job was interrupted because the database was away: no attempts of a job whose process dies.
ALTER TABLE job ADD COLUMN outages integer NOT NULL DEFAULT 0;
