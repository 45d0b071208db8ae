"""kill -9 of PostgreSQL, API and worker under load: rows 1 and 2 of the fault programme."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pdm.replay.client import Client
from pdm.replay.stack import Stack
from tests.fault.load import Ledger, Load, assert_sound, audit

pytestmark = pytest.mark.xdist_group("alone")


def _backlog_clears(stack: Stack) -> float:
    began = time.monotonic()
    with Client(stack.url, stack.admin_key) as client:
        client.wait_until_analysed(60.0)
    return time.monotonic() - began


def _kill_postgres(stack: Stack, names: list[str], tmp_path: Path, kills: int, records_between: int) -> list[float]:
    ledger = Ledger(tmp_path / "ledger")
    outages = []
    with Load(stack.url, stack.admin_key, ledger, names) as load:
        for _ in range(kills):
            load.wait_for(len(ledger.acknowledged) + records_between)
            stack.cluster.kill()
            began = time.monotonic()
            stack.cluster.start()
            load.wait_for(len(ledger.acknowledged) + 1)
            outages.append(time.monotonic() - began)
    _backlog_clears(stack)
    assert_sound(audit(stack.dsn, ledger, analysed=True))
    return sorted(outages)


def _kill_processes(stack: Stack, names: list[str], tmp_path: Path, kills: int) -> None:
    ledger = Ledger(tmp_path / "ledger")
    with Load(stack.url, stack.admin_key, ledger, names) as load:
        for number in range(2 * kills):
            name = "api" if number % 2 else "worker-0"
            load.wait_for(len(ledger.acknowledged) + 64)
            stack.kill(name)
            stack.launch(name)
            stack.wait_until_ready()
    assert _backlog_clears(stack) <= 60.0
    assert_sound(audit(stack.dsn, ledger, analysed=True))


def test_killed_postgres_loses_and_doubles_nothing_it_acknowledged(
    stack: Stack, names: list[str], tmp_path: Path
) -> None:
    outages = _kill_postgres(stack, names, tmp_path, kills=3, records_between=64)
    assert outages[-1] <= 10.0


def test_killed_api_and_worker_lose_and_double_nothing(stack: Stack, names: list[str], tmp_path: Path) -> None:
    _kill_processes(stack, names, tmp_path, kills=2)


@pytest.mark.trust("kills")
@pytest.mark.timeout(1800)
def test_twenty_kills_of_postgres_over_five_thousand_records(stack: Stack, names: list[str], tmp_path: Path) -> None:
    outages = _kill_postgres(stack, names, tmp_path, kills=20, records_between=256)
    p95 = outages[int(0.95 * (len(outages) - 1))]
    print(f"PostgreSQL killed 20 times: recovery p95 {p95:.2f} s, longest {outages[-1]:.2f} s")
    assert p95 <= 10.0


@pytest.mark.trust("kills")
@pytest.mark.timeout(1800)
def test_twenty_kills_each_of_api_and_worker(stack: Stack, names: list[str], tmp_path: Path) -> None:
    _kill_processes(stack, names, tmp_path, kills=20)
