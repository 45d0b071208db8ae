"""The identity of a layout in stored states: a canonical document of what is learned of each column.

It contains point, feature, feature version and scale of comparison, but no floors, weights or other tuning parameters.
Every name is a literal here, not taken from a class. `FORMAT` is raised by hand when the meaning of a document changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

FORMAT = 1  # raised by hand when the meaning of a document changes (docs/develop/state-formats.md)


@dataclass(frozen=True)
class ColumnIdentity:
    """The identity of one column: learned values are valid for the same identity only.

    `offset` and `magnitude` are parameters of the comparison (`pdm.health.baseline.tracked_features`), `version` that
    of the feature.
    """

    source: str
    point: str
    feature: str
    version: int
    scale: str
    offset: float = 0.0
    magnitude: float = 1.0

    def describe(self) -> dict[str, Any]:
        """Return the part that is independent of the point, without a neutral offset and magnitude."""
        fields: dict[str, Any] = {"feature": self.feature, "version": self.version, "scale": self.scale}
        if self.offset != 0.0:
            fields["offset"] = float(self.offset)
        if self.magnitude != 1.0:
            fields["magnitude"] = float(self.magnitude)
        return fields


@dataclass(frozen=True)
class LayoutIdentity:
    """Columns in order, covariates in order, and all points of the machine, tracked or not."""

    columns: tuple[ColumnIdentity, ...]
    covariates: tuple[str, ...]
    points: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Return the canonical document: the same bytes for the same identity."""
        fields = {
            "format": FORMAT,
            "columns": _grouped(self.columns),
            "covariates": list(self.covariates),
            "points": sorted(self.points),
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, document: bytes) -> LayoutIdentity:
        """Read a document that `to_bytes` wrote.

        Raises
        ------
        ValueError
            The bytes are not such a document, or it has another format.
        """
        fields = json.loads(document)
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            raise ValueError(f"not a layout of format {FORMAT}")
        try:
            columns = [
                ColumnIdentity(source=group["source"], point=point, **feature)
                for group in fields["columns"]
                for point in group["points"]
                for feature in group["features"]
            ]
            return cls(tuple(columns), tuple(fields["covariates"]), tuple(fields["points"]))
        except (KeyError, TypeError) as error:
            raise ValueError("the document of a layout is damaged") from error

    def renamed(self, present: Mapping[str, str]) -> LayoutIdentity:
        """Return the identity with the present keys of points by their former ones."""
        return LayoutIdentity(
            tuple(replace(column, point=present.get(column.point, column.point)) for column in self.columns),
            tuple(present.get(each, each) for each in self.covariates),
            tuple(present.get(each, each) for each in self.points),
        )

    @property
    def vibration_points(self) -> list[str]:
        """The points of vibration, in order."""
        return list(dict.fromkeys(column.point for column in self.columns if column.source == "vibration"))

    def differs_in_points(self, now: LayoutIdentity) -> bool:
        """Whether points of the machine were added or removed."""
        were, are = {c.point for c in self.columns if c.point}, {c.point for c in now.columns if c.point}
        return self.covariates != now.covariates or not were <= set(now.points) or not are <= set(self.points)


def _grouped(columns: Sequence[ColumnIdentity]) -> list[dict[str, Any]]:
    """Return columns by source and point; consecutive points with the same features are one group."""
    groups: list[dict[str, Any]] = []
    place = 0
    while place < len(columns):
        source, point = columns[place].source, columns[place].point
        end = place
        while end < len(columns) and (columns[end].source, columns[end].point) == (source, point):
            end += 1
        features = [column.describe() for column in columns[place:end]]
        if groups and groups[-1]["source"] == source and groups[-1]["features"] == features:
            groups[-1]["points"].append(point)
        else:
            groups.append({"source": source, "points": [point], "features": features})
        place = end
    return groups
