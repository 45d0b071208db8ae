"""The tree of errors pdm raises on purpose; the HTTP status of each lives in api/errors.py."""

from __future__ import annotations


class PdmError(Exception):
    """Something was refused or failed; the message says what, where and why."""

    code = "error"

    def __init__(self, message: str, *, field: str | None = None, record: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.record = record


class ConfigurationError(PdmError):
    """The settings or the server pdm runs on are not usable."""

    code = "configuration"


class ClusterError(PdmError):
    """The embedded database cluster could not be made, started or stopped."""

    code = "cluster"


class MigrationError(PdmError):
    """The schema in the database is not one that these migrations lead to."""

    code = "migration"


class InvalidInputError(PdmError):
    """The caller sent something that cannot be accepted."""

    code = "invalid-input"


class MalformedBodyError(InvalidInputError):
    """The body is not what its content type says."""

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


class UnitError(InvalidInputError):
    """A unit is unknown, undeclared or not one of the quantity."""

    code = "unit"


class TimestampError(InvalidInputError):
    """A timestamp cannot be a time at which something was measured."""

    code = "timestamp"


class NotFoundError(PdmError):
    """The thing does not exist, or the caller may not know that it does."""

    code = "not-found"


class ConflictError(PdmError):
    """The same key is already stored with other content, or the state forbids the change."""

    code = "conflict"


class PreconditionError(PdmError):
    """The thing has changed since the caller read it."""

    code = "precondition-failed"


class PreconditionRequiredError(PdmError):
    """The call would write over what another has said; it must name the version that it has read."""

    code = "precondition-required"


class UnauthenticatedError(PdmError):
    """No valid API key came with the call."""

    code = "unauthenticated"


class ForbiddenError(PdmError):
    """The key's role does not allow the call."""

    code = "forbidden"


class UnavailableError(PdmError):
    """The database cannot be reached now; nothing is known to be stored."""

    code = "unavailable"


class RefusalError(PdmError):
    """The data cannot carry the answer asked for; the message says why."""

    code = "refused"


class ModelError(PdmError):
    """A stored model is damaged or does not fit what it is asked to predict."""

    code = "model"


class UnreadableStateError(PdmError):
    """A stored analysis state is damaged or of another version; the features behind it are stored."""

    code = "unreadable-state"
