"""Commands that evaluate remaining life on published benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pdm.cli.terminal import AsJson, bars, show

evaluations = typer.Typer(no_args_is_help=True, help="Published benchmarks of remaining life.")


@evaluations.command("cmapss")
def evaluate_cmapss(
    path: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder with the published text files.")],
    subset: Annotated[str, typer.Option(help="Subset: FD001 to FD004.")],
    predictions: Annotated[Path | None, typer.Option(help="CSV file for the predictions.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for plots.")] = None,
    svg: Annotated[bool, typer.Option("--svg", help="Write plots as SVG instead of PNG.")] = False,
    seed: Annotated[int, typer.Option()] = 0,
    as_json: AsJson = False,
) -> None:
    """Train on the training engines of C-MAPSS, predict the test engines and report the errors."""
    from pdm.replay.evaluate import evaluate_cmapss as evaluate
    from pdm.replay.evaluate import evaluation_text

    with bars(as_json) as progress:
        report = evaluate(
            path,
            subset,
            predictions=predictions,
            plots=plots,
            kind="svg" if svg else "png",
            seed=seed,
            progress=lambda _, share: progress("training", int(share * 100), 100),
        )
    show(report, as_json, evaluation_text(report))


@evaluations.command("pronostia")
def evaluate_pronostia(
    path: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Folder with the bearings, searched recursively.")
    ],
    plots: Annotated[Path | None, typer.Option(help="Folder for plots.")] = None,
    svg: Annotated[bool, typer.Option("--svg", help="Write plots as SVG instead of PNG.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cross-validate on the learning bearings of PRONOSTIA; run the challenge if test bearings are present."""
    from pdm.replay.evaluate_pronostia import evaluate_pronostia as evaluate
    from pdm.replay.evaluate_pronostia import pronostia_text

    with bars(as_json) as progress:
        report = evaluate(path, progress=lambda what, share: progress(what, int(share * 100), 100))
    if plots is not None:
        from pdm.replay.evaluation_plots import plot_bearings

        report["plots"] = [str(each) for each in plot_bearings(report, plots, "svg" if svg else "png")]
    show(report, as_json, pronostia_text(report))


@evaluations.command("lives")
def evaluate_lives(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="Parquet file with columns machine, time, ended_by and sensors."
        ),
    ],
    cap: Annotated[float | None, typer.Option(help="Upper limit of the remaining life used as label.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Predicted remaining life below which an alert is raised.")
    ] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for plots.")] = None,
    svg: Annotated[bool, typer.Option("--svg", help="Write plots as SVG instead of PNG.")] = False,
    seed: Annotated[int, typer.Option()] = 0,
    as_json: AsJson = False,
) -> None:
    """Cross-validate on your own run-to-failure histories and report the errors."""
    from pdm.replay.evaluate_lives import evaluate_lives as evaluate
    from pdm.replay.evaluate_lives import lives_text

    with bars(as_json) as progress:
        report = evaluate(
            file,
            cap=cap,
            threshold=threshold,
            seed=seed,
            plots=plots,
            kind="svg" if svg else "png",
            progress=lambda _, share: progress("training", int(share * 100), 100),
        )
    show(report, as_json, lives_text(report))
