-- Receivers of more kinds than webhooks, when they may be told, letters that died, and work orders.

ALTER TABLE subscription
    ADD COLUMN kind text NOT NULL DEFAULT 'webhook'
        CHECK (kind IN ('webhook', 'alertmanager', 'mqtt', 'email', 'chat')),
    ADD COLUMN payload text NOT NULL DEFAULT 'pdm' CHECK (payload IN ('pdm', 'alertmanager')),
    ADD COLUMN config jsonb NOT NULL DEFAULT '{}',     -- of its kind, as anybody may read it
    ADD COLUMN credentials jsonb NOT NULL DEFAULT '{}',-- of its kind, never shown again
    ADD COLUMN pacing jsonb NOT NULL DEFAULT '{}',     -- quiet hours, rate limit, digest: pdm/notify/pacing.py
    ADD COLUMN refresh_at timestamptz;                 -- when the receiver is next told all that is open; NULL: never

ALTER TABLE outbox
    ADD COLUMN enqueued_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN attempted_at timestamptz,               -- last attempt, for rate limits
    ADD COLUMN digest_id uuid;                         -- the message that it is part of, the same at every repeat

CREATE INDEX outbox_by_attempt ON outbox (subscription_id, attempted_at) WHERE attempted_at IS NOT NULL;
CREATE INDEX outbox_by_digest ON outbox (digest_id) WHERE digest_id IS NOT NULL;
CREATE INDEX outbox_dead ON outbox (dead_at DESC, id DESC) WHERE dead_at IS NOT NULL AND delivered_at IS NULL;
CREATE INDEX outbox_by_alert ON outbox (alert_id, subscription_id);

-- What a maintenance system made of an alert: it calls back with its own reference.
CREATE TABLE work_order (
    alert_id    uuid NOT NULL REFERENCES alert,
    reference   text NOT NULL,
    url         text,
    status      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    actor       text NOT NULL,                         -- the key that told of it last
    PRIMARY KEY (alert_id, reference)
);
