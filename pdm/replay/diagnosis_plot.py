"""Plot of a diagnosis: each channel's spectrum and envelope spectrum, with the lines that faults predict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import features
from features.envelope import envelope_spectrum
from pdm.errors import ConfigurationError, InvalidInputError
from pdm.health.diagnosis.bearings import rates
from pdm.health.diagnosis.model import Diagnosis, Finding, MatchedLine, Verdict
from pdm.health.diagnosis.usable_channels import Heard, listen
from pdm.machines.model import ComponentKind, Machine
from pdm.replay.diagnose_file import FileDiagnosis
from pdm.words.phrases import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIGNAL, _MATCHED, _PREDICTED, _NAME = "#1f4e79", "#c0392b", "#9aa5b1", "#4a5561"
_REFERENCES = {"acceleration": 1e-9, "velocity": 1e-9, "current": 1e-6}
"""Level 0 dB: velocity 1 nm/s and current 1 uA, ISO 1683:2015; acceleration is plotted as velocity."""
_ORDERS = 10  # multiples of shaft speed up to which a vibration spectrum is plotted
_HARMONICS = 4  # of the highest fault frequency of a bearing, up to which an envelope spectrum is plotted
_SUPPLIES = 4  # multiples of the supply frequency
_LOWEST = 5.0  # Hz below which integrated acceleration is mostly sensor noise
_SHOWN = 400.0  # Hz, default upper limit of a plot
_MOST_FAULTS = 2


class _Panel(NamedTuple):
    title: str
    axis: str
    frequency: NDArray[np.float64]
    level: NDArray[np.float64]
    top: float
    predicted: tuple[tuple[str, float], ...]
    matched: tuple[MatchedLine, ...]


def plot_diagnosis(found: FileDiagnosis, path: Path) -> None:
    """Plot the spectra of all usable channels into a file.

    Raises
    ------
    ConfigurationError
        matplotlib is not installed.
    InvalidInputError
        No channel is usable, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigurationError("plots require matplotlib: install the extra 'plot' of pdm-service") from error
    heard, _ = listen(found.recording)
    panels = [panel for channel in heard for panel in _panels(channel, found.machine, found.diagnosis)]
    if not panels:
        raise InvalidInputError("nothing to plot: no vibration or current channel can be evaluated")
    figure = Figure(figsize=(12, 3.4 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), squeeze=False)[:, 0]
    for place, panel in zip(axes, panels, strict=True):
        _draw(place, panel)
    figure.suptitle(_title(found.diagnosis))
    try:
        figure.savefig(path, dpi=110, format="png")
    except OSError as error:
        raise InvalidInputError(f"the plot cannot be written: {error}", field="plot") from error


def _panels(channel: Heard, machine: Machine, diagnosis: Diagnosis) -> Iterator[_Panel]:
    key, spectrum = channel.point.key, channel.spectrum
    lines = _matched(diagnosis, key)
    if spectrum is not None:
        quantity = "current" if channel.point.quantity == "current" else "velocity"
        frequency = np.arange(len(spectrum.rms), dtype=np.float64) * spectrum.step
        level = _decibels(spectrum.rms, _REFERENCES[channel.point.quantity])
        predicted = tuple(_electrical(diagnosis) if quantity == "current" else _mechanical(diagnosis))
        own = tuple(line for line in lines if line.source != "envelope")
        top = _top([place for _, place in predicted], own, spectrum.top)
        reference = "1 uA" if quantity == "current" else "1 nm/s"
        yield _Panel(f"{key}: {quantity}", f"{quantity} [dB re {reference}]", frequency, level, top, predicted, own)
    if channel.point.quantity == "acceleration":
        try:
            frequency, amplitude = envelope_spectrum(channel.samples, channel.rate)
        except features.SignalError:
            return
        predicted = tuple(_bearing(machine, diagnosis.speed, channel.point.component))
        own = tuple(line for line in lines if line.source == "envelope")
        top = _top([_HARMONICS * place for _, place in predicted], own, float(frequency[-1]))
        level = _decibels(amplitude, float(np.median(amplitude)) or 1.0)
        yield _Panel(f"{key}: envelope", "over the median [dB]", frequency, level, top, predicted, own)


