-- Waveforms behind the reorder horizon move out of their rows into frames: many payloads of one point end to
-- end, so that the cold codec's gain reaches the disk. See docs/adr/0008-payload-codec.md.

CREATE TABLE waveform_frame (
    point_id      bigint NOT NULL,
    measured_at   timestamptz NOT NULL,                -- of the first waveform in it
    payload       bytea NOT NULL,                      -- payloads end to end, each of the codec its row names
    PRIMARY KEY (point_id, measured_at)
);
ALTER TABLE waveform_frame ALTER COLUMN payload SET STORAGE EXTERNAL;  -- parts of it are read on their own
SELECT create_hypertable('waveform_frame', by_range('measured_at', INTERVAL '7 days'), create_default_indexes => false);

ALTER TABLE waveform ALTER COLUMN payload DROP NOT NULL;
ALTER TABLE waveform ADD COLUMN frame_at timestamptz;    -- the frame that holds the payload; NULL: the row does
ALTER TABLE waveform ADD COLUMN frame_offset integer;    -- where the payload begins in it [bytes]
ALTER TABLE waveform ADD COLUMN frame_length integer;    -- [bytes]
ALTER TABLE waveform ADD CONSTRAINT waveform_payload_is_somewhere CHECK (
    (payload IS NOT NULL AND frame_at IS NULL)
    OR (payload IS NULL AND frame_at IS NOT NULL AND frame_offset IS NOT NULL AND frame_length IS NOT NULL)
);

-- What the cold pass did to each chunk of waveform; a chunk without finished_at is not done yet.
CREATE TABLE cold_chunk (
    chunk         text PRIMARY KEY,                    -- schema.name
    range_start   timestamptz NOT NULL,
    range_end     timestamptz NOT NULL,
    began_at      timestamptz NOT NULL DEFAULT now(),
    bytes_before  bigint NOT NULL,                     -- what its waveforms took while they were hot
    finished_at   timestamptz,
    chunk_bytes   bigint NOT NULL DEFAULT 0,           -- what the chunk takes since, indexes included
    frame_bytes   bigint NOT NULL DEFAULT 0            -- what its frames take, indexes included
);
