"""Cursor pagination: a page ends at a place, and the next starts there, also if rows were added in the meantime."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson

from pdm.errors import InvalidInputError

START_OF_TIME = datetime(1, 1, 2, tzinfo=UTC)
END_OF_TIME = datetime(9999, 12, 30, tzinfo=UTC)
LAST_UUID = UUID(int=2**128 - 1)
LAST_ID = 2**63 - 1

Place = TypeVar("Place", bound=tuple[Any, ...])


def page(rows: Sequence[object], limit: int, *keys: str) -> dict[str, Any]:
    """Return a page of the first `limit` rows; `rows` has one more row if there is a next page."""
    items = list(rows[:limit])
    has_more = len(rows) > limit
    return {"items": items, "next_cursor": encode([getattr(items[-1], key) for key in keys]) if has_more else None}


def encode(place: Sequence[Any]) -> str:
    """Return a place as an opaque text."""
    return base64.urlsafe_b64encode(orjson.dumps(list(place))).rstrip(b"=").decode()


def decode(cursor: str | None, first: Place) -> Place:
    """Return the place of a cursor, or `first` without a cursor.

    Raises
    ------
    InvalidInputError
        The text is not a cursor of this collection: its parts do not have the types of `first`.
    """
    if cursor is None:
        return first
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
        if not isinstance(parts, list) or len(parts) != len(first):
            raise ValueError("not the parts of a cursor")
        return type(first)(_part(part, kind) for part, kind in zip(parts, first, strict=True))
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidInputError(
            "invalid cursor; use the next_cursor of a page of this collection", field="cursor"
        ) from None


def _part(part: object, kind: object) -> Any:
    if isinstance(kind, datetime) and isinstance(part, str):
        return datetime.fromisoformat(part).astimezone(UTC)
    if isinstance(kind, UUID) and isinstance(part, str):
        return UUID(part)
    if type(part) is not type(kind) or (isinstance(part, int) and not -LAST_ID <= part <= LAST_ID):
        raise ValueError("not a part of a cursor")
    if isinstance(part, str) and "\x00" in part:
        raise ValueError("not a part of a cursor")
    return part
