"""The `pdm` command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pdm.errors import ConfigurationError, PdmError
from pdm.settings import Settings

if TYPE_CHECKING:
    from pdm.replay.demo import DemoReport

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Predictive maintenance from vibration and current signals.",
)
keys = typer.Typer(no_args_is_help=True, help="API keys.")
app.add_typer(keys, name="key")
evaluations = typer.Typer(no_args_is_help=True, help="Published benchmarks of remaining life.")
app.add_typer(evaluations, name="evaluate")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Url = Annotated[str, typer.Option(envvar="PDM_URL", help="Where the API answers.")]
Key = Annotated[str, typer.Option(envvar="PDM_KEY", help="API key.")]
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
LOCAL_URL = "http://127.0.0.1:8000"

_errors = Console(stderr=True)


@app.command()
def serve() -> None:
    """Serve the REST API on PDM_HOST:PDM_PORT."""
    import uvicorn

    settings = _settings_with_dsn()
    uvicorn.run(
        "api.app:create",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
    )


@app.command()
def work() -> None:
    """Analyse what was received, deliver alerts and keep the clockwork, until told to stop."""
    os.environ["OMP_NUM_THREADS"] = "1"
    from pdm.bootstrap import run_worker

    run_worker(_settings_with_dsn())


@app.command()
def up(
    name: Annotated[str, typer.Option(help="Name of the embedded cluster.")] = "default",
    workers: Annotated[int, typer.Option(min=1)] = 1,
    port: Annotated[int, typer.Option(envvar="PDM_PORT")] = 8000,
) -> None:
    """Start an embedded database, the API and workers on this machine, until Ctrl-C."""
    from pdm.replay.stack import Stack

    with Stack(name, workers=workers, port=port) as stack:
        typer.echo(f"{stack.url}/\nAPI key (admin, shown once): {stack.admin_key}\nCtrl-C stops.")
        _wait_for_interrupt()


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the database to this version's schema; on a new one, print the first admin key, once."""
    from pdm.bootstrap import open_service
    from pdm.service.access import create_first_admin_key
    from pdm.store.migrate import migrate as run

    settings = _settings_with_dsn()
    applied = run(settings.dsn)
    with open_service(settings) as pool, pool.connection() as conn:
        key = create_first_admin_key(conn)
    lines = [*(applied or ["nothing to do"]), *([f"first admin key, shown once: {key}"] if key else [])]
    _print({"applied": applied, "first_admin_key": key}, as_json, "\n".join(lines))


