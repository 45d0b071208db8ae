"""The `pdm` command: groups of commands and the handling of errors."""

from __future__ import annotations

import sys

import typer
from rich.markup import escape

from pdm.cli import analysis, evaluate, models, plant, report, rules, running, trials
from pdm.cli.terminal import errors
from pdm.errors import ConfigurationError, PdmError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Predictive maintenance from vibration and current signals.",
)
for group in (running, plant, analysis, rules, trials):
    app.add_typer(group.commands)
app.add_typer(plant.keys, name="key")
app.add_typer(models.registry, name="model")
app.add_typer(evaluate.evaluations, name="evaluate")
app.add_typer(report.reports, name="report")
app.add_typer(rules.rules, name="rules")


def main() -> None:
    """Run the command; an error is one line on standard error and exit status 2."""
    try:
        app()
    except PdmError as error:
        _refuse(error.code, error.message)
    except RuntimeError as error:
        from features.errors import FftError  # imported here, so that the API starts without the analysis

        if not isinstance(error, FftError):
            raise
        _refuse(ConfigurationError.code, str(error))


def _refuse(code: str, message: str) -> None:
    errors.print(f"[bold red]{code}[/]: {escape(message)}", highlight=False, soft_wrap=True)
    sys.exit(2)
