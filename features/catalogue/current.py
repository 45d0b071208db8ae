"""Motor current features, per phase and of all phases together; sources in catalogue.py."""

from __future__ import annotations

from features.catalogue.definition import Row
from features.catalogue.reasons import Reason

_ALWAYS = Reason(0)  # no reason of absence
_CONSTANT = Reason.CONSTANT
_NYQUIST = Reason.BAND_ABOVE_NYQUIST
_SUPPLY = Reason.SUPPLY_NOT_FOUND | Reason.RECORD_TOO_SHORT
_TRACK = _SUPPLY | _NYQUIST
_ESTIMATE = _SUPPLY | Reason.SLIP_UNRESOLVED
_SLIP = _SUPPLY | Reason.NO_SPEED | Reason.NO_POLE_PAIRS | Reason.SLIP_UNRESOLVED
_SHAFT = _SUPPLY | Reason.NO_SPEED | Reason.SHAFT_UNRESOLVED
_SLOTS = _SHAFT | Reason.NO_SLOTS | _NYQUIST
_BEARING = _SUPPLY | Reason.NO_SPEED | Reason.NO_GEOMETRY | Reason.BEARING_UNRESOLVED
_PHASES = Reason.SINGLE_PHASE
_SEQUENCE = _PHASES | _SUPPLY
_START = _SUPPLY | Reason.NO_START

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
    ("park_ripple_2f", "amplitude of the modulus at 2f over its mean: unbalance", "1", _SEQUENCE | _NYQUIST, "[9]"),
    ("park_ripple_2sf", "amplitude of the modulus at 2sf over its mean: bars", "1", _PHASES | _SLIP, "[9]"),
    ("park_eccentricity", "sqrt(1 - (b / a)^2) of the vector's ellipse", "1", _PHASES | _CONSTANT, "[9]"),
)

MORE_OF_PHASE: tuple[Row, ...] = (
    ("supply_drift", "change of the supply frequency over the record, straight line", "Hz", _TRACK, "[7]"),
    ("supply_deviation", "standard deviation of the supply frequency about that line", "Hz", _TRACK, "[7]"),
    ("phase_wander", "rms phase of the fundamental about that of a steady drift: clock, supply", "rad", _TRACK, "[7]"),
    ("fundamental_variation", "standard deviation of the fundamental's amplitude over its mean", "1", _TRACK, "[7]"),
    ("noise_floor", "20 log10 of the noise level between f / 2 and 3 f / 2 over I_1", "dB", _SUPPLY, "[7]"),
    (
        "broken_bar_prominence",
        "the larger sideband's line over the lines around; noise below 10 dB, within 1 dB from 25 dB",
        "dB",
        _SLIP,
        "[7]",
    ),
    (
        "broken_bars_estimated",
        "2 R / (10^(N / 20) + 2 p), N the mean of the two sidebands below I_1 [dB], at rated load",
        "1",
        _SLIP | Reason.NO_SLOTS,
        "[10]",
    ),
    (
        "slip_estimated",
        "slip up to 0.1 at which f (1 +- 2s), f +- f (1 - s) / p and f (R (1 - s) / p +- 1) stand out",
        "1",
        _ESTIMATE,
        "[11]",
    ),
    (
        "slip_confidence",
        "dB by which the lines at that slip stand out, less those at the next",
        "dB",
        _ESTIMATE,
        "[11]",
    ),
    (
        "broken_bar_index_estimated",
        "the larger of 20 log10 of the amplitudes at f (1 +- 2 slip_estimated) over I_1",
        "dB",
        _ESTIMATE,
        "[10]",
    ),
    (
        "eccentricity_prominence",
        "the larger of the lines f +- shaft speed over the lines around; noise below 10 dB",
        "dB",
        _SHAFT,
        "[9]",
    ),
    (
        "eccentricity_second_lower",
        "20 log10 of amplitude at |f - 2 shaft speeds| over I_1; with one pole pair also the bars'",
        "dB",
        _SHAFT,
        "[12]",
    ),
    ("eccentricity_second_upper", "20 log10 of amplitude at f + 2 shaft speeds over I_1", "dB", _SHAFT, "[12]"),
    (
        "slot_harmonic",
        "20 log10 of the largest amplitude at R shaft speeds +- n f, n = 1, 3, 5, over I_1",
        "dB",
        _SLOTS,
        "[12]",
    ),
    (
        "slot_eccentricity",
        "20 log10 of the largest amplitude at (R +- 1) shaft speeds +- n f, n = 1, 3, 5, over I_1",
        "dB",
        _SLOTS,
        "[12]",
    ),
    (
        "stator_turns",
        "20 log10 of the largest at |m shaft speeds +- n f| over I_1, (m, n) = (3, 1), (5, 1), (1, 3)",
        "dB",
        _SHAFT | _NYQUIST,
        "[10]",
    ),
    (
        "phase_angle_deviation",
        "angle of the fundamental from its place in the positive sequence",
        "rad",
        _SEQUENCE | _CONSTANT,
        "[7]",
    ),
    ("inrush_peak", "max |i - steady mean| of a record that holds a start", "A", _START, "[13]"),
    (
        "inrush_duration",
        "from the start until the rms of a period stays within 1.1 of the steady; 0 if never beyond",
        "s",
        _START,
        "[13]",
    ),
    ("inrush_ratio", "largest rms of a period over the steady rms", "1", _START, "[13]"),
)

MORE_OF_GROUP: tuple[Row, ...] = (
    (
        "fundamental_unbalance",
        "max |I_1 - mean I_1| / mean I_1 of the phases' fundamentals: whatever the record's length",
        "1",
        _SEQUENCE,
        "[7]",
    ),
    ("negative_sequence_angle", "angle of the negative from the positive sequence", "rad", _SEQUENCE, "[7]"),
    (
        "park_ripple_shaft",
        "amplitude of the modulus at the shaft speed over its mean: eccentricity",
        "1",
        _PHASES | _SHAFT,
        "[9]",
    ),
)
