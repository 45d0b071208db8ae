"""Commands that run the API, the worker, both with an embedded database, and the migrations."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from pdm.cli.terminal import AsJson, settings_with_dsn, show, wait_for_interrupt

commands = typer.Typer()


@commands.command()
def serve() -> None:
    """Run the REST API on PDM_HOST:PDM_PORT."""
    import uvicorn

    settings = settings_with_dsn()
    uvicorn.run(
        "api.app:create",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
    )


@commands.command()
def work() -> None:
    """Run a worker: analysis, notifications and background jobs, until SIGINT or SIGTERM."""
    os.environ["OMP_NUM_THREADS"] = "1"
    from pdm.bootstrap import run_worker

    run_worker(settings_with_dsn())


@commands.command()
def up(
    name: Annotated[str, typer.Option(help="Name of the embedded cluster.")] = "default",
    workers: Annotated[int, typer.Option(min=1)] = 1,
    port: Annotated[int, typer.Option(envvar="PDM_PORT")] = 8000,
) -> None:
    """Start an embedded database, the API and workers on this machine, until Ctrl-C."""
    from pdm.replay.stack import Stack

    with Stack(name, workers=workers, port=port) as stack:
        typer.echo(f"{stack.url}/\nAPI key (admin, shown once): {stack.admin_key}\nPress Ctrl-C to stop.")
        wait_for_interrupt()


@commands.command()
def migrate(as_json: AsJson = False) -> None:
    """Migrate the database schema to this version; on a new database, print the first admin key once."""
    from pdm.bootstrap import open_service
    from pdm.service.platform.access import create_first_admin_key
    from pdm.store.database.migrate import migrate as run

    settings = settings_with_dsn()
    applied = run(settings.dsn)
    with open_service(settings) as pool, pool.connection() as conn:
        key = create_first_admin_key(conn)
    lines = [*(applied or ["schema is up to date"]), *([f"first admin key, shown once: {key}"] if key else [])]
    show({"applied": applied, "first_admin_key": key}, as_json, "\n".join(lines))
