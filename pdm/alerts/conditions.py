"""Conditions on conclusions: zone, health, remaining life, symptom, diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pdm.alerts.conduct import Category, Observation
from pdm.alerts.readings import DiagnosedFault, Measured, Reading, finite, rounded
from pdm.errors import InvalidInputError
from pdm.machines.model import Machine

ZONES = ("A", "B", "C", "D")  # ISO 20816-1:2016, 6.2: severity zones

Named = tuple[str | None, float | None]
"""A component and how sure (0 to 1) that it is the one."""
Memory = tuple[float, ...]
"""What a condition remembers of the acquisitions before."""


class Conclusion:
    """A condition on what one acquisition led to; it remembers nothing and fits every machine."""

    category: ClassVar[Category] = Category.MACHINE
    message: ClassVar[str]
    needs_repetition: ClassVar[bool] = True

    def fit(self, machine: Machine) -> tuple[Any, ...]:  # noqa: ARG002
        """Return the condition as it stands for a machine: none, itself, or one a point."""
        return (self,)

    @property
    def wanted(self) -> tuple[Measured, ...]:
        """The measured values that it reads."""
        return ()

    def names(self, reading: Reading) -> Named:
        """Return which component the acquisition speaks of."""
        return reading.assessment.component, reading.assessment.confidence

    def own_cause(self) -> str | None:
        """Return the cause under which it stands apart from the machine's other cases; None: it joins them."""
        return None


@dataclass(frozen=True)
class ZoneReached(Conclusion):
    """Vibration severity reaches `zone` or worse; silent where no standard's zones apply."""

    zone: str
    message: ClassVar[str] = "zone-reached"

    def __post_init__(self) -> None:
        if self.zone not in ZONES[1:]:
            raise InvalidInputError(f"zone {self.zone!r} must be one of B, C, D", field="zone")

    def observe(self, reading: Reading) -> Observation:
        """Return whether the zone is at or beyond the limit; absent while learning or without zones."""
        assessment = reading.assessment
        if assessment.zone is None or finite(assessment.health) is None:
            return Observation.ABSENT
        return Observation.VIOLATED if assessment.zone >= self.zone else Observation.RETURNED

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people."""
        limits = reading.machine.severity_limits
        return {"zone": reading.assessment.zone, "limit": self.zone, "source": limits.source if limits else None}


@dataclass(frozen=True)
class HealthLow(Conclusion):
    """Health falls below `raise_below` [1]; it has returned above `clear_above` [1]."""

    raise_below: float
    clear_above: float
    message: ClassVar[str] = "health-low"

    def __post_init__(self) -> None:
        if not 0 < self.raise_below < self.clear_above < 1:
            raise InvalidInputError(
                f"health limits must satisfy 0 < raise_below < clear_above < 1, not {self.raise_below} and "
                f"{self.clear_above}",
                field="raise_below",
            )

    def observe(self, reading: Reading) -> Observation:
        """Return where health lies between the two limits; absent while learning."""
        health = finite(reading.assessment.health)
        if health is None:
            return Observation.ABSENT
        if health < self.raise_below:
            return Observation.VIOLATED
        return Observation.RETURNED if health > self.clear_above else Observation.HELD

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people."""
        assessment = reading.assessment
        return {"health": rounded(assessment.health), "limit": self.raise_below, "symptom": assessment.symptom}


