"""The plant of the acceptance tests: one service, analysed once, read by those of alerts and used by those of pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pdm.replay.client import Client
from pdm.replay.feed import BATCH, batches
from pdm.replay.stack import Stack
from pdm.twin.fleet import DemoFleet, Truth, demo_fleet
from tests.database import own_name

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
    """A service with the analysed present lives of a failing and of a healthy machine, and a silent machine."""

    url: str
    key: str
    client: Client
    fleet: DemoFleet
    failing: str
    healthy: str
    silent: str
    event_id: str
    event: dict[str, Any]
    opened: list[dict[str, Any]]  # the failing machine's alerts before anything was done to them

    @property
    def truth(self) -> Truth:
        """What is really wrong with the failing machine."""
        return self.fleet.truth(self.failing)


def pick(fleet: DemoFleet, fault: str | None) -> str:
    """Return a machine with that fault, or none, in the present that also changes its operating state."""
    return next(m.key for m in fleet.machines if (t := fleet.truth(m.key)).fault == fault and t.operating_states > 1)


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Serve one plant for the tests of alerts and those of the pages."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)  # recent, so that retention drops none of it
    fleet = demo_fleet(SEED, now)
    failing, healthy = pick(fleet, "outer-race"), pick(fleet, None)
    silent = next(m.key for m in fleet.machines if m.key not in (failing, healthy))
    with Stack(own_name("twin"), fresh=True, log_folder=tmp_path_factory.mktemp("twin")) as stack:
        with Client(stack.url, stack.admin_key) as client:
            client.register(m for m in fleet.machines if m.key in (failing, healthy, silent))
            with Listener(stack.url, stack.admin_key) as listener:
                for key in (healthy, failing):
                    for batch in batches(fleet.present(key), BATCH):
                        client.send(batch)
                client.wait_until_analysed()
            event_id, event = listener.ids[0], listener.events[0]
            opened = list(client.pages("/v1/alerts", machine=failing))
            yield Plant(stack.url, stack.admin_key, client, fleet, failing, healthy, silent, event_id, event, opened)
        stack.cluster.destroy()
