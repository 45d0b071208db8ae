"""Bearings outside the fixed band: band selection, whitened envelope, cepstrum; sources in catalogue.py."""

from __future__ import annotations

from features.catalogue.definition import Row
from features.catalogue.reasons import Reason

_CONSTANT = Reason.CONSTANT
_SHORT = Reason.RECORD_TOO_SHORT | Reason.CONSTANT
_FAULT = Reason.NO_SPEED | Reason.NO_GEOMETRY | Reason.BEARING_UNRESOLVED | _SHORT
_FAULTS = (
    ("bpfo", "the outer-race frequency"),
    ("bpfi", "the inner-race frequency"),
    ("bsf", "twice the ball spin frequency"),
    ("ftf", "the cage frequency"),
)
_WHITE = "squared envelope of the record with every line's magnitude made 1"
_CHOSEN = "squared envelope of the kurtogram's band"

_BAND: tuple[Row, ...] = (
    (
        "kurtogram_kurtosis",
        "largest mean |z|^4 / (mean |z|^2)^2 - 2 of the analytic signals z of 4, 8, 16 and 32 equal bands of at "
        "least 32 lines, 1/16 left out at either end; 0 for noise",
        "1",
        _SHORT,
        "[14]",
    ),
    ("kurtogram_centre", "middle of that band", "Hz", _SHORT, "[14]"),
    ("kurtogram_bandwidth", "width of that band", "Hz", _SHORT, "[14]"),
    (
        "spectral_kurtosis_peak",
        "largest of the 32 bands' kurtoses: spectral kurtosis over time, not the moment of the spectrum; from "
        "2048 samples on",
        "1",
        _SHORT,
        "[15]",
    ),
    ("spectral_kurtosis_peak_frequency", "middle of the band where that is", "Hz", _SHORT, "[15]"),
    (
        "interpolated_peak_frequency",
        "frequency of the strongest sine between 0 and half the sampling rate, from its two largest lines",
        "Hz",
        _CONSTANT,
        "[16]",
    ),
    ("interpolated_peak_amplitude", "amplitude of that sine", "m/s2", _CONSTANT, "[16]"),
    (
        "cepstrum_peak_prominence",
        "largest line of the power cepstrum, 32 samples to a quarter of the record, over local median",
        "dB",
        _SHORT,
        "[17]",
    ),
    ("cepstrum_peak_quefrency", "where that line lies: 1 / spacing of a family of lines", "s", _SHORT, "[17]"),
    (
        "cepstrum_shaft_prominence",
        "largest line of the power cepstrum at the shaft's period (+- 2 %) over local median",
        "dB",
        _SHORT | Reason.NO_SPEED | Reason.SHAFT_UNRESOLVED | Reason.BAND_ABOVE_NYQUIST,
        "[17]",
    ),
)

# Five harmonics, as HARMONICS of features/kernels/band.py.
_HARMONICS: tuple[Row, ...] = tuple(
    (
        f"whitened_{fault}_{harmonic}",
        f"line at {harmonic} x {text}, at its slip, over local median; {_WHITE}",
        "dB",
        _FAULT,
        "[18]",
    )
    for fault, text in _FAULTS
    for harmonic in (1, 2, 3, 4, 5)
)

_WHITENED: tuple[Row, ...] = (
    *_HARMONICS,
    *(
        (
            f"whitened_{fault}_prominence",
            f"mean of harmonics 1-3 of {text}, at one slip (+- 1 %) common to them; {_WHITE}; noise reads 4 to 7",
            "dB",
            _FAULT,
            "[18]",
        )
        for fault, text in _FAULTS
    ),
    *(
        (f"whitened_{fault}_slip", f"share by which {text} lies beside the kinematic one", "1", _FAULT, "[5]")
        for fault, text in _FAULTS
    ),
    (
        "whitened_bpfi_sideband_prominence",
        "mean over harmonics 1-3 of lines shaft speed beside them; as whitened_bpfi_1",
        "dB",
        _FAULT,
        "[5]",
    ),
    (
        "whitened_bsf_sideband_prominence",
        "mean over harmonics 1-3 of lines cage frequency beside them; as whitened_bsf_1",
        "dB",
        _FAULT,
        "[5]",
    ),
)

_KURTOGRAM: tuple[Row, ...] = (
    *(
        (
            f"kurtogram_{fault}_prominence",
            f"mean of harmonics 1-3 of {text}, at one slip (+- 1 %) common to them; {_CHOSEN}",
            "dB",
            _FAULT,
            "[14]",
        )
        for fault, text in _FAULTS
    ),
    (
        "kurtogram_bpfi_sideband_prominence",
        f"mean over harmonics 1-3 of lines shaft speed beside them; {_CHOSEN}",
        "dB",
        _FAULT,
        "[5]",
    ),
    (
        "kurtogram_bsf_sideband_prominence",
        f"mean over harmonics 1-3 of lines cage frequency beside them; {_CHOSEN}",
        "dB",
        _FAULT,
        "[5]",
    ),
)

BEARING: tuple[Row, ...] = _BAND + _WHITENED + _KURTOGRAM
"""In the order of the kernels' output columns."""
