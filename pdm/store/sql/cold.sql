-- name: lock_cold_pass
-- One cold pass per database; the lock ends with the connection.
SELECT pg_try_advisory_lock(%(key)s::bigint);

-- name: fetch_cold_chunks
-- Chunks of waveform before a time that were also created before it (an import fills old chunks now), and are
-- unfinished or have grown since by late data. Chunks compressed by an operator are not changed.
SELECT format('%%I.%%I', c.chunk_schema, c.chunk_name) AS chunk, c.range_start, c.range_end
FROM timescaledb_information.chunks c
LEFT JOIN cold_chunk done ON done.chunk = format('%%I.%%I', c.chunk_schema, c.chunk_name)
WHERE c.hypertable_schema = 'public' AND c.hypertable_name = 'waveform' AND NOT c.is_compressed
  AND c.range_end <= %(behind)s::timestamptz AND c.chunk_creation_time <= %(behind)s::timestamptz
  AND (done.finished_at IS NULL
       OR pg_total_relation_size(format('%%I.%%I', c.chunk_schema, c.chunk_name)::regclass)
           > done.chunk_bytes + greatest(done.chunk_bytes / 4, %(regrown)s::bigint))
ORDER BY c.range_start;

-- name: forget_cold_chunks
-- Delete the state of chunks that retention has dropped.
DELETE FROM cold_chunk WHERE to_regclass(chunk) IS NULL;

-- name: begin_cold_chunk
-- Store the size of a chunk before the pass; one that has grown again adds the increase. Returns its size.
INSERT INTO cold_chunk AS c (chunk, range_start, range_end, bytes_before)
SELECT %(chunk)s::text, %(range_start)s::timestamptz, %(range_end)s::timestamptz,
       pg_total_relation_size(%(chunk)s::text::regclass)
ON CONFLICT (chunk) DO UPDATE SET
    bytes_before = CASE WHEN c.finished_at IS NULL THEN c.bytes_before
                        ELSE c.bytes_before + pg_total_relation_size(%(chunk)s::text::regclass) - c.chunk_bytes END,
    began_at = CASE WHEN c.finished_at IS NULL THEN c.began_at ELSE now() END,
    finished_at = NULL
RETURNING pg_total_relation_size(chunk::regclass);

-- name: finish_cold_chunk
-- Store the size of a chunk and its frames after the pass.
UPDATE cold_chunk SET
    finished_at = now(),
    chunk_bytes = pg_total_relation_size(chunk::regclass),
    frame_bytes = (
        SELECT coalesce(sum(pg_total_relation_size(format('%%I.%%I', f.chunk_schema, f.chunk_name)::regclass)), 0)
        FROM timescaledb_information.chunks f
        WHERE f.hypertable_schema = 'public' AND f.hypertable_name = 'waveform_frame'
          AND f.range_start < cold_chunk.range_end AND f.range_end > cold_chunk.range_start
    )
WHERE chunk = %(chunk)s::text
RETURNING bytes_before, chunk_bytes + frame_bytes;

-- name: fetch_hot_waveforms
-- The next waveforms of a chunk with the payload in their row, enough for one frame, by point and time.
SELECT point_id, measured_at, sampling_rate, sample_count, scale, codec, content_hash, unit, payload
FROM (
    SELECT n.*, sum(octet_length(n.payload)) OVER (ORDER BY n.point_id, n.measured_at)
        - octet_length(n.payload) AS bytes_so_far
    FROM (
        SELECT w.point_id, w.measured_at, w.sampling_rate, w.sample_count, w.scale, w.codec, w.content_hash, p.unit,
               w.payload
        FROM waveform w JOIN point p ON p.id = w.point_id
        WHERE w.measured_at >= %(range_start)s::timestamptz AND w.measured_at < %(range_end)s::timestamptz
          AND (w.point_id, w.measured_at) > (%(point_id)s::bigint, %(measured_at)s::timestamptz)
          AND w.payload IS NOT NULL
        ORDER BY w.point_id, w.measured_at
        LIMIT %(most_rows)s::integer
    ) n
) s
WHERE bytes_so_far < %(frame_bytes)s::bigint
ORDER BY point_id, measured_at;

-- name: point_to_frames
-- Remove payloads from their rows; their frames are inserted in the same transaction.
UPDATE waveform w SET payload = NULL, codec = m.codec, frame_at = m.frame_at, frame_offset = m.frame_offset,
    frame_length = m.frame_length
FROM unnest(%(point_ids)s::bigint[], %(measured_at)s::timestamptz[], %(codecs)s::smallint[],
            %(frames_at)s::timestamptz[], %(offsets)s::integer[], %(lengths)s::integer[])
    AS m (point_id, measured_at, codec, frame_at, frame_offset, frame_length)
WHERE w.point_id = m.point_id AND w.measured_at = m.measured_at AND w.payload IS NOT NULL
  AND w.measured_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz;

-- name: insert_frame
-- Store concatenated payloads.
INSERT INTO waveform_frame (point_id, measured_at, payload) VALUES (%(point_id)s::bigint, %(measured_at)s::timestamptz, %(payload)s::bytea);

-- name: fetch_framed_payloads
-- Payloads from their frames; PostgreSQL reads only the required pieces of a frame. A frame that retention has
-- just dropped gives NULL.
SELECT substr(f.payload, k.frame_offset + 1, k.frame_length)
FROM unnest(%(point_ids)s::bigint[], %(frames_at)s::timestamptz[], %(offsets)s::integer[], %(lengths)s::integer[])
    WITH ORDINALITY AS k (point_id, frame_at, frame_offset, frame_length, place)
LEFT JOIN waveform_frame f ON f.point_id = k.point_id AND f.measured_at = k.frame_at
  AND f.measured_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
ORDER BY k.place;

-- name: take_transaction_id
-- The present transaction id: transactions with later ids see everything committed before.
SELECT pg_current_xact_id()::xid::text;

-- name: count_older_snapshots
-- Sessions that can still see rows from before a transaction: these rows must remain on the disk.
SELECT count(*)
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
  AND backend_type <> 'autovacuum worker'
  AND greatest(age(backend_xmin), age(backend_xid)) >= age(%(transaction)s::text::xid);

-- name: fetch_orphaned_frame_ranges
-- Chunks of frames whose waveforms retention has dropped.
SELECT f.range_start, f.range_end
FROM timescaledb_information.chunks f
WHERE f.hypertable_schema = 'public' AND f.hypertable_name = 'waveform_frame' AND NOT EXISTS (
    SELECT FROM timescaledb_information.chunks w
    WHERE w.hypertable_schema = 'public' AND w.hypertable_name = 'waveform'
      AND w.range_start < f.range_end AND w.range_end > f.range_start
);

-- name: drop_frames
-- Drop the chunks of frames of a range.
SELECT drop_chunks('waveform_frame', newer_than => %(range_start)s::timestamptz, older_than => %(range_end)s::timestamptz);
