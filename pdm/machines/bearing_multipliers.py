"""Rolling bearings by the multipliers of the maker's sheet, checked against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pdm.errors import InvalidInputError

# The kinematic relations of R. B. Randall, J. Antoni, MSSP 25 (2011), eqs 1-4, for a turning inner ring:
# BPFO + BPFI = n, BPFO = n FTF, and with g = (BPFI - BPFO) / n = d / D cos(angle): BSF = cos(angle) (1 - g^2) / (2 g).
_WHOLE = 0.02  # how far BPFO + BPFI may lie from a whole number: two values, each with two decimals
_CAGE = 0.002  # how far FTF may lie from BPFO / n: a sheet that gives 0.40 for 0.398
_CAGE_RANGE = (0.2, 0.5)  # of FTF: elements of more than 0.6 of the pitch diameter do not fit; 0.5 is an element of 0
_STEEPEST = math.cos(math.radians(46.0))  # contact angles go to 45 degrees
_ROUNDED = 0.02  # relative: BSF of a sheet with two decimals
_MOST_ELEMENTS = 300


@dataclass(frozen=True)
class BearingMultipliers:
    """A rolling bearing's fault frequencies as multiples of shaft speed, and their source; the inner ring turns.

    `bsf` is the rate at which an element turns about its own axis; its defect strikes the races at 2 `bsf`.

    Raises
    ------
    InvalidInputError
        The multipliers do not belong to one bearing; the message gives what is expected.
    """

    bpfo: float
    bpfi: float
    bsf: float
    ftf: float
    source: str

    def __post_init__(self) -> None:
        for name in ("bpfo", "bpfi", "bsf", "ftf"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise _refusal(name, f"{name} must be positive, not {value}")
        least, most = _CAGE_RANGE
        if not least <= self.ftf < most:
            raise _refusal(
                "ftf",
                f"ftf {self.ftf:g} must be {least} to {most}, as a multiple of the speed of a shaft that turns with "
                "the inner ring; divide frequencies in Hz by the shaft speed in Hz",
            )
        if self.bpfo >= self.bpfi:
            raise _refusal(
                "bpfo",
                f"bpfo {self.bpfo:g} must be below bpfi {self.bpfi:g}: the outer race is struck less often; they may "
                "be in each other's place",
            )
        self._check_elements()
        self._check_cage()
        self._check_spin()
        if not self.source.strip():
            raise _refusal("source", "the source of the multipliers is missing; name the document or the designation")

    @property
    def rolling_elements(self) -> int:
        """The number of rolling elements, BPFO + BPFI."""
        return round(self.bpfo + self.bpfi)

    def _check_elements(self) -> None:
        both = self.bpfo + self.bpfi
        if abs(both - round(both)) > _WHOLE or not 3 <= round(both) <= _MOST_ELEMENTS:
            raise _refusal(
                "bpfi",
                f"bpfo + bpfi is {both:.6g}; it must be the number of rolling elements, a whole number of 3 to "
                f"{_MOST_ELEMENTS} within {_WHOLE}: give multiples of shaft speed, with three decimals",
            )

    def _check_cage(self) -> None:
        expected = self.bpfo / self.rolling_elements
        if abs(self.ftf - expected) > _CAGE:
            raise _refusal(
                "ftf",
                f"ftf {self.ftf:g} must be bpfo / {self.rolling_elements} rolling elements = {expected:.4g} within "
                f"{_CAGE}; check bpfo, bpfi and ftf",
            )

    def _check_spin(self) -> None:
        ratio = (self.bpfi - self.bpfo) / self.rolling_elements
        most = (1 - ratio**2) / (2 * ratio)
        if _agrees(self.bsf, most):
            return
        if _agrees(self.bsf / 2, most):
            raise _refusal(
                "bsf",
                f"bsf {self.bsf:g} is twice the rate at which an element turns: sheets give either that rate, once per "
                f"turn of the element, or the rate of a defect that strikes both races, twice; give the rate once per "
                f"turn, {self.bsf / 2:g}",
            )
        raise _refusal(
            "bsf",
            f"bsf {self.bsf:g} does not agree with bpfo and bpfi; expected {most * _STEEPEST:.4g} (contact angle 45 "
            f"degrees) to {most:.4g} (0 degrees), once per turn of the element",
        )


def _agrees(spin: float, most: float) -> bool:
    return most * _STEEPEST * (1 - _ROUNDED) <= spin <= most * (1 + _ROUNDED)


def _refusal(name: str, message: str) -> InvalidInputError:
    return InvalidInputError(message, field=f"bearing.{name}")
