"""Inhibition: which open alert of a machine suppresses which others, so that receivers are notified of the cause only.

The table `INHIBITIONS` gives the pairs, each with a reason. An inhibited alert remains in all lists and shows the cause
that inhibits it. Receivers are notified when the cause has ended and the inhibited alert is still active. Only a
critical alert inhibits a critical alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.lifecycle.alert import AlertRecord


@dataclass(frozen=True)
class Trait:
    """Criteria for an alert: category, one of these faults (any if none is listed), a single point."""

    category: Category
    faults: tuple[str, ...] = ()

    def fits(self, alert: AlertRecord) -> bool:
        """Whether an alert meets the criteria."""
        return alert.category is self.category and (not self.faults or _fault(alert) in self.faults)


@dataclass(frozen=True)
class Inhibition:
    """One row of the table: `reason` is a message key, `because` the same reason in English for readers of the code."""

    cause: Trait
    consequence: Trait
    reason: str
    because: str
    is_of_the_point: bool = False

    def explains(self, cause: AlertRecord, consequence: AlertRecord) -> bool:
        """Whether one alert inhibits another on the same machine."""
        return (
            self.cause.fits(cause)
            and self.consequence.fits(consequence)
            and (not self.is_of_the_point or consequence.points == (cause.parameters.get("point"),))
        )


INHIBITIONS: tuple[Inhibition, ...] = (
    Inhibition(
        Trait(Category.DATA),
        Trait(Category.INSTRUMENT),
        "no-data-at-all",
        "no point of the machine sends data: single silent sensors add no information",
    ),
    Inhibition(
        Trait(Category.INSTRUMENT),
        Trait(Category.MACHINE),
        "sensor-fault",
        "all evidence comes from a point whose sensor is faulty",
        is_of_the_point=True,
    ),
    # unequal phase voltages drive a negative-sequence current of several times their share (NEMA MG 1-2016, 14.36):
    # phase currents differ, the stator heats, and the air gap pulls at twice the supply frequency
    Inhibition(
        Trait(Category.MACHINE, ("supply_unbalance",)),
        Trait(Category.MACHINE, ("stator", "eccentricity", "overall_vibration")),
        "supply-unbalance",
        "supply voltage unbalance causes motor current unbalance and vibration at twice the supply frequency",
    ),
    # near a natural frequency the same unbalance shakes the machine many times as much
    Inhibition(
        Trait(Category.MACHINE, ("resonance",)),
        Trait(Category.MACHINE, ("unbalance", "looseness", "overall_vibration")),
        "resonance",
        "the foundation is in resonance: vibration at the rotating frequency is amplified",
    ),
)


def inhibit(alerts: Sequence[AlertRecord]) -> dict[str, tuple[str, str]]:
    """Return the inhibited alerts of a machine: for each cause, the cause that inhibits it and the reason.

    An inhibited alert inhibits no other, so that at least one alert of a machine is not inhibited.
    """
    explained: dict[str, tuple[str, str]] = {}
    active = sorted((alert for alert in alerts if alert.state.is_active), key=lambda alert: alert.cause)
    for line in INHIBITIONS:
        for cause in active:
            for consequence in active:
                if (
                    cause is not consequence
                    and cause.cause not in explained
                    and consequence.cause not in explained
                    and not any(by == consequence.cause for by, _ in explained.values())
                    and (consequence.severity is not Severity.CRITICAL or cause.severity is Severity.CRITICAL)
                    and line.explains(cause, consequence)
                ):
                    explained[consequence.cause] = (cause.cause, line.reason)
    return explained


def _fault(alert: AlertRecord) -> str | None:
    named = alert.parameters.get("fault") or alert.parameters.get("symptom")
    return named if isinstance(named, str) else None
