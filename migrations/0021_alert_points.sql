-- serves: 0.1.0
-- The measurement points that an alert rests on, as it is decided by them; NULL: from before they were stored.

ALTER TABLE alert ADD COLUMN points text[];
