-- Present results of each machine: the newest revision of the newest acquisition, read from the end of the index,
-- independent of the length of the history. The views apply the row-level security of the reader.

DROP VIEW IF EXISTS current_assessment;
CREATE VIEW current_assessment WITH (security_invoker = true) AS
SELECT m.key AS machine, m.site_id, newest.*
FROM machine m
CROSS JOIN LATERAL (
    SELECT * FROM assessment a WHERE a.machine_id = m.id ORDER BY a.measured_at DESC, a.revision DESC LIMIT 1
) newest;

DROP VIEW IF EXISTS current_prognosis;
CREATE VIEW current_prognosis WITH (security_invoker = true) AS
SELECT m.key AS machine, m.site_id, newest.*
FROM machine m
CROSS JOIN LATERAL (
    SELECT * FROM prognosis p WHERE p.machine_id = m.id AND p.component = ''
    ORDER BY p.measured_at DESC, p.revision DESC LIMIT 1
) newest;
