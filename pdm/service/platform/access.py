"""Access control: API keys with a role and sites."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, UnauthenticatedError
from pdm.store.machines import access
from pdm.store.machines.registration import fetch_site_keys

KEY_CACHE_SECONDS = 5.0
_MOST_CACHED = 4096
_PREFIX = "pdm_"


class Role(StrEnum):
    """The permission of a key; admin includes operate, which includes read. Ingest is separate."""

    INGEST = "ingest"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """The key of a request; `site_ids` is None if it is valid for every site."""

    key_id: int
    name: str
    role: Role
    site_ids: tuple[int, ...] | None

    def require(self, *roles: Role) -> None:
        """Raise ForbiddenError unless the key has one of the roles.

        Raises
        ------
        ForbiddenError
            The key has none of the roles.
        """
        if self.role not in roles:
            needed = " or ".join(roles)
            raise ForbiddenError(f"key {self.name!r} has the role {self.role}; this call requires {needed}")

    def require_every_site(self) -> None:
        """Raise ForbiddenError unless the key is valid for every site.

        Raises
        ------
        ForbiddenError
            The key is limited to some sites.
        """
        if self.site_ids is not None:
            raise ForbiddenError(f"key {self.name!r} is limited to some sites; this call requires a key for all sites")


@dataclass(frozen=True)
class NewKey(access.ListedKey):
    """A new key with its secret, which cannot be shown again."""

    secret: str = field(repr=False)


class KeyRing:
    """Cache of callers by the hash of their key, for a few seconds.

    A revoked key is therefore accepted for at most `KEY_CACHE_SECONDS` more; a new key is valid at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[bytes, tuple[Caller, float]] = {}

    def recall(self, key: str) -> Caller | None:
        """Return the caller from the cache, without a query of the database."""
        entry = self._known.get(_digest(key))
        return entry[0] if entry is not None and entry[1] > self._clock() else None

    def look_up(self, pool: ConnectionPool[Any], key: str) -> Caller:
        """Look up the key in the database and cache its caller.

        Raises
        ------
        UnauthenticatedError
            The value is not a valid key.
        """
        digest = _digest(key)
        with pool.connection() as conn:
            row = access.find_key(conn, digest)
        if row is None:
            self._known.pop(digest, None)
            raise UnauthenticatedError("this API key is unknown or was revoked")
        site_ids = None if row.site_ids is None else tuple(row.site_ids)
        caller = Caller(row.id, row.name, Role(row.role), site_ids)
        if len(self._known) >= _MOST_CACHED:
            self._known.clear()
        self._known[digest] = (caller, self._clock() + KEY_CACHE_SECONDS)
        return caller

    def forget(self) -> None:
        """Clear the cache."""
        self._known.clear()


def create_key(pool: ConnectionPool[Any], *, name: str, role: str, sites: Sequence[str] | None, actor: str) -> str:
    """Create an API key and return it; only its SHA-256 is stored, so it cannot be shown again.

    Raises
    ------
    InvalidInputError
        A site or the role is unknown.
    ConflictError
        A key of this name exists.
    """
    with pool.connection() as conn:
        return _create(conn, name, role, sites, actor).secret


def create_key_for(
    pool: ConnectionPool[Any], caller: Caller, *, name: str, role: str, sites: Sequence[str] | None
) -> NewKey:
    """Create a key for a caller and return it with its secret, which is shown only once.

    A caller that is limited to some sites can only create keys of those sites.
    """
    with pool.connection() as conn:
        if caller.site_ids is not None:
            if sites is None:
                raise ForbiddenError(f"key {caller.name!r} is limited to some sites: give the sites of the new key")
            with access.scoped(conn, caller.site_ids):
                visible = access.find_sites(conn, sites)
            _refuse_unknown_sites(sites, visible)
        return _create(conn, name, role, sites, caller.name)


def create_first_admin_key(conn: Connection[Any]) -> str | None:
    """Create the first admin key and return it, or None if a valid admin key exists."""
    if access.count_live_admins(conn):
        return None
    return _create(conn, f"first-admin-{secrets.token_hex(3)}", Role.ADMIN, None, "setup").secret


def list_keys(pool: ConnectionPool[Any], caller: Caller, *, before: int, limit: int) -> list[access.ListedKey]:
    """Return keys without their secrets, newest first; requires a key of every site."""
    caller.require_every_site()
    with pool.connection() as conn:
        return access.list_keys(conn, before, limit)


def revoke_key(pool: ConnectionPool[Any], caller: Caller, key_id: int) -> None:
    """Revoke a key.

    Raises
    ------
    NotFoundError
        The key does not exist.
    ConflictError
        It is the last admin key; no further key could be created.
    """
    caller.require_every_site()
    with pool.connection() as conn:
        name = access.revoke_key(conn, key_id)
        if name is None:
            raise NotFoundError(f"unknown key {key_id}")
        if access.count_live_admins(conn) == 0:
            raise ConflictError("the last admin key cannot be revoked; create another admin key first")
        access.insert_audit(conn, caller.name, "key.revoke", name)


def _create(conn: Connection[Any], name: str, role: str, sites: Sequence[str] | None, actor: str) -> NewKey:
    if role not in set(Role):
        raise InvalidInputError(f"role {role!r} is not a role; allowed: {', '.join(Role)}", field="role")
    site_ids = None
    if sites is not None:
        found = access.find_sites(conn, sites)
        _refuse_unknown_sites(sites, found)
        site_ids = sorted(found.values())
    secret = _PREFIX + secrets.token_urlsafe(32)
    row = access.insert_key(conn, name, role, site_ids, _digest(secret))
    if row is None:
        raise ConflictError(f"a key named {name!r} exists already; use another name", field="name")
    access.insert_audit(conn, actor, "key.create", name, role=role, sites=None if sites is None else list(sites))
    named = None if site_ids is None else sorted(fetch_site_keys(conn, site_ids))
    return NewKey(row.id, row.name, row.role, row.created_at, row.revoked_at, named, secret)


def _refuse_unknown_sites(sites: Sequence[str], known: dict[str, int]) -> None:
    for site in sites:
        if site not in known:
            raise InvalidInputError(f"site {site!r} is unknown", field="sites")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
