"""Costs of a planned and an unplanned stop of a machine."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from pdm.errors import InvalidInputError

_FIELDS = {
    "lost_production": "lost_production_per_h",
    "planned_stop": "planned_stop_h",
    "unplanned_stop": "unplanned_stop_h",
    "repair": "repair",
    "secondary_damage": "secondary_damage",
}


@dataclass(frozen=True)
class Costs:
    """Costs of a planned and an unplanned stop of a machine, in one currency (ISO 4217).

    A stop costs `lost_production` [currency/h] over `planned_stop` or `unplanned_stop` [h] plus the `repair`
    [currency]; a failure also costs `secondary_damage` [currency].
    """

    currency: str
    lost_production: float
    planned_stop: float
    unplanned_stop: float
    repair: float = 0.0
    secondary_damage: float = 0.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise InvalidInputError(
                f"currency {self.currency!r} must be three letters of ISO 4217, such as KRW", field="currency"
            )
        for name, field in _FIELDS.items():
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidInputError(f"{field} must be finite and not negative", field=field)
        if self.unplanned_stop < self.planned_stop:
            raise InvalidInputError(
                "an unplanned stop must last at least as long as a planned one", field="unplanned_stop_h"
            )

    @property
    def planned(self) -> float:
        """Cost of a planned stop [currency]."""
        return self.lost_production * self.planned_stop + self.repair

    @property
    def unplanned(self) -> float:
        """Cost of a failure [currency].

        Examples
        --------
        >>> costs = Costs("KRW", lost_production=3e6, planned_stop=4, unplanned_stop=24, repair=2e6)
        >>> costs.planned, costs.unplanned
        (14000000.0, 74000000.0)
        """
        return self.lost_production * self.unplanned_stop + self.repair + self.secondary_damage
