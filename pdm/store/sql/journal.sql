-- name: page_receipts
-- Receipts, newest first, of one sender or of all.
SELECT receipt_id, received_at, actor, stored, duplicate, conflict, rejected, quarantined
FROM receipt
WHERE (received_at, receipt_id) < (%(before)s::timestamptz, %(before_id)s::uuid)
  AND (%(actor)s::text IS NULL OR actor = %(actor)s::text)
ORDER BY received_at DESC, receipt_id DESC
LIMIT %(limit)s::integer;

-- name: find_receipt
-- One receipt with one result per record.
SELECT receipt_id, received_at, actor, stored, duplicate, conflict, rejected, quarantined, results
FROM receipt
WHERE receipt_id = %(id)s::uuid AND (%(actor)s::text IS NULL OR actor = %(actor)s::text);

-- name: page_work_events
-- The work events of a machine as they count, newest first, with their corrections; voided ones as recorded.
SELECT e.id, coalesce(n.kind, e.kind) AS kind, c.key AS component, coalesce(n.occurred_at, e.occurred_at) AS occurred_at,
       e.finding, e.note, e.actor, e.recorded_at, coalesce(n.status, 'recorded') AS status, h.corrections
FROM work_event e
LEFT JOIN LATERAL (
    SELECT * FROM work_event_correction x WHERE x.work_event_id = e.id ORDER BY x.id DESC LIMIT 1
) n ON true
LEFT JOIN component c ON c.id = CASE WHEN n.id IS NULL THEN e.component_id ELSE n.component_id END
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'status', x.status, 'kind', x.kind, 'component', k.key, 'occurred_at', x.occurred_at,
               'reason', x.reason, 'actor', x.actor, 'recorded_at', x.recorded_at) ORDER BY x.id), '[]') AS corrections
    FROM work_event_correction x LEFT JOIN component k ON k.id = x.component_id WHERE x.work_event_id = e.id
) h
WHERE e.machine_id = %(machine_id)s::bigint
  AND (coalesce(n.occurred_at, e.occurred_at), e.id) < (%(before)s::timestamptz, %(before_id)s::bigint)
ORDER BY coalesce(n.occurred_at, e.occurred_at) DESC, e.id DESC
LIMIT %(limit)s::integer;

-- name: fetch_event_doubts
-- Doubts about the work events of a machine: the failure and the event before it.
SELECT doubt AS code, id AS failure, doubted_with AS earlier FROM closed_life
WHERE machine_id = %(machine_id)s::bigint AND doubt IS NOT NULL
ORDER BY ended_at, id;

-- name: find_work_event
-- One work event of a machine as it counts, with its corrections; a voided one as recorded.
SELECT e.id, coalesce(n.kind, e.kind) AS kind, c.key AS component, coalesce(n.occurred_at, e.occurred_at) AS occurred_at,
       e.finding, e.note, e.actor, e.recorded_at, coalesce(n.status, 'recorded') AS status, h.corrections
FROM work_event e
LEFT JOIN LATERAL (
    SELECT * FROM work_event_correction x WHERE x.work_event_id = e.id ORDER BY x.id DESC LIMIT 1
) n ON true
LEFT JOIN component c ON c.id = CASE WHEN n.id IS NULL THEN e.component_id ELSE n.component_id END
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'status', x.status, 'kind', x.kind, 'component', k.key, 'occurred_at', x.occurred_at,
               'reason', x.reason, 'actor', x.actor, 'recorded_at', x.recorded_at) ORDER BY x.id), '[]') AS corrections
    FROM work_event_correction x LEFT JOIN component k ON k.id = x.component_id WHERE x.work_event_id = e.id
) h
WHERE e.id = %(id)s::bigint AND e.machine_id = %(machine_id)s::bigint;

-- name: page_set_aside
-- Acquisitions whose analysis failed, of the machines given or of all.
SELECT x.machine_id, m.key AS machine, x.measured_at, x.reason, x.set_aside_at
FROM set_aside x JOIN machine m ON m.id = x.machine_id
WHERE (x.machine_id, x.measured_at) > (%(after_id)s::bigint, %(after)s::timestamptz)
  AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s::bigint[]))
ORDER BY x.machine_id, x.measured_at
LIMIT %(limit)s::integer;

-- name: replay_set_aside
-- Queue failed acquisitions again; the attempts of the machine are reset.
WITH chosen AS (
    DELETE FROM set_aside x USING machine m
    WHERE m.id = x.machine_id
      AND (%(machine)s::text IS NULL OR m.key = %(machine)s::text)
      AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s::bigint[]))
    RETURNING x.machine_id, x.measured_at
), forgotten AS (
    DELETE FROM analysis_attempt WHERE machine_id IN (SELECT machine_id FROM chosen)
), waiting AS (
    INSERT INTO pending (machine_id, measured_at) SELECT machine_id, measured_at FROM chosen
    ON CONFLICT (machine_id, measured_at) DO UPDATE SET enqueued_at = clock_timestamp()
)
SELECT count(*) FROM chosen;

-- name: page_quarantine
-- Quarantined records, newest first.
SELECT q.id, m.key AS machine, q.measured_at, q.reason, q.received_at, q.receipt_id
FROM quarantine q JOIN machine m ON m.id = q.machine_id
WHERE q.id < %(before)s::bigint
  AND (%(site_ids)s::bigint[] IS NULL OR m.site_id = ANY (%(site_ids)s::bigint[]))
ORDER BY q.id DESC
LIMIT %(limit)s::integer;

-- name: page_models
-- Models of remaining life, newest first, of a fleet or of all.
SELECT id, name AS fleet, version, status, created_at, indicator_version, encode(sha256, 'hex') AS sha256
FROM model
WHERE id < %(before)s::bigint AND (%(fleet)s::text IS NULL OR name = %(fleet)s::text)
ORDER BY id DESC
LIMIT %(limit)s::integer;

-- name: find_model
-- One model with its metrics and training data.
SELECT id, name AS fleet, version, status, created_at, indicator_version, encode(sha256, 'hex') AS sha256, metrics,
       trained_on
FROM model WHERE id = %(id)s::bigint;
