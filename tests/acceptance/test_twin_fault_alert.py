"""A machine that fails in the simulator is alerted of through HTTP before it fails; a healthy one is not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pdm.machines.model import ComponentKind
from pdm.replay.client import Client
from pdm.replay.feed import BATCH, batches
from pdm.replay.stack import Stack
from pdm.twin.fleet import DemoFleet, Truth, demo_fleet

SEED = 20
PATIENCE_S = 20.0


class Listener:
    """A client of the alert stream on a thread of its own."""

    def __init__(self, url: str, key: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self._url, self._key = url, key
        self._connected, self._heard = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Listener:
        self._thread.start()
        assert self._connected.wait(PATIENCE_S), "the stream did not open"
        return self

    def __exit__(self, *_: object) -> None:
        self._heard.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)

    def _listen(self) -> None:
        """Read until an alert is opened, or the stream says nothing for a while."""
        headers = {"Authorization": f"Bearer {self._key}"}
        with (
            httpx.Client(timeout=PATIENCE_S, trust_env=False) as http,
            http.stream("GET", f"{self._url}/v1/alerts/stream", headers=headers) as stream,
        ):
            for line in stream.iter_lines():
                self._connected.set()
                name, _, value = line.partition(": ")
                if name == "id":
                    self.ids.append(value)
                elif name == "data":
                    self.events.append(json.loads(value))
                    self._heard.set()
                    return


@dataclass(frozen=True)
class Plant:
    """A service that was sent the present lives of a failing and of a healthy machine, all analysed."""

    client: Client
    fleet: DemoFleet
    failing: str
    healthy: str
    event_id: str
    event: dict[str, Any]

    @property
    def truth(self) -> Truth:
        """What is really wrong with the failing machine."""
        return self.fleet.truth(self.failing)


def pick(fleet: DemoFleet, fault: str | None) -> str:
    """Return a machine with that fault, or none, in the present that also changes its operating state."""
    return next(m.key for m in fleet.machines if (t := fleet.truth(m.key)).fault == fault and t.operating_states > 1)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)  # recent, so that retention drops none of it
    fleet = demo_fleet(SEED, now)
    failing, healthy = pick(fleet, "outer-race"), pick(fleet, None)
    with Stack("twin", fresh=True, log_folder=tmp_path_factory.mktemp("twin")) as stack:
        with Client(stack.url, stack.admin_key) as client:
            client.register(m for m in fleet.machines if m.key in (failing, healthy))
            with Listener(stack.url, stack.admin_key) as listener:
                for key in (healthy, failing):
                    for batch in batches(fleet.present(key), BATCH):
                        client.send(batch)
                client.wait_until_analysed()
            yield Plant(client, fleet, failing, healthy, listener.ids[0], listener.events[0])
        stack.cluster.destroy()


def test_the_failure_is_alerted_of_between_its_onset_and_its_end(plant: Plant) -> None:
    alerts = plant.client.pages("/v1/alerts", machine=plant.failing)
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
