"""Vibration features of one channel: time, spectrum, envelope of the fixed band, velocity; sources in catalogue.py."""

from __future__ import annotations

from features.catalogue.definition import Row
from features.catalogue.reasons import Reason

_ALWAYS = Reason(0)  # no reason of absence
_CONSTANT = Reason.CONSTANT
_SHORT = Reason.RECORD_TOO_SHORT
_NYQUIST = Reason.BAND_ABOVE_NYQUIST
_BEARING = Reason.NO_SPEED | Reason.NO_GEOMETRY | Reason.BEARING_UNRESOLVED | Reason.CONSTANT
_ORDER = Reason.NO_SPEED | Reason.SHAFT_UNRESOLVED | Reason.BAND_ABOVE_NYQUIST

TIME: tuple[Row, ...] = (
    ("mean", "mean of x", "m/s2", _ALWAYS, "[1]"),
    ("rms", "sqrt(mean x^2)", "m/s2", _ALWAYS, "[1]"),
    ("standard_deviation", "sqrt(variance)", "m/s2", _ALWAYS, "[1]"),
    ("variance", "mean (x - mean)^2, divided by N", "(m/s2)^2", _ALWAYS, "[1]"),
    ("skewness", "mean (x - mean)^3 / standard_deviation^3", "1", _CONSTANT, "[2]"),
    ("kurtosis", "mean (x - mean)^4 / variance^2; 3 for Gaussian noise", "1", _CONSTANT, "[2]"),
    ("maximum", "largest sample", "m/s2", _ALWAYS, "[1]"),
    ("minimum", "smallest sample", "m/s2", _ALWAYS, "[1]"),
    ("peak_to_peak", "maximum - minimum", "m/s2", _ALWAYS, "[1]"),
    ("peak", "max |x|", "m/s2", _ALWAYS, "[1]"),
    ("mean_absolute", "mean |x|", "m/s2", _ALWAYS, "[2]"),
    ("crest_factor", "peak / rms", "1", _CONSTANT, "[2]"),
    ("shape_factor", "rms / mean_absolute", "1", _CONSTANT, "[2]"),
    ("impulse_factor", "peak / mean_absolute", "1", _CONSTANT, "[2]"),
    ("clearance_factor", "peak / (mean sqrt|x|)^2", "1", _CONSTANT, "[2]"),
    ("zero_crossing_rate", "changes of sign of x over N - 1; zero counts as positive", "1", _ALWAYS, "[1]"),
    ("energy", "sum x^2 / sampling rate", "(m/s2)^2 s", _ALWAYS, "[1]"),
    ("mean_absolute_difference", "mean |x[i+1] - x[i]|", "m/s2", _ALWAYS, "[3]"),
    (
        "slope_sign_change_rate",
        "changes of sign of x[i+1] - x[i] over N - 2; zero counts as positive",
        "1",
        _ALWAYS,
        "[3]",
    ),
    ("hjorth_mobility", "sqrt(var dx / var x), dx the first difference", "1", _CONSTANT, "[3]"),
    ("hjorth_complexity", "mobility of dx / mobility of x", "1", _CONSTANT, "[3]"),
)

# Figures and their sources are in the texts of the rows.
SPECTRUM: tuple[Row, ...] = (
    *(
        (
            f"band_power_{band}",
            f"mean square from {band - 1}/8 to {band}/8 of half the sampling rate (relative to it, so that "
            "every record has eight), Hann window, mean removed",
            "(m/s2)^2",
            _ALWAYS,
            "[1]",
        )
        for band in range(1, 9)
    ),
    ("total_power", "sum of the eight band powers", "(m/s2)^2", _ALWAYS, "[1]"),
    ("spectral_centroid", "mean frequency, weighted with power", "Hz", _CONSTANT, "[4]"),
    ("spectral_spread", "standard deviation of frequency, weighted with power", "Hz", _CONSTANT, "[4]"),
    ("spectral_skewness", "third standardised moment of frequency under power", "1", _CONSTANT, "[4]"),
    ("spectral_kurtosis", "fourth standardised moment of frequency under power", "1", _CONSTANT, "[4]"),
    ("spectral_entropy", "-sum p ln p / ln(bins), p the share of power; 1 is white", "1", _CONSTANT, "[4]"),
    ("peak_frequency", "frequency of the largest spectral line", "Hz", _CONSTANT, "[1]"),
    ("rolloff_85", "frequency below which 85 % of power lies", "Hz", _CONSTANT, "[4]"),
)

