"""A temporary instance of the whole service on this machine: embedded database, API and workers."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import httpx

from pdm.errors import UnavailableError
from pdm.store.cluster.embedded import EmbeddedCluster

_START_SECONDS = 60.0


class Stack:
    """An embedded cluster with one API process and some workers; a context manager.

    `fresh` deletes the data of an earlier stack of the same name. Logs are written to `log_folder`. `settings` are
    environment variables of the processes. `cluster` replaces the checkout's cluster of that name.
    """

    def __init__(
        self,
        name: str,
        *,
        workers: int = 1,
        port: int = 0,
        fresh: bool = False,
        log_folder: Path = Path("out"),
        settings: Mapping[str, str] | None = None,
        cluster: EmbeddedCluster | None = None,
    ) -> None:
        self.cluster = cluster or EmbeddedCluster(name)
        self._workers = workers
        self._fresh = fresh
        self._logs = log_folder
        self._settings = dict(settings or {})
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dsn = ""
        self.admin_key = ""

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which `pdm` commands use this stack."""
        return {**os.environ, **self._settings, "PDM_DSN": self.dsn, "PDM_PORT": str(self.port)}

    def start(self) -> Stack:
        """Start everything and return once the API is ready.

        Raises
        ------
        UnavailableError
            The API did not become ready; the message names its log.
        """
        if self._fresh:
            self.cluster.destroy()
        self.dsn = self.cluster.start()
        self._logs.mkdir(parents=True, exist_ok=True)
        first_key = json.loads(self._run("migrate", "--json"))["first_admin_key"]
        self.admin_key = (
            first_key
            or self._run("key", "create", f"local-{secrets.token_hex(4)}", "--role", "admin", "--bare").strip()
        )
        for name in ("api", *(f"worker-{number}" for number in range(self._workers))):
            self.launch(name)
        self.wait_until_ready()
        return self

    def stop(self) -> None:
        """Stop API and workers, then the cluster; the data are kept."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        self.cluster.stop()

    def launch(self, name: str) -> None:
        """Start one process: 'api', or a worker by any other name; its log is `name`.log."""
        with (self._logs / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "pdm.cli", "serve" if name == "api" else "work"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """Kill one process with SIGKILL, as in a crash."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def process_id(self, name: str) -> int:
        """Return the process id of 'api' or of a worker."""
        return self._processes[name].pid

    def __enter__(self) -> Stack:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pdm.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UnavailableError(f"pdm {' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def wait_until_ready(self) -> None:
        """Wait until the API reports that it is ready.

        Raises
        ------
        UnavailableError
            A process ended, or the API did not become ready in time.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise UnavailableError(f"{name} ended with {process.returncode}; see {self._logs}/{name}.log")
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2.0, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise UnavailableError(f"the API at {self.url} was not ready within {_START_SECONDS:.0f} s; see {self._logs}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
