-- serves: 0.1.0
-- When new data of a machine were last received, to within 5 s; no row: none since this migration. Missing data are
-- detected by it, because a record may be delivered long after its measurement.

CREATE TABLE last_receipt (
    machine_id   bigint PRIMARY KEY REFERENCES machine,
    received_at  timestamptz NOT NULL
) WITH (fillfactor = 50);
