"""Alerts, holds and feedback of a machine whose component or point was renamed: they name it by its present key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.alerts.evaluation.causes import cause_of_component, cause_of_sensor
from pdm.alerts.evaluation.renamed_causes import rename_cause, rename_rule_key
from pdm.machines.former_keys import FormerKeys
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all


@dataclass(frozen=True)
class _NamedAlert:
    """What an alert names by key."""

    id: UUID
    cause: str
    component: str | None
    rule_key: str
    inhibited_by: str | None
    parameters: Mapping[str, Any]
    evidence: Mapping[str, Any]
    points: Sequence[str] | None

    def renamed(self, keys: FormerKeys) -> _NamedAlert:
        return replace(
            self,
            cause=rename_cause(self.cause, keys),
            component=None if self.component is None else keys.component(self.component),
            rule_key=rename_rule_key(self.rule_key, keys),
            inhibited_by=None if self.inhibited_by is None else rename_cause(self.inhibited_by, keys),
            parameters=keys.document(self.parameters),
            evidence=keys.document(self.evidence),
            points=None if self.points is None else [keys.point(point) for point in self.points],
        )


def rename_in_alerts(conn: Connection[Any], machine_id: int, keys: FormerKeys) -> None:
    """Let alerts, holds and feedback of a machine name components and points by their present keys."""
    for alert in fetch_all(conn, _NamedAlert, "fetch_named_alerts", machine_id=machine_id):
        after = alert.renamed(keys)
        if after != alert:
            documents = {"parameters": Jsonb(after.parameters), "evidence": Jsonb(after.evidence)}
            conn.execute(query("rename_in_alerts"), {**vars(after), **documents})
    causes = {cause_of_sensor(former): cause_of_sensor(key) for former, key in keys.points.items()}
    causes |= {cause_of_component(former): cause_of_component(key) for former, key in keys.components.items()}
    for former_cause, cause in causes.items():
        values = {"machine_id": machine_id, "former_cause": former_cause, "cause": cause}
        conn.execute(query("rename_cause_of_holds"), values)
    for former, key in keys.components.items():
        values = {"machine_id": machine_id, "former_key": former, "key": key}
        conn.execute(query("rename_component_of_feedback"), values)
