-- Rules as data: what each scope says, every version of it, who wrote it and why, and which one is in force.

CREATE TABLE rule_set (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope       text NOT NULL CHECK (scope IN ('all', 'class', 'site', 'machine')),
    target      text NOT NULL DEFAULT '',              -- class, site or machine key; '' of scope 'all'
    version     integer NOT NULL CHECK (version > 0),
    status      text NOT NULL CHECK (status IN ('proposed', 'in-force', 'retired')),
    document    jsonb NOT NULL,                        -- as it was checked; see pdm/alerts/documents.py
    author      text NOT NULL,
    reason      text NOT NULL,
    diff        jsonb NOT NULL,                        -- against the version in force when it was written
    gate        jsonb,                                 -- the backtest that it passed to be in force
    created_at  timestamptz NOT NULL DEFAULT now(),
    in_force_at timestamptz,
    retired_at  timestamptz,
    UNIQUE (scope, target, version),
    CHECK ((scope = 'all') = (target = ''))
);
CREATE UNIQUE INDEX rule_set_in_force ON rule_set (scope, target) WHERE status = 'in-force';

-- One row: counts deployments, so that a worker asks one number to know whether its rules are still those in force.
CREATE TABLE rule_change (
    is_only     boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    number      bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO rule_change (number) VALUES (0);

-- One row: since when the clockwork has watched for data without a break, so that a stop of the service or a step of
-- its clock is not taken for a gap of every machine.
CREATE TABLE gap_watch (
    is_only     boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    since       timestamptz NOT NULL,
    looked_at   timestamptz NOT NULL
) WITH (fillfactor = 50);