@app.command()
def register(
    fleet: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Fleet YAML.")],
    url: Url = LOCAL_URL,
    key: Key = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register the sites, lines, machines and points of a fleet YAML."""
    from pdm.ingest.fleet_file import read_fleet
    from pdm.replay.client import Client

    answer = Client(url, key).register(read_fleet(fleet), dry_run=dry_run)
    lines = [f"{item['outcome']:<10} {item['machine']}" for item in answer["machines"]]
    _print(answer, as_json, "\n".join(lines))


@app.command(name="import")
def import_recording(
    folder: Annotated[Path, typer.Argument(exists=True, help="A recording one of the adapters reads.")],
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Register the machines of a recording and send all of it."""
    from pdm.replay.client import Client
    from pdm.replay.feed import feed_recording

    with _bars() as progress:
        report = feed_recording(Client(url, key), folder, progress)
    _print(report, as_json, f"{report['acquisitions']} acquisitions of {report['machines']} machines sent")


@app.command()
def train(
    fleet: Annotated[str, typer.Option(help="Which machines' lives to learn from.")] = "default",
    seed: Annotated[int, typer.Option()] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a fleet's remaining-life model on its past lives; promote it if it validates better."""
    os.environ["OMP_NUM_THREADS"] = str(os.cpu_count() or 1)
    from pdm.bootstrap import open_service
    from pdm.service.train import train_fleet

    with open_service(_settings_with_dsn()) as pool, _bars(as_json) as progress:
        report = train_fleet(pool, fleet, seed=seed, progress=lambda what, share: progress(what, int(share * 100), 100))
    text = (
        f"{report.fleet} v{report.version}: {'champion' if report.is_champion else 'challenger'} ({report.reason})\n"
        + "\n".join(
            f"  {name}: {value}" for name, value in report.metrics.items() if not isinstance(value, list | dict)
        )
    )
    _print(vars(report), as_json, text)


@app.command()
def backfill(
    quantity: Annotated[str, typer.Option(help="vibration, current, or both.")] = "both",
    machine: Annotated[str | None, typer.Option(help="Only this machine.")] = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=_TIMES, help="Measured at or after; UTC.")] = None,
    before: Annotated[datetime | None, typer.Option("--to", formats=_TIMES, help="Measured before; UTC.")] = None,
    version: Annotated[int | None, typer.Option(help="Feature version; the newest unless given.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Acquisitions a transaction.")] = 32,
    as_json: AsJson = False,
) -> None:
    """Compute the features of stored waveforms in the newest version, beside the rows that are there."""
    os.environ["OMP_NUM_THREADS"] = "1"
    from features.catalogue import FEATURE_VERSION
    from pdm.bootstrap import open_service
    from pdm.service.backfill import SENSED, backfill_features

    if quantity not in (*SENSED, "both"):
        raise typer.BadParameter("quantity is vibration, current or both")
    os.nice(10)
    reports = []
    with open_service(_settings_with_dsn()) as pool, _bars(as_json) as progress:
        for one in [name for name in SENSED if quantity in (name, "both")]:
            reports.append(
                backfill_features(
                    pool,
                    one,
                    version=FEATURE_VERSION if version is None else version,
                    machine=machine,
                    since=_in_utc(since),
                    before=_in_utc(before),
                    batch=batch,
                    progress=progress,
                )
            )
    _print([asdict(report) for report in reports], as_json, "\n".join(report.text() for report in reports))


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where to write.")],
    seed: Annotated[int, typer.Option()] = 1,
    as_json: AsJson = False,
) -> None:
    """Write the recordings of a simulated fleet, with its truth, to files."""
    from pdm.replay.simulated_files import write_files
    from pdm.twin.fleet import demo_fleet

    fleet = demo_fleet(seed, datetime.now(UTC))
    write_files(fleet, folder)
    report = {"folder": str(folder), "seed": seed, "machines": [machine.key for machine in fleet.machines]}
    _print(report, as_json, f"written to {folder}")


