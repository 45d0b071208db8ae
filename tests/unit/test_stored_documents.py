"""The keys of documents that are stored and read back: a renamed field would leave what is stored unreadable.

Where a key has to change, keep reading the old one (`docs/develop/state-formats.md`).
"""

from dataclasses import fields

import pytest

from pdm.machines.costs import Costs
from pdm.machines.model import SeverityLimits
from pdm.prognosis.model.channels import Channels
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.regimes import Regimes
from pdm.prognosis.statistics.conformal import Calibration
from pdm.prognosis.training.comparison import ComparisonResult

STORED: dict[type, tuple[str, ...]] = {
    SeverityLimits: ("a_b", "b_c", "c_d", "source"),
    Costs: ("currency", "lost_production", "planned_stop", "unplanned_stop", "repair", "secondary_damage"),
    FleetModel: (
        "reads",
        "sensors",
        "cap",
        "longest_age",
        "ensembles",
        "calibration",
        "deciles",
        "by_age",
        "folds",
        "metrics",
        "trained_on",
    ),
    Calibration: ("level", "radius", "lives", "centres", "below", "above", "signed"),
    Channels: ("regimes", "sensors", "kept", "mean", "scale", "mixes", "names"),
    Regimes: ("centres", "scale", "low", "high"),
    ComparisonResult: ("is_better", "reason", "lives", "cap", "rmse", "champion_rmse", "better_share"),
}


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
def test_the_keys_of_a_stored_document_stay(kind: type) -> None:
    present = {field.name for field in fields(kind)}
    assert set(STORED[kind]) <= present, "a stored document has a key that nothing reads any more"
