"""Additions to the OpenAPI document: authentication and errors."""

from __future__ import annotations

from threading import Lock
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.schemas.pages import ProblemDocument
from pdm.ingest.fleet_file import MachineForm

_MEANINGS = {
    400: "The body cannot be read at all.",
    401: "No valid API key.",
    403: "The key's role does not allow it.",
    404: "Not found, or not visible for this key.",
    408: "The body did not arrive in time.",
    409: "Something else is stored under the same key, or the state forbids it.",
    412: "It has changed since it was read.",
    413: "The body is too large.",
    415: "The content type or the content encoding is not accepted.",
    422: "Something that was sent cannot be accepted; the field is named.",
    428: "The call must name, with If-Match, the version that was read.",
    503: "Database unavailable; retry after Retry-After seconds.",
}
_CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": _CONTENT} for status, meaning in _MEANINGS.items()
}


def describe(app: FastAPI) -> None:
    """Serve the OpenAPI document, with the security schemes and the problem document.

    It is made once, at the first request, in a thread: that takes seconds on a busy host, in which other requests are
    answered.
    """
    making = Lock()

    def document() -> dict[str, Any]:
        with making:
            if app.openapi_schema is None:
                app.openapi_schema = _made(app)
            return app.openapi_schema

    def answer(_: Request) -> Response:
        return JSONResponse(document())

    app.openapi = document  # type: ignore[method-assign]
    app.add_route("/openapi.json", answer, include_in_schema=False)


def _made(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    parts = made.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    schemas["ProblemDocument"] = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    parts["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: pdm_..."},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    _describe_registration(made, schemas)
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _secure(path, operation)
    return made


def _describe_registration(made: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add the schema of machine documents from their parser, the same for JSON and YAML."""
    (machine,), forms = msgspec.json.schema_components([MachineForm], ref_template="#/components/schemas/{name}")
    schemas.update(forms)
    fleet = {
        "type": "object",
        "required": ["machines"],
        "additionalProperties": False,
        "properties": {"machines": {"type": "array", "items": machine}},
    }
    for path, method, schema in (("/v1/machines/{machine}", "put", machine), ("/v1/fleet", "post", fleet)):
        made["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"] = schema


def _secure(path: str, operation: dict[str, Any]) -> None:
    if path == "/v1/messages/{language}":
        operation["responses"] = {
            status: response for status, response in operation["responses"].items() if status in {"200", "422"}
        }
        return
    if path.startswith("/v1/"):
        operation["security"] = [{"bearer": []}, {"header": []}]
        return
    kept = {"200", "503"} if path == "/readyz" else {"200"}
    operation["responses"] = {status: response for status, response in operation["responses"].items() if status in kept}
