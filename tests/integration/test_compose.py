"""deploy/compose.yaml is what Docker Compose accepts, and needs a password to be given."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def _compose() -> list[str]:
    if (
        shutil.which("docker")
        and not subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode
    ):
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("neither `docker compose` nor `docker-compose` is installed: `make setup`")


def _config(**variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "POSTGRES_PASSWORD"}
    return subprocess.run(
        [*_compose(), "-f", "deploy/compose.yaml", "config"],
        check=False, cwd=ROOT, env={**environment, **variables}, capture_output=True, text=True,
    )  # fmt: skip


def test_compose_accepts_the_file_and_everything_waits_for_the_migration() -> None:
    done = _config(POSTGRES_PASSWORD="a-secret")
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    assert set(services) == {"database", "migrate", "api", "worker"}
    for name in ("api", "worker"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert "healthcheck" in services["api"]


def test_compose_refuses_to_start_without_a_password() -> None:
    done = _config()
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr


def test_the_file_holds_no_secret_and_pins_every_image() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    for service in services.values():
        name, _, tag = service["image"].rpartition(":")
        assert name
        assert tag[0].isdigit(), "an image is pinned by its version"
        assert all(value.startswith("${") for key, value in service["environment"].items() if "PASSWORD" in key)
