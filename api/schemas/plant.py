"""Lines and sites: the worst of their machines, severity and urgency apart."""

from __future__ import annotations

from pydantic import Field

from api.schemas.machines import Urgency, Zone
from api.schemas.pages import Answer, Time


class RollUpSummary(Answer):
    """The worst that is known of some machines; each figure may be another machine's. Null: not known of any."""

    health: float | None = Field(description="1 as new .. 0 failed.")
    severity: float | None = Field(description="How bad it is now: 1 - health.")
    zone: Zone | None
    urgency: Urgency = Field(
        description="How soon somebody has to act. immediate: zone D; within-horizon: zone C, or a life that may end "
        "within the machine's planning horizon; later: a life that may end after it; none: no end is known."
    )
    rul_lower_s: float | None = Field(description="The least lower bound of a remaining useful life.")
    machines: int
    known: int = Field(description="Of the machines, those whose health is known.")


class ContributorAnswer(Answer):
    """A machine and what it adds to the roll-up."""

    machine: str
    name: str = Field(description="Of the machine; empty: none was given.")
    line: str
    line_name: str
    measured_at: Time | None
    health: float | None
    severity: float | None
    zone: Zone | None
    symptom: str | None
    component: str | None
    component_name: str | None
    rul_lower_s: float | None
    urgency: Urgency


class LineHealth(RollUpSummary):
    """A line's health, with the machines that make it so, the worst first."""

    site: str
    site_name: str
    line: str
    line_name: str
    contributors: list[ContributorAnswer]


class LineOfSite(RollUpSummary):
    """One line of a site."""

    line: str
    line_name: str


class SiteHealth(RollUpSummary):
    """A site's health, with the machines that make it so and its lines."""

    site: str
    site_name: str
    contributors: list[ContributorAnswer]
    lines: list[LineOfSite]
