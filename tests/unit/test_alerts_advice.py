"""What to do about a case: by when, what to look at, which parts, what waiting costs, and what is like it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdm.alerts.case.advice import Known, Suspect, advise, checks_of, likely_parts, recommend_checks, suspects_of
from pdm.alerts.case.delay_cost import chance_of_failure, cost_of_waiting
from pdm.alerts.case.similarity import EVIDENCE, FAULT, FLEET, KIND, Traits, cosine, find_like
from pdm.alerts.case.trend_chart import Picture, TrendPoint, draw
from pdm.alerts.evaluation.changes import Findings
from pdm.alerts.evaluation.rule_state import Case
from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.kinds.rule_input import Reading
from pdm.alerts.rules.rule import DEFAULT_RULES
from pdm.errors import InvalidInputError
from pdm.health.assessment import Assessment, ZoneTrend
from pdm.health.diagnosis.model import Fault
from pdm.ingest.fleet_file import machine_from_document, machine_to_document
from pdm.machines.costs import Costs
from pdm.machines.model import Component, ComponentKind, Machine
from pdm.prognosis.prognosis import Prognosis
from pdm.words.catalogue import messages

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = 86400.0
COSTS = Costs("KRW", lost_production=3e6, planned_stop=4, unplanned_stop=24, repair=2e6, secondary_damage=1e6)


def known(severity: str = "warning", **more: Any) -> Known:
    return Known(severity, NOW, 14 * DAY, **more)


@pytest.mark.parametrize(
    ("case", "urgency", "act_by_days", "plan_by_days", "why"),
    [
        (known(zone="D"), "immediate", 0, 0, "act-by.zone-d"),
        (known(zone="C"), "within-horizon", 14, 0, "act-by.zone-c"),
        (
            known(zone="B", rul_lower=5 * DAY, level=0.9, can_decide=True),
            "within-horizon",
            5,
            0,
            "act-by.remaining-life",
        ),
        (known(zone="B", rul_lower=60 * DAY, level=0.9, can_decide=True), "later", 60, 46, "act-by.remaining-life"),
        (
            known(zone="C", rul_lower=3 * DAY, level=0.9, can_decide=True),
            "within-horizon",
            3,
            0,
            "act-by.remaining-life",
        ),
        (known(zone="C", rul_lower=90 * DAY, level=0.9, can_decide=True), "within-horizon", 14, 0, "act-by.zone-c"),
        (known(zone_trend=ZoneTrend("B/C", 20 * DAY)), "later", 20, 6, "act-by.zone-c-ahead"),
        (
            known(zone="C", zone_trend=ZoneTrend("C/D", DAY)),
            "within-horizon",
            1,
            0,
            "act-by.zone-d-ahead",
        ),
        (known("critical"), "within-horizon", 3.5, 0, "act-by.critical-without-prognosis"),
        (known("warning"), "within-horizon", 14, 0, "act-by.warning-without-prognosis"),
        (known("warning", rul_lower=DAY, level=0.9), "within-horizon", 14, 0, "act-by.warning-without-prognosis"),
    ],
)
def test_the_earliest_deadline_decides(
    case: Known, urgency: str, act_by_days: float, plan_by_days: float, why: str
) -> None:
    found = advise(case)
    assert found.urgency.value == urgency
    assert found.act_by == NOW + timedelta(days=act_by_days)
    assert found.plan_by == NOW + timedelta(days=plan_by_days)
    assert found.deadlines[0].why.key == why
    assert {deadline.why.key for deadline in found.deadlines} <= set(messages("en"))


def test_an_advisory_without_an_end_in_sight_has_no_deadline() -> None:
    found = advise(known("advisory", zone="B", zone_trend=ZoneTrend("A/B", DAY)))
    assert (found.urgency.value, found.act_by, found.plan_by, found.deadlines) == ("none", None, None, ())


@given(st.floats(0, 1e12), st.sampled_from(["A", "B", "C", "D", None]))
def test_a_shorter_life_never_gives_more_time(lower: float, zone: str | None) -> None:
    long, short = (advise(known(zone=zone, rul_lower=x, level=0.9, can_decide=True)).act_by for x in (lower, lower / 2))
    assert long is not None
    assert short is not None
    assert short <= long


def finding(fault: str, verdict: str, confidence: float, component: str | None = None) -> dict[str, Any]:
    return {"fault": fault, "component": component, "verdict": verdict, "confidence": confidence, "checks": []}


def test_what_a_diagnosis_supports_comes_before_the_symptom() -> None:
    findings = [finding("bearing_outer_race", "SUPPORTED", 0.95, "de"), finding("unbalance", "WEAK", 0.6)]
    assert [one.fault for one in suspects_of(findings, "bearing_wear", "de")] == ["bearing_outer_race"]


def test_without_support_the_symptom_leads_and_unlikely_findings_are_left_out() -> None:
    findings = [finding("looseness", "WEAK", 0.6), finding("unbalance", "WEAK", 0.2), finding("stator", "REFUSED", 0.9)]
    assert [one.fault for one in suspects_of(findings, "bearing_wear", "de")] == ["bearing_wear", "looseness"]
    assert suspects_of([], None, None) == ()


def test_a_check_of_several_faults_is_named_once_with_all_of_them() -> None:
    found = recommend_checks([Suspect("misalignment", None, 0.8), Suspect("looseness", None, 0.6)])
    shared = next(one for one in found if one.check == "check-soft-foot")
    assert shared.faults == ("misalignment", "looseness")
    assert len(found) == 7


@pytest.mark.parametrize(
    "fault", [*(fault.value for fault in Fault), "bearing_wear", "overheating", "overall_vibration", "of-tomorrow"]
)
def test_every_fault_and_symptom_has_checks_with_words(fault: str) -> None:
    assert checks_of(fault)
    assert {f"check.{check}" for check in checks_of(fault)} <= set(messages("ko"))


MACHINE = Machine(
    key="pump-1",
    line="line-1",
    site="ulsan",
    components=(
        Component("bearing-de", ComponentKind.BEARING, part="6310-2Z/C3"),
        Component("bearing-nde", ComponentKind.BEARING),
        Component("motor", ComponentKind.MOTOR, part="M-4711"),
    ),
)


def test_the_part_that_a_diagnosis_names_leads() -> None:
    suspects = [Suspect("bearing_outer_race", "bearing-nde", 0.9, "SUPPORTED")]
    parts = likely_parts(MACHINE, "bearing-de", suspects)
    assert [(part.component, part.why.key) for part in parts] == [
        ("bearing-nde", "part.diagnosed"),
        ("bearing-de", "part.named"),
    ]
    assert [part.part for part in parts] == [None, "6310-2Z/C3"]


def test_where_no_component_is_named_all_of_the_kind_may_be_needed() -> None:
    parts = likely_parts(MACHINE, None, [Suspect("bearing_wear", None, None)])
    assert [part.component for part in parts] == ["bearing-de", "bearing-nde"]
    assert {part.why.key for part in parts} == {"part.of-kind"}
    assert [part.part for part in likely_parts(MACHINE, None, [Suspect("stator", None, 0.9)])] == ["M-4711"]


@pytest.mark.parametrize("fault", ["looseness", "resonance", "supply_unbalance", "overall_vibration"])
def test_a_fault_that_damages_no_part_needs_none(fault: str) -> None:
    assert likely_parts(MACHINE, None, [Suspect(fault, None, 0.9)]) == ()


def test_waiting_costs_the_chance_of_a_failure_times_what_it_costs_more() -> None:
    case = known(rul=9 * DAY, rul_lower=5 * DAY, rul_upper=15 * DAY, level=0.9, can_decide=True)
    found = cost_of_waiting(COSTS, case)
    assert found is not None
    assert (found.planned, found.unplanned, found.is_at_most) == (14e6, 75e6, False)
    day, week, horizon = found.waits
    assert (day.chance, day.cost) == (pytest.approx(0.01), pytest.approx(0.61e6))
    assert week.chance == pytest.approx(0.05 + 0.45 * 2 / 4)
    assert horizon.chance == pytest.approx(0.5 + 0.45 * 5 / 6)


def test_beyond_a_lower_bound_without_upper_bound_there_is_no_probability() -> None:
    case = known(rul=30 * DAY, rul_lower=10 * DAY, level=0.9, can_decide=True)
    found = cost_of_waiting(COSTS, case)
    assert found is not None
    assert found.is_at_most
    assert [wait.chance for wait in found.waits] == [pytest.approx(0.005), pytest.approx(0.035), None]
    assert found.waits[2].cost is None


@pytest.mark.parametrize("case", [known(), known(rul_lower=DAY, level=0.9), known(rul_lower=DAY, can_decide=True)])
def test_without_a_prognosis_that_decides_there_is_no_cost(case: Known) -> None:
    assert cost_of_waiting(COSTS, case) is None
    assert cost_of_waiting(None, known(rul_lower=DAY, level=0.9, can_decide=True)) is None


@given(st.lists(st.floats(0, 1e8), min_size=3, max_size=3), st.floats(0.1, 0.99), st.floats(0, 1e9), st.floats(0, 1e9))
def test_the_chance_of_a_failure_is_one_and_never_falls(
    figures: list[float], level: float, one: float, other: float
) -> None:
    lower, middle, upper = sorted(figures)
    case = known(rul=middle, rul_lower=lower, rul_upper=upper, level=level, can_decide=True)
    first, second = (chance_of_failure(case, within) for within in sorted((one, other)))
    assert first is not None
    assert second is not None
    assert 0 <= first <= second + 1e-12 <= 1 + 1e-12


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"currency": "won"}, "currency"),
        ({"lost_production_per_h": -1.0}, "lost_production_per_h"),
        ({"unplanned_stop_h": 1.0}, "unplanned_stop_h"),
    ],
)
def test_costs_that_cannot_be_are_refused_with_their_place(change: dict[str, Any], field: str) -> None:
    costs = {"currency": "KRW", "lost_production_per_h": 1.0, "planned_stop_h": 2.0, "unplanned_stop_h": 3.0}
    document = {"key": "pump-1", "site": "ulsan", "line": "line-1", "costs": costs | change}
    with pytest.raises(InvalidInputError) as refused:
        machine_from_document(document)
    assert refused.value.field == f"costs.{field}"


def test_costs_and_parts_survive_the_fleet_file() -> None:
    document = machine_to_document(MACHINE)
    document["costs"] = {
        "currency": "KRW",
        "lost_production_per_h": 3e6,
        "planned_stop_h": 4.0,
        "unplanned_stop_h": 24.0,
    }
    machine = machine_from_document(document)
    assert machine.components[0].part == "6310-2Z/C3"
    assert machine.costs == Costs("KRW", 3e6, 4.0, 24.0)
    assert machine_from_document(machine_to_document(machine)) == machine


def test_likeness_is_evidence_fault_kind_and_fleet_together() -> None:
    assert pytest.approx(1.0) == EVIDENCE + FAULT + KIND + FLEET
    case = Traits({"rms": 3.0, "bpfo_prominence": 4.0}, "bearing_outer_race", "bearing", "presses")
    past = [
        Traits({"bpfo_prominence": 8.0}, "bearing_outer_race", "bearing", "presses"),
        Traits({"rms": 6.0, "bpfo_prominence": 8.0}, "bearing_outer_race", "bearing", "presses"),
        Traits({"order_1x": 5.0}, "unbalance", "shaft", "presses"),
        Traits({}, "bearing_outer_race", None, "pumps"),
    ]
    found = find_like(case, past)
    assert [(one.index, one.likeness, one.cosine) for one in found] == [
        (1, pytest.approx(1.0), pytest.approx(1.0)),
        (0, pytest.approx(0.9), pytest.approx(0.8)),
    ]


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0.1, 100)))
def test_a_cosine_lies_between_nothing_and_one_however_far_a_case_had_come(vector: dict[str, float]) -> None:
    assert cosine(vector, {name: 3 * value for name, value in vector.items()}) == pytest.approx(1.0 if vector else 0.0)


def test_a_trend_picture_is_a_document_of_its_own_whatever_is_in_its_words() -> None:
    points = [TrendPoint(NOW + timedelta(hours=hour), 1 - hour / 10) for hour in range(8)]
    picture = draw(Picture('<pump> & "fan"', "건전도", points, NOW, NOW + timedelta(hours=5), ""))
    tree = ElementTree.fromstring(picture)
    paths = tree.findall("{http://www.w3.org/2000/svg}path")
    assert [path.attrib["d"].count("L") for path in paths] == [7]
    assert tree.attrib["aria-label"] == '<pump> & "fan"'
    assert "건전도" in picture
    assert "no data" in draw(Picture("x", "y", [], NOW, None, "no data"))


def test_an_alert_carries_by_when_to_act_from_the_moment_it_is_raised() -> None:
    assessment = Assessment(NOW, 0.2, 1.0, "run", "C", "bearing_wear", "bearing-de", 0.9, np.zeros(1, np.float32), {})
    prognosis = Prognosis(NOW, "trend", 5 * DAY, 3 * DAY, 9 * DAY, 0.9)
    findings = Findings(Reading(MACHINE, assessment, prognosis), DEFAULT_RULES)
    case = Case("bearing-de", "bearing-de", Severity.CRITICAL, NOW)
    assert findings.act_by(case) == NOW + timedelta(days=3)
    assert findings.act_by(replace(case, category=Category.INSTRUMENT)) is None
