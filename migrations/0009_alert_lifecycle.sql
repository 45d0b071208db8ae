-- The whole life of an alert after IEC 62682 and OPC UA Part 9: what waits for whom, who did what and why, and
-- what is withheld from receivers (never from lists).

ALTER TABLE alert DROP CONSTRAINT alert_state_check;
DROP INDEX alert_one_open;
UPDATE alert SET state = CASE state WHEN 'active' THEN 'unacknowledged' ELSE 'normal' END
WHERE state IN ('active', 'cleared');
ALTER TABLE alert
    ADD CONSTRAINT alert_state_check
        CHECK (state IN ('unacknowledged', 'acknowledged', 'returned', 'latched', 'normal')),
    ADD COLUMN category text NOT NULL DEFAULT 'machine' CHECK (category IN ('machine', 'data', 'instrument')),
    ADD COLUMN rule_key text NOT NULL DEFAULT '',      -- the rule that raised it last
    ADD COLUMN needs_acknowledgement boolean NOT NULL DEFAULT false,
    ADD COLUMN is_latching boolean NOT NULL DEFAULT false,
    ADD COLUMN act_by timestamptz,                     -- when waiting is no longer free
    ADD COLUMN assignee text,
    ADD COLUMN confirmed_at timestamptz,
    ADD COLUMN confirmed_by text,
    ADD COLUMN overdue_at timestamptz,                 -- wall clock: when the next who should know is told
    ADD COLUMN overdue_step smallint NOT NULL DEFAULT 0,
    ADD COLUMN inhibited_by text,                      -- the cause on the same machine that explains this one
    ADD COLUMN withheld text CHECK (withheld IN ('shelved', 'suppressed', 'out-of-service', 'inhibited'));
CREATE UNIQUE INDEX alert_one_open ON alert (machine_id, cause) WHERE state <> 'normal';
CREATE INDEX alert_overdue ON alert (overdue_at) WHERE overdue_at IS NOT NULL;
CREATE INDEX alert_withheld ON alert (machine_id) WHERE withheld IS NOT NULL;

ALTER TABLE alert_event DROP CONSTRAINT alert_event_kind_check;
ALTER TABLE alert_event
    ADD CONSTRAINT alert_event_kind_check CHECK (kind IN (
        'opened', 'escalated', 'eased', 'returned', 'latched', 'reset', 'cleared', 'acknowledged', 'confirmed',
        'commented', 'assigned', 'shelved', 'unshelved', 'suppressed', 'unsuppressed', 'removed-from-service',
        'returned-to-service', 'overdue', 'reminded')),
    ADD COLUMN state text,                             -- of the alert after it; NULL: from before this was kept
    ADD COLUMN withheld text,                          -- of the alert after it: receivers are not told
    ADD COLUMN comment text NOT NULL DEFAULT '',
    ADD COLUMN detail jsonb NOT NULL DEFAULT '{}';

-- Why alerts of a scope are kept from receivers for a while: of a cause, a machine, a line or a site, the present
-- and the coming. A row stays as history when the hold has ended.
CREATE TABLE alert_hold (
    id           uuid PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('shelved', 'suppressed', 'out-of-service')),
    site_id      bigint NOT NULL REFERENCES site,
    line_id      bigint REFERENCES line,               -- NULL: every line of the site
    machine_id   bigint REFERENCES machine,            -- NULL: every machine of the line
    cause        text,                                 -- NULL: every cause
    ground       text CHECK (ground IN ('machine-off', 'maintenance', 'parent-alarm', 'site-event')),
    reason       text NOT NULL CHECK (reason <> ''),
    one_shot     boolean NOT NULL DEFAULT false,       -- ends when the alert's condition is gone
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz,                          -- NULL: until somebody ends it
    actor        text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    ended_by     text,
    CHECK (line_id IS NOT NULL OR machine_id IS NULL),
    CHECK (machine_id IS NOT NULL OR cause IS NULL),
    CHECK ((kind = 'suppressed') = (ground IS NOT NULL)),
    CHECK (kind <> 'shelved' OR cause IS NOT NULL AND (ends_at IS NOT NULL OR one_shot)),
    CHECK (ends_at > starts_at)
);
CREATE INDEX alert_hold_live ON alert_hold (site_id, machine_id) WHERE ended_at IS NULL;
CREATE INDEX alert_hold_by_time ON alert_hold (created_at DESC, id);
-- Two operators cannot hold the same thing twice.
CREATE UNIQUE INDEX alert_hold_once ON alert_hold (kind, machine_id, cause)
    WHERE ended_at IS NULL AND cause IS NOT NULL;

GRANT SELECT ON alert_hold TO pdm_scoped;
ALTER TABLE alert_hold ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON alert_hold TO pdm_scoped USING (site_id = ANY (pdm_sites()));