def _decibels(values: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
    return np.asarray(20.0 * np.log10(np.maximum(values / reference, 1e-6)))


def _top(predicted: Sequence[float], matched: Sequence[MatchedLine], highest: float) -> float:
    places = [*predicted, *(line.expected for line in matched)]
    return min(highest, 1.1 * max(places, default=_SHOWN))


def _mechanical(diagnosis: Diagnosis) -> Iterator[tuple[str, float]]:
    if diagnosis.speed is not None:
        for order in range(1, _ORDERS + 1):
            yield f"{order}x", order * diagnosis.speed


def _electrical(diagnosis: Diagnosis) -> Iterator[tuple[str, float]]:
    if diagnosis.supply is not None:
        for multiple in range(1, _SUPPLIES + 1):
            yield f"{multiple} supply", multiple * diagnosis.supply


def _bearing(machine: Machine, speed: float | None, component: str | None) -> Iterator[tuple[str, float]]:
    if speed is None:
        return
    known = [each for each in machine.components if each.kind is ComponentKind.BEARING and each.bearing is not None]
    own = [each for each in known if each.key == component] or known
    yield "1x", speed
    for bearing in own:
        for rate in rates(bearing):
            yield (rate.name if len(own) == 1 else f"{rate.name} {bearing.key}"), rate.order * speed


def _matched(diagnosis: Diagnosis, point: str) -> tuple[MatchedLine, ...]:
    """Return the lines found at a point, of the supported faults or else of the most likely one."""
    lines = [line for each in _leading(diagnosis) for line in each.lines]
    return tuple(line for line in lines if line.point == point and line.found is not None and line.source != "park")


def _leading(diagnosis: Diagnosis) -> Sequence[Finding]:
    judged = [each for each in diagnosis.findings if each.verdict is not Verdict.REFUSED]
    return [each for each in judged if each.verdict is Verdict.SUPPORTED] or judged[:_MOST_FAULTS]


def _title(diagnosis: Diagnosis) -> str:
    named = ", ".join(
        f"{say(f'fault.{each.fault}')} ({say(f'verdict.{each.verdict}').lower()})" for each in _leading(diagnosis)
    )
    speed = "unknown" if diagnosis.speed is None else f"{diagnosis.speed * 60:.1f} rpm, {diagnosis.speed_source}"
    return f"{diagnosis.machine}: {say(f'verdict.{diagnosis.verdict}')}; {named or 'no fault evaluated'}; speed {speed}"


def _draw(axes: Axes, panel: _Panel) -> None:
    drawn = (panel.frequency <= panel.top) & (panel.frequency >= min(_LOWEST, panel.top / 2))
    axes.plot(panel.frequency[drawn], panel.level[drawn], color=_SIGNAL, linewidth=0.6)
    highest = float(panel.level[drawn].max())
    lowest = max(float(np.quantile(panel.level[drawn], 0.01)), highest - 100.0) - 5.0
    behind = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}
    named: dict[str, Any] = {"rotation": 90, "fontsize": 7, "ha": "right", "bbox": behind}
    for name, place in panel.predicted:
        if place <= panel.top:
            axes.axvline(place, color=_PREDICTED, linewidth=0.7, linestyle=":")
            axes.text(place, lowest, name, color=_NAME, va="bottom", **named)
    for line in panel.matched:
        place = line.found or math.nan
        axes.axvline(place, color=_MATCHED, linewidth=0.7, alpha=0.6)
        axes.text(place, highest + 23.0, f"{line.name} {place:.1f}", color=_MATCHED, va="top", **named)
    axes.set(title=panel.title, xlabel="frequency [Hz]", ylabel=panel.axis)
    axes.set_xlim(0.0, panel.top)
    axes.set_ylim(lowest, highest + 25.0)
