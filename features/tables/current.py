"""Motor current, of a phase and of the phases together; sources in catalogue.py."""

from __future__ import annotations

from features.definition import Row
from features.reasons import Reason

_ALWAYS = Reason(0)
_CONSTANT = Reason.CONSTANT
_NYQUIST = Reason.BAND_ABOVE_NYQUIST
_SUPPLY = Reason.SUPPLY_NOT_FOUND | Reason.RECORD_TOO_SHORT
_SLIP = _SUPPLY | Reason.NO_SPEED | Reason.NO_POLE_PAIRS | Reason.SLIP_UNRESOLVED
_SHAFT = _SUPPLY | Reason.NO_SPEED | Reason.SHAFT_UNRESOLVED
_BEARING = _SUPPLY | Reason.NO_SPEED | Reason.NO_GEOMETRY | Reason.BEARING_UNRESOLVED
_PHASES = Reason.SINGLE_PHASE
_SEQUENCE = _PHASES | _SUPPLY

PHASE: tuple[Row, ...] = (
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
            _BEARING,
            "[9]",
        )
        for fault, text in (("bpfo", "BPFO"), ("bpfi", "BPFI"), ("bsf", "2 BSF"), ("ftf", "FTF"))
    ),
)

GROUP: tuple[Row, ...] = (
    ("load_current", "mean of the phases' rms", "A", _PHASES, "[7]"),
    ("current_unbalance", "max |I - mean I| / mean I of the phases' rms", "1", _PHASES | _CONSTANT, "[7]"),
    ("negative_sequence_ratio", "negative over positive sequence of the fundamental", "1", _SEQUENCE, "[7]"),
    ("zero_sequence_ratio", "zero over positive sequence of the fundamental", "1", _SEQUENCE, "[7]"),
    ("park_modulus", "mean modulus of the Park vector", "A", _PHASES, "[9]"),
    ("park_ripple_2f", "amplitude of the modulus at 2f over its mean: unbalance", "1", _SEQUENCE, "[9]"),
    ("park_ripple_2sf", "amplitude of the modulus at 2sf over its mean: bars", "1", _PHASES | _SLIP, "[9]"),
    ("park_eccentricity", "sqrt(1 - (b / a)^2) of the vector's ellipse", "1", _PHASES | _CONSTANT, "[9]"),
)

MORE_OF_PHASE: tuple[Row, ...] = ()
MORE_OF_GROUP: tuple[Row, ...] = ()
