"""Processes of an embedded cluster, found through the operating system, and signals to them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from pdm.store.cluster.places import Places


def find_postmaster(places: Places) -> int | None:
    """Return the process id of the cluster's postmaster; None if none runs.

    postmaster.pid of a killed run may contain the id of another process, so the process title is checked.
    """
    for process_id in _process_ids():
        arguments = _command_line(process_id).split("\0")
        if (
            "-D" in arguments
            and str(places.data) in arguments
            and Path(arguments[0]).name in ("postgres", "postmaster")
        ):
            return process_id
    return None


def find_processes(places: Places) -> list[int]:
    """Return the process ids of the postmaster (first) and of all its children, also if it has ended."""
    postmaster = find_postmaster(places)
    title = f"postgres: {places.identity}: "
    children = [process_id for process_id in _process_ids() if _command_line(process_id).startswith(title)]
    return children if postmaster is None else [postmaster, *children]


def send(number: signal.Signals, process_ids: list[int]) -> None:
    """Signal each process that still exists."""
    for process_id in process_ids:
        try:
            os.kill(process_id, number)
        except ProcessLookupError:
            continue


def end_all(places: Places, *, timeout_s: float = 10.0) -> bool:
    """End the remaining processes of the cluster with SIGKILL; return whether none is left."""
    deadline = time.monotonic() + timeout_s
    while remaining := find_processes(places):
        if time.monotonic() > deadline:
            return False
        send(signal.SIGKILL, remaining)
        time.sleep(0.02)
    return True


def _process_ids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _command_line(process_id: int) -> str:
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes().decode(errors="replace").rstrip("\0 ")
    except OSError:
        return ""  # it ended in the meantime
