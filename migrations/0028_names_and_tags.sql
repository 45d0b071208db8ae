-- serves: 0.1.0
-- Names beside the keys of sites, lines, components and points, and the tags of machines.

ALTER TABLE site ADD COLUMN name text NOT NULL DEFAULT '';
ALTER TABLE line ADD COLUMN name text NOT NULL DEFAULT '';
ALTER TABLE component ADD COLUMN name text NOT NULL DEFAULT '';
ALTER TABLE point ADD COLUMN name text NOT NULL DEFAULT '';

-- The plant's own designation of a machine, unique in a site; accepted wherever the key is.
CREATE TABLE machine_tag (
    machine_id   bigint PRIMARY KEY REFERENCES machine,
    site_id      bigint NOT NULL REFERENCES site,
    tag          text NOT NULL,
    UNIQUE (site_id, tag)
);
CREATE INDEX machine_tag_tag ON machine_tag (tag);
GRANT SELECT ON machine_tag TO pdm_scoped;
ALTER TABLE machine_tag ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON machine_tag TO pdm_scoped USING (site_id = ANY (pdm_sites()));
