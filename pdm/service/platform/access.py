"""Who calls, and what they may do: API keys with a role and sites."""

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

KEY_CACHE_SECONDS = 5.0
_MOST_CACHED = 4096
_PREFIX = "pdm_"


class Role(StrEnum):
    """What a key may do; admin includes operate, which includes read. Ingest stands apart."""

    INGEST = "ingest"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """The key that a call came with; `site_ids` is None where it holds for every site."""

    key_id: int
    name: str
    role: Role
    site_ids: tuple[int, ...] | None

    def require(self, *roles: Role) -> None:
        """Return if the key has one of the roles.

        Raises
        ------
        ForbiddenError
            It has none of them.
        """
        if self.role not in roles:
            needed = " or ".join(roles)
            raise ForbiddenError(f"key {self.name!r} has the role {self.role}; this call requires {needed}")

    def require_every_site(self) -> None:
        """Return if the key holds for every site.

        Raises
        ------
        ForbiddenError
            It is limited to some sites.
        """
        if self.site_ids is not None:
            raise ForbiddenError(f"key {self.name!r} is limited to some sites; this call requires a key for all sites")


@dataclass(frozen=True)
class NewKey(access.ListedKey):
    """A key that was just made, with the secret that can never be shown again."""

    secret: str = field(repr=False)


class KeyRing:
    """Callers by the hash of their key, remembered for a few seconds.

    A revoked key is therefore accepted for at most `KEY_CACHE_SECONDS` more, and a new key counts at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[bytes, tuple[Caller, float]] = {}

    def recall(self, key: str) -> Caller | None:
        """Return the caller if the key was looked up within the last seconds; no database is asked."""
        entry = self._known.get(_digest(key))
        return entry[0] if entry is not None and entry[1] > self._clock() else None

    def look_up(self, pool: ConnectionPool[Any], key: str) -> Caller:
        """Ask the database whose key this is, and remember it.

        Raises
        ------
        UnauthenticatedError
            No live key has this value.
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
        """Ask the database again for every key."""
        self._known.clear()


def create_key(pool: ConnectionPool[Any], *, name: str, role: str, sites: Sequence[str] | None, actor: str) -> str:
    """Make an API key and return it; only its SHA-256 is kept, so it can never be shown again.

    Raises
    ------
    InvalidInputError
        A site is unknown, or the role is none.
    ConflictError
        A key of this name exists.
    """
    with pool.connection() as conn:
        return _create(conn, name, role, sites, actor).secret


def create_key_for(
    pool: ConnectionPool[Any], caller: Caller, *, name: str, role: str, sites: Sequence[str] | None
) -> NewKey:
    """Make a key on a caller's behalf and return it with its secret, shown this once.

    A caller that is limited to some sites can only make keys of those sites.
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
    """Make the first admin key and return it, or None where a live admin key exists."""
    if access.count_live_admins(conn):
        return None
    return _create(conn, f"first-admin-{secrets.token_hex(3)}", Role.ADMIN, None, "setup").secret


def list_keys(pool: ConnectionPool[Any], caller: Caller, *, before: int, limit: int) -> list[access.ListedKey]:
    """Return keys without their secrets, newest first; needs a key of every site."""
    caller.require_every_site()
    with pool.connection() as conn:
        return access.list_keys(conn, before, limit)


def revoke_key(pool: ConnectionPool[Any], caller: Caller, key_id: int) -> None:
    """Stop accepting a key.

    Raises
    ------
    NotFoundError
        There is no such key.
    ConflictError
        It is the last admin key: nobody could make another.
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
    named = None if sites is None else sorted(set(sites))
    return NewKey(row.id, row.name, row.role, row.created_at, row.revoked_at, named, secret)


def _refuse_unknown_sites(sites: Sequence[str], known: dict[str, int]) -> None:
    for site in sites:
        if site not in known:
            raise InvalidInputError(f"site {site!r} is unknown", field="sites")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
