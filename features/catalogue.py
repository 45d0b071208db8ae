"""Every feature there is: one table, fixed a version, whatever the window length.

A feature that cannot be computed is NaN in its own column and the reasons say why; no column comes or goes.
Accelerations are in m/s2 and currents in A, so units here are SI. Sources:

[1] ISO 13373-2:2016, Condition monitoring - vibration - processing, analysis and presentation of data.
[2] Y. Lei et al., "A new approach to intelligent fault diagnosis of rotating machinery", Expert Systems with
    Applications 35 (2008): non-dimensional indicators.
[3] B. Hjorth, "EEG analysis based on time domain properties", Electroenceph. clin. Neurophysiol. 29 (1970).
[4] G. Peeters, "A large set of audio features for sound description", IRCAM (2004): spectral moments.
[5] R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", MSSP 25 (2011).
[6] ISO 20816-1:2016, Measurement and evaluation of machine vibration.
[7] ISO 20958:2013, Electrical signature analysis of three-phase induction motors.
[8] IEC 61000-4-7:2002, Harmonics; IEEE C57.110-2018 for the K-factor.
[9] M. El Hachemi Benbouzid, "A review of induction motors signature analysis", IEEE Trans. Ind. Electron. 47
    (2000); A. J. M. Cardoso, S. M. A. Cruz, "Extended Park's vector approach" (2001).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from features.reasons import TEXTS, Reason

FEATURE_VERSION = 1
"""Of the catalogue and of the tables `feature_vibration_v1`, `feature_current_v1`."""

Quantity = Literal["vibration", "current"]
Scope = Literal["channel", "group"]


@dataclass(frozen=True)
class FeatureDefinition:
    """One feature: its column, what it says, its unit, why it may be absent and where it comes from."""

    name: str
    definition: str
    unit: str
    quantity: Quantity
    scope: Scope
    core: bool
    absent: Reason
    source: str
    version: int = FEATURE_VERSION


_Row = tuple[str, str, str, Reason, str]
_ALWAYS = Reason(0)
_CONSTANT = Reason.CONSTANT
_SHORT = Reason.RECORD_TOO_SHORT
_NYQUIST = Reason.BAND_ABOVE_NYQUIST
_BEARING = Reason.NO_SPEED | Reason.NO_GEOMETRY | Reason.BEARING_UNRESOLVED | Reason.CONSTANT
_ORDER = Reason.NO_SPEED | Reason.SHAFT_UNRESOLVED | Reason.BAND_ABOVE_NYQUIST
_SUPPLY = Reason.SUPPLY_NOT_FOUND | Reason.RECORD_TOO_SHORT
_SLIP = _SUPPLY | Reason.NO_SPEED | Reason.NO_POLE_PAIRS | Reason.SLIP_UNRESOLVED
_SHAFT = _SUPPLY | Reason.NO_SPEED | Reason.SHAFT_UNRESOLVED
_CURRENT_BEARING = _SUPPLY | Reason.NO_SPEED | Reason.NO_GEOMETRY | Reason.BEARING_UNRESOLVED
_PHASES = Reason.SINGLE_PHASE
_SEQUENCE = _PHASES | _SUPPLY

_TIME: tuple[_Row, ...] = (
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

_SPECTRUM: tuple[_Row, ...] = (
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

_BEARING_LINES: tuple[_Row, ...] = tuple(
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

_ENVELOPE: tuple[_Row, ...] = (
    *_BEARING_LINES,
    ("envelope_rms", "sqrt(mean squared envelope) in that band", "m/s2", _ALWAYS, "[5]"),
    ("envelope_kurtosis", "mean e^4 / (mean e^2)^2 of that envelope; 2 for noise", "1", _CONSTANT, "[5]"),
)

_MORE_VIBRATION: tuple[_Row, ...] = (
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

_CURRENT: tuple[_Row, ...] = (
    ("mean", "mean: direct current or offset", "A", _ALWAYS, "[7]"),
    ("rms", "sqrt(mean i^2)", "A", _ALWAYS, "[7]"),
    ("peak", "max |i|", "A", _ALWAYS, "[7]"),
    ("crest_factor", "peak / rms; sqrt(2) for a sine", "1", _CONSTANT, "[7]"),
    ("kurtosis", "mean (i - mean)^4 / variance^2; 1.5 for a sine", "1", _CONSTANT, "[2]"),
    ("fundamental_frequency", "supply frequency, interpolated between lines", "Hz", _SUPPLY, "[7]"),
    ("fundamental_amplitude", "amplitude there", "A", _SUPPLY, "[7]"),
    ("total_harmonic_distortion", "sqrt(sum I_h^2) / I_1, h = 2..40 below Nyquist", "1", _SUPPLY, "[8]"),
    ("k_factor", "sum h^2 I_h^2 / sum I_h^2, h = 1..40 below Nyquist", "1", _SUPPLY, "[8]"),
    ("harmonic_3_ratio", "I_3 / I_1", "1", _SUPPLY | _NYQUIST, "[8]"),
    ("harmonic_5_ratio", "I_5 / I_1", "1", _SUPPLY | _NYQUIST, "[8]"),
    ("harmonic_7_ratio", "I_7 / I_1", "1", _SUPPLY | _NYQUIST, "[8]"),
    ("residual_rms", "rms of what is neither mean nor harmonic", "A", _SUPPLY, "[8]"),
    ("slip", "(f / p - shaft speed) / (f / p)", "1", _SLIP, "[7]"),
    ("broken_bar_lower", "20 log10 of amplitude at f (1 - 2s) over I_1", "dB", _SLIP, "[7]"),
    ("broken_bar_upper", "20 log10 of amplitude at f (1 + 2s) over I_1", "dB", _SLIP, "[7]"),
    ("broken_bar_index", "the larger of the two", "dB", _SLIP, "[7]"),
    ("eccentricity_lower", "20 log10 of amplitude at f - shaft speed over I_1", "dB", _SHAFT, "[9]"),
    ("eccentricity_upper", "20 log10 of amplitude at f + shaft speed over I_1", "dB", _SHAFT, "[9]"),
    *(
        (
            f"bearing_sideband_{fault}",
            f"20 log10 of the largest amplitude at |f +- m {text}|, m = 1, 2, over I_1",
            "dB",
            _CURRENT_BEARING,
            "[9]",
        )
        for fault, text in (("bpfo", "BPFO"), ("bpfi", "BPFI"), ("bsf", "2 BSF"), ("ftf", "FTF"))
    ),
)

_GROUP: tuple[_Row, ...] = (
    ("load_current", "mean of the phases' rms", "A", _PHASES, "[7]"),
    ("current_unbalance", "max |I - mean I| / mean I of the phases' rms", "1", _PHASES | _CONSTANT, "[7]"),
    ("negative_sequence_ratio", "negative over positive sequence of the fundamental", "1", _SEQUENCE, "[7]"),
    ("zero_sequence_ratio", "zero over positive sequence of the fundamental", "1", _SEQUENCE, "[7]"),
    ("park_modulus", "mean modulus of the Park vector", "A", _PHASES, "[9]"),
    ("park_ripple_2f", "amplitude of the modulus at 2f over its mean: unbalance", "1", _SEQUENCE, "[9]"),
    ("park_ripple_2sf", "amplitude of the modulus at 2sf over its mean: bars", "1", _PHASES | _SLIP, "[9]"),
    ("park_eccentricity", "sqrt(1 - (b / a)^2) of the vector's ellipse", "1", _PHASES | _CONSTANT, "[9]"),
)


def _define(rows: Iterable[_Row], quantity: Quantity, scope: Scope, *, core: bool) -> tuple[FeatureDefinition, ...]:
    return tuple(
        FeatureDefinition(name, definition, unit, quantity, scope, core, absent, source)
        for name, definition, unit, absent, source in rows
    )


CATALOGUE: tuple[FeatureDefinition, ...] = (
    *_define(_TIME + _SPECTRUM + _ENVELOPE, "vibration", "channel", core=True),
    *_define(_MORE_VIBRATION, "vibration", "channel", core=False),
    *_define(_CURRENT, "current", "channel", core=False),
    *_define(_GROUP, "current", "group", core=False),
)
"""Every feature, in the order of the columns."""


def definitions(quantity: Quantity, scope: Scope = "channel") -> tuple[FeatureDefinition, ...]:
    """Return the definitions of one quantity and scope, in the order of the columns."""
    return tuple(d for d in CATALOGUE if d.quantity == quantity and d.scope == scope)


def names(quantity: Quantity, scope: Scope = "channel") -> tuple[str, ...]:
    """Return the names of the features of one quantity and scope, in the order of the columns.

    Examples
    --------
    >>> names("vibration", "channel")[:3]
    ('mean', 'rms', 'standard_deviation')
    """
    return tuple(definition.name for definition in definitions(quantity, scope))


def explain(name: str, reasons: int) -> str:
    """Say why feature `name` is absent in a row with the given reasons, '' if nothing there concerns it.

    Raises
    ------
    KeyError
        No feature has that name.

    Examples
    --------
    >>> explain("bpfo_prominence", Reason.NO_SPEED | Reason.CLIPPED)
    'the shaft speed is not known'
    """
    concerned = Reason(0)
    for definition in CATALOGUE:
        if definition.name == name:
            concerned |= definition.absent
    if name not in {definition.name for definition in CATALOGUE}:
        raise KeyError(name)
    return "; ".join(TEXTS[reason] for reason in Reason if reason & concerned & reasons)
