-- serves: 0.1.0
-- Channels of acquisitions that are no measurement, or a doubtful one, with the reasons; a channel without a row is
-- good. It is judged when the channel is analysed for the first time, and a replay reads it here.

CREATE TABLE channel_quality (
    point_id    bigint NOT NULL,
    measured_at timestamptz NOT NULL,
    quality     text NOT NULL CHECK (quality IN ('doubtful', 'no-measurement')),
    reasons     text[] NOT NULL,                       -- codes, the decisive one first: pdm/quality
    PRIMARY KEY (point_id, measured_at)
);
SELECT create_hypertable('channel_quality', by_range('measured_at', INTERVAL '30 days'), create_default_indexes => false);

-- What is remembered of the good records of a point, to compare the next one with: pdm/quality/memory.py.
CREATE TABLE channel_memory (
    point_id bigint PRIMARY KEY REFERENCES point,
    figures  double precision[] NOT NULL
) WITH (fillfactor = 70);
