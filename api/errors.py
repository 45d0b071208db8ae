"""Errors of the API: RFC 9457 problem documents, and the table from PdmError to HTTP status."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import orjson
import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout, TooManyRequests
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from api.language import spoken
from api.refusals import describe_problem
from pdm import errors
from pdm.alerts.documents.parser import InvalidRulesError
from pdm.words.catalogue import DEFAULT_LANGUAGE, messages

RETRY_AFTER_SECONDS = 1
PROBLEM_TYPE = "application/problem+json"
ACCEPTED_ENCODINGS = "gzip, deflate, zstd"  # of request bodies: `api.compression`

STATUS: Mapping[type[errors.PdmError], int] = {
    errors.UnauthenticatedError: 401,
    errors.ForbiddenError: 403,
    errors.NotFoundError: 404,
    errors.BodyTimeoutError: 408,
    errors.ConflictError: 409,
    errors.PreconditionError: 412,
    errors.BodyTooLargeError: 413,
    errors.UnsupportedMediaError: 415,
    errors.InvalidInputError: 422,
    errors.PreconditionRequiredError: 428,
    errors.RefusalError: 422,
    errors.UnavailableError: 503,
    errors.ModelError: 500,
    errors.PdmError: 500,
}

_log = logging.getLogger(__name__)


def status_of(error: errors.PdmError) -> int:
    """Return the HTTP status of an error: its own, or that of the nearest ancestor in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """Return a problem document; members of `more` that are None are omitted."""
    document = {
        "type": f"urn:pdm:problem:{code}",
        "title": _title(status, code),
        "status": status,
        "detail": detail,
        "code": code,
        **{name: value for name, value in more.items() if value is not None},
    }
    headers = {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if code == errors.UnsupportedEncodingError.code:
        headers["Accept-Encoding"] = ACCEPTED_ENCODINGS
    return Response(orjson.dumps(document, option=orjson.OPT_UTC_Z), status, headers, media_type=PROBLEM_TYPE)


def _title(status: int, code: str) -> str:
    """Return the HTTP phrase, or its translation in another language (RFC 9457, 3.1.3)."""
    translated = messages(spoken()).get(f"problem.{code}") if spoken() != DEFAULT_LANGUAGE else None
    return translated or HTTPStatus(status).phrase


def problem_of(error: errors.PdmError) -> Response:
    """Return the problem document of an error."""
    found = [asdict(each) for each in error.problems] if isinstance(error, InvalidRulesError) else None
    return problem(status_of(error), error.code, error.message, field=error.field, record=error.record, problems=found)


def install(app: FastAPI) -> None:
    """Register handlers so that every error is a problem document."""
    app.add_exception_handler(errors.PdmError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for away in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TooManyRequests):
        app.add_exception_handler(away, _away)
    for unstorable in (psycopg.DataError, UnicodeEncodeError):
        app.add_exception_handler(unstorable, _unstorable)
    app.add_exception_handler(Exception, _unexpected)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.PdmError)
    return problem_of(error)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [describe_problem(item) for item in error.errors()]
    first = found[0]
    detail = f"{first['field']}: {first['detail']}"
    if len(found) > 1:
        detail += f"; and {len(found) - 1} more in 'problems'"
    return problem(422, "invalid-input", detail, field=first["field"], problems=found)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    answer = problem(error.status_code, code, str(error.detail))
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_methods_of(request))
    return answer


def _methods_of(request: Request) -> list[str]:
    # a path has several routes; the framework lists only the methods of the first
    return [
        method
        for method in ("GET", "POST", "PUT", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]


def _away(_: Request, error: Exception) -> Response:
    _log.warning("database unavailable: %s", error)
    return problem(
        503, "unavailable", "database unavailable; storage is not confirmed; retry after Retry-After seconds"
    )


def _unstorable(_: Request, error: Exception) -> Response:
    _log.info("the database rejected a value: %s", error)
    return problem(422, "invalid-input", "a value is outside the range that can be stored")


def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "error", "internal error; the service log has the details")
