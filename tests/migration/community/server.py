"""TimescaleDB's Community edition for tests, as WebAssembly: one connection at a time, no COPY, nothing kept."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


def is_installed() -> bool:
    """Whether `make setup` has installed the server."""
    return shutil.which("node") is not None and (HERE / "node_modules" / "@unni-craftsman" / "pglite").exists()


def start_community(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a new, empty server with its socket in `folder`; return its process and DSN."""
    process = subprocess.Popen(
        ["node", str(HERE / "server.js"), str(folder / ".s.PGSQL.5432")], cwd=HERE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        with process:
            process.kill()
        raise RuntimeError(f"the Community server ended with {process.returncode}")
    return process, f"host={folder} user=postgres password=postgres dbname=postgres"


@contextmanager
def community_server() -> Iterator[str]:
    """Run a new, empty server as long as the block; its DSN."""
    with tempfile.TemporaryDirectory(prefix="pdm-") as folder:
        process, dsn = start_community(Path(folder))
        with process:
            try:
                yield dsn
            finally:
                process.kill()
