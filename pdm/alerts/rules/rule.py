"""Rules: a condition with on-delay, off-delay, schedule and required response."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache

from pdm.alerts.kinds import (
    Condition,
    DataGap,
    FaultDiagnosed,
    ForecastCrossing,
    HealthLow,
    NotMonitored,
    RateOfChange,
    RemainingLifeShort,
    SensorFault,
    SymptomNamed,
    Threshold,
    ZoneReached,
)
from pdm.alerts.kinds.behaviour import DAYS, Category, Observation, OffDelay, OnDelay, Schedule, Severity
from pdm.alerts.kinds.kind import Memory
from pdm.alerts.kinds.rule_input import Measured, Reading
from pdm.alerts.kinds.signal import Signal
from pdm.alerts.kinds.zone import ZONES
from pdm.alerts.rules.definition_digest import digest_document
from pdm.alerts.rules.rule_identity import former_version, rules_version
from pdm.errors import InvalidInputError
from pdm.machines.model import Machine

__all__ = [
    "DAYS",
    "DEFAULT_RULES",
    "ZONES",
    "Category",
    "Condition",
    "DataGap",
    "FaultDiagnosed",
    "ForecastCrossing",
    "HealthLow",
    "NotMonitored",
    "Observation",
    "OffDelay",
    "OnDelay",
    "RateOfChange",
    "RemainingLifeShort",
    "Rule",
    "RuleSet",
    "Schedule",
    "SensorFault",
    "Severity",
    "Signal",
    "SymptomNamed",
    "Threshold",
    "ZoneReached",
]


@dataclass(frozen=True)
class Rule:
    """One rule of a set, named by `key`.

    `operating_states` are patterns ('run*') of the states in which the rule evaluates; without one, every state.
    `escalate_after` is the time without acknowledgement until escalation [s], on the wall clock. An alert of a rule
    that `is_latching` must be reset after its condition has cleared. A `note` has no effect.
    """

    key: str
    severity: Severity
    condition: Condition
    on_delay: OnDelay = field(default_factory=OnDelay)
    off_delay: OffDelay = field(default_factory=OffDelay)
    operating_states: tuple[str, ...] = ()
    schedule: Schedule | None = None
    needs_acknowledgement: bool = False
    is_latching: bool = False
    escalate_after: float | None = None
    note: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.condition.needs_repetition and self.on_delay.required < 2:
            raise InvalidInputError(
                "'required' must be at least 2: a single acquisition must not raise an alert", field="on_delay"
            )
        if self.escalate_after is not None and not 60 <= self.escalate_after < 1e9:
            raise InvalidInputError("escalate_after must be at least 60 s", field="escalate_after")

    @property
    def category(self) -> Category:
        """Category of its alerts."""
        return self.condition.category

    @property
    def basis(self) -> str:
        """Digest of the definition that the rule's memory depends on; '' for a rule without memory."""
        if not self.condition.remembers:
            return ""
        document = {
            "kind": self.condition.kind,
            **self.condition.basis,
            "operating_states": self.operating_states,
            "schedule": None if self.schedule is None else self.schedule.write(),
        }
        return digest_document(document)

    @property
    def message(self) -> str:
        """Message key of its alerts."""
        return self.condition.message

    def looks_at(self, reading: Reading) -> bool:
        """Whether the rule evaluates in this operating state and at this time."""
        assessment = reading.assessment
        if self.operating_states and not _is_among(assessment.operating_state, self.operating_states):
            return False
        return self.schedule is None or self.schedule.covers(assessment.measured_at)

    def observe(self, reading: Reading, memory: Memory = ()) -> tuple[Observation, Memory]:
        """Return the observation for an acquisition, and the new memory of the rule."""
        if (self.operating_states or self.schedule is not None) and not self.looks_at(reading):
            return Observation.ABSENT, memory
        return self.condition.look(reading, memory)


@lru_cache(maxsize=4096)
def _is_among(state: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(state, pattern) for pattern in patterns)


@dataclass(frozen=True)
class RuleSet:
    """The rules in force, with a version that every alert contains."""

    rules: tuple[Rule, ...]
    version: str = field(init=False, default="")
    by_key: dict[str, Rule] = field(init=False, compare=False, repr=False)
    evaluated: tuple[Rule, ...] = field(init=False, compare=False, repr=False)
    is_remembering: bool = field(init=False, compare=False, repr=False)
    bases: tuple[str, ...] = field(init=False, compare=False, repr=False)
    wanted: tuple[Measured, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        by_key = {rule.key: rule for rule in self.rules}
        if len(by_key) != len(self.rules) or "" in by_key:
            raise InvalidInputError("each rule of a set must have a unique key", field="rules")
        evaluated = tuple(rule for rule in self.rules if not rule.condition.on_clock)
        wanted = {key: None for rule in evaluated for key in rule.condition.wanted}
        object.__setattr__(self, "version", rules_version(self.rules))
        object.__setattr__(self, "by_key", by_key)
        object.__setattr__(self, "evaluated", evaluated)
        object.__setattr__(self, "is_remembering", any(rule.condition.remembers for rule in evaluated))
        object.__setattr__(self, "bases", tuple(rule.basis for rule in evaluated))
        object.__setattr__(self, "wanted", tuple(wanted))

    @property
    def former_version(self) -> str:
        """Version of the same rules in alerts opened by revision 080f245."""
        return former_version(self.rules)

    @property
    def asks_for_diagnoses(self) -> bool:
        """Whether a rule reads diagnoses."""
        return any(rule.condition.reads_diagnoses for rule in self.evaluated)

    def fit(self, machine: Machine) -> RuleSet:
        """Return the rules fitted to a machine: those with the required points, sensor faults once per sensor."""
        fitted: list[Rule] = []
        for rule in self.rules:
            for condition in rule.condition.fit(machine):
                fitted.append(replace(rule, key=condition.key_of(rule.key), condition=condition))
        return RuleSet(tuple(fitted))


# Remaining life alone raises no alert: without degradation it depends on little more than the age of the machine.
DEFAULT_RULES = RuleSet(
    (
        Rule("zone-c", Severity.WARNING, ZoneReached("C")),
        Rule("zone-d", Severity.CRITICAL, ZoneReached("D"), OnDelay(2, 2), needs_acknowledgement=True),
        Rule("health-warning", Severity.WARNING, HealthLow(raise_below=0.6, clear_above=0.7)),
        Rule(
            "health-critical",
            Severity.CRITICAL,
            HealthLow(raise_below=0.3, clear_above=0.4),
            needs_acknowledgement=True,
        ),
        Rule(
            "life-warning",
            Severity.WARNING,
            RemainingLifeShort("lower", 1.0, health_below=0.8),
            OnDelay(4, 6),
            OffDelay(30),
        ),
        Rule(
            "life-critical",
            Severity.CRITICAL,
            RemainingLifeShort("median", 0.25, health_below=0.6),
            OnDelay(4, 6),
            OffDelay(30),
            needs_acknowledgement=True,
        ),
        # API 610, 11th edition (2010), 6.10.2.4: bearing metal temperatures do not exceed 93 degC
        Rule(
            "bearing-hot",
            Severity.WARNING,
            Threshold(Signal("temperature", component="bearing", unit="K"), "above", 93.0 + 273.15, 5.0),
        ),
        Rule("sensor-silent", Severity.ADVISORY, SensorFault(), OnDelay(5, 8)),
        Rule("data-gap", Severity.ADVISORY, DataGap(86400.0), OnDelay(1, 1), OffDelay(1)),
        Rule("not-monitored", Severity.ADVISORY, NotMonitored(), OnDelay(5, 8)),
    )
)
