"""The disk full: row 4. Nothing is acknowledged that is not stored, and with room again work goes on unaided."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdm.replay.client import Client
from pdm.replay.stack import Stack
from pdm.store.cluster.embedded import EmbeddedCluster
from tests.fault.load import Ledger, Load, assert_sound, audit, machines

pytestmark = pytest.mark.xdist_group("alone")

SMALL = {"max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "64MB"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    """A cluster of its own on a tmpfs of 384 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    cluster = EmbeddedCluster("full", checkout=tmp_path, settings=SMALL)
    place = cluster.data.parent
    place.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=384m,mode=755", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let us mount a tmpfs")
    try:
        yield cluster
    finally:
        cluster.stop()
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


def _fill(place: Path) -> Path:
    """Take all the room that is left but a few pages."""
    ballast = place / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(bytes(1024 * 1024))
                file.flush()
        except OSError:
            pass
    return ballast


def test_a_full_disk_acknowledges_nothing_falsely_and_is_recovered_from(
    small_disk: EmbeddedCluster, tmp_path: Path
) -> None:
    with Stack("full", log_folder=tmp_path, cluster=small_disk) as stack:
        with Client(stack.url, stack.admin_key) as client:
            client.register(machines(2))
        ledger = Ledger(tmp_path / "ledger")
        with Load(stack.url, stack.admin_key, ledger, [m.key for m in machines(2)]) as load:
            load.wait_for(64)
            ballast = _fill(small_disk.data.parent)
            deadline = time.monotonic() + 20.0
            refused = ledger.refused
            while ledger.refused == refused and time.monotonic() < deadline:
                time.sleep(0.1)
            assert ledger.refused > refused, "the disk never got full"
            ballast.unlink()
            if not small_disk.is_running:  # PostgreSQL stops when its log has no room; its supervisor starts it
                small_disk.start()
            load.wait_for(len(ledger.acknowledged) + 256, timeout_s=60.0)
        with Client(stack.url, stack.admin_key) as client:
            client.wait_until_analysed(60.0)
        assert_sound(audit(stack.dsn, ledger, analysed=True))
