"""Two minutes under load: row 20. Memory and descriptors stay flat."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pdm.replay.client import Client
from pdm.replay.stack import Stack
from tests.fault.load import Ledger, Load, assert_sound, audit

pytestmark = pytest.mark.xdist_group("alone")


def _usage(process_id: int) -> tuple[float, int]:
    status = Path(f"/proc/{process_id}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) / 1024
    return resident, len(list(Path(f"/proc/{process_id}/fd").iterdir()))


def _soak(stack: Stack, names: list[str], tmp_path: Path, warm_s: float, soak_s: float, pause_s: float = 0.0) -> None:
    ledger = Ledger(tmp_path / "ledger")
    with Load(stack.url, stack.admin_key, ledger, names, pause_s=pause_s):
        time.sleep(warm_s)
        before = {name: _usage(stack.process_id(name)) for name in ("api", "worker-0")}
        time.sleep(soak_s)
        after = {name: _usage(stack.process_id(name)) for name in ("api", "worker-0")}
    with Client(stack.url, stack.admin_key) as client:
        client.wait_until_analysed(120.0)
    assert_sound(audit(stack.dsn, ledger, analysed=True))
    for name, (resident, descriptors) in after.items():
        assert resident - before[name][0] <= 48, (name, before[name], after[name])
        assert descriptors - before[name][1] <= 8, (name, before[name], after[name])


def test_memory_and_descriptors_stay_flat_for_a_while(stack: Stack, names: list[str], tmp_path: Path) -> None:
    _soak(stack, names, tmp_path, 8.0, 10.0, pause_s=0.2)


@pytest.mark.trust("load")
@pytest.mark.timeout(600)
def test_memory_and_descriptors_stay_flat_for_two_minutes(stack: Stack, names: list[str], tmp_path: Path) -> None:
    _soak(stack, names, tmp_path, 20.0, 120.0)
