"""Why features are absent: what the bits beside the rows say, and what an older version did not have yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Absence:
    """How many acquisitions lack a feature, and why."""

    count: int
    reason: str


def explain_absences(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> dict[str, Absence]:
    """Return by feature how many rows do not have it, and the reasons of all of them together.

    Parameters
    ----------
    rows : sequence of tuple
        A row a feature version, as from `pdm.store.acquisitions.acquisitions_read.fetch_absences`.
    names : sequence of str
        The features, in the order of the rows' columns.
    """
    from features.catalogue import CATALOGUE, explain  # here, so that the API starts without the analysis

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
