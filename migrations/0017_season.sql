-- What health remembers of a machine has another form now: the season of a day and of a week, where it has one.
-- The features behind it are stored, so nothing is converted: every machine is followed again from its first
-- acquisition, and what was said before stays.

DELETE FROM analysis_checkpoint;
UPDATE analysis_state SET state = NULL, dirty_from = least(dirty_from, last_measured_at) WHERE state IS NOT NULL;
