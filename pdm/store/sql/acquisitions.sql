-- name: make_incoming
-- Temporary table for the COPY of a request's waveforms, before the comparison with stored ones; one per connection.
-- Measured on 128 records of 2,560 samples: COPY and INSERT ... SELECT 3.9 ms, arrays and unnest 15 ms.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_waveform (LIKE waveform INCLUDING STORAGE) ON COMMIT DELETE ROWS;

-- name: copy_incoming
-- Copy the waveforms of a request.
COPY incoming_waveform (point_id, measured_at, sampling_rate, sample_count, scale, codec, content_hash, payload)
FROM STDIN (FORMAT binary);

-- name: insert_waveforms
-- Store the waveforms with new keys, in the same order for all writers, to prevent deadlocks.
INSERT INTO waveform (point_id, measured_at, sampling_rate, sample_count, scale, codec, content_hash, payload)
SELECT point_id, measured_at, sampling_rate, sample_count, scale, codec, content_hash, payload
FROM incoming_waveform
ORDER BY point_id, measured_at
ON CONFLICT DO NOTHING
RETURNING point_id, measured_at;

-- name: insert_scalars
-- Store the values with new keys.
INSERT INTO scalar (point_id, measured_at, value, content_hash)
SELECT point_id, measured_at, value, content_hash
FROM unnest(%(point_ids)s::bigint[], %(measured_at)s::timestamptz[], %(values)s::double precision[],
            %(hashes)s::bytea[]) AS sent (point_id, measured_at, value, content_hash)
ORDER BY point_id, measured_at
ON CONFLICT DO NOTHING
RETURNING point_id, measured_at;

-- name: fetch_stored_hashes
-- Stored content of existing keys; the bounds let TimescaleDB skip chunks.
SELECT w.point_id, w.measured_at, w.content_hash
FROM unnest(%(point_ids)s::bigint[], %(measured_at)s::timestamptz[]) AS k (point_id, measured_at)
JOIN waveform w ON w.point_id = k.point_id AND w.measured_at = k.measured_at
WHERE w.measured_at BETWEEN %(first)s AND %(last)s
UNION ALL
SELECT s.point_id, s.measured_at, s.content_hash
FROM unnest(%(point_ids)s::bigint[], %(measured_at)s::timestamptz[]) AS k (point_id, measured_at)
JOIN scalar s ON s.point_id = k.point_id AND s.measured_at = k.measured_at
WHERE s.measured_at BETWEEN %(first)s AND %(last)s;

-- name: merge_acquisitions
-- The acquisitions of newly stored channels. Later channels complete an acquisition: points are missing if no
-- record contains them, and a stored context is kept. The last column: whether the schema stores times of receipt.
INSERT INTO acquisition AS a (machine_id, measured_at, speed, load, state, missing, received_at, receipt_id)
SELECT machine_id, measured_at, speed, load, state, string_to_array(missing, ','), %(received_at)s, %(receipt_id)s
FROM unnest(%(machine_ids)s::bigint[], %(measured_at)s::timestamptz[], %(speeds)s::double precision[],
            %(loads)s::double precision[], %(states)s::text[], %(missing)s::text[])
    AS sent (machine_id, measured_at, speed, load, state, missing)
ORDER BY machine_id, measured_at
ON CONFLICT (machine_id, measured_at) DO UPDATE SET
    speed = coalesce(a.speed, EXCLUDED.speed),
    load = coalesce(a.load, EXCLUDED.load),
    state = coalesce(a.state, EXCLUDED.state),
    missing = ARRAY(SELECT unnest(a.missing) INTERSECT SELECT unnest(EXCLUDED.missing) ORDER BY 1)
RETURNING machine_id, measured_at, speed, load, state, missing, to_regclass('last_receipt') IS NOT NULL;

-- name: note_receipts
-- The times of receipt of machines, to within 5 s, so that simultaneous requests of a machine seldom wait for each other.
INSERT INTO last_receipt (machine_id, received_at)
SELECT DISTINCT machine_id, %(received_at)s::timestamptz
FROM unnest(%(machine_ids)s::bigint[]) AS sent (machine_id)
WHERE NOT EXISTS (
    SELECT FROM last_receipt r WHERE r.machine_id = sent.machine_id
      AND r.received_at BETWEEN %(received_at)s::timestamptz - INTERVAL '5 s'
                            AND %(received_at)s::timestamptz + INTERVAL '5 s')
ORDER BY machine_id
ON CONFLICT (machine_id) DO UPDATE SET received_at = EXCLUDED.received_at;

-- name: enqueue
-- Queue acquisitions for analysis; one with an added channel is analysed again.
INSERT INTO pending (machine_id, measured_at)
SELECT machine_id, measured_at
FROM unnest(%(machine_ids)s::bigint[], %(measured_at)s::timestamptz[]) AS sent (machine_id, measured_at)
ORDER BY machine_id, measured_at
ON CONFLICT (machine_id, measured_at) DO UPDATE SET enqueued_at = clock_timestamp();

-- name: insert_receipt
-- The receipt of a request; never changed.
INSERT INTO receipt (receipt_id, received_at, actor, stored, duplicate, conflict, rejected, quarantined, results)
VALUES (%(receipt_id)s, %(received_at)s, %(actor)s, %(stored)s, %(duplicate)s, %(conflict)s, %(rejected)s,
        %(quarantined)s, %(results)s);

-- name: insert_quarantined
-- A record with an implausible time, stored outside every chunk; a repeated record is stored once.
INSERT INTO quarantine (receipt_id, machine_id, received_at, measured_at, reason, content_hash, content)
VALUES (%(receipt_id)s, %(machine_id)s, %(received_at)s, %(measured_at)s, %(reason)s, %(content_hash)s, %(content)s)
ON CONFLICT (content_hash) DO NOTHING;
