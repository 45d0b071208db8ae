-- What became of alerts, as people say it; the work that was done for them; and what waiting costs.

-- Append-only: the newest row of an alert is what is held true.
CREATE TABLE alert_feedback (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id     uuid NOT NULL REFERENCES alert,
    machine_id   bigint NOT NULL REFERENCES machine,
    verdict      text NOT NULL CHECK (verdict IN ('true', 'false', 'useful')),
    finding      text NOT NULL DEFAULT '',             -- what was found, in the operator's words
    fault        text,                                 -- what was found, as diagnoses name it
    component    text,                                 -- where
    actor        text NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_feedback_by_alert ON alert_feedback (alert_id, id DESC);
CREATE INDEX alert_feedback_by_time ON alert_feedback (recorded_at);

-- A work event may answer several alerts, and an alert may need several.
CREATE TABLE alert_work_event (
    alert_id      uuid NOT NULL REFERENCES alert,
    work_event_id bigint NOT NULL REFERENCES work_event,
    machine_id    bigint NOT NULL REFERENCES machine,
    actor         text NOT NULL,
    linked_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (alert_id, work_event_id)
);
CREATE INDEX alert_work_event_by_event ON alert_work_event (work_event_id);

ALTER TABLE machine ADD COLUMN costs jsonb;             -- pdm.machines.costs.Costs
ALTER TABLE component ADD COLUMN part text;             -- what to order: designation or stock number

CREATE INDEX alert_event_by_time ON alert_event (recorded_at);

GRANT SELECT ON alert_feedback, alert_work_event TO pdm_scoped;
ALTER TABLE alert_feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_work_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON alert_feedback TO pdm_scoped USING (machine_id IN (SELECT id FROM machine));
CREATE POLICY by_site ON alert_work_event TO pdm_scoped USING (machine_id IN (SELECT id FROM machine));
