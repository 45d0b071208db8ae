"""Use cases of the model registry: read, promote, roll back, export and import. This process parses no model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, NotFoundError
from pdm.prognosis.model.input_version import READS
from pdm.prognosis.model.model_file import pack_model, unpack_model
from pdm.service.platform.access import Caller
from pdm.service.prognosis.model_import import check_model
from pdm.store.acquisitions import receipt_views
from pdm.store.acquisitions.receipt_views import ModelCard, ModelSummary
from pdm.store.machines.renaming import present_fleet
from pdm.store.models import registry
from pdm.store.models.registry import ModelEvent

Pool = ConnectionPool[Any]


@dataclass(frozen=True)
class ModelHistory(ModelCard):
    """The card of a model and its events."""

    events: Sequence[ModelEvent]


def list_models(pool: Pool, *, before: int, limit: int, fleet: str | None) -> list[ModelSummary]:
    """Return models of remaining life, newest first."""
    with pool.connection() as conn:
        key = fleet and present_fleet(conn, fleet)
        return receipt_views.page_models(conn, before=before, limit=limit, fleet=key)


def read_model(pool: Pool, model_id: int) -> ModelHistory:
    """Return metrics, training data and events of a model; raises NotFoundError."""
    with pool.connection() as conn:
        found = receipt_views.find_model(conn, model_id)
        if found is None:
            raise NotFoundError(f"unknown model {model_id}")
        return ModelHistory(**vars(found), events=registry.fetch_events(conn, model_id))


def promote_for(pool: Pool, caller: Caller, model_id: int, *, reason: str, force: bool) -> ModelHistory:
    """Promote a model for a caller; raises ForbiddenError in addition to the errors of `promote`."""
    caller.require_every_site()
    return promote(pool, model_id, actor=caller.name, reason=reason, force=force)


def promote(pool: Pool, model_id: int, *, actor: str, reason: str, force: bool) -> ModelHistory:
    """Promote a model to champion of its fleet.

    It must have validated better than the champion, have served before, or be the first; `force` promotes any
    other model, with the given reason.

    Raises
    ------
    NotFoundError
        The model does not exist.
    ConflictError
        It is the champion already, uses indicators of a former version, or has not validated better and is not forced.
    """
    with pool.connection() as conn, conn.transaction():
        fleet, reads = registry.fetch_fleet(conn, model_id)
        card = receipt_views.find_model(conn, model_id)
        assert card is not None
        champion = registry.fetch_champion_ids(conn, [fleet]).get(fleet)
        if champion == model_id:
            raise ConflictError(f"model {model_id} is already the champion of fleet {fleet!r}")
        _refuse_unreadable(reads)
        has_served = any(event.kind == "promoted" for event in registry.fetch_events(conn, model_id))
        is_better = bool(card.metrics.get("comparison", {}).get("is_better"))
        if not (force or is_better or has_served or champion is None):
            raise ConflictError(
                f"model {model_id} has not validated better than the champion {champion}; use `force` with a "
                f"reason to promote it anyway"
            )
        registry.promote(conn, fleet, model_id, actor=actor, reason=reason)
    return read_model(pool, model_id)


def roll_back_for(pool: Pool, caller: Caller, fleet: str, *, reason: str) -> ModelHistory:
    """Roll back to the previous model for a caller; raises ForbiddenError in addition to the errors of `roll_back`."""
    caller.require_every_site()
    return roll_back(pool, fleet, actor=caller.name, reason=reason)


def roll_back(pool: Pool, fleet: str, *, actor: str, reason: str) -> ModelHistory:
    """Promote the previous champion again; returns it.

    Raises
    ------
    ConflictError
        The fleet has no previous champion, or that model uses indicators of a former version.
    """
    with pool.connection() as conn, conn.transaction():
        model_id = registry.roll_back(conn, present_fleet(conn, fleet), actor=actor, reason=reason)
        _refuse_unreadable(registry.fetch_fleet(conn, model_id)[1])
    return read_model(pool, model_id)


def export_model(pool: Pool, model_id: int) -> tuple[str, bytes]:
    """Return a name and the file of a model; raises NotFoundError, or ModelError if its bytes have changed."""
    with pool.connection() as conn:
        body, sha256 = registry.fetch_body(conn, model_id)
        card = receipt_views.find_model(conn, model_id)
    assert card is not None
    if hashlib.sha256(body).digest() != sha256:
        raise ConflictError(f"the stored bytes of model {model_id} are damaged; it cannot be exported")
    return f"{card.fleet}-v{card.version}.pdm-model", pack_model(body)


def import_model_for(pool: Pool, caller: Caller, fleet: str, file: bytes) -> ModelHistory:
    """Register a model from a file for a caller; raises ForbiddenError in addition to the errors of `import_model`."""
    caller.require_every_site()
    return import_model(pool, fleet, file, actor=caller.name)


def import_model(pool: Pool, fleet: str, file: bytes, *, actor: str) -> ModelHistory:
    """Register a model from a file as challenger of a fleet.

    Its checksum is verified first, then a child process with limits reads it. It is never promoted
    automatically, because its metrics are claims of its origin.

    Raises
    ------
    InvalidInputError
        The file is damaged or not a model, or the model is not sound.
    """
    body = unpack_model(file)
    checked = check_model(body)
    digest = hashlib.sha256(body).digest()
    claimed = {name: value for name, value in checked["metrics"].items() if name != "comparison"}
    card = registry.Card(checked["reads"], claimed, checked["trained_on"])
    with pool.connection() as conn, conn.transaction():
        reason = f"from a file with SHA-256 {digest.hex()}"
        key = present_fleet(conn, fleet)
        model_id, _ = registry.insert_body(conn, key, body, digest, card, kind="imported", actor=actor, reason=reason)
    return read_model(pool, model_id)


def _refuse_unreadable(reads: str) -> None:
    if reads != READS:
        raise ConflictError(f"the model reads {reads!r}, but this version of pdm computes {READS!r}")
