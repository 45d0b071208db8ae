"""Causes, keys of rules and cases that name a component or a point by a former key."""

from __future__ import annotations

from dataclasses import replace

from pdm.alerts.evaluation.causes import cause_of_component, cause_of_sensor
from pdm.alerts.evaluation.rule_state import Case, Cases
from pdm.machines.former_keys import FormerKeys

_SENSOR, _COMPONENT = "sensor:", "component:"


def rename_cause(cause: str, keys: FormerKeys) -> str:
    """Return a cause with the present key of its component or point.

    Examples
    --------
    >>> rename_cause("sensor:de-h", FormerKeys({"de-h": "drive-h"}))
    'sensor:drive-h'
    """
    if cause.startswith(_SENSOR):
        return cause_of_sensor(keys.point(cause.removeprefix(_SENSOR)))
    component = cause.removeprefix(_COMPONENT)
    return cause_of_component(keys.component(component)) if component in keys.components else cause


def rename_rule_key(key: str, keys: FormerKeys) -> str:
    """Return the key of a rule, of a point if there is one rule per point, with the present key of the point."""
    rule, colon, point = key.rpartition(":")
    return f"{rule}:{keys.point(point)}" if colon else key


def rename_cases(cases: Cases, keys: FormerKeys) -> Cases:
    """Return the state of the rules of a machine with present keys; the same object if nothing was renamed."""
    if not keys:
        return cases
    opened = [_rename_case(case, keys) for case in cases.open.values()]
    return Cases(
        {
            rename_rule_key(key, keys): replace(timer, cause=rename_cause(timer.cause, keys))
            for key, timer in cases.timers.items()
        },
        {case.cause: case for case in opened},
        {rename_rule_key(key, keys): known for key, known in cases.memories.items()},
        cases.is_stopped,
    )


def _rename_case(case: Case, keys: FormerKeys) -> Case:
    return replace(
        case,
        cause=rename_cause(case.cause, keys),
        component=None if case.component is None else keys.component(case.component),
        parameters=keys.document(case.parameters),
        rule_key=rename_rule_key(case.rule_key, keys),
    )
