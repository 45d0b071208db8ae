"""Machines' pasts made up for tests of backtests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.alerts.kinds.history import EPOCH, Conclusions, MachineHistory, MeasuredColumn
from pdm.alerts.kinds.rule_input import DiagnosisNote, Measured
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.work_events import LifeEnd

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MACHINE = Machine(
    "press-07", "line-1", "seoul", planning_horizon=48 * 3600.0,
    components=(Component("de", ComponentKind.BEARING),),
    points=(
        MeasurementPoint("de-h", "acceleration", "m/s2", 25600.0, component="de"),
        MeasurementPoint("de-v", "acceleration", "m/s2", 25600.0, component="de"),
        MeasurementPoint("de-t", "temperature", "K", component="de"),
    ),
)  # fmt: skip


def history(
    health: Sequence[float],
    *,
    zones: Sequence[int] | None = None,
    rul: Sequence[float] | None = None,
    states: Sequence[str] | None = None,
    symptoms: Sequence[str] | None = None,
    confidence: Sequence[float] | None = None,
    measured: Mapping[Measured, NDArray[np.float64]] | None = None,
    present: Mapping[Measured, NDArray[np.bool_]] | None = None,
    diagnoses: tuple[DiagnosisNote, ...] = (),
    life_ends: tuple[LifeEnd, ...] = (),
    failures: tuple[datetime, ...] = (),
    step: timedelta = HOUR,
    machine: Machine = MACHINE,
) -> MachineHistory:
    count = len(health)
    first, width = (START - EPOCH) // timedelta(microseconds=1), step // timedelta(microseconds=1)
    nothing = np.full(count, np.nan)
    figures = nothing if rul is None else np.asarray(rul, float)
    rows: dict[str, Any] = {
        "times": first + width * np.arange(count, dtype=np.int64),
        "health": np.asarray(health, float),
        "zones": np.zeros(count, np.int8) if zones is None else np.asarray(zones, np.int8),
        "states": list(states) if states else ["run"] * count,
        "symptoms": list(symptoms) if symptoms else [""] * count,
        "components": [""] * count,
        "confidence": nothing if confidence is None else np.asarray(confidence, float),
        "sources": ["model" if np.isfinite(value) else "none" for value in figures],
        "rul": figures,
        "rul_lower": figures / 2,
        "rul_upper": figures * 2,
        "level": np.full(count, 0.8),
        "doubts": [()] * count,
        "shows_operation": np.ones(count, bool),
        "hindrances": dict.fromkeys(range(1, count, 3), "load-percent"),
    }
    every = np.ones(count, bool)
    columns = {
        key: MeasuredColumn(np.asarray(values, float), (present or {}).get(key, every))
        for key, values in (measured or {}).items()
    }
    return MachineHistory(machine, Conclusions(**rows), columns, diagnoses, life_ends, failures)


def hour(number: float) -> datetime:
    return START + number * HOUR
