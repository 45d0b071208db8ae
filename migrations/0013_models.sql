-- The life of models: who let which serve when and why, trainings that run as jobs and go on where they stood.

-- What is remembered of a life has another form (LIF3). The features behind it are stored, so nothing is converted:
-- every machine is followed again from its first acquisition, and what was said before stays.
DELETE FROM analysis_checkpoint;
UPDATE analysis_state SET state = NULL, dirty_from = least(dirty_from, last_measured_at) WHERE state IS NOT NULL;

-- Models in the form before read columns that are no longer made: they stay as history and serve no more.
UPDATE model SET status = 'retired';

CREATE TABLE model_event (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id   bigint NOT NULL REFERENCES model,
    kind       text NOT NULL CHECK (kind IN ('registered', 'imported', 'promoted', 'rolled-back')),
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    reason     text NOT NULL DEFAULT ''
);
CREATE INDEX model_event_of_model ON model_event (model_id, id);

-- Work that takes long and was asked for; a worker runs one in a child process. `lease_until` is when a job that
-- runs counts as left behind by a worker that died.
CREATE TABLE job (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('train')),
    fleet        text NOT NULL,
    seed         integer NOT NULL DEFAULT 0,
    status       text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'running', 'done', 'failed')),
    stage        text NOT NULL DEFAULT '',
    progress     real NOT NULL DEFAULT 0,              -- share done
    attempts     integer NOT NULL DEFAULT 0,
    actor        text NOT NULL,
    reason       text NOT NULL DEFAULT '',             -- why it was asked for
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    lease_until  timestamptz,
    error        text,
    model_id     bigint REFERENCES model,              -- what came of it
    result       jsonb
);
CREATE UNIQUE INDEX job_one_of_a_fleet ON job (kind, fleet) WHERE status IN ('waiting', 'running');

-- Members that an unfinished training has finished, by a key of its lives, seed and recipe.
CREATE TABLE training_part (
    key        text PRIMARY KEY,
    fleet      text NOT NULL,
    body       bytea NOT NULL,
    sha256     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
