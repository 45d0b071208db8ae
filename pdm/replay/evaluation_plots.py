"""Plots of evaluations: remaining life against the truth with its band, alpha-lambda, calibration, bearings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import ConfigurationError, InvalidInputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PREDICTED, _TRUTH, _BAND, _GUESS = "#1f4e79", "#222222", "#9dc3e6", "#c0392b"
_UNITS_SHOWN = 6

Vector = NDArray[np.float64]


def plot_predictions(
    unit: Sequence[str],
    actual: Vector,
    middle: Vector,
    lower: Vector,
    upper: Vector,
    folder: Path,
    kind: str,
    *,
    time_unit: str,
) -> Path:
    """Plot remaining life against the truth for up to six units, with the interval; return the file written.

    Parameters
    ----------
    unit : sequence of str, length n
    actual, middle, lower, upper : ndarray, shape (n,)
    folder : Path
    kind : 'png' or 'svg'
    time_unit : str

    Raises
    ------
    ConfigurationError
        matplotlib is not installed.
    InvalidInputError
        The file cannot be written there.
    """
    names = np.array(unit)
    lengths = {str(name): float(actual[names == name].max()) for name in np.unique(names)}
    ranked = sorted(lengths, key=lengths.__getitem__)
    chosen = [ranked[i] for i in sorted({round(x) for x in np.linspace(0, len(ranked) - 1, _UNITS_SHOWN)})]
    with _picture(folder / f"told.{kind}", (12, 6.5)) as figure:
        for place, name in zip(figure.subplots(2, 3, squeeze=False).ravel(), chosen, strict=False):
            own = names == name
            order = np.argsort(-actual[own], kind="stable")
            left, predicted, low, high = (values[own][order] for values in (actual, middle, lower, upper))
            place.fill_between(left, low, high, color=_BAND, alpha=0.6, label="interval")
            place.plot(left, left, color=_TRUTH, linewidth=0.9, linestyle="--", label="truth")
            place.plot(left, predicted, color=_PREDICTED, linewidth=1.2, label="predicted")
            place.set(
                title=name,
                xlabel=f"true remaining life [{time_unit}]",
                ylabel=f"predicted remaining life [{time_unit}]",
            )
            place.invert_xaxis()
        figure.axes[0].legend(fontsize=8)
    return folder / f"told.{kind}"


def plot_alpha_lambda(
    actual: Vector, middle: Vector, cap: float, folder: Path, kind: str, *, alpha: float, time_unit: str
) -> Path:
    """Plot the share of predictions within `alpha` of the truth against true remaining life; return the file.

    Raises
    ------
    ConfigurationError
        matplotlib is not installed.
    InvalidInputError
        The file cannot be written there.
    """
    edges = np.linspace(0.0, cap, 26)
    band = np.digitize(actual, edges) - 1
    is_near = np.abs(middle - actual) <= alpha * actual
    shown = [b for b in range(len(edges) - 1) if (band == b).any()]
    with _picture(folder / f"alpha_lambda.{kind}", (7, 4.5)) as figure:
        place = figure.subplots()
        centres = [0.5 * (edges[b] + edges[b + 1]) for b in shown]
        place.plot(
            centres, [float(is_near[band == b].mean()) for b in shown], color=_PREDICTED, marker="o", markersize=3
        )
        place.set(
            title=f"within {alpha:.0%} of the truth",
            xlabel=f"true remaining life [{time_unit}]",
            ylabel="share of predictions",
            ylim=(0, 1),
        )
        place.invert_xaxis()
    return folder / f"alpha_lambda.{kind}"


def plot_calibration(levels: Sequence[float], coverage: Sequence[float], folder: Path, kind: str) -> Path:
    """Plot empirical against nominal coverage of the intervals; return the file.

    Raises
    ------
    ConfigurationError
        matplotlib is not installed.
    InvalidInputError
        The file cannot be written there.
    """
    with _picture(folder / f"calibration.{kind}", (5, 5)) as figure:
        place = figure.subplots()
        place.plot([0, 1], [0, 1], color=_TRUTH, linewidth=0.9, linestyle="--", label="nominal")
        place.plot(levels, coverage, color=_PREDICTED, marker="o", markersize=4, label="on held-out units")
        place.set(title="calibration", xlabel="nominal level", ylabel="coverage", xlim=(0, 1), ylim=(0, 1))
        place.legend()
    return folder / f"calibration.{kind}"


def plot_bearings(report: Mapping[str, Any], folder: Path, kind: str) -> list[Path]:
    """Plot the predictions of each bearing and the truth, held out and in the challenge; return the files.

    Raises
    ------
    ConfigurationError
        matplotlib is not installed.
    InvalidInputError
        A file cannot be written there.
    """
    parts = {"leave_one_out": report["leave_one_out"]["five_truncations"], "challenge": report["challenge"]}
    written = []
    for name, part in parts.items():
        if part is None:
            continue
        with _picture(folder / f"{name}.{kind}", (11, 4.5)) as figure:
            _draw_bearings(figure.subplots(), part["rows"])
        written.append(folder / f"{name}.{kind}")
    return written


def _draw_bearings(place: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    x = np.arange(len(rows), dtype=np.float64)
    columns = {key: np.array([row[key] for row in rows], np.float64) for key in ("actual", "told", "lower", "upper")}
    place.vlines(x, columns["lower"], columns["upper"], color=_BAND, linewidth=6, label="interval")
    place.plot(x, columns["told"], "o", color=_PREDICTED, markersize=5, label="predicted")
    place.plot(
        x, [row["constant"] for row in rows], "_", color=_GUESS, markersize=9, label="constant of the other bearings"
    )
    place.plot(x, columns["actual"], "x", color=_TRUTH, markersize=6, label="truth")
    place.set(yscale="log", ylabel="remaining life [s]")
    labels = [f"{row['bearing'].removeprefix('Bearing')}\n{row['age'] / 3600:.1f} h" for row in rows]
    place.set_xticks(x, labels, fontsize=7)
    place.legend(fontsize=8, ncols=4)


@contextmanager
def _picture(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """Yield a figure, and write it at the end."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigurationError("plots require matplotlib: install the extra 'plot' of pdm-service") from error
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    yield figure
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise InvalidInputError(f"the plot cannot be written: {error}", field="plots") from error
