"""Rolling bearings: geometry and fault frequencies."""

from __future__ import annotations

import math
from dataclasses import dataclass

from features.errors import SignalError


@dataclass(frozen=True)
class BearingOrders:
    """Fault frequencies as multiples of shaft speed; a ball defect strikes at 2 `bsf`."""

    bpfo: float
    bpfi: float
    bsf: float
    ftf: float


@dataclass(frozen=True)
class BearingGeometry:
    """A rolling bearing: number of elements, their diameter [m], pitch diameter [m], contact angle [rad].

    Raises
    ------
    SignalError
        The geometry is impossible.
    """

    rolling_elements: int
    element_diameter: float
    pitch_diameter: float
    contact_angle: float

    def __post_init__(self) -> None:
        if self.rolling_elements < 3:
            raise SignalError("rolling_elements", f"a bearing has at least 3, not {self.rolling_elements}")
        if not (0 < self.element_diameter < self.pitch_diameter < math.inf):
            raise SignalError(
                "element_diameter",
                f"{self.element_diameter} m is not between 0 and the pitch diameter {self.pitch_diameter} m",
            )
        if not 0 <= self.contact_angle < math.pi / 2:
            raise SignalError("contact_angle", f"{self.contact_angle} rad is not in [0, pi/2)")

    def orders(self) -> BearingOrders:
        """Return the fault frequencies as multiples of shaft speed, for a turning inner ring.

        Notes
        -----
        R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", MSSP 25 (2011), eqs 1-4.

        Examples
        --------
        >>> round(BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0).orders().bpfo, 3)
        3.585
        """
        ratio = self.element_diameter / self.pitch_diameter * math.cos(self.contact_angle)
        return BearingOrders(
            bpfo=self.rolling_elements / 2 * (1 - ratio),
            bpfi=self.rolling_elements / 2 * (1 + ratio),
            bsf=self.pitch_diameter / (2 * self.element_diameter) * (1 - ratio**2),
            ftf=(1 - ratio) / 2,
        )
