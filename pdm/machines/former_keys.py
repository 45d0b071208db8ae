"""Former keys of a machine's points and components, in what was stored before they were renamed.

A former key is never given to another object of the machine, so that what was stored under it is never ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pdm.machines.model import Component, MeasurementPoint

_OF_POINTS = frozenset({"absent", "no-measurement", "doubtful", "beyond-learned"})  # codes of reasons with a point
_OF_COMPONENTS = frozenset({"learning-component"})
_POINT_FIELDS = frozenset({"point"})
_COMPONENT_FIELDS = frozenset({"component", "life_of", "found_component"})
_POINT_LISTS = frozenset({"points", "missing"})


@dataclass(frozen=True)
class FormerKeys:
    """The present key by former key, of points and of components."""

    points: Mapping[str, str] = field(default_factory=dict)
    components: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, components: Iterable[Component], points: Iterable[MeasurementPoint]) -> FormerKeys:
        """Return the former keys of some components and points."""
        return cls(_by_former(points), _by_former(components))

    def __bool__(self) -> bool:
        """Whether anything was renamed."""
        return bool(self.points or self.components)

    def point(self, key: str) -> str:
        """Return the present key of a point."""
        return self.points.get(key, key)

    def component(self, key: str) -> str:
        """Return the present key of a component."""
        return self.components.get(key, key)

    def reason(self, code: str) -> str:
        """Return a reason code with the present key in it.

        Examples
        --------
        >>> FormerKeys({"de-h": "drive-h"}).reason("no-measurement:de-h:flat")
        'no-measurement:drive-h:flat'
        """
        kind, _, rest = code.partition(":")
        if kind not in _OF_POINTS and kind not in _OF_COMPONENTS:
            return code
        key, colon, more = rest.partition(":")
        present = self.point(key) if kind in _OF_POINTS else self.component(key)
        return f"{kind}:{present}{colon}{more}"

    def document(self, value: Any) -> Any:
        """Return a stored document with the present keys: fields `point`, `component`, lists of points, and reasons."""
        if not self:
            return value
        if isinstance(value, Mapping):
            return {name: self._field(name, each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(each) for each in value]
        return value

    def _field(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            if name in _POINT_FIELDS:
                return self.point(value)
            return self.component(value) if name in _COMPONENT_FIELDS else value
        if isinstance(value, list | tuple) and value and all(isinstance(each, str) for each in value):
            if name in _POINT_LISTS:
                return [self.point(each) for each in value]
            return [self.reason(each) for each in value] if name == "reasons" else list(value)
        return self.document(value)


def _by_former(objects: Iterable[Component | MeasurementPoint]) -> dict[str, str]:
    return {former: each.key for each in objects for former in each.former_keys}
