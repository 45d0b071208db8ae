"""Hierarchy of errors that pdm raises; api/errors.py maps each to an HTTP status."""

from __future__ import annotations


class PdmError(Exception):
    """A request was rejected or an operation failed; the message gives what, where and why."""

    code = "error"

    def __init__(self, message: str, *, field: str | None = None, record: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.record = record


class ConfigurationError(PdmError):
    """The settings or the database server are not usable."""

    code = "configuration"


class ClusterError(PdmError):
    """The embedded database cluster could not be created, started or stopped."""

    code = "cluster"


class MigrationError(PdmError):
    """The database schema does not match the migrations."""

    code = "migration"


class InvalidInputError(PdmError):
    """The input of the caller is invalid."""

    code = "invalid-input"


class MalformedBodyError(InvalidInputError):
    """The body does not match its content type."""

    code = "malformed-body"


class BodyTooLargeError(InvalidInputError):
    """The body exceeds the limit."""

    code = "body-too-large"


class BodyTimeoutError(InvalidInputError):
    """The body did not arrive before the deadline."""

    code = "body-timeout"


class UnsupportedMediaError(InvalidInputError):
    """No decoder exists for the content type."""

    code = "unsupported-media-type"


class UnsupportedEncodingError(UnsupportedMediaError):
    """No decoder exists for the content encoding."""

    code = "unsupported-content-encoding"


class UnitError(InvalidInputError):
    """A unit is unknown, undeclared or does not belong to the quantity."""

    code = "unit"


class TimestampError(InvalidInputError):
    """A timestamp is not a possible time of measurement."""

    code = "timestamp"


class NotFoundError(PdmError):
    """The resource does not exist, or the caller has no access to it."""

    code = "not-found"


class ConflictError(PdmError):
    """The same key is already stored with different content, or the state does not allow the change."""

    code = "conflict"


class PreconditionError(PdmError):
    """The resource has changed since the caller read it."""

    code = "precondition-failed"


class PreconditionRequiredError(PdmError):
    """The request would overwrite a change by another caller; it must give the version that it has read."""

    code = "precondition-required"


class UnauthenticatedError(PdmError):
    """The request has no valid API key."""

    code = "unauthenticated"


class ForbiddenError(PdmError):
    """The role of the key does not allow the request."""

    code = "forbidden"


class UnavailableError(PdmError):
    """The database is not reachable; whether anything was stored is unknown."""

    code = "unavailable"


class RefusalError(PdmError):
    """The data are not sufficient for the requested result; the message gives the reason."""

    code = "refused"


class ModelError(PdmError):
    """A stored model is damaged or does not match the input of the prediction."""

    code = "model"


class UnreadableStateError(PdmError):
    """A stored analysis state is damaged or has another version; the features it was computed from are stored."""

    code = "unreadable-state"
