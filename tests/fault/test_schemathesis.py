"""Row 8: requests made from the OpenAPI document never meet a 5xx, an undocumented status or a wrong shape."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdm.ingest.fleet_file import machine_to_document
from pdm.replay.stack import Stack
from tests.database import own_name
from tests.integration import plant
from tests.integration.api_server import client

# What a schema cannot say is refused with 422 and may be: a cursor of another collection, a record whose
# machine is unknown, a time before there were sensors.
UNSAYABLE = "positive_data_acceptance"
STREAM = "/v1/alerts/stream"  # never ends; tests/integration/test_api_stream.py is its own


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """URL and admin key of a service with one machine."""
    folder = tmp_path_factory.mktemp("schemathesis")
    with Stack(own_name("schemathesis"), workers=0, fresh=True, log_folder=folder) as stack:
        with client(stack.url, stack.admin_key) as admin:
            document = machine_to_document(plant.machine())
            assert admin.put("/v1/machines/press-07", json=document).status_code == 200
        yield stack.url, stack.admin_key


def _fuzz(target: tuple[str, str], folder: Path, *options: str) -> str:
    url, key = target
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{url}/openapi.json",
            "--checks=all",
            f"--exclude-checks={UNSAYABLE}",
            f"--exclude-path={STREAM}",
            "--exclude-path-regex=/v1/keys/",  # it would revoke the key that it calls with
            f"--header=Authorization: Bearer {key}",
            "--request-timeout=10",
            "--suppress-health-check=all",
            "--warnings=off",
            "--seed=1",
            "--no-color",
            *options,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    return done.stdout


def test_five_seconds_of_requests_from_the_schema_find_no_violation(target: tuple[str, str], tmp_path: Path) -> None:
    _fuzz(target, tmp_path, "--phases=fuzzing", "--max-time=5", "--max-examples=5")


@pytest.mark.trust("schemathesis")
@pytest.mark.timeout(1800)
def test_fifty_examples_an_operation_find_no_violation(target: tuple[str, str], tmp_path: Path) -> None:
    _fuzz(target, tmp_path, "--phases=examples,coverage,fuzzing", "--max-examples=50")
