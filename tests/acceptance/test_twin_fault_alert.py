"""A machine that fails in the simulator is alerted of through HTTP before it fails; a healthy one is not."""

from __future__ import annotations

from datetime import datetime

import pytest

from pdm.machines.model import ComponentKind
from tests.acceptance.conftest import Plant

pytestmark = pytest.mark.xdist_group("services")


def test_the_failure_is_alerted_of_between_its_onset_and_its_end(plant: Plant) -> None:
    alerts = plant.opened
    assert len(alerts) == 1, "one case a machine and cause"
    opened = datetime.fromisoformat(alerts[0]["opened_at"])
    assert plant.truth.onset_at is not None
    assert plant.truth.failed_at is not None
    assert plant.truth.onset_at < opened < plant.truth.failed_at
    assert alerts[0]["state"] == "unacknowledged"


def test_the_alert_names_the_component_and_carries_evidence(plant: Plant) -> None:
    (summary,) = plant.client.pages("/v1/alerts", machine=plant.failing)
    alert = plant.client.get(f"/v1/alerts/{summary['id']}")
    assert alert["component"] == plant.truth.component
    assert alert["evidence"]
    assert alert["history"][0]["kind"] == "opened"
    health = plant.client.get(f"/v1/machines/{plant.failing}/health")
    assert health["symptom"] in ("bearing_outer_race", "bearing_wear")
    assert health["evidence"]["contributors"]


def test_the_healthy_machine_raises_nothing_over_its_states(plant: Plant) -> None:
    assert plant.client.pages("/v1/alerts", machine=plant.healthy) == []
    states = {
        row["operating_state"] for row in plant.client.pages(f"/v1/machines/{plant.healthy}/health/history", limit=1000)
    }
    assert len(states - {None}) > 1
    assert plant.client.get(f"/v1/machines/{plant.healthy}/health")["health"] > 0.6


def test_the_stream_delivers_the_alert_as_it_opens(plant: Plant) -> None:
    (alert,) = plant.client.pages("/v1/alerts", machine=plant.failing)
    event = plant.event
    assert plant.event_id
    assert event["kind"] == "opened"
    assert event["machine"] == plant.failing
    assert event["alert_id"] == alert["id"]


def test_without_a_model_the_prognosis_says_where_it_comes_from_or_why_there_is_none(plant: Plant) -> None:
    for key in (plant.failing, plant.healthy):
        prognosis = plant.client.get(f"/v1/machines/{key}/prognosis")
        assert prognosis["source"] in ("trend", "none")
        assert prognosis["model_id"] is None
        if prognosis["source"] == "none":
            assert prognosis["reason"]
        else:
            assert prognosis["rul_lower_s"] is not None
            assert prognosis["evidence"]


def test_each_acquisition_has_one_verdict(plant: Plant) -> None:
    history = plant.client.pages(f"/v1/machines/{plant.failing}/health/history", limit=1000)
    assert len(history) == plant.fleet.count_present(plant.failing)
    assert len({row["measured_at"] for row in history}) == len(history)


def test_the_waveform_and_its_spectrum_can_be_read_back(plant: Plant) -> None:
    sent = next(iter(plant.fleet.present(plant.failing)))
    waveform = sent.waveforms[0]
    machine = next(m for m in plant.fleet.machines if m.key == plant.failing)
    assert any(c.kind is ComponentKind.BEARING for c in machine.components)
    place = f"/v1/machines/{plant.failing}/acquisitions/{sent.measured_at.isoformat().replace('+00:00', 'Z')}"
    read = plant.client.get(f"{place}/waveforms/{waveform.point}")
    assert len(read["samples"]) == waveform.samples.size
    for kind in ("amplitude", "envelope"):
        spectrum = plant.client.get(f"{place}/spectrum/{waveform.point}", kind=kind)
        assert spectrum["kind"] == kind
        assert spectrum["resolution_hz"] > 0
        assert max(spectrum["amplitudes"]) > 0
