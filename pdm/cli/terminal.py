"""Options, output, progress bars and signal handling of all commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pdm.errors import ConfigurationError
from pdm.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Url = Annotated[str, typer.Option(envvar="PDM_URL", help="Address of the API.")]
Key = Annotated[str, typer.Option(envvar="PDM_KEY", help="API key.")]
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
LOCAL_URL = "http://127.0.0.1:8000"

errors = Console(stderr=True)


def in_utc(at: datetime | None) -> datetime | None:
    """Return a time without a time zone as UTC."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def settings_with_dsn() -> Settings:
    """Return the settings of the environment; raises ConfigurationError if PDM_DSN is not set."""
    settings = Settings.from_environment()
    if not settings.dsn:
        raise ConfigurationError("PDM_DSN is not set: set it to the connection string of the database, or run `pdm up`")
    return settings


def show(document: Any, as_json: bool, text: str) -> None:
    """Print a report as JSON or as text."""
    typer.echo(json.dumps(document, default=str) if as_json else text)


@contextmanager
def bars(quiet: bool = False) -> Iterator[Any]:
    """Show one progress bar per stage on standard error; yields `advance(what, done, total)`."""
    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=quiet) as progress:
        tasks: dict[str, Any] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield advance


def wait_for_interrupt() -> None:
    """Wait for SIGINT or SIGTERM, including one that arrives immediately before the wait."""
    import signal
    import threading

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(0.5):
        pass
    typer.echo("stopping ...")
