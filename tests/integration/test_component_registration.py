"""Components as plants describe them, through the API and the command: stored, shown, and what is not diagnosed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from psycopg_pool import ConnectionPool
from typer.testing import CliRunner

from pdm.cli.app import app
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from tests.integration.api_server import client, serve

SHEET = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398, "source": "maker's sheet"}
PUMP = {
    "key": "pump-1",
    "site": "seoul",
    "line": "cooling",
    "components": [
        {"key": "de", "kind": "bearing", "bearing": SHEET},
        {"key": "nde", "kind": "bearing", "bearing": "6205-2RS C3"},
        {"key": "old", "kind": "bearing"},
        {"key": "pump", "kind": "pump", "vanes": 6},
        {
            "key": "v-belt",
            "kind": "belt",
            "belt": {"length_mm": 2000.0, "driver_diameter_mm": 200.0, "driven_diameter_mm": 400.0},
        },
    ],
    "points": [{"key": "h", "quantity": "acceleration", "unit": "g", "sampling_rate_hz": 12800.0}],
}


@pytest.fixture
def caller(settings: Settings, pool: ConnectionPool[Any]) -> Iterator[httpx.Client]:
    key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as opened:
        opened.headers["X-Key"] = key
        yield opened


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_a_registration_answers_what_will_not_be_diagnosed(caller: httpx.Client, dry_run: str) -> None:
    one = caller.put("/v1/machines/pump-1", params={"dry_run": dry_run}, json=PUMP).json()
    assert one["outcome"] == "created"
    expected = [("old", "geometry-missing"), ("pump", "kind-not-diagnosed"), ("v-belt", "kind-not-diagnosed")]
    assert [(each["component"], each["code"]) for each in one["warnings"]] == expected
    assert "bpfo, bpfi, bsf, ftf" in one["warnings"][0]["message"]
    fleet = caller.post("/v1/fleet", params={"dry_run": dry_run}, json={"machines": [PUMP]}).json()
    assert fleet["machines"][0]["warnings"] == one["warnings"]


def test_a_machine_shows_what_its_components_were_described_by(caller: httpx.Client) -> None:
    assert caller.put("/v1/machines/pump-1", json=PUMP).status_code == 200
    shown = {each["component"]: each for each in caller.get("/v1/machines/pump-1").json()["components"]}
    assert shown["de"]["bearing"] == SHEET
    assert shown["nde"]["bearing"]["rolling_elements"] == 9
    assert shown["nde"]["bearing"]["source"].startswith("6205-2RS C3, row 6205: Case Western")
    assert (shown["old"]["bearing"], shown["pump"]["vanes"]) == (None, 6)
    assert shown["v-belt"]["belt"] == {"length": 2.0, "driver_diameter": 0.2, "driven_diameter": 0.4}
    assert caller.put("/v1/machines/pump-1", json=PUMP).json()["outcome"] == "unchanged"


@pytest.mark.parametrize(
    ("component", "field", "expected"),
    [
        ({"kind": "bearing", "bearing": SHEET | {"bsf": 4.714}}, "bearing.bsf", "2.357"),
        ({"kind": "bearing", "bearing": "6206-2RS"}, "bearing.designation", "close: 6205"),
        ({"kind": "impellor"}, "kind", "impeller"),
    ],
)
def test_a_component_that_cannot_be_is_a_problem_with_its_place(
    caller: httpx.Client, component: dict[str, Any], field: str, expected: str
) -> None:
    document = PUMP | {"components": [{"key": "c", **component}]}
    answer = caller.put("/v1/machines/pump-1", json=document)
    assert answer.status_code == 422
    assert answer.json()["field"] == f"components[0].{field}"
    assert expected in answer.json()["detail"]


def test_the_command_prints_what_will_not_be_diagnosed(caller: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(yaml.safe_dump({"machines": [PUMP]}), encoding="utf-8")
    options = ["--url", str(caller.base_url), "--key", caller.headers["X-Key"]]
    for more in (["--dry-run"], []):
        done = CliRunner().invoke(app, ["register", str(path), *options, *more])
        assert done.exit_code == 0
        assert "created    pump-1" in done.stdout
        assert "warning    pump-1, old: faults of outer race" in done.stdout


def test_an_import_prints_the_warnings_of_the_registration(caller: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump({"machines": [PUMP | {"timeline": "replay"}]}))
    (tmp_path / "pump-1").mkdir()
    samples = "\n".join(["h", *(f"{(place * 37) % 101 / 50 - 1:g}" for place in range(256))])
    (tmp_path / "pump-1" / "19990101T000000Z.csv").write_text(samples)
    options = ["import", str(tmp_path), "--url", str(caller.base_url), "--key", caller.headers["X-Key"]]
    printed = CliRunner().invoke(app, options)
    assert printed.exit_code == 0
    assert "warning    pump-1, old: faults of outer race" in printed.stdout
    assert "1 acquisitions of 1 machines sent" in printed.stdout
    assert caller.post("/v1/machines/pump-1/points/h/retire", json={"reason": "removed"}).status_code == 200
    again = CliRunner().invoke(app, [*options, "--json"])
    assert again.exit_code == 1
    document = json.loads(again.stdout)
    assert "point 'h' of machine 'pump-1' is retired" in document["left_out"][0]
    assert any(text.startswith("pump-1, old: faults of outer race") for text in document["warnings"])
    assert document["warnings"][-1].endswith("POST /v1/machines/pump-1/points/h/restore brings it back")