# Three harmonics of each fault; the source is in the rows.
_BEARING_LINES: tuple[Row, ...] = tuple(
    (
        f"envelope_{fault}_{harmonic}",
        f"mean square of the squared envelope at {harmonic} x {text} (+- 2 % slip), band 1/4 to 3/4 of half "
        "the sampling rate",
        "(m/s2)^4",
        _BEARING,
        "[5]",
    )
    for fault, text in (
        ("bpfo", "the outer-race frequency"),
        ("bpfi", "the inner-race frequency"),
        ("bsf", "twice the ball spin frequency"),
        ("ftf", "the cage frequency"),
    )
    for harmonic in (1, 2, 3)
)

ENVELOPE: tuple[Row, ...] = (
    *_BEARING_LINES,
    ("envelope_rms", "sqrt(mean squared envelope) in that band", "m/s2", _ALWAYS, "[5]"),
    ("envelope_kurtosis", "mean e^4 / (mean e^2)^2 of that envelope; 2 for noise", "1", _CONSTANT, "[5]"),
)

CORE = TIME + SPECTRUM + ENVELOPE
"""The 51 features with a guaranteed computing speed."""

MORE: tuple[Row, ...] = (
    ("rolloff_95", "frequency below which 95 % of power lies", "Hz", _CONSTANT, "[4]"),
    ("spectral_flatness", "geometric over arithmetic mean of lines, none under 1e-9 of it", "1", _CONSTANT, "[4]"),
    ("high_frequency_rms", "rms above 1 kHz", "m/s2", _NYQUIST | _SHORT, "[1]"),
    ("histogram_entropy", "-sum p ln p / ln 64, 64 equal bins, minimum to maximum", "1", _CONSTANT, "[2]"),
    ("velocity_rms", "velocity rms 10-1000 Hz, as ISO 20816 grades it", "m/s", _SHORT | _NYQUIST, "[6]"),
    ("velocity_rms_low", "velocity rms 2-1000 Hz, for below 600 rpm", "m/s", _SHORT | _NYQUIST, "[6]"),
    ("velocity_peak", "largest velocity amplitude of a line, 10-1000 Hz", "m/s", _SHORT | _NYQUIST, "[1]"),
    ("velocity_peak_frequency", "where that line lies", "Hz", _SHORT | _NYQUIST, "[1]"),
    ("order_0_5x", "velocity amplitude at 0.5 x running speed", "m/s", _ORDER, "[1]"),
    ("order_1x", "velocity amplitude at running speed", "m/s", _ORDER, "[1]"),
    ("order_2x", "velocity amplitude at 2 x running speed", "m/s", _ORDER, "[1]"),
    ("order_3x", "velocity amplitude at 3 x running speed", "m/s", _ORDER, "[1]"),
    ("bpfo_prominence", "mean over harmonics 1-5 of line over local median", "dB", _BEARING, "[5]"),
    ("bpfi_prominence", "mean over harmonics 1-5 of line over local median", "dB", _BEARING, "[5]"),
    ("bsf_prominence", "mean over harmonics 1-5 of 2 BSF of line over local median", "dB", _BEARING, "[5]"),
    ("ftf_prominence", "mean over harmonics 1-5 of line over local median", "dB", _BEARING, "[5]"),
    ("bpfi_sideband_prominence", "mean prominence at BPFI +- shaft speed", "dB", _BEARING, "[5]"),
    ("bsf_sideband_prominence", "mean prominence at 2 BSF +- cage frequency", "dB", _BEARING, "[5]"),
    ("envelope_crest_factor", "largest envelope over envelope_rms", "1", _CONSTANT, "[5]"),
    ("envelope_peak_frequency", "frequency of its largest line", "Hz", _CONSTANT | _SHORT, "[5]"),
    ("envelope_peak_prominence", "that line over the median of all", "dB", _CONSTANT | _SHORT, "[5]"),
)