@app.command()
def replay(
    data: Annotated[Path, typer.Option(exists=True, help="Folder of run-to-failure recordings.")],
    hold: Annotated[str, typer.Option(help="The life to hold out, e.g. Bearing1_2, or all in turn.")],
    mode: Annotated[str, typer.Option(help="live: one acquisition a request; bulk: batches.")] = "bulk",
    out: Annotated[Path | None, typer.Option(help="Where to write the JSON report.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train on the other lives of a folder, replay the one held out, compare with what happened."""
    from pdm.replay.hold_out import lives_in, replay_held_out
    from pdm.replay.report import held_out_text, hold_each_out_text

    if mode not in ("live", "bulk"):
        raise typer.BadParameter("mode is live or bulk")
    reports = []
    for name in lives_in(data) if hold == "all" else [hold]:
        with _bars(as_json) as progress:
            report = replay_held_out(data, name, mode=mode, progress=progress)
        reports.append(report)
        if not as_json:
            typer.echo(held_out_text(report))
    target = out or Path("out") / f"replay-{hold.lower()}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(reports if hold == "all" else reports[0], indent=1))
    if as_json:
        typer.echo(target.read_text())
    else:
        if hold == "all":
            Console(width=160).print(hold_each_out_text(reports))
        typer.echo(f"JSON: {target}")


@app.command()
def diagnose(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="NPZ, CSV, Parquet, WAV, UFF or TDMS.")],
    machine: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Fleet YAML with the machine.")],
    machine_key: Annotated[str | None, typer.Option("--key", help="Which machine, if the YAML has several.")] = None,
    point: Annotated[list[str] | None, typer.Option(help="POINT=CHANNEL, where their names differ.")] = None,
    speed: Annotated[float | None, typer.Option(help="Shaft speed [rpm].")] = None,
    rate: Annotated[float | None, typer.Option(help="Sampling rate [Hz], if the file does not say it.")] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of the samples, instead of the points'.")] = None,
    scale: Annotated[list[str] | None, typer.Option(help="Units per count; of WAV, at full scale.")] = None,
    plot: Annotated[Path | None, typer.Option(dir_okay=False, help="Draw the spectra into this PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a machine from one recording in a file, without a database."""
    from pdm.replay.diagnose_file import declare, diagnose_file, diagnosis_text, file_document, find_in_fleet

    declared = declare(point or [], scale or [], speed_rpm=speed, rate=rate, unit=unit)
    found = diagnose_file(file, find_in_fleet(machine, machine_key), declared)
    if plot is not None:
        from pdm.replay.diagnosis_plot import plot_diagnosis

        plot_diagnosis(found, plot)
    _print(file_document(found), as_json, diagnosis_text(found))


@app.command()
def demo(
    seed: Annotated[int, typer.Option(envvar="SEED")] = 1,
    leave: Annotated[bool, typer.Option("--exit", envvar="DEMO_EXIT", help="End instead of serving on.")] = False,
    port: Annotated[int, typer.Option(help="0: any free one.")] = 0,
    out: Annotated[Path, typer.Option(help="Where to write the JSON report.")] = Path("out/demo.json"),
) -> None:
    """Run a simulated fleet through the whole service and show what it alerts, and when."""
    from pdm.replay.demo import as_document, run_demo
    from pdm.replay.report import demo_text
    from pdm.replay.stack import Stack

    typer.echo(f"starting database, API and worker (seed {seed}) ...")
    with Stack("demo", port=port, fresh=True) as stack:
        with _bars() as progress:
            report: DemoReport = run_demo(stack, seed, progress)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(as_document(report), indent=1))
        console = Console()
        Console(width=max(console.width, 150)).print(demo_text(report))
        if not leave:
            typer.echo(f"pages: {stack.url}/   API: {stack.url}/docs   key: {stack.admin_key}\nCtrl-C stops.")
            _wait_for_interrupt()
    raise typer.Exit(0 if report.is_passed else 1)


@keys.command("create")
def create_key(
    name: str,
    role: Annotated[str, typer.Option(help="ingest, read, operate or admin.")] = "read",
    site: Annotated[list[str] | None, typer.Option(help="Limit the key to these sites.")] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Print the key and nothing else.")] = False,
) -> None:
    """Make an API key and print it, once."""
    from pdm.bootstrap import open_service
    from pdm.service.access import create_key as create

    with open_service(_settings_with_dsn()) as pool:
        secret = create(pool, name=name, role=role, sites=site or None, actor="cli")
    typer.echo(secret if bare else f"{name} ({role}), shown once: {secret}")


@evaluations.command("cmapss")
def evaluate_cmapss(
    path: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the published text files.")],
    subset: Annotated[str, typer.Option(help="FD001 to FD004.")],
    predictions: Annotated[Path | None, typer.Option(help="Where to write what was said, as CSV.")] = None,
    seed: Annotated[int, typer.Option()] = 0,
    as_json: AsJson = False,
) -> None:
    """Train on the training engines of C-MAPSS, predict the test engines, say how well."""
    from pdm.replay.evaluate import evaluate_cmapss as evaluate
    from pdm.replay.evaluate import evaluation_text

    with _bars(as_json) as progress:
        report = evaluate(
            path,
            subset,
            predictions=predictions,
            seed=seed,
            progress=lambda _, share: progress("training", int(share * 100), 100),
        )
    _print(report, as_json, evaluation_text(report))


def _in_utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _settings_with_dsn() -> Settings:
    settings = Settings.from_environment()
    if not settings.dsn:
        raise ConfigurationError("PDM_DSN is not set: give the database's connection string, or use `pdm up`")
    return settings


def _print(document: Any, as_json: bool, text: str) -> None:
    typer.echo(json.dumps(document, default=str) if as_json else text)


@contextmanager
def _bars(quiet: bool = False) -> Iterator[Any]:
    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_errors, disable=quiet) as progress:
        tasks: dict[str, Any] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield advance


def _wait_for_interrupt() -> None:
    """Return at SIGINT or SIGTERM, also at one that comes in the very moment before the wait."""
    import signal
    import threading

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(0.5):
        pass
    typer.echo("stopping ...")


def main() -> None:
    """Run the command; a refusal is one line on standard error and exit status 2."""
    try:
        app()
    except PdmError as error:
        _errors.print(f"[bold red]{error.code}[/]: {escape(error.message)}", highlight=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
