"""What no route accepts: unknown, repeated and contradicting parameters, unknown fields; each is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from psycopg_pool import ConnectionPool

from api.app import create
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from tests.integration import plant
from tests.integration.api_server import client, serve

RANGES = [("from", "to"), ("since", "until")]
PLACES = {"measured_at": "2026-10-01T00:00:00Z", "language": "en", "machine": "press-07", "point": "de-h"}
UUID = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def caller(settings: Settings, pool: ConnectionPool[Any]) -> Iterator[httpx.Client]:
    with pool.connection() as conn:
        plant.register(conn, plant.machine())
    key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as opened:
        yield opened


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create(Settings()).openapi()


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation of the API with an address that has the form of one of its own."""
    for path, methods in document["paths"].items():
        if not path.startswith("/v1/"):
            continue
        for method, operation in methods.items():
            of_path = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            places = {
                name: PLACES.get(name, UUID if schema.get("format") == "uuid" else "1")
                for name, schema in of_path.items()
            }
            yield method.upper(), path.format(**places), operation


def _query_names(operation: dict[str, Any]) -> list[str]:
    return [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]


def test_every_route_refuses_an_unknown_query_parameter_and_names_those_that_it_has(
    caller: httpx.Client, document: dict[str, Any]
) -> None:
    for method, path, operation in _operations(document):
        answer = caller.request(method, path, params={"colour": "red"})
        assert (answer.status_code, answer.json().get("field")) == (422, "colour"), f"{method} {path}: {answer.text}"
        for name in _query_names(operation) or ["this route has none"]:
            assert name in answer.json()["detail"], f"{method} {path}"


def test_every_route_refuses_a_range_that_ends_before_it_starts(caller: httpx.Client, document: dict[str, Any]) -> None:
    seen, wrong = 0, []
    for method, path, operation in _operations(document):
        for first, last in RANGES:
            if {first, last} <= set(_query_names(operation)):
                seen += 1
                sent = {first: "2026-10-02T00:00:00Z", last: "2026-10-01T00:00:00Z"}
                answer = caller.request(method, path, params=sent)
                if (answer.status_code, answer.json().get("field")) != (422, first):
                    wrong.append((method, path, answer.status_code))
    assert seen >= 7
    assert wrong == []


def test_every_body_refuses_an_unknown_field_with_the_known_ones(
    caller: httpx.Client, document: dict[str, Any]
) -> None:
    schemas = document["components"]["schemas"]
    wrong = []
    for method, path, operation in _operations(document):
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        references = [each["$ref"] for each in [schema, *schema.get("anyOf", ())] if "$ref" in each]
        name = references[0].rpartition("/")[2] if references else ""
        if not name or name == "MachineForm":
            continue  # `pdm.ingest` reads acquisitions and machines
        answer = caller.request(method, path, json={"colour": 1}, headers={"If-Match": "*"})
        body = answer.json()
        is_named = all(each in body["detail"] for each in list(schemas[name]["properties"])[:12])
        if (answer.status_code, body.get("field"), is_named) != (422, "colour", True):
            wrong.append((method, path, answer.status_code, body.get("detail")))
    assert wrong == []


def test_a_misspelt_name_is_answered_with_the_right_one(caller: httpx.Client) -> None:
    def detail(path: str, **sent: Any) -> str:
        answer = caller.get(path, params=sent)
        assert answer.status_code in (404, 422), answer.text
        return str(answer.json()["detail"])

    assert "did you mean 'severity'?" in detail("/v1/alerts", severty="critical")
    assert "given 2 times" in detail("/v1/alerts", limit=["1", "2"])
    names = detail("/v1/machines/press-07/features/de-h", names="rsm")
    assert "did you mean 'rms'" in names
    assert len(names) < 200
    assert "did you mean 'press-07'?" in detail("/v1/machines/pres-07")
    assert "'de-v' or 'de-h'?" in detail("/v1/machines/press-07/features/de-g")
    record = {"machine": "press-07", "measured_at": "2026-10-01T00:00:00Z", "context": {"speed_rmp": 1780.0}}
    sent = caller.post("/v1/acquisitions", json={"acquisitions": [record]}).json()
    assert "did you mean 'speed_rpm'" in sent["detail"]


def test_refusals_say_what_is_allowed_without_the_words_of_a_library(caller: httpx.Client) -> None:
    hold = {"machine": "press-07", "kind": "suppresed", "ends_at": "2026-10-01"}
    sent = {
        "/v1/holds": hold,
        "/v1/keys": {"role": 7, "sites": "busan"},
        "/v1/subscriptions": {"name": "", "url": "example.com"},
        "/v1/rules": {"scope": "al", "document": []},
    }
    for path, body in sent.items():
        problems = caller.post(path, json=body).json()["problems"]
        for problem in problems:
            assert (
                re.search(r"Value error|Input should|should match|Field required|valid dictionary", problem["detail"])
                is None
            )
    (kind,) = [each for each in caller.post("/v1/holds", json=hold).json()["problems"] if each["field"] == "kind"]
    assert kind["detail"].startswith(
        "is unknown; did you mean 'suppressed'? allowed: suppressed, out-of-service, shelved"
    )
    assert "2026-10-01" in str(caller.post("/v1/holds", json=hold).json()["problems"])


def test_a_rule_that_does_not_exist_cannot_be_switched_off(caller: httpx.Client) -> None:
    def put(off: str, scope: str = "machine", target: str = "press-07") -> httpx.Response:
        document = {"off": [off]}
        return caller.post("/v1/rules", json={"scope": scope, "target": target, "document": document, "reason": "x"})

    for refused in (put("life-warnng"), caller.post("/v1/rules/check", json={"document": {"off": ["life-warnng"]}})):
        assert refused.status_code == 422
        (problem,) = refused.json()["problems"]
        assert (problem["place"], "did you mean 'life-warning'" in problem["reason"]) == ("off[0]", True)
    assert put("oil-hot").status_code == 422
    hot = {
        "key": "oil-hot",
        "kind": "threshold",
        "signal": {"quantity": "temperature"},
        "above": "80 degC",
        "deadband": "2 K",
    }
    made = caller.post("/v1/rules", json={"scope": "all", "document": {"rules": [hot]}, "reason": "x"})
    assert made.status_code == 201, made.text
    assert put("oil-hot").status_code == 201, "a rule of a wider scope"
