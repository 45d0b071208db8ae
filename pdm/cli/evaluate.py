"""Commands that evaluate remaining life on published benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pdm.cli.terminal import AsJson, bars, show

evaluations = typer.Typer(no_args_is_help=True, help="Published benchmarks of remaining life.")


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

    with bars(as_json) as progress:
        report = evaluate(
            path,
            subset,
            predictions=predictions,
            seed=seed,
            progress=lambda _, share: progress("training", int(share * 100), 100),
        )
    show(report, as_json, evaluation_text(report))
