"""Inhibition: which open case on a machine explains which others, so that people are told of the cause alone.

One table, `INHIBITIONS`, with a reason each. An explained alert stays in the lists and shows by what it is
inhibited; it is told as soon as its cause has gone and it has not. Whatever the table says, a critical alert is
only ever inhibited by a critical one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.lifecycle.alert import AlertRecord


@dataclass(frozen=True)
class Trait:
    """What an alert must be: of a category, of one of these faults (any where none are listed), on one point only."""

    category: Category
    faults: tuple[str, ...] = ()

    def fits(self, alert: AlertRecord) -> bool:
        """Whether an alert is of this kind."""
        return alert.category is self.category and (not self.faults or _fault(alert) in self.faults)


@dataclass(frozen=True)
class Inhibition:
    """One line of the table: `reason` is a key of the words, `because` the same in English for who reads this."""

    cause: Trait
    consequence: Trait
    reason: str
    because: str
    is_of_the_point: bool = False

    def explains(self, cause: AlertRecord, consequence: AlertRecord) -> bool:
        """Whether one alert explains another on the same machine."""
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
    """Return which of a machine's open alerts are explained: by cause, the cause that explains it and why.

    An alert that is explained itself explains nothing, so that never all of a machine's alerts are silent.
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
