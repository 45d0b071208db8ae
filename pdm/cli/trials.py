"""Commands that run the whole service on a simulated fleet or recorded lives."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pdm.cli.terminal import AsJson, bars, show, wait_for_interrupt

if TYPE_CHECKING:
    from pdm.replay.demo import DemoReport

commands = typer.Typer()


@commands.command()
def simulate(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Output folder.")],
    seed: Annotated[int, typer.Option()] = 1,
    as_json: AsJson = False,
) -> None:
    """Write the recordings and the ground truth of a simulated fleet to files."""
    from pdm.replay.simulated_files import write_files
    from pdm.twin.fleet import demo_fleet

    fleet = demo_fleet(seed, datetime.now(UTC))
    write_files(fleet, folder)
    report = {"folder": str(folder), "seed": seed, "machines": [machine.key for machine in fleet.machines]}
    show(report, as_json, f"written to {folder}")


@commands.command()
def replay(
    data: Annotated[Path, typer.Option(exists=True, help="Folder of run-to-failure recordings.")],
    hold: Annotated[str, typer.Option(help="History to hold out, such as Bearing1_2, or all for each in turn.")],
    mode: Annotated[str, typer.Option(help="live: one acquisition per request; bulk: batches.")] = "bulk",
    out: Annotated[Path | None, typer.Option(help="File for the JSON report.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train on all histories of a folder except one, replay that one and compare with the true failure time."""
    from pdm.replay.hold_out import lives_in, replay_held_out
    from pdm.replay.report import held_out_text, hold_each_out_text

    if mode not in ("live", "bulk"):
        raise typer.BadParameter("mode must be live or bulk")
    reports = []
    for name in lives_in(data) if hold == "all" else [hold]:
        with bars(as_json) as progress:
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


@commands.command()
def demo(
    seed: Annotated[int, typer.Option(envvar="SEED")] = 1,
    leave: Annotated[
        bool, typer.Option("--exit", envvar="DEMO_EXIT", help="Exit after the report instead of continuing to serve.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the API; 0: any free port.")] = 0,
    out: Annotated[Path, typer.Option(help="File for the JSON report.")] = Path("out/demo.json"),
) -> None:
    """Run a simulated fleet through the service and report its alerts."""
    from pdm.replay.demo import as_document, run_demo
    from pdm.replay.report import demo_text
    from pdm.replay.stack import Stack

    typer.echo(f"starting database, API and worker (seed {seed}) ...")
    with Stack("demo", port=port, fresh=True) as stack:
        with bars() as progress:
            report: DemoReport = run_demo(stack, seed, progress)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(as_document(report), indent=1))
        console = Console()
        Console(width=max(console.width, 150)).print(demo_text(report))
        if not leave:
            typer.echo(f"pages: {stack.url}/   API: {stack.url}/docs   key: {stack.admin_key}\nPress Ctrl-C to stop.")
            wait_for_interrupt()
    raise typer.Exit(0 if report.is_passed else 1)
