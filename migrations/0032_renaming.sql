-- serves: 0.1.0
-- Renamed sites, lines, fleets, machines, components and points: a former key remains valid for its object. Sites,
-- lines and fleets out of use, and the machines that they took out of use with them.

-- A fleet with a name or out of use; a fleet without a row has neither.
CREATE TABLE fleet (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key            text NOT NULL UNIQUE,
    name           text NOT NULL DEFAULT '',
    retired_at     timestamptz,
    retired_reason text
);

ALTER TABLE site ADD COLUMN retired_at timestamptz;
ALTER TABLE site ADD COLUMN retired_reason text;
ALTER TABLE line ADD COLUMN retired_at timestamptz;
ALTER TABLE line ADD COLUMN retired_reason text;

-- What took a machine out of use with itself; NULL: the machine was retired alone.
ALTER TABLE machine ADD COLUMN retired_with text CHECK (retired_with IN ('site', 'line', 'fleet'));
ALTER TABLE machine ADD COLUMN retired_with_id bigint;

-- Append-only: what an object was called and is called from then on.
CREATE TABLE renaming (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('site', 'line', 'fleet', 'machine', 'component', 'point')),
    object_id    bigint NOT NULL,
    site_id      bigint REFERENCES site,               -- NULL: a fleet
    machine_id   bigint REFERENCES machine,            -- of a machine, a component or a point
    former_key   text NOT NULL,
    key          text NOT NULL,
    former_name  text NOT NULL,
    name         text NOT NULL,
    reason       text NOT NULL,
    actor        text NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX renaming_of_former_key ON renaming (former_key, kind);
CREATE INDEX renaming_of_machine ON renaming (machine_id) WHERE machine_id IS NOT NULL;
CREATE INDEX renaming_of_object ON renaming (kind, object_id);
GRANT SELECT ON fleet, renaming TO pdm_scoped;
ALTER TABLE renaming ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON renaming TO pdm_scoped USING (site_id IS NULL OR site_id = ANY (pdm_sites()));

-- The present key of a component that is stored in text by a key that it had.
CREATE FUNCTION pdm_component(machine bigint, stored text) RETURNS text LANGUAGE sql STABLE
    AS $$
        SELECT coalesce((
            SELECT c.key FROM renaming r JOIN component c ON c.id = r.object_id
            WHERE r.kind = 'component' AND r.machine_id = machine AND r.former_key = stored LIMIT 1), stored)
    $$;
