"""What is refused rather than computed."""

from __future__ import annotations


class SignalError(ValueError):
    """`what` cannot be used, `where` says which argument, row or sample."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class FftError(RuntimeError):
    """The FFT library that was asked for is unknown or not installed."""
