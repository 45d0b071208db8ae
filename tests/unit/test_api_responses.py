"""How the API tells errors, pages and times; no database."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest
from pydantic import TypeAdapter, ValidationError

from api import paging
from api.dependencies import Moment
from api.errors import STATUS, problem_of, status_of
from api.stream import encode_event, parse_place
from pdm import errors
from pdm.service.platform.access import Caller, Role


def _descendants(kind: type[errors.PdmError]) -> set[type[errors.PdmError]]:
    return {kind}.union(*(_descendants(child) for child in kind.__subclasses__()))


def test_every_error_has_a_status() -> None:
    for kind in _descendants(errors.PdmError):
        assert 400 <= status_of(kind.__new__(kind)) < 600


def test_what_the_sender_can_mend_is_never_a_5xx() -> None:
    for kind in _descendants(errors.InvalidInputError):
        assert 400 <= status_of(kind("told")) < 500


def test_every_entry_of_the_table_is_an_error_of_ours() -> None:
    assert all(issubclass(kind, errors.PdmError) for kind in STATUS)


def test_an_away_database_says_when_to_come_back() -> None:
    answer = problem_of(errors.UnavailableError("away"))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.media_type == "application/problem+json"


def test_a_missing_key_says_how_to_authenticate() -> None:
    assert problem_of(errors.UnauthenticatedError("who")).headers["www-authenticate"] == "Bearer"


def test_a_cursor_leads_back_to_its_place() -> None:
    place = (datetime(2026, 11, 1, 10, tzinfo=UTC), uuid4())
    assert paging.decode(paging.encode(place), (paging.END_OF_TIME, paging.LAST_UUID)) == place


def test_a_page_without_a_next_has_no_cursor() -> None:
    rows = [SimpleNamespace(id=1), SimpleNamespace(id=2)]
    assert paging.page(rows, 2, "id") == {"items": rows, "next_cursor": None}
    assert paging.page(rows, 1, "id")["next_cursor"] is not None


@pytest.mark.parametrize("cursor", ["", "x", "////", "bnVsbA", paging.encode(["a"]), paging.encode([1, 2]), "é"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(errors.InvalidInputError) as refused:
        paging.decode(cursor, (paging.LAST_ID,))
    assert refused.value.field == "cursor"


@pytest.mark.parametrize(
    "text", ["2026-11-01", "1761991200", "2026-11-01T10:00:00", "yesterday", "9999-12-31T23:59:59-12:00", 1, None]
)
def test_a_time_without_date_or_offset_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(text)


def test_a_time_with_an_offset_becomes_utc() -> None:
    found = TypeAdapter(Moment).validate_python("2026-11-01T19:00:00+09:00")
    assert found == datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, "", "5", "a-b", "1-", "-1", "1-2-3", "9" * 40 + "-1"])
def test_a_foreign_last_event_id_is_no_place(text: str | None) -> None:
    assert parse_place(text) is None


def test_an_event_id_is_the_place_to_resume_from() -> None:
    frame = encode_event({"transaction": "17", "id": 4, "site_id": 1, "kind": "opened"}).decode()
    assert frame.startswith("id: 17-4\nevent: alert\ndata: {")
    assert "site_id" not in frame
    assert parse_place("17-4") == (17, 4)


def test_a_role_that_is_not_named_is_refused() -> None:
    caller = Caller(1, "gateway", Role.INGEST, None)
    caller.require(Role.INGEST, Role.ADMIN)
    with pytest.raises(errors.ForbiddenError, match="gateway"):
        caller.require(Role.READ)
