"""Kinds of rules: one file per kind; `Condition` is the only list of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from pdm.alerts.kinds.data_gap import DataGap
from pdm.alerts.kinds.diagnosis import FaultDiagnosed
from pdm.alerts.kinds.forecast import ForecastCrossing
from pdm.alerts.kinds.health import HealthLow
from pdm.alerts.kinds.not_monitored import NotMonitored
from pdm.alerts.kinds.rate import RateOfChange
from pdm.alerts.kinds.remaining_life import RemainingLifeShort
from pdm.alerts.kinds.sensor_fault import SensorFault
from pdm.alerts.kinds.symptom import SymptomNamed
from pdm.alerts.kinds.threshold import Threshold
from pdm.alerts.kinds.zone import ZoneReached

Condition = (
    ZoneReached
    | HealthLow
    | RemainingLifeShort
    | SymptomNamed
    | FaultDiagnosed
    | Threshold
    | RateOfChange
    | ForecastCrossing
    | SensorFault
    | DataGap
    | NotMonitored
)
KINDS: Mapping[str, type[Condition]] = {each.kind: each for each in get_args(Condition)}
"""Kinds by their name in rule documents."""

__all__ = [
    "KINDS",
    "Condition",
    "DataGap",
    "FaultDiagnosed",
    "ForecastCrossing",
    "HealthLow",
    "NotMonitored",
    "RateOfChange",
    "RemainingLifeShort",
    "SensorFault",
    "SymptomNamed",
    "Threshold",
    "ZoneReached",
]
