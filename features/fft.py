"""The Fourier transforms of all features: SciPy's, or ducc0's if it is selected.

`PDM_FFT=ducc0` in the environment, or `use("ducc0")`, selects ducc0 (`pip install pdm-service[ducc0]`). The two differ
in last bits; stored data do not depend on the library. With either library a row is bit-identical alone and in any
batch. Inverse transforms are not divided by the length. Transforms use one thread and keep single precision.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft as scipy_fft

from features.errors import FftError

VARIABLE = "PDM_FFT"
LIBRARIES = ("scipy", "ducc0")
_MOST_ROWS = 16
"""Rows of single precision that the widest vector unit (512 bits) processes at once."""

_chosen: str | None = None
_ducc0: Any = None


def library() -> str:
    """Return the name of the library in use; the environment is read at the first call.

    Raises
    ------
    FftError
        The environment selects a library that is unknown or not installed.
    """
    if _chosen is None:
        _choose(os.environ.get(VARIABLE) or "scipy", f"{VARIABLE}=")
    assert _chosen is not None
    return _chosen


def use(name: str) -> None:
    """Select the library of all later transforms of this process, with priority over the environment.

    Parameters
    ----------
    name : {'scipy', 'ducc0'}

    Raises
    ------
    FftError
        The library is unknown or not installed.
    """
    _choose(name, "")


def _choose(name: str, asked: str) -> None:
    global _chosen, _ducc0
    if name not in LIBRARIES:
        raise FftError(f"{asked}{name}: not an FFT library of features; allowed are {' and '.join(LIBRARIES)}")
    if name == "ducc0":
        try:
            _ducc0 = importlib.import_module("ducc0")
        except ImportError as error:
            raise FftError(
                f"{asked}{name}: ducc0 is not installed; install pdm-service[ducc0], or unset {VARIABLE} to use SciPy"
            ) from error
    _chosen = name


def rfft(x: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return lines 0 to n // 2 of each real row of n samples along the last axis, in `out` if given."""
    if library() == "ducc0":
        ours: NDArray[Any] = _ducc0.fft.r2c(x, axes=(x.ndim - 1,), out=out, nthreads=1)
        return ours
    return _into(out, scipy_fft.rfft(x, axis=-1, workers=1))


def irfft(lines: NDArray[Any], length: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the inverse transform of lines: real rows of `length` samples, times the length, in `out` if given."""
    if library() == "ducc0":
        ours: NDArray[Any] = _ducc0.fft.c2r(
            lines, axes=(lines.ndim - 1,), lastsize=length, forward=False, out=out, nthreads=1
        )
        return ours
    return _into(out, scipy_fft.irfft(lines, length, axis=-1, norm="forward", workers=1))


def ifft(lines: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the inverse transform of lines: complex rows, times the length, in `out` (may be `lines`) if given."""
    if library() == "ducc0":
        ours: NDArray[Any] = _ducc0.fft.c2c(lines, axes=(lines.ndim - 1,), forward=False, out=out, nthreads=1)
        return ours
    return _into(out, scipy_fft.ifft(lines, axis=-1, norm="forward", workers=1))


def _into(out: NDArray[Any] | None, result: Any) -> NDArray[Any]:
    if out is None:
        return np.asarray(result)
    out[...] = result
    return out


def fast_length(least: int, *, real: bool) -> int:
    """Return the next length that is fast to transform; equal for all libraries."""
    return int(scipy_fft.next_fast_len(least, real=real))


def group(length: int, *kinds: str) -> int:
    """Return the number of rows of which padded transforms of a length are a multiple.

    A library may process rows in groups, and a row of an incomplete group then differs in last bits. The size of a
    group depends on the length, the library and its build, so it is determined once per length.

    Parameters
    ----------
    length : int
        Samples of a row.
    kinds : {'rfft', 'irfft', 'ifft'}
        The transforms that are used, in single precision.
    """
    return max(_group(library(), length, kind) for kind in kinds)


@lru_cache(maxsize=512)
def _group(_library: str, length: int, kind: str) -> int:
    noise = np.random.default_rng(0).standard_normal((_MOST_ROWS, 2 * length + 2), np.float32)
    transforms: dict[str, Callable[[slice], NDArray[Any]]] = {
        "rfft": lambda rows: rfft(noise[rows, :length]),
        "irfft": lambda rows: irfft(noise[rows, : 2 * (length // 2 + 1)].view(np.complex64), length),
        "ifft": lambda rows: ifft(noise[rows, : 2 * length].view(np.complex64)),
    }
    transform = transforms[kind]
    whole = transform(slice(None))
    for rows in (1, 4, 8):
        parts = [slice(start, start + rows) for start in range(0, _MOST_ROWS, rows)]
        if all(np.array_equal(transform(part), whole[part]) for part in parts):
            return rows
    return _MOST_ROWS
