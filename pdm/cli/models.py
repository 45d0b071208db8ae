"""Commands of the model registry."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pdm.cli.terminal import AsJson, settings_with_dsn, show

if TYPE_CHECKING:
    from pdm.service.prognosis.registry import ModelHistory

registry = typer.Typer(no_args_is_help=True, help="Models of remaining life.")

Reason = Annotated[str, typer.Option(help="Reason; stored with the model.")]
ACTOR = "pdm model"


@registry.command("list")
def list_models(
    fleet: Annotated[str | None, typer.Option(help="Only models of this fleet.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List models, newest first."""
    from pdm.bootstrap import open_service
    from pdm.service.prognosis import registry as models

    with open_service(settings_with_dsn()) as pool:
        rows = models.list_models(pool, before=2**63 - 1, limit=limit, fleet=fleet)
    lines = [f"{r.id:>6}  {r.fleet} v{r.version:<4} {r.status:<10} {r.created_at:%F %T}" for r in rows]
    document = [{**asdict(row), "created_at": row.created_at.isoformat()} for row in rows]
    show(document, as_json, "\n".join(lines) or "no models yet")


@registry.command()
def promote(
    model_id: int,
    reason: Reason,
    force: Annotated[bool, typer.Option("--force", help="Promote even if the model has not validated better.")] = False,
    as_json: AsJson = False,
) -> None:
    """Promote a model to champion of its fleet."""
    from pdm.bootstrap import open_service
    from pdm.service.prognosis import registry as models

    with open_service(settings_with_dsn()) as pool:
        _tell(models.promote(pool, model_id, actor=ACTOR, reason=reason, force=force), as_json)


@registry.command()
def rollback(fleet: str, reason: Reason, as_json: AsJson = False) -> None:
    """Promote the previous champion of a fleet again."""
    from pdm.bootstrap import open_service
    from pdm.service.prognosis import registry as models

    with open_service(settings_with_dsn()) as pool:
        _tell(models.roll_back(pool, fleet, actor=ACTOR, reason=reason), as_json)


@registry.command("export")
def export_model(
    model_id: int,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Output file; default: a name made from fleet and version.")
    ] = None,
) -> None:
    """Write a model to a file for import into another installation."""
    from pdm.bootstrap import open_service
    from pdm.service.prognosis import registry as models

    with open_service(settings_with_dsn()) as pool:
        name, file = models.export_model(pool, model_id)
    target = out or Path(name)
    target.write_bytes(file)
    typer.echo(f"{target}: {len(file)} bytes")


@registry.command("import")
def import_model(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    fleet: Annotated[str, typer.Option(help="Fleet for which the model becomes a challenger.")],
    as_json: AsJson = False,
) -> None:
    """Register a model from a file as a challenger. The file is checked in a separate process."""
    from pdm.bootstrap import open_service
    from pdm.service.prognosis import registry as models

    with open_service(settings_with_dsn()) as pool:
        _tell(models.import_model(pool, fleet, file.read_bytes(), actor=ACTOR), as_json)


def _tell(model: ModelHistory, as_json: bool) -> None:
    last = model.events[-1]
    text = f"{model.fleet} v{model.version} (id {model.id}): {model.status}, {last.kind}: {last.reason}"
    show(asdict(model), as_json, text)
