"""A client of pdm's public HTTP API, for imports from files and the twin."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx

from pdm.errors import InvalidInputError, PdmError, UnavailableError
from pdm.ingest.encode import encode_raw
from pdm.ingest.fleet_file import machine_to_document
from pdm.machines.model import Machine
from pdm.machines.work_events import WorkEvent
from pdm.measurements import Acquisition

_RESULTS = '"results":'  # of the records of a request, in an answer that nothing of it was stored
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)


class RejectedRecordsError(InvalidInputError):
    """The service rejected some of the records of a request."""


class Client:
    """Client of one pdm service with one API key; retries while the service is unavailable.

    Requests are idempotent: a record is stored once, and a repetition returns `duplicate`.
    """

    def __init__(self, url: str, key: str, timeout_s: float = 60.0) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout_s, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(self, machines: Iterable[Machine], *, dry_run: bool = False) -> dict[str, Any]:
        """Register machines, or with `dry_run` return the changes that it would make."""
        document = {"machines": [machine_to_document(machine) for machine in machines]}
        return self._call("POST", "/v1/fleet", json=document, params={"dry_run": str(dry_run).lower()})

    def send(self, acquisitions: Sequence[Acquisition]) -> dict[str, Any]:
        """Send acquisitions in the raw binary form and return the receipt.

        Raises
        ------
        RejectedRecordsError
            An item of the batch was rejected; the message contains the first problem. The others are stored.
        """
        content_type, body = encode_raw(acquisitions)
        receipt = self._call("POST", "/v1/acquisitions", content=body, headers={"Content-Type": content_type})
        refused = receipt["conflict"] + receipt["rejected"] + receipt["quarantined"]
        if refused:
            bad = next(r for r in receipt["results"] if r["outcome"] not in ("stored", "duplicate"))
            raise RejectedRecordsError(f"{refused} of {len(acquisitions)} acquisitions were rejected: {bad}")
        return receipt

    def record_work_event(self, event: WorkEvent) -> dict[str, Any]:
        """Record a work event of a machine."""
        body = {
            "kind": event.kind.value,
            "occurred_at": event.occurred_at.isoformat(),
            "component": event.component,
            "finding": event.finding,
            "note": event.note,
        }
        return self._call("POST", f"/v1/machines/{event.machine}/work-events", json=body)

    def requeue_set_aside(self, machine: str) -> dict[str, Any]:
        """Requeue the failed acquisitions of a machine for analysis."""
        return self._call("POST", "/v1/set-aside/replay", json={"machine": machine})

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Read one resource."""
        return self._call("GET", path, params=parameters)

    def pages(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Read every item of a paged collection."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, **parameters, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return items

    def wait_until_analysed(self, timeout_s: float = 300.0) -> None:
        """Wait until the analysis queue is empty.

        Raises
        ------
        UnavailableError
            Acquisitions are still in the queue after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while (waiting := self.get("/v1/queue")["pending"]) > 0:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"{waiting} acquisitions are still in the analysis queue after {timeout_s:.0f} s"
                )
            time.sleep(0.05)

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        for pause in (*_RETRY_SECONDS, None):
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                failure: PdmError = UnavailableError(f"{method} {path}: {error}")
            else:
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return _answer(method, path, response)
                failure = UnavailableError(f"{method} {path}: {response.text}")
            if pause is None:
                raise failure
            time.sleep(pause)
        raise AssertionError("unreachable")


def warnings_of(item: Mapping[str, Any]) -> list[str]:
    """Return the warnings in the answer to the registration of a machine as texts."""
    machine = item["machine"]
    texts = [f"{machine}, {each['component']}: {each['message']}" for each in item["warnings"]]
    for key in item["stays_retired"]:
        place = f"/v1/machines/{machine}" if key == machine else f"/v1/machines/{machine}/points/{key}"
        texts.append(f"{machine}: {key!r} is retired, and its data are rejected; POST {place}/restore brings it back")
    return texts


def reanalysis_text(item: Mapping[str, Any]) -> str:
    """Return a machine that is concluded again as one line."""
    span = f"{item['machine']}: from {item['from']} to {item['to']}"
    asked = "" if item["asked_at"] is None else f", requested {item['asked_at']}"
    if item["started_at"] is None:
        return f"{span}: waits{asked}"
    counts = f"{item['done']} of {item['acquisitions']} acquisitions"
    reached = "" if item["reached"] is None else f", reached {item['reached']}"
    return f"{span}: {item['share']:.0%} ({counts}{reached}){asked}"


def _answer(method: str, path: str, response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        refusal = RejectedRecordsError if _RESULTS in response.text else InvalidInputError
        raise refusal(f"{method} {path}: {response.status_code} {response.text[:2000]}")
    answer: dict[str, Any] = response.json()
    return answer
