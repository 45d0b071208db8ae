"""What all suites share: a real database, and how many tests did not run, said at the end of every run."""

from __future__ import annotations

import pytest

from tests.database import dsn, empty_dsn, pool, server, settings, template

__all__ = ["dsn", "empty_dsn", "pool", "server", "settings", "template"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"skipped tests: {len(terminalreporter.stats.get('skipped', []))}")
