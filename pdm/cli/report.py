"""Reports on alarms and operation."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from pdm.cli.terminal import TIMES, AsJson, in_utc, settings_with_dsn, show

reports = typer.Typer(no_args_is_help=True, help="Reports on alarms and operation.")


@reports.callback()
def reporting() -> None:
    """Group the reports, so that a single report still requires its name."""


@reports.command("alarms")
def report_alarms(
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=TIMES, help="Start of the period (UTC); default: 7 days before the end."),
    ] = None,
    before: Annotated[
        datetime | None, typer.Option("--to", formats=TIMES, help="End of the period (UTC); default: now.")
    ] = None,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    operators: Annotated[int, typer.Option(min=1, help="Number of operator positions that share the alarms.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Report the alarm performance indicators of ISA-18.2 and IEC 62682 for a period."""
    from pdm.bootstrap import open_service
    from pdm.service.alerting.kpi import measure, report_text

    end = in_utc(before) or datetime.now(UTC)
    with open_service(settings_with_dsn()) as pool, pool.connection() as conn:
        found = measure(conn, in_utc(since) or end - timedelta(days=7), end, site, operators)
    show(asdict(found), as_json, report_text(found))
