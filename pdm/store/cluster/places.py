"""Folders of an embedded cluster, and its PostgreSQL installation."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from pdm.errors import ClusterError

DATABASE = "pdm"
OWNER = "postgres"  # PostgreSQL does not run as root, so clusters of root use this account
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,23}")
_SOCKET_PATH_LIMIT = 107  # bytes of sockaddr_un.sun_path on Linux, without its final zero
_INSTALLATIONS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")


@dataclass(frozen=True)
class Places:
    """The folders of one cluster and the account that owns its processes (None: the caller's own).

    `identity` differs between checkouts and names; it is in the title of each of the cluster's processes.
    """

    identity: str
    data: Path
    sockets: Path
    owner: str | None

    @property
    def log(self) -> Path:
        """Return the server's log file."""
        return self.data.with_name(f"{self.data.name}.log")

    @property
    def lock(self) -> Path:
        """Return the file whose lock shows that a process uses the cluster."""
        return self.data.with_name(f"{self.data.name}.lock")

    def make_folders(self) -> None:
        """Create the folders above the data, and the socket folder, which only the owner can enter.

        Raises
        ------
        ClusterError
            A folder cannot be created, or belongs to another account.
        """
        try:
            self.data.parent.mkdir(parents=True, exist_ok=True)
            self.sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.owner:
                shutil.chown(self.sockets, self.owner, self.owner)
            expected = pwd.getpwnam(self.owner).pw_uid if self.owner else os.geteuid()
            if self.sockets.stat().st_uid != expected:
                raise ClusterError(f"{self.sockets} belongs to another user; remove it")
            self.sockets.chmod(0o700)
        except (OSError, LookupError) as error:
            raise ClusterError(f"cannot prepare the cluster's folders: {error}; run `make setup`") from error

    def remove(self) -> None:
        """Delete the data, the log and the socket folder, and the folders above them that are then empty."""
        for folder in (self.data, self.sockets):
            if folder.exists():
                shutil.rmtree(folder)
        self.log.unlink(missing_ok=True)
        self.lock.unlink(missing_ok=True)
        for folder in (self.data.parent, self.sockets.parent):
            with contextlib.suppress(OSError):  # another cluster uses it
                folder.rmdir()


def find_places(name: str, checkout: Path) -> Places:
    """Return the folders of the cluster `name` of a checkout.

    As root that is /var/lib/pdm/<hash>/<name> with its socket under /run/pdm-<hash>, because PostgreSQL must run
    as another account, which cannot enter a closed home. Otherwise it follows XDG_STATE_HOME and XDG_RUNTIME_DIR.

    Raises
    ------
    ClusterError
        The name is not allowed, or the path of the socket would exceed the limit of the kernel.
    """
    if not _NAME.fullmatch(name):
        raise ClusterError(
            f"cluster name {name!r}: must consist of at most 24 lower-case letters, digits, '-' and '_'", field="name"
        )
    mark = hashlib.sha256(os.fsencode(checkout.resolve())).hexdigest()[:10]
    if os.geteuid() == 0:
        state, runtime, owner = Path("/var/lib/pdm"), Path("/run"), OWNER
    else:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "pdm"
        runtime, owner = _runtime_folder(), None
    sockets = runtime / f"pdm-{mark}" / name
    if len(os.fsencode(sockets / ".s.PGSQL.5432")) > _SOCKET_PATH_LIMIT:
        raise ClusterError(f"the socket path under {runtime} is too long: set XDG_RUNTIME_DIR to a short one")
    return Places(identity=f"pdm-{mark}-{name}", data=state / mark / name, sockets=sockets, owner=owner)


def find_installation(data: Path) -> Path:
    """Return the bin folder of the newest PostgreSQL that has TimescaleDB, or of the one that created `data`.

    Raises
    ------
    ClusterError
        None is installed; the message lists what is missing.
    """
    folders = [folder for pattern in _INSTALLATIONS for folder in Path("/").glob(pattern.lstrip("/"))]
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    servers = {_major(folder): folder for folder in folders if (folder / "initdb").exists()}
    if not servers:
        raise ClusterError("PostgreSQL's server programs (initdb) are not installed: run `make setup`")
    usable = {major: folder for major, folder in servers.items() if _has_timescaledb(major, folder)}
    if not usable:
        versions = ", ".join(str(major) for major in sorted(servers))
        raise ClusterError(f"PostgreSQL {versions} is installed without TimescaleDB: run `make setup`")
    version_file = data / "PG_VERSION"
    if not version_file.exists():
        return usable[max(usable)]
    made_by = int(version_file.read_text())
    if made_by not in usable:
        raise ClusterError(
            f"{data} was created by PostgreSQL {made_by}, which is not installed with TimescaleDB: install it, "
            f"or dump the data and remove the folder"
        )
    return usable[made_by]


def _runtime_folder() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and os.access(given, os.W_OK):
        return Path(given)
    folder = Path(f"/tmp/pdm-{os.geteuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise ClusterError(f"{folder} belongs to another user: set XDG_RUNTIME_DIR")
    return folder


def _major(folder: Path) -> int:
    numbers = re.findall(r"(\d+)", folder.parent.name)
    return int(numbers[-1]) if numbers else 0


def _has_timescaledb(major: int, folder: Path) -> bool:
    shares = (Path(f"/usr/share/postgresql/{major}"), folder.parent / "share", folder.parent / "share" / "postgresql")
    return any((share / "extension" / "timescaledb.control").exists() for share in shares)
