-- The relations of pdm: plain tables for what a plant is and what people do, hypertables for what was
-- measured and concluded. Runs on TimescaleDB's Apache and Community editions alike.

CREATE EXTENSION IF NOT EXISTS timescaledb;

-- A key limited to some sites works under this role; see the policies at the end.
DO $$ BEGIN
    CREATE ROLE pdm_scoped NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

------------------------------------------------------------------------------------------- the plant
CREATE TABLE site (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key         text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE line (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id     bigint NOT NULL REFERENCES site,
    key         text NOT NULL,
    UNIQUE (site_id, key)
);

CREATE TABLE machine (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id               bigint NOT NULL REFERENCES site,
    line_id               bigint NOT NULL REFERENCES line,
    key                   text NOT NULL UNIQUE,
    name                  text NOT NULL DEFAULT '',
    fleet                 text NOT NULL,               -- machines that learn from each other's lives
    rated_speed           double precision,            -- Hz
    rated_power           double precision,            -- W
    supply_frequency      double precision,            -- Hz
    pole_pairs            integer,
    severity_limits       jsonb,                       -- {a_b, b_c, c_d [m/s], source}
    planning_horizon      double precision NOT NULL,   -- s
    baseline_acquisitions integer NOT NULL,
    timeline              text NOT NULL CHECK (timeline IN ('live', 'replay')),
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE component (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    machine_id  bigint NOT NULL REFERENCES machine,
    key         text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('bearing', 'motor', 'gear', 'shaft')),
    bearing     jsonb,                                 -- geometry [m, rad] and its source
    UNIQUE (machine_id, key)
);

CREATE TABLE point (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    machine_id    bigint NOT NULL REFERENCES machine,
    component_id  bigint REFERENCES component,
    key           text NOT NULL,
    quantity      text NOT NULL,
    unit          text NOT NULL,                       -- as senders declare it; payloads stay in it
    sampling_rate double precision,                    -- Hz; NULL: the point reports scalars
    direction     text,
    UNIQUE (machine_id, key)
);

CREATE TABLE work_event (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    machine_id   bigint NOT NULL REFERENCES machine,
    component_id bigint REFERENCES component,
    kind         text NOT NULL CHECK (kind IN ('failure', 'replacement', 'inspection', 'stop')),
    occurred_at  timestamptz NOT NULL,
    finding      text,
    note         text NOT NULL DEFAULT '',
    actor        text NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (machine_id, component_id, kind, occurred_at)
);

---------------------------------------------------------------------------------------- measurements
CREATE TABLE acquisition (
    machine_id   bigint NOT NULL,
    measured_at  timestamptz NOT NULL,
    speed        double precision,                     -- Hz
    load         double precision,                     -- fraction of rated load
    state        text,                                 -- operating state as the sender names it
    missing      text[] NOT NULL DEFAULT '{}',         -- waveform points of the machine that did not come
    received_at  timestamptz NOT NULL DEFAULT now(),
    receipt_id   uuid NOT NULL,
    PRIMARY KEY (machine_id, measured_at)
);
SELECT create_hypertable('acquisition', by_range('measured_at', INTERVAL '7 days'), create_default_indexes => false);

CREATE TABLE waveform (
    point_id      bigint NOT NULL,
    measured_at   timestamptz NOT NULL,
    sampling_rate double precision NOT NULL,           -- Hz, as stated by the sender
    sample_count  integer NOT NULL,
    scale         double precision,                    -- unit per count; NULL: samples are float32
    codec         smallint NOT NULL,                   -- see pdm/store/payload.py
    content_hash  bytea NOT NULL,
    payload       bytea NOT NULL,
    PRIMARY KEY (point_id, measured_at)
);
ALTER TABLE waveform ALTER COLUMN payload SET STORAGE EXTERNAL;  -- already compressed
SELECT create_hypertable('waveform', by_range('measured_at', INTERVAL '7 days'), create_default_indexes => false);

CREATE TABLE scalar (
    point_id     bigint NOT NULL,
    measured_at  timestamptz NOT NULL,
    value        double precision NOT NULL,            -- in the point's unit
    content_hash bytea NOT NULL,
    PRIMARY KEY (point_id, measured_at)
);
SELECT create_hypertable('scalar', by_range('measured_at', INTERVAL '7 days'), create_default_indexes => false);

CREATE TABLE receipt (
    receipt_id   uuid PRIMARY KEY,
    received_at  timestamptz NOT NULL,
    actor        text NOT NULL,
    stored       integer NOT NULL,
    duplicate    integer NOT NULL,
    conflict     integer NOT NULL,
    rejected     integer NOT NULL,
    quarantined  integer NOT NULL,
    results      jsonb NOT NULL
);
CREATE INDEX receipt_by_time ON receipt (received_at);

-- Records whose time cannot be right: kept whole, with the reason, outside every chunk.
CREATE TABLE quarantine (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receipt_id   uuid NOT NULL,
    machine_id   bigint NOT NULL REFERENCES machine,
    received_at  timestamptz NOT NULL DEFAULT now(),
    measured_at  text NOT NULL,                        -- as sent
    reason       text NOT NULL,
    content_hash bytea NOT NULL UNIQUE,
    content      bytea NOT NULL                        -- the record as JSON, base64 samples
);

-------------------------------------------------------------------------------------------- analysis
-- The queue: acquisitions that wait to be analysed. Never a column of a hypertable.
CREATE TABLE pending (
    machine_id   bigint NOT NULL REFERENCES machine,
    measured_at  timestamptz NOT NULL,
    enqueued_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (machine_id, measured_at)
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);

-- One row a machine: the lock that a worker claims, and what recursion remembers.
CREATE TABLE analysis_state (
    machine_id       bigint PRIMARY KEY REFERENCES machine,
    state            bytea,                            -- NULL: nothing analysed since the last reset
    last_measured_at timestamptz,
    dirty_from       timestamptz,                      -- late data: replay from here
    revision         integer NOT NULL DEFAULT 0,       -- of assessments written now
    updated_at       timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE INDEX analysis_dirty ON analysis_state (machine_id) WHERE dirty_from IS NOT NULL;

-- Committed before a batch starts, so that a crash loop can be counted and ended.
CREATE TABLE analysis_attempt (
    machine_id   bigint PRIMARY KEY REFERENCES machine,
    attempts     integer NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);

CREATE TABLE analysis_checkpoint (
    machine_id   bigint NOT NULL REFERENCES machine,
    measured_at  timestamptz NOT NULL,                 -- the last acquisition that the state has seen
    state        bytea NOT NULL,
    PRIMARY KEY (machine_id, measured_at)
);

-- Acquisitions whose analysis failed: out of the way, replayable.
CREATE TABLE set_aside (
    machine_id   bigint NOT NULL REFERENCES machine,
    measured_at  timestamptz NOT NULL,
    reason       text NOT NULL,
    set_aside_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (machine_id, measured_at)
);

CREATE TABLE assessment (
    machine_id        bigint NOT NULL,
    measured_at       timestamptz NOT NULL,
    revision          integer NOT NULL,
    computed_at       timestamptz NOT NULL DEFAULT now(),
    health            real,                            -- 1 as new .. 0 failed; NULL while learning
    learning_progress real NOT NULL,                   -- 0 .. 1
    operating_state   text NOT NULL,
    zone              text CHECK (zone IN ('A', 'B', 'C', 'D')),
    symptom           text,                            -- what is wrong so far
    component         text,                            -- where
    confidence        real,
    indicators        real[] NOT NULL,                 -- see pdm/health/indicators.py
    evidence          jsonb NOT NULL,                  -- contributors, limits, reasons
    rule_version      text NOT NULL,
    PRIMARY KEY (machine_id, measured_at, revision)
);
SELECT create_hypertable('assessment', by_range('measured_at', INTERVAL '30 days'), create_default_indexes => false);

CREATE TABLE model (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              text NOT NULL,                   -- the fleet it was trained on and predicts for
    version           integer NOT NULL,
    status            text NOT NULL CHECK (status IN ('champion', 'challenger', 'retired')),
    created_at        timestamptz NOT NULL DEFAULT now(),
    indicator_version text NOT NULL,
    body              bytea NOT NULL,                  -- JSON: LightGBM text models, columns, calibration
    sha256            bytea NOT NULL,
    metrics           jsonb NOT NULL,
    trained_on        jsonb NOT NULL,                  -- lives, span of the data
    UNIQUE (name, version)
);
CREATE UNIQUE INDEX model_champion ON model (name) WHERE status = 'champion';

CREATE TABLE prognosis (
    machine_id   bigint NOT NULL,
    component    text NOT NULL DEFAULT '',             -- '': the machine as a whole
    measured_at  timestamptz NOT NULL,
    revision     integer NOT NULL,
    computed_at  timestamptz NOT NULL DEFAULT now(),
    source       text NOT NULL CHECK (source IN ('model', 'trend', 'none')),
    rul          double precision,                     -- s, median
    rul_lower    double precision,                     -- s
    rul_upper    double precision,                     -- s; NULL with a lower bound: at least
    level        real,                                 -- of the interval, as calibrated
    model_id     bigint REFERENCES model,
    reason       text,                                 -- why there is no better answer
    evidence     jsonb NOT NULL,
    PRIMARY KEY (machine_id, component, measured_at, revision)
);
SELECT create_hypertable('prognosis', by_range('measured_at', INTERVAL '30 days'), create_default_indexes => false);

---------------------------------------------------------------------------------------------- alerts
CREATE TABLE alert (
    id              uuid PRIMARY KEY,
    machine_id      bigint NOT NULL REFERENCES machine,
    cause           text NOT NULL,
    component       text,
    severity        text NOT NULL CHECK (severity IN ('advisory', 'warning', 'critical')),
    state           text NOT NULL CHECK (state IN ('active', 'acknowledged', 'cleared')),
    opened_at       timestamptz NOT NULL,              -- on the machine's timeline
    raised_at       timestamptz NOT NULL DEFAULT now(),-- on the wall clock
    acknowledged_at timestamptz,
    acknowledged_by text,
    cleared_at      timestamptz,                       -- on the machine's timeline
    message         text NOT NULL,                     -- message key
    parameters      jsonb NOT NULL,
    evidence        jsonb NOT NULL,
    rule_version    text NOT NULL,
    version         integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX alert_one_open ON alert (machine_id, cause) WHERE state <> 'cleared';
CREATE INDEX alert_by_machine ON alert (machine_id, raised_at DESC);
CREATE INDEX alert_by_time ON alert (raised_at DESC, id);

CREATE TABLE alert_event (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id     uuid NOT NULL REFERENCES alert,
    machine_id   bigint NOT NULL REFERENCES machine,
    kind         text NOT NULL CHECK (kind IN ('opened', 'escalated', 'eased', 'acknowledged', 'cleared')),
    severity     text NOT NULL,
    occurred_at  timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    actor        text NOT NULL,
    reevaluated  boolean NOT NULL DEFAULT false,       -- concluded later, from late data
    reason       text NOT NULL,
    transaction  xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX alert_event_by_alert ON alert_event (alert_id, id);

CREATE TABLE subscription (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    url          text NOT NULL,
    secret       text NOT NULL,
    site_id      bigint REFERENCES site,               -- NULL: every site
    min_severity text NOT NULL CHECK (min_severity IN ('advisory', 'warning', 'critical')),
    is_enabled   boolean NOT NULL DEFAULT true,
    created_at   timestamptz NOT NULL DEFAULT now()
);

-- One row an event and receiver, written with the event; delivery runs from here alone.
CREATE TABLE outbox (
    id              uuid PRIMARY KEY,                  -- the stable id every repeat carries
    subscription_id uuid NOT NULL REFERENCES subscription,
    alert_event_id  bigint NOT NULL REFERENCES alert_event,
    alert_id        uuid NOT NULL,
    payload         jsonb NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    delivered_at    timestamptz,
    dead_at         timestamptz,
    last_error      text,
    UNIQUE (subscription_id, alert_event_id)
);
CREATE INDEX outbox_due ON outbox (subscription_id, alert_event_id) WHERE delivered_at IS NULL AND dead_at IS NULL;

---------------------------------------------------------------------------------------------- access
CREATE TABLE api_key (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    role        text NOT NULL CHECK (role IN ('ingest', 'read', 'operate', 'admin')),
    site_ids    bigint[],                              -- NULL: every site
    hash        bytea NOT NULL UNIQUE,                 -- SHA-256 of a 256-bit random key
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);

CREATE TABLE audit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    actor       text NOT NULL,
    action      text NOT NULL,
    target      text NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}'
);

-- What must happen later on the wall clock; claimed like any queue.
CREATE TABLE timer (
    kind        text PRIMARY KEY,
    due_at      timestamptz NOT NULL
);

-- Row-level security on plain tables only: hypertables are reached through ids that were visible here.
-- pdm.sites holds the caller's sites as '{1,2}'.
CREATE FUNCTION pdm_sites() RETURNS bigint[] LANGUAGE sql STABLE
    AS $$ SELECT coalesce(nullif(current_setting('pdm.sites', true), ''), '{}')::bigint[] $$;

GRANT SELECT ON site, line, machine, component, point, work_event, alert, alert_event, subscription
    TO pdm_scoped;
ALTER TABLE site ENABLE ROW LEVEL SECURITY;
ALTER TABLE line ENABLE ROW LEVEL SECURITY;
ALTER TABLE machine ENABLE ROW LEVEL SECURITY;
ALTER TABLE component ENABLE ROW LEVEL SECURITY;
ALTER TABLE point ENABLE ROW LEVEL SECURITY;
ALTER TABLE work_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE subscription ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON site TO pdm_scoped USING (id = ANY (pdm_sites()));
CREATE POLICY by_site ON line TO pdm_scoped USING (site_id = ANY (pdm_sites()));
CREATE POLICY by_site ON machine TO pdm_scoped USING (site_id = ANY (pdm_sites()));
CREATE POLICY by_site ON component TO pdm_scoped USING (machine_id IN (SELECT id FROM machine));
CREATE POLICY by_site ON point TO pdm_scoped USING (machine_id IN (SELECT id FROM machine));
CREATE POLICY by_site ON work_event TO pdm_scoped USING (machine_id IN (SELECT id FROM machine));
CREATE POLICY by_site ON alert TO pdm_scoped USING (machine_id IN (SELECT id FROM machine));
CREATE POLICY by_site ON alert_event TO pdm_scoped USING (machine_id IN (SELECT id FROM machine));
CREATE POLICY by_site ON subscription TO pdm_scoped USING (site_id = ANY (pdm_sites()));
