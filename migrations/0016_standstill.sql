-- Alerts that mean nothing while their machine stands still, and what the history of holds is asked for.

ALTER TABLE alert
    ADD COLUMN at_rest boolean NOT NULL DEFAULT false,   -- the machine stands still: nothing can be said of it
    ADD COLUMN is_untold boolean NOT NULL DEFAULT false; -- it opened or escalated while it was withheld
ALTER TABLE alert_hold
    ADD COLUMN severity text CHECK (severity IN ('advisory', 'warning', 'critical')); -- of the alert that was shelved
-- Who has ended a hold, for the alerts that it had withheld.
CREATE INDEX alert_hold_ended ON alert_hold (site_id, ended_at) WHERE ended_at IS NOT NULL;
-- The history of one machine is read from the end, however much happens to others.
CREATE INDEX alert_event_by_machine ON alert_event (machine_id, id);
