-- serves: 0.1.0
-- Corrections of work events, append-only: the newest one of an event is in force.

CREATE TABLE work_event_correction (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    work_event_id bigint NOT NULL REFERENCES work_event,
    machine_id    bigint NOT NULL REFERENCES machine,
    status        text NOT NULL CHECK (status IN ('voided', 'corrected', 'confirmed')),
    kind          text NOT NULL CHECK (kind IN ('failure', 'replacement', 'inspection', 'stop')),
    component_id  bigint REFERENCES component,
    occurred_at   timestamptz NOT NULL,
    reason        text NOT NULL,
    actor         text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX work_event_correction_of_event ON work_event_correction (work_event_id, id DESC);
GRANT SELECT ON work_event_correction TO pdm_scoped;
ALTER TABLE work_event_correction ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON work_event_correction TO pdm_scoped USING (machine_id IN (SELECT id FROM machine));

-- The reanalysis of a machine follows a correction: alerts that only the wrong event had raised end without response.
ALTER TABLE analysis_state ADD COLUMN is_corrected boolean NOT NULL DEFAULT false;
