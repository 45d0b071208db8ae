"""Errors of the features: input that is refused."""

from __future__ import annotations


class SignalError(ValueError):
    """`what` is the fault of the input, `where` the argument, row or sample."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class FftError(RuntimeError):
    """The requested FFT library is unknown or not installed."""
