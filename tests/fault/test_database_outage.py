"""The database gone or frozen: row 3. The API says so quickly, keeps its memory, and resumes unaided."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from pdm.ingest.encode import encode_raw
from pdm.replay.client import Client
from pdm.replay.stack import Stack
from tests.fault.load import acquisition

pytestmark = pytest.mark.xdist_group("alone")


def _resident_mib(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _away_for(stack: Stack, name: str, seconds: float) -> None:
    """While the database does not answer: 503 + Retry-After within 2 s, readyz 503, healthz 200."""
    content_type, body = encode_raw([acquisition(name, 1)])
    headers = {"Authorization": f"Bearer {stack.admin_key}", "Content-Type": content_type}
    with httpx.Client(base_url=stack.url, timeout=30.0, trust_env=False) as http:
        deadline = time.monotonic() + seconds
        rounds = 0
        while time.monotonic() < deadline or rounds < 3:
            began = time.monotonic()
            answer = http.post("/v1/acquisitions", content=body, headers=headers)
            took = time.monotonic() - began
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) >= 1
            assert took <= 2.5, f"the refusal took {took:.2f} s"
            assert http.get("/healthz").status_code == 200
            assert http.get("/readyz").status_code == 503
            rounds += 1


def _survives(stack: Stack, name: str, seconds: float, *, frozen: bool) -> None:
    with Client(stack.url, stack.admin_key) as client:
        client.send([acquisition(name, 0)])
        client.wait_until_analysed(30.0)
        before = _resident_mib(stack.process_id("api"))
        if frozen:
            stack.cluster.freeze()
        else:
            stack.cluster.kill()
        try:
            _away_for(stack, name, seconds)
        finally:
            if frozen:
                stack.cluster.thaw()
            else:
                stack.cluster.start()
        stack.wait_until_ready()
        receipt = client.send([acquisition(name, 0), acquisition(name, 1)])
        assert receipt["stored"] + receipt["duplicate"] == 2
        client.wait_until_analysed(60.0)
        assert _resident_mib(stack.process_id("api")) - before <= 64


@pytest.mark.parametrize("frozen", [False, True], ids=["down", "frozen"])
def test_an_away_database_is_answered_with_503_and_survived(stack: Stack, names: list[str], frozen: bool) -> None:
    _survives(stack, names[0], 4.0, frozen=frozen)


@pytest.mark.trust("kills")
@pytest.mark.parametrize("frozen", [False, True], ids=["down", "frozen"])
def test_a_database_away_for_thirty_seconds_is_survived(stack: Stack, names: list[str], frozen: bool) -> None:
    _survives(stack, names[0], 30.0, frozen=frozen)
