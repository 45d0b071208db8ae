-- The order in which alert events become visible, by which the stream reads and clients resume.
CREATE INDEX alert_event_by_transaction ON alert_event (transaction, id);
