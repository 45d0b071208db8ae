"""What every answer shares: the page of a collection and the problem document."""

from __future__ import annotations

from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from pdm.words.similar import suggest

Item = TypeVar("Item")

# Times are written as RFC 3339 in UTC.
Time = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.isoformat().replace("+00:00", "Z"), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-01T10:00:00Z"]}),
]


class Answer(BaseModel):
    """An answer; what it was read from may hold more."""

    model_config = ConfigDict(extra="ignore", from_attributes=True)


def _kinds(declared: Any) -> set[Any]:
    """Return the types that a declaration allows, without what is noted beside them."""
    if get_origin(declared) is Annotated:
        return _kinds(get_args(declared)[0])
    if get_origin(declared) in (Union, UnionType):
        return set().union(*(_kinds(each) for each in get_args(declared)))
    return {declared}


class Question(BaseModel):
    """A request body; a member that does not exist is refused, for it is mostly a misspelt one."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_known_members(cls, value: Any) -> Any:
        """Refuse a member that does not exist, with the ones that do."""
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for name in value if isinstance(value, dict) else ():
            if name not in known:
                shown = str(name)[:64]
                raise PydanticCustomError(
                    "unknown_field", "is unknown; {hint}", {"name": shown, "hint": suggest(shown, known)}
                )
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _is_as_declared(cls, value: Any, about: ValidationInfo) -> Any:
        """Refuse a text that reads like a number, and a number that would do for a truth: the schema knows neither."""
        kinds = _kinds(cls.model_fields[about.field_name or ""].annotation)
        if kinds & {int, float} and kinds <= {int, float, type(None)} and isinstance(value, str | bool):
            raise ValueError("must be a number, not text or a boolean")
        if bool in kinds and kinds <= {bool, type(None)} and not isinstance(value, bool | None):
            raise ValueError("true or false")
        return value


class Page(Answer, Generic[Item]):
    """Part of a collection; `next_cursor` is null on the last page."""

    items: list[Item]
    next_cursor: str | None = None


class ProblemDocument(Answer):
    """What went wrong, as RFC 9457 has it; `field` and `record` say where."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:pdm:problem:not-found",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "there is no machine 'press-99'",
                    "code": "not-found",
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    record: int | None = None
    problems: list[dict[str, Any]] | None = None
    results: list[dict[str, Any]] | None = Field(None, description="One result a record, where records were sent.")
