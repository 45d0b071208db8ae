"""What all suites share: a real database, how tests spread over processes, and how many did not run."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import hypothesis
import pytest

from tests import trust
from tests.database import Shared, dsn, empty_dsn, pool, server, settings, shared, template

__all__ = ["dsn", "empty_dsn", "pool", "server", "settings", "template"]

SERIAL = ("alone", "services")  # what measures time, kills or takes ports; whole services and browsers: one by one each
# How long an example takes depends on what runs beside it; what must be fast measures that itself.
hypothesis.settings.register_profile("suite", parent=hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("suite")
_made = pytest.StashKey[Shared]()


def pytest_addoption(parser: pytest.Parser) -> None:
    trust.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    trust.register(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of xdist the one server and template of this run; the controller ends them with itself."""
    config: pytest.Config = node.config
    if _made not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        config.stash[_made] = stack.enter_context(shared())
    config.stash[_made].give(node.workerinput)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a file's tests together, as its fixtures are, and put them in turn; refuse marks without a known area."""
    for item in items:
        trust.area_of(item)
    if Shared.of(config) is None:
        return
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=_turn)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run where xdist does not keep groups together: it notes the group in the id of a test.

    Raises
    ------
    pytest.UsageError
        A test has no group: tests that measure time or take ports would run side by side.
    """
    if Shared.of(session.config) is None or not session.config.getvalue("loadgroup"):
        return
    lonely = [item.nodeid for item in session.items if "@" not in item.nodeid.rpartition("]")[2]]
    if lonely:
        raise pytest.UsageError(f"pytest-xdist groups no tests with pytest {pytest.__version__}: {lonely[0]}")


def _turn(item: pytest.Item) -> int:
    """Return when a test is started: the long ones first, so that all processes end at about the same time."""
    if any(set(SERIAL) & set(mark.args) for mark in item.iter_markers("xdist_group")):
        return 0
    return 1 if item.path.parent.name in ("acceptance", "fault") else 2


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"skipped tests: {len(terminalreporter.stats.get('skipped', []))}")
