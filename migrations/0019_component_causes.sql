-- serves: 0.1.0
-- A component called data-gap had the cause of missing data. What is open of such a component goes on under a cause of
-- its own, and so do the holds of it.

UPDATE alert_hold h SET cause = 'component:data-gap'
FROM alert a
WHERE h.ended_at IS NULL AND h.cause = 'data-gap' AND a.machine_id = h.machine_id AND a.cause = 'data-gap'
  AND a.category = 'machine' AND a.state <> 'normal';

UPDATE alert a SET inhibited_by = 'component:data-gap'
FROM alert by
WHERE by.machine_id = a.machine_id AND by.cause = 'data-gap' AND by.category = 'machine' AND by.state <> 'normal'
  AND a.state <> 'normal' AND a.inhibited_by = 'data-gap';

UPDATE alert SET cause = 'component:data-gap'
WHERE cause = 'data-gap' AND category = 'machine' AND state <> 'normal';
