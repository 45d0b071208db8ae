"""Commands that register machines, import recordings and create keys."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pdm.cli.reading import (
    Columns,
    Decimal,
    Delimiter,
    Encoding,
    Mapping,
    Rate,
    Skip,
    Split,
    TimeColumn,
    Unit,
    UnknownUnit,
    reading_of,
)
from pdm.cli.terminal import LOCAL_URL, AsJson, Key, Url, bars, settings_with_dsn, show

commands = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="API keys.")


@commands.command()
def register(
    fleet: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Fleet YAML.")],
    url: Url = LOCAL_URL,
    key: Key = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report the changes without applying them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register the sites, lines, machines and points of a fleet YAML."""
    from pdm.ingest.fleet_file import read_fleet
    from pdm.replay.client import Client, warnings_of

    machines = read_fleet(fleet)
    with Client(url, key) as client:
        answer = client.register(machines, dry_run=dry_run)
    lines = []
    for item in answer["machines"]:
        lines.append(f"{item['outcome']:<10} {item['machine']}")
        lines += [f"{'warning':<10} {text}" for text in warnings_of(item)]
        lines += [f"{'renamed':<10} {item['machine']}: {a} is now {b}" for a, b in item["renamed"].items()]
    show(answer, as_json, "\n".join(lines))


@commands.command(name="import")
def import_recording(
    folder: Annotated[Path, typer.Argument(exists=True, help="Folder with recordings in a supported format.")],
    url: Url = LOCAL_URL,
    key: Key = "",
    point: Annotated[
        list[str] | None, typer.Option(help="Channel of a point, POINT=CHANNEL, if the names differ.")
    ] = None,
    scale: Annotated[
        list[str] | None,
        typer.Option(help="Scale of a channel, CHANNEL=VALUE: units per ADC count (WAV: units at full scale)."),
    ] = None,
    rate: Rate = None,
    unit: Unit = None,
    unknown_unit: UnknownUnit = None,
    time: TimeColumn = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    skip: Skip = None,
    columns: Columns = None,
    split: Split = False,
    mapping: Mapping = None,
    as_json: AsJson = False,
) -> None:
    """Register the machines of a recording and send all acquisitions; exit status 1 if a file was not read."""
    from pdm.replay.client import Client
    from pdm.replay.diagnose_file import declare
    from pdm.replay.feed import feed_recording

    layout = reading_of(time, delimiter, decimal, encoding, skip, columns, split, mapping)
    declared = declare(point or [], scale or [], rate=rate, unit=unit, unknown_unit=unknown_unit, reading=layout)
    with Client(url, key) as client, bars() as progress:
        report = feed_recording(client, folder, progress, declared)
    lines = [f"{'warning':<10} {text}" for text in report.warnings]
    lines.append(f"{report.acquisitions} acquisitions of {report.machines} machines sent")
    if report.left_out:
        lines += [f"left out: {len(report.left_out)}", *(f"  {each}" for each in report.left_out)]
    if not report.acquisitions:
        lines.append("the folder has no acquisition that could be read")
    show(asdict(report), as_json, "\n".join(lines))
    if report.left_out or not report.acquisitions:
        raise typer.Exit(1)


@commands.command()
def reanalyses(
    machine: Annotated[str | None, typer.Argument(help="Key or tag of a machine; all if not given.")] = None,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """List the machines that are concluded again after late data or corrected events, with the share that is done."""
    from pdm.replay.client import Client, reanalysis_text

    with Client(url, key) as client:
        found = client.pages("/v1/reanalyses", **({} if machine is None else {"machine": machine}))
    show(found, as_json, "\n".join(map(reanalysis_text, found)) or "none")


@keys.command("create")
def create_key(
    name: str,
    role: Annotated[str, typer.Option(help="Role: ingest, read, operate or admin.")] = "read",
    site: Annotated[list[str] | None, typer.Option(help="Limit the key to these sites.")] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Print the key only.")] = False,
) -> None:
    """Create an API key and print it once."""
    from pdm.bootstrap import open_service
    from pdm.service.platform.access import create_key as create

    with open_service(settings_with_dsn()) as pool:
        secret = create(pool, name=name, role=role, sites=site or None, actor="cli")
    typer.echo(secret if bare else f"{name} ({role}), shown once: {secret}")
