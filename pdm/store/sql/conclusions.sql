-- name: save_checkpoints
-- Store the state after an acquisition as a checkpoint for replays of late data.
INSERT INTO analysis_checkpoint (machine_id, measured_at, state)
SELECT unnest(%(machine_ids)s::bigint[]), unnest(%(measured_at)s::timestamptz[]), unnest(%(states)s::bytea[])
ON CONFLICT (machine_id, measured_at) DO UPDATE SET state = EXCLUDED.state;

-- name: fetch_checkpoint_times
-- The newest checkpoint of each machine.
SELECT machine_id, max(measured_at) FROM analysis_checkpoint WHERE machine_id = ANY (%(machine_ids)s)
GROUP BY machine_id;

-- name: fetch_checkpoint_before
-- The newest checkpoint of a machine before a time.
SELECT measured_at, state FROM analysis_checkpoint
WHERE machine_id = %(machine_id)s AND measured_at < %(before)s
ORDER BY measured_at DESC LIMIT 1;

-- name: drop_checkpoints_from
-- Checkpoints that late data made invalid.
DELETE FROM analysis_checkpoint WHERE machine_id = %(machine_id)s AND measured_at >= %(since)s;

-- name: prune_checkpoints
-- Keep the checkpoints inside the reorder horizon and the newest one before it.
DELETE FROM analysis_checkpoint c
USING unnest(%(machine_ids)s::bigint[], %(horizon)s::timestamptz[]) AS h (machine_id, horizon)
WHERE c.machine_id = h.machine_id AND c.measured_at < (
    SELECT max(k.measured_at) FROM analysis_checkpoint k
    WHERE k.machine_id = h.machine_id AND k.measured_at < h.horizon
);

-- name: is_assessed
-- Whether an acquisition was assessed before.
SELECT EXISTS (
    SELECT FROM assessment WHERE machine_id = %(machine_id)s::bigint AND measured_at = %(measured_at)s::timestamptz
);
