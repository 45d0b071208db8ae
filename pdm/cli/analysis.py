"""Commands that compute: models, features, a diagnosis."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pdm.cli.reading import (
    FORMATS,
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
from pdm.cli.terminal import TIMES, AsJson, bars, in_utc, settings_with_dsn, show

commands = typer.Typer()


@commands.command()
def train(
    fleet: Annotated[str, typer.Option(help="Fleet to train the model for.")] = "default",
    seed: Annotated[int, typer.Option()] = 0,
    as_json: AsJson = False,
) -> None:
    """Train the remaining-life model of a fleet on its run-to-failure histories; promote it if it validates better."""
    os.environ["OMP_NUM_THREADS"] = str(os.cpu_count() or 1)
    from pdm.bootstrap import open_service
    from pdm.service.prognosis.training import train_fleet

    with open_service(settings_with_dsn()) as pool, bars(as_json) as progress:
        report = train_fleet(pool, fleet, seed=seed, progress=lambda what, share: progress(what, int(share * 100), 100))
    text = (
        f"{report.fleet} v{report.version}: {'champion' if report.is_champion else 'challenger'} ({report.reason})\n"
        + "\n".join(
            f"  {name}: {value}" for name, value in report.metrics.items() if not isinstance(value, list | dict)
        )
    )
    show(vars(report), as_json, text)


@commands.command()
def backfill(
    quantity: Annotated[str, typer.Option(help="vibration, current, or both.")] = "both",
    machine: Annotated[str | None, typer.Option(help="Only this machine.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=TIMES, help="Only acquisitions measured at or after this time (UTC)."),
    ] = None,
    before: Annotated[
        datetime | None, typer.Option("--to", formats=TIMES, help="Only acquisitions measured before this time (UTC).")
    ] = None,
    version: Annotated[int | None, typer.Option(help="Feature version; default: the newest.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Acquisitions per transaction.")] = 32,
    as_json: AsJson = False,
) -> None:
    """Compute the features of stored waveforms in the newest version; existing rows stay."""
    os.environ["OMP_NUM_THREADS"] = "1"
    from features.catalogue import FEATURE_VERSION
    from pdm.bootstrap import open_service
    from pdm.service.analysis.backfill import SENSED, backfill_features

    if quantity not in (*SENSED, "both"):
        raise typer.BadParameter("quantity must be vibration, current or both")
    os.nice(10)
    reports = []
    with open_service(settings_with_dsn()) as pool, bars(as_json) as progress:
        for one in [name for name in SENSED if quantity in (name, "both")]:
            reports.append(
                backfill_features(
                    pool,
                    one,
                    version=FEATURE_VERSION if version is None else version,
                    machine=machine,
                    since=in_utc(since),
                    before=in_utc(before),
                    batch=batch,
                    progress=progress,
                )
            )
    show([asdict(report) for report in reports], as_json, "\n".join(report.text() for report in reports))


@commands.command()
def diagnose(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=f"{FORMATS}.")],
    machine: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Fleet YAML with the machine.")],
    machine_key: Annotated[
        str | None, typer.Option("--key", help="Key or tag of the machine, if the YAML has several machines.")
    ] = None,
    point: Annotated[
        list[str] | None, typer.Option(help="Channel of a point, POINT=CHANNEL, if the names differ.")
    ] = None,
    speed: Annotated[float | None, typer.Option(help="Shaft speed in rpm.")] = None,
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
    plot: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the spectra to this PNG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Diagnose a machine from one recording in a file, without a database."""
    from pdm.replay.diagnose_file import declare, diagnose_file, diagnosis_text, file_document, find_in_fleet

    layout = reading_of(time, delimiter, decimal, encoding, skip, columns, split, mapping)
    declared = declare(
        point or [], scale or [], speed_rpm=speed, rate=rate, unit=unit, unknown_unit=unknown_unit, reading=layout
    )
    found = diagnose_file(file, find_in_fleet(machine, machine_key), declared)
    if plot is not None:
        from pdm.replay.diagnosis_plot import plot_diagnosis

        plot_diagnosis(found, plot)
    show(file_document(found), as_json, diagnosis_text(found))


@commands.command()
def inspect(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=f"{FORMATS}.")],
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
    """Print what a recording file contains, and how it would be read."""
    from pdm.ingest.recording_files import Declared
    from pdm.replay.inspect_file import inspect_file, inspection_text

    layout = reading_of(time, delimiter, decimal, encoding, skip, columns, split, mapping)
    found = inspect_file(file, Declared(rate=rate, unit=unit, unknown_unit=unknown_unit, reading=layout))
    show(found, as_json, inspection_text(found))
