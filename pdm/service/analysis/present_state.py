"""A stored analysis state of a machine of which points or components were renamed since."""

from __future__ import annotations

from dataclasses import replace

from pdm.alerts.evaluation.renamed_causes import rename_cases
from pdm.machines.former_keys import FormerKeys
from pdm.machines.model import Machine
from pdm.service.analysis.analysis_state import AnalysisState


def read_state(machine: Machine, blob: bytes) -> AnalysisState:
    """Return a stored state with the present keys in its lives and cases; `pdm.health.refit` renames its columns.

    Raises
    ------
    UnreadableStateError
        The bytes are not a valid state.
    """
    state = AnalysisState.from_bytes(blob)
    keys = FormerKeys.of(machine.components, machine.points)
    if not keys:
        return state
    lives = {keys.component(component): life for component, life in state.component_lives.items()}
    return replace(state, cases=rename_cases(state.cases, keys), component_lives=lives)
