"""`pdm up` gives a newcomer a whole service: an address, a key that works, and a clean end on Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pdm.store.cluster.embedded import EmbeddedCluster

pytestmark = pytest.mark.xdist_group("services")

NAME = "acceptance-up"


@pytest.fixture
def up(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "pdm.cli", "up", "--name", NAME, "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=os.environ) as running:
        yield running
        if running.poll() is None:
            running.kill()
    EmbeddedCluster(NAME).destroy()


def test_up_prints_an_address_and_a_key_that_work_and_ends_on_ctrl_c(up: subprocess.Popen[str]) -> None:
    assert up.stdout is not None
    url = up.stdout.readline().strip().rstrip("/")
    key = up.stdout.readline().rpartition(" ")[2].strip()
    assert key.startswith("pdm_")
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as http:
        assert http.get("/v1/machines").json() == {"items": [], "next_cursor": None}
        assert http.get("/v1/keys").json()["items"][0]["role"] == "admin"
    up.send_signal(signal.SIGINT)
    assert up.wait(timeout=60) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz", trust_env=False)
