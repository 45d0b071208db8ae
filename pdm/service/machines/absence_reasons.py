"""Reasons of absent features: reason bits of the rows, and features that an older version did not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Absence:
    """The number of acquisitions without a feature, and the reasons."""

    count: int
    reason: str


def explain_absences(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> dict[str, Absence]:
    """Return for each feature the number of rows without it, and their combined reasons.

    Parameters
    ----------
    rows : sequence of tuple
        One row per feature version, from `pdm.store.acquisitions.acquisitions_read.fetch_absences`.
    names : sequence of str
        The features, in the order of the rows' columns.
    """
    from features.catalogue import CATALOGUE, explain  # imported here, so that the API starts without the analysis

    brought = {definition.name: definition.version for definition in CATALOGUE}
    found: dict[str, Absence] = {}
    for place, name in enumerate(names):
        count, reasons = 0, []
        for version, _, *columns in sorted(rows, reverse=True):
            absent, mask = columns[2 * place : 2 * place + 2]
            if not absent:
                continue
            count += absent
            is_older = version < brought.get(name, 0)
            reasons.append(
                f"not computed in version {version}: run `pdm backfill`" if is_older else explain(name, mask)
            )
        if count:
            found[name] = Absence(count, "; ".join(reason for reason in reasons if reason))
    return found
