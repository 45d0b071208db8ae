-- serves: 0.1.0
-- How far a machine has been concluded again, after late data or a corrected event: a long replay is one transaction.

-- When the reanalysis was asked for that waits or runs.
ALTER TABLE analysis_state ADD COLUMN dirty_since timestamptz;

-- What the worker reports that replays a machine; deleted with the end of the replay.
CREATE TABLE reanalysis_progress (
    machine_id    bigint PRIMARY KEY REFERENCES machine,
    done          integer NOT NULL,
    acquisitions  integer NOT NULL,
    reached       timestamptz,
    started_at    timestamptz NOT NULL DEFAULT now(),
    reported_at   timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