@dataclass(frozen=True)
class RemainingLifeShort(Conclusion):
    """Remaining life may end within a horizon.

    A prognosis alone is thin evidence, so `health_below` [1] asks for degradation beside it. A machine
    that again has no prognosis because nothing degrades (health above `healthy_above` [1]) has returned;
    an absent prognosis never raises.

    Attributes
    ----------
    bound : {'lower', 'median'}
        Which figure of the prognosis is compared.
    horizon_fraction : float
        Raise below this fraction of the machine's planning horizon [1], where `horizon` is None.
    horizon : float or None
        Raise below this time [s].
    clear_ratio : float
        The figure has returned above this multiple of the raise limit [1].
    """

    bound: Literal["lower", "median"]
    horizon_fraction: float = 1.0
    horizon: float | None = None
    clear_ratio: float = 1.5
    health_below: float | None = None
    healthy_above: float = 0.85
    message: ClassVar[str] = "remaining-life-short"

    def __post_init__(self) -> None:
        if self.bound not in ("lower", "median"):
            raise InvalidInputError(f"bound {self.bound!r} must be 'lower' or 'median'", field="bound")
        if not 0 < self.horizon_fraction <= 100:
            raise InvalidInputError("horizon_fraction must be in (0, 100]", field="horizon_fraction")
        if self.horizon is not None and not 0 < self.horizon < 1e10:
            raise InvalidInputError("horizon must be positive", field="horizon")
        if not 1 < self.clear_ratio <= 100:
            raise InvalidInputError("clear_ratio must be in (1, 100]: it is the deadband", field="clear_ratio")
        if not 0 < (0.5 if self.health_below is None else self.health_below) < self.healthy_above < 1:
            raise InvalidInputError("0 < health_below < healthy_above < 1 is required", field="health_below")

    def limit(self, machine: Machine) -> float:
        """Return the remaining life below which it raises [s]."""
        return self.horizon if self.horizon is not None else machine.planning_horizon * self.horizon_fraction

    def observe(self, reading: Reading) -> Observation:
        """Return where the remaining life lies between the two limits, if health supports it."""
        health = finite(reading.assessment.health)
        if health is None:
            return Observation.ABSENT
        prognosis = reading.prognosis
        remaining = self._remaining(reading)
        limit = self.limit(reading.machine)
        if remaining is None:
            at_least = finite(prognosis.rul_lower) if prognosis and prognosis.source != "none" else None
            is_long = at_least is not None and at_least > limit * self.clear_ratio
            return Observation.RETURNED if is_long or health > self.healthy_above else Observation.ABSENT
        if remaining > limit * self.clear_ratio:
            return Observation.RETURNED
        if self.health_below is not None and health >= self.health_below:
            return Observation.RETURNED if health > self.healthy_above else Observation.HELD
        return Observation.VIOLATED if remaining < limit else Observation.HELD

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people; times in s."""
        return {
            "bound": self.bound,
            "rul_s": self._remaining(reading),
            "limit_s": self.limit(reading.machine),
            "level": reading.prognosis.level if reading.prognosis else None,
            "health": rounded(reading.assessment.health),
        }

    def _remaining(self, reading: Reading) -> float | None:
        prognosis = reading.prognosis
        if prognosis is None or not prognosis.can_decide:
            return None
        return finite(prognosis.rul_lower if self.bound == "lower" else prognosis.rul)


@dataclass(frozen=True)
class SymptomNamed(Conclusion):
    """State detection names one of some symptoms (any where none are listed) with enough confidence [1]."""

    confidence: float
    symptoms: tuple[str, ...] = ()
    deadband: float = 0.1
    message: ClassVar[str] = "symptom-named"

    def __post_init__(self) -> None:
        if not 0 < self.confidence - self.deadband < self.confidence <= 1:
            raise InvalidInputError("0 < confidence - deadband < confidence <= 1 is required", field="confidence")

    def observe(self, reading: Reading) -> Observation:
        """Return how clearly a symptom stands out; absent while learning."""
        assessment = reading.assessment
        if finite(assessment.health) is None:
            return Observation.ABSENT
        if assessment.symptom is None or (self.symptoms and assessment.symptom not in self.symptoms):
            return Observation.RETURNED
        confidence = finite(assessment.confidence) or 0.0
        if confidence >= self.confidence:
            return Observation.VIOLATED
        return Observation.RETURNED if confidence < self.confidence - self.deadband else Observation.HELD

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people."""
        assessment = reading.assessment
        return {
            "symptom": assessment.symptom,
            "component": assessment.component,
            "confidence": rounded(assessment.confidence),
            "limit": self.confidence,
        }


@dataclass(frozen=True)
class FaultDiagnosed(Conclusion):
    """A diagnosis supports one of some faults (any where none are listed) with enough confidence [1].

    A diagnosis rests on several acquisitions, so one may be enough; however many acquisitions follow it,
    it counts once.
    """

    confidence: float
    faults: tuple[str, ...] = ()
    message: ClassVar[str] = "fault-diagnosed"
    needs_repetition: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence <= 1:
            raise InvalidInputError(
                "confidence must be at least 0.5: a diagnosis that is probably wrong must not raise an alert",
                field="confidence",
            )

    def recall(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return what a diagnosis not seen before says, and which was seen last."""
        note = reading.diagnosis
        if note is None or (memory and note.measured_at.timestamp() <= memory[0]):
            return Observation.ABSENT, memory
        found = self._worst(reading)
        return Observation.VIOLATED if found else Observation.RETURNED, (note.measured_at.timestamp(),)

    def names(self, reading: Reading) -> Named:
        """Return which component the diagnosis speaks of."""
        found = self._worst(reading)
        return (found.component, found.confidence) if found else super().names(reading)

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people."""
        found = self._worst(reading)
        return {
            "fault": found.fault if found else None,
            "component": found.component if found else None,
            "confidence": rounded(found.confidence) if found else None,
            "limit": self.confidence,
        }

    def _worst(self, reading: Reading) -> DiagnosedFault | None:
        if reading.diagnosis is None:
            return None
        fitting = [
            fault
            for fault in reading.diagnosis.faults
            if fault.verdict == "SUPPORTED"
            and fault.confidence >= self.confidence
            and (not self.faults or fault.fault in self.faults)
        ]
        return max(fitting, key=lambda fault: fault.confidence, default=None)
