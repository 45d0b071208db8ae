"""The embedded PostgreSQL + TimescaleDB cluster of the project, so that no external database is required."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pdm.errors import ClusterError
from pdm.store.cluster.places import DATABASE, OWNER, find_installation, find_places
from pdm.store.cluster.processes import end_all, find_postmaster, find_processes, send

_START_SECONDS = 120  # crash recovery of a few GB of WAL included
_STOP_SECONDS = 30

# For a small machine of two cores. The settings that protect acknowledged data (fsync, full_page_writes,
# synchronous_commit) keep the defaults of PostgreSQL, which are on.
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "120",
    "shared_preload_libraries": "timescaledb",
    "timescaledb.max_background_workers": "4",
    "timescaledb.telemetry_level": "off",
    "max_worker_processes": "16",
    "max_parallel_workers_per_gather": "0",  # the cores are for the workers
    "max_locks_per_transaction": "256",  # a query may touch many chunks
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "wal_compression": "lz4",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",  # compilation takes longer than these short queries
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_lock_waits": "on",
}


class EmbeddedCluster:
    """One PostgreSQL + TimescaleDB cluster of a checkout, by name; a context manager.

    A cluster has one user at a time: a second `start` while another process uses it raises ClusterError. The next
    `start` cleans up after a killed run (a running server, a stale postmaster.pid).

    Parameters
    ----------
    name : str
        Name of the cluster, such as 'demo' or 'test'.
    checkout : Path, optional
        Folder of the checkout; default: the one of this package.
    settings : Mapping[str, str], optional
        PostgreSQL settings that override those of the project.

    Raises
    ------
    ClusterError
        The name is not allowed.
    """

    def __init__(self, name: str, *, checkout: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._places = find_places(name, checkout or Path(__file__).parents[3])
        self._settings = {**_SETTINGS, **(settings or {})}
        self._lock: IO[str] | None = None

    def start(self) -> str:
        """Start the server, create the cluster and its database if missing, and return the DSN.

        Raises
        ------
        ClusterError
            PostgreSQL or TimescaleDB is missing, the cluster is in use, or the server did not start.
        """
        programs = find_installation(self._places.data)
        self._take_lock()
        try:
            self._end_leftovers()
            if not (self._places.data / "PG_VERSION").exists():
                self._initialise(programs)
            self._write_configuration()
            self._launch(programs)
            self._make_database()
        except BaseException:
            self.stop()
            raise
        return self._dsn(DATABASE)

    def stop(self) -> None:
        """Stop the server if it runs; the data is kept.

        Raises
        ------
        ClusterError
            A living process other than this one uses the cluster, or it could not be stopped.
        """
        self._take_lock()
        try:
            self._end_leftovers()
        finally:
            self._release_lock()

    def destroy(self) -> None:
        """Stop the server and delete its data.

        Raises
        ------
        ClusterError
            A living process other than this one uses the cluster, or the data could not be deleted.
        """
        self._take_lock()
        try:
            self._end_leftovers()
            self._places.remove()
        except OSError as error:
            raise ClusterError(f"cannot delete the cluster {self.name!r}: {error}") from error
        finally:
            self._release_lock()

    @property
    def is_running(self) -> bool:
        """Whether the server of the cluster runs, also if another process started it."""
        return find_postmaster(self._places) is not None

    @property
    def postmaster_pid(self) -> int | None:
        """Return the process id of the server's first process; None if it does not run."""
        return find_postmaster(self._places)

    @property
    def data(self) -> Path:
        """Return the data folder."""
        return self._places.data

    def kill(self) -> None:
        """End the postmaster with SIGKILL, as a crash would; `start` recovers.

        Raises
        ------
        ClusterError
            It does not run.
        """
        process_id = self.postmaster_pid
        if process_id is None:
            raise ClusterError(f"the cluster {self.name!r} is not running")
        send(signal.SIGKILL, [process_id])
        _wait_until_gone(process_id)

    def freeze(self) -> None:
        """Suspend all processes of the server: connections remain open without a response."""
        send(signal.SIGSTOP, find_processes(self._places))

    def thaw(self) -> None:
        """Resume a suspended server."""
        send(signal.SIGCONT, find_processes(self._places))

    def __enter__(self) -> EmbeddedCluster:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def dsn(self) -> str:
        """Return the DSN of the cluster's own database."""
        return self._dsn(DATABASE)

    def _dsn(self, database: str) -> str:
        return make_conninfo("", host=str(self._places.sockets), user=OWNER, dbname=database)

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self._places.make_folders()
        lock = self._places.lock.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise ClusterError(
                f"the cluster {self.name!r} of this checkout is already in use by process {holder}"
            ) from error
        if not _is_same_file(lock, self._places.lock):  # its last user deleted the cluster in the meantime
            lock.close()
            self._take_lock()
            return
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _end_leftovers(self) -> None:
        """End every process of the cluster, first by a shutdown, then by a kill, and remove stale PID files."""
        self.thaw()
        process_id = self.postmaster_pid
        if process_id is not None:
            send(signal.SIGINT, [process_id])  # PostgreSQL's fast shutdown
            _wait_until_gone(process_id, timeout_s=_STOP_SECONDS)
        if not end_all(self._places):
            raise ClusterError(f"processes of the cluster {self.name!r} do not stop; see {self._places.log}")
        (self._places.data / "postmaster.pid").unlink(missing_ok=True)

    def _initialise(self, programs: Path) -> None:
        data, owner = self._places.data, self._places.owner
        if data.exists():
            shutil.rmtree(data)  # an initdb that was killed before it wrote PG_VERSION
        data.mkdir(mode=0o700)
        if owner:
            shutil.chown(data, owner, owner)
        # Trust is safe here: only the owner (and root) can enter the folder of the socket, and there is no TCP port.
        self._run(programs / "initdb", "--pgdata", str(data), "--username", OWNER, "--auth", "trust",
                  "--encoding", "UTF8", "--locale", "C", "--data-checksums")  # fmt: skip

    def _write_configuration(self) -> None:
        own = {"unix_socket_directories": str(self._places.sockets), "cluster_name": self._places.identity}
        lines = [f"{key} = {_quoted(value)}\n" for key, value in {**self._settings, **own}.items()]
        target = self._places.data / "postgresql.conf"
        target.write_text("# written at every start by pdm\n" + "".join(lines))

    def _launch(self, programs: Path) -> None:
        log = self._places.log
        log.touch()
        if self._places.owner:
            shutil.chown(log, self._places.owner, self._places.owner)
        try:
            self._run(programs / "pg_ctl", "start", "--wait", "--timeout", str(_START_SECONDS), "--silent",
                      "--pgdata", str(self._places.data), "--log", str(log))  # fmt: skip
        except ClusterError as error:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise ClusterError(f"the cluster {self.name!r} did not start; the end of {log}:\n{last}") from error

    def _make_database(self) -> None:
        try:
            with psycopg.connect(self._dsn("postgres"), autocommit=True) as conn:
                if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
                    conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            with psycopg.connect(self._dsn(DATABASE), autocommit=True) as conn:
                conn.execute("SET client_min_messages = warning")
                conn.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        except psycopg.Error as error:
            raise ClusterError(f"cannot make the database of the cluster {self.name!r}: {error}") from error

    def _run(self, program: Path, *arguments: str) -> None:
        """Run a PostgreSQL program as the owner of the cluster, in a folder that it can enter."""
        owner = self._places.owner
        done = subprocess.run(
            [str(program), *arguments],
            check=False,
            cwd=self._places.sockets,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            user=owner,
            group=owner,
            extra_groups=[] if owner else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            raise ClusterError(f"{program.name} failed: {done.stderr.strip()}")


def _is_same_file(opened: IO[str], path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(opened.fileno()), path.stat())


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _wait_until_gone(process_id: int, *, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while Path(f"/proc/{process_id}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
