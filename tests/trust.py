"""The long programme in areas, resumed where it ended: what passed on a revision is not run on it again.

`@pytest.mark.trust("kills")` puts a test into an area, `--area kills` runs it. What passed is written down at once, one
line a test, in `out/trust/REVISION`; a checkout with changes that are not committed has no revision and no record.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

AREAS = (
    "kills",
    "delivery",
    "load",
    "reorder",
    "schemathesis",
    "health",
    "replay",
    "mutants",
    "features",
    "upgrade",
)
ROOT = Path(__file__).parents[1]


def add_options(parser: pytest.Parser) -> None:
    """Give pytest the options of the long programme."""
    group = parser.getgroup("trust", "the long programme")
    group.addoption("--area", choices=AREAS, help="run the long tests of one area that have not passed yet")
    group.addoption("--again", action="store_true", help="run those too that passed on this revision")


def area_of(item: pytest.Item) -> str | None:
    """Return a test's area; None where it is not of the long programme.

    Raises
    ------
    pytest.UsageError
        The mark names no area, or one that is not known.
    """
    mark = item.get_closest_marker("trust")
    if mark is None:
        return None
    if len(mark.args) != 1 or mark.args[0] not in AREAS:
        raise pytest.UsageError(f"{item.nodeid}: mark it trust(area), area one of {', '.join(AREAS)}")
    return str(mark.args[0])


class Programme:
    """The tests of one area: those still to run, and the record of those that passed.

    Parameters
    ----------
    area : str
        One of `AREAS`.
    is_again : bool
        Whether to run those too that passed.
    folder : Path
        Where the record lies.
    revision : str or None
        What is tested; None keeps no record.
    """

    def __init__(self, area: str, is_again: bool, folder: Path, revision: str | None) -> None:
        self._area = area
        self._record = None if revision is None else folder / revision
        self._passed = set() if is_again else self._read()
        self._left_out = 0

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Choose the area's tests that have not passed."""
        own = [item for item in items if area_of(item) == self._area]
        todo = [item for item in own if item.nodeid not in self._passed]
        self._left_out = len(own) - len(todo)
        chosen = set(todo)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = todo

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down a test that passed, its clearing up included."""
        if report.when == "call" and report.passed:
            self._passed.add(report.nodeid)
        elif report.failed:
            self._passed.discard(report.nodeid)
        if report.when == "teardown" and report.passed and report.nodeid in self._passed:
            self._write(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Take an area of which all passed before for passed."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._left_out:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print how many tests passed before."""
        if self._left_out:
            terminalreporter.write_line(f"{self._area}: {self._left_out} passed before on this revision (AGAIN=1)")

    def _read(self) -> set[str]:
        if self._record is None or not self._record.is_file():
            return set()
        return set(self._record.read_text(encoding="utf-8").splitlines())

    def _write(self, nodeid: str) -> None:
        if self._record is None:
            return
        self._record.parent.mkdir(parents=True, exist_ok=True)
        with self._record.open("a", encoding="utf-8") as file:
            file.write(f"{nodeid}\n")


def register(config: pytest.Config) -> None:
    """Have pytest run one area if it is asked to."""
    area = config.getoption("--area")
    if area is not None:
        record = Programme(area, config.getoption("--again"), ROOT / "out" / "trust", find_revision(ROOT))
        config.pluginmanager.register(record, "trust-programme")


def find_revision(folder: Path) -> str | None:
    """Return the revision that is checked out; None if there is none, or files differ from it."""
    if _git(folder, "status", "--porcelain") != "":
        return None
    return _git(folder, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
