from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.lifecycle.alert import AlertRecord
from pdm.alerts.lifecycle.inhibition import INHIBITIONS, inhibit
from pdm.alerts.states import AlertState

START = datetime(2026, 1, 1, tzinfo=UTC)


def alert(cause: str, fault: str | None = None, severity: Severity = Severity.WARNING, **more: Any) -> AlertRecord:
    parameters = {"fault": fault} if fault else {}
    fields = {"state": AlertState.UNACKNOWLEDGED, "parameters": parameters, **more}
    return AlertRecord(
        id=uuid4(), machine_id=1, cause=cause, component=None, severity=severity, opened_at=START, message="x",
        rule_version="1", **fields,
    )  # fmt: skip


SUPPLY = alert("motor", "supply_unbalance")


def test_an_unbalanced_supply_explains_what_follows_from_it_and_nothing_else() -> None:
    following, other = alert("stator", "stator"), alert("bearing-de", "bearing_outer_race")
    assert inhibit([SUPPLY, following, other]) == {"stator": ("motor", "supply-unbalance")}


def test_a_symptom_is_as_good_as_a_diagnosed_fault() -> None:
    assert "machine" in inhibit([SUPPLY, alert("machine", parameters={"symptom": "overall_vibration"})])


def test_a_cause_that_has_gone_explains_nothing() -> None:
    gone = alert("motor", "supply_unbalance", state=AlertState.RETURNED)
    assert inhibit([gone, alert("stator", "stator")]) == {}


def test_only_a_critical_alert_inhibits_a_critical_one() -> None:
    critical = alert("stator", "stator", Severity.CRITICAL)
    assert inhibit([SUPPLY, critical]) == {}
    assert inhibit([alert("motor", "supply_unbalance", Severity.CRITICAL), critical]) != {}


def test_a_sensor_explains_only_what_rests_on_its_point_alone() -> None:
    sensor = alert("sensor:de-h", category=Category.INSTRUMENT, parameters={"point": "de-h"})
    assert inhibit([sensor, alert("motor", points=("de-h",))]) == {"motor": ("sensor:de-h", "sensor-fault")}
    assert inhibit([sensor, alert("motor", points=("de-h", "nde-h"))]) == {}
    assert inhibit([sensor, alert("motor")]) == {}


def test_a_machine_that_sends_nothing_explains_its_silent_sensors() -> None:
    gap = alert("data-gap", category=Category.DATA)
    sensors = [alert(f"sensor:{point}", category=Category.INSTRUMENT) for point in ("a", "b")]
    assert set(inhibit([gap, *sensors])) == {"sensor:a", "sensor:b"}


faults = st.sampled_from(
    [None, "supply_unbalance", "resonance", "stator", "unbalance", "looseness", "overall_vibration"]
)
crowds = st.lists(
    st.tuples(
        st.sampled_from(list(Category)), faults, st.sampled_from(list(Severity)), st.sampled_from(list(AlertState))
    ),
    max_size=7,
)


@given(crowds)
def test_of_the_open_alerts_at_least_one_cause_is_always_notified(crowd: list[Any]) -> None:
    alerts = [
        alert(f"cause-{n}", fault, severity, category=category, state=state, points=("p",))
        for n, (category, fault, severity, state) in enumerate(crowd)
    ]
    by_cause = {each.cause: each for each in alerts}
    for silent, (cause, reason) in inhibit(alerts).items():
        assert cause != silent
        assert cause not in inhibit(alerts), "an inhibiting alert is itself notified"
        assert by_cause[cause].state.is_active
        assert by_cause[silent].severity is not Severity.CRITICAL or by_cause[cause].severity is Severity.CRITICAL
        assert reason in {line.reason for line in INHIBITIONS}
