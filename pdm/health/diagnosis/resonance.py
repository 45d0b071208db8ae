"""A hint of resonance: a maximum of the floor between the lines, where a structure amplifies its excitation.

Periodic excitation causes lines; a resonance also raises the noise around its natural frequency, as a system of one
degree of freedom (D. J. Ewins, "Modal Testing", 2000, ch. 2). It is only a hint: a recording of a running machine does
not separate the response from the force (a test by ISO 7626-5 does).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pdm.health.diagnosis.hypotheses import Hypothesis
from pdm.health.diagnosis.model import Fault, MatchedLine, Reason
from pdm.health.diagnosis.usable_channels import Heard

_LOW, _HIGH = 20.0, 1000.0  # Hz: range of the first modes of machines and foundations
_BANDS = 12  # per octave
_LINES = 25  # least lines of the spectrum in a band
_QUARTER = 6  # rank among them: up to three quarters of a band may be skirts of lines and have no effect
_QUIET = 6.0  # dB of the highest of seventy such quantiles over the octaves around it, by chance
_LEAST_SECONDS = 0.5  # s: 2 Hz per line, narrower than a resonance's usual width


def resonance_hypotheses(heard: Sequence[Heard]) -> list[Hypothesis]:
    """Return the highest maximum of the floor at each vibration point."""
    found = []
    for channel in heard:
        if not channel.is_vibration or channel.spectrum is None or channel.seconds < _LEAST_SECONDS:
            continue
        places, lines = _bands(channel.spectrum.step, len(channel.spectrum.rms))
        if len(places) < 2 * _BANDS:
            continue
        floor = 20.0 * np.log10(
            np.maximum(np.partition(channel.spectrum.rms[lines], _QUARTER, axis=1)[:, _QUARTER], 1e-300)
        )
        hump = floor - _surroundings(floor)
        best = int(np.argmax(hump))
        found.append(_hint(channel, float(places[best]), float(hump[best])))
    return found


@lru_cache(maxsize=16)
def _bands(step: float, count: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the middle [Hz] of each band, and the indices of its lines (bands, 25)."""
    octaves = np.log2(min(_HIGH, 0.8 * step * count) / _LOW)
    places = _LOW * 2.0 ** (np.arange(int(octaves * _BANDS)) / _BANDS) if octaves > 0 else np.empty(0)
    width = np.maximum(places * (2.0 ** (1 / _BANDS) - 1), _LINES * step)
    lines = np.rint((places[:, None] + np.linspace(-0.5, 0.5, _LINES) * width[:, None]) / step).astype(np.intp)
    first = lines[:, 0] > 2
    return places[first], lines[first]


def _surroundings(floor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each band's neighbours within an octave either side."""
    first, last = 2 * floor[0] - floor[_BANDS:0:-1], 2 * floor[-1] - floor[-2 : -_BANDS - 2 : -1]
    padded = np.concatenate([first, floor, last])
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _BANDS + 1)
    return np.asarray(np.partition(around, _BANDS, axis=1)[:, _BANDS])


def _hint(channel: Heard, place: float, hump: float) -> Hypothesis:
    figures: dict[str, float | str] = {"centre_hz": place, "hump_db": hump}
    hint = Reason("hint-only", figures, channel.point.key, "impact-test")
    line = MatchedLine("hump", "velocity", channel.point.key, place, place if hump > _QUIET else None, hump)
    return Hypothesis(Fault.RESONANCE, None, hump - _QUIET, (line,), (hint, *channel.doubts))
