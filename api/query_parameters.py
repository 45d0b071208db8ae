"""Query parameters of all routes: unknown and repeated ones, and empty ranges of time, are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from api.dependencies import Moment, authenticate
from pdm.errors import InvalidInputError
from pdm.words.similar import suggest

RANGES = (("from", "to"), ("since", "until"))
PUBLIC = frozenset({"/v1/messages/{language}"})
_MOMENT = TypeAdapter(Moment)


async def check_query(request: Request) -> None:
    """Refuse query parameters that a route of the API does not have; a caller without a key is refused first.

    A parameter that is not recognised would otherwise be dropped, and the answer be that of another question.

    Raises
    ------
    InvalidInputError
        A parameter is unknown or repeated, or a range of time ends before it starts.
    """
    route = request.scope["route"]
    if not request.scope["query_string"] or not isinstance(route, APIRoute) or not route.path_format.startswith("/v1/"):
        return
    error = find_problem(request.query_params.multi_items(), query_names(route))
    if error is None:
        return
    if route.path_format not in PUBLIC:
        await authenticate(request)
    raise error


def query_names(route: APIRoute) -> list[str]:
    """Return the names of the query parameters of a route, with those of its dependencies."""
    return [param.alias for param in get_flat_params(route.dependant) if isinstance(param.field_info, Query)]


def find_problem(sent: Sequence[tuple[str, str]], known: Collection[str]) -> InvalidInputError | None:
    """Return why query parameters are refused, or None.

    Parameters
    ----------
    sent : sequence of (name, value)
    known : collection of str
        The parameters of the route.
    """
    for name, number in Counter(name for name, _ in sent).items():
        shown = name[:64]
        if name not in known:
            hint = suggest(name, known) if known else "this route has none"
            return InvalidInputError(f"unknown query parameter {shown!r}; {hint}", field=shown)
        if number > 1:
            return InvalidInputError(f"query parameter {shown!r} is given {number} times; give it once", field=shown)
    values = dict(sent)
    for first, last in RANGES:
        if first in values and last in values and first in known:
            start, end = _moment(values[first]), _moment(values[last])
            if start is not None and end is not None and start >= end:
                return InvalidInputError(
                    f"{first!r} ({start.isoformat()}) must be before {last!r} ({end.isoformat()})", field=first
                )
    return None


def _moment(text: str) -> datetime | None:
    """Return a time, or None for a text that the route itself refuses."""
    try:
        return _MOMENT.validate_python(text)
    except ValidationError:
        return None
