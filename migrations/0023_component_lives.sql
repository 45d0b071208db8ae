-- serves: 0.1.0
-- Indicators of each life of a machine whose components have separate lives, by component, '' for the machine's;
-- NULL: the machine has one life.

ALTER TABLE assessment ADD COLUMN life_indicators jsonb;
