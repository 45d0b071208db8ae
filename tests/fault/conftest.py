"""One running service for the tests that kill, freeze and load it; each has machines of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from pdm.replay.client import Client
from pdm.replay.stack import Stack
from tests.database import own_name
from tests.fault.load import machines

MACHINES_EACH = 4
_tests = count()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run database, API and one worker for all tests that leave them in order."""
    with Stack(own_name("fault"), fresh=True, log_folder=tmp_path_factory.mktemp("service")) as running:
        yield running
    running.cluster.destroy()


@pytest.fixture
def stack(service: Stack) -> Stack:
    """The running service, ready again whatever the test before did to it."""
    service.wait_until_ready()
    return service


@pytest.fixture
def names(stack: Stack) -> list[str]:
    """Keys of registered machines that no other test sends for."""
    own = machines(MACHINES_EACH, first=MACHINES_EACH * next(_tests))
    with Client(stack.url, stack.admin_key) as client:
        client.register(own)
    return [machine.key for machine in own]
