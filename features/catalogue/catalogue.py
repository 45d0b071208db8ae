"""All features: one table per version, independent of the window length.

A feature that cannot be computed is NaN in its column, with the reason bits; the set of columns is constant.
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
[10] W. T. Thomson, M. Fenger, "Current signature analysis to detect induction motor faults", IEEE Industry
    Applications Magazine 7 (2001); bars by C. Hargis et al., IEE Conf. Electrical Machines (1982).
[11] K. D. Hurst, T. G. Habetler, "Sensorless speed measurement using current harmonic spectral estimation in
    induction machine drives", IEEE Trans. Power Electronics 11 (1996).
[12] S. Nandi, H. A. Toliyat, X. Li, "Condition monitoring and fault diagnosis of electrical motors - a review",
    IEEE Trans. Energy Conversion 20 (2005).
[13] IEC 61000-4-30:2015, Power quality measurement methods: rms of a period refreshed each half period.
[14] J. Antoni, "Fast computation of the kurtogram for the detection of transient faults", MSSP 21 (2007).
[15] J. Antoni, R. B. Randall, "The spectral kurtosis: application to the vibratory surveillance and diagnostics of
    rotating machines", MSSP 20 (2006).
[16] T. Grandke, "Interpolation algorithms for discrete Fourier transforms of weighted signals", IEEE Trans. Instrum.
    Meas. 32 (1983).
[17] B. P. Bogert, M. J. R. Healy, J. W. Tukey, "The quefrency alanysis of time series for echoes" (1963).
[18] P. Borghesani et al., "Application of cepstrum pre-whitening for the diagnosis of bearing faults under variable
    speed conditions", MSSP 36 (2013).
[19] K. R. Fyfe, E. D. S. Munck, "Analysis of computed order tracking", MSSP 11 (1997).
[20] P. D. McFadden, "A revised model for the extraction of periodic waveforms by time domain averaging", MSSP 1
    (1987); "Examination of a technique for the early detection of failure in gears", MSSP 1 (1987).
[21] J. J. Zakrajsek, D. P. Townsend, H. J. Decker, "An analysis of gear fault detection methods as applied to pitting
    fatigue failure data", NASA TM-105950 (1993): FM0 and FM4 of R. M. Stewart (1977), M6A and M8A of H. R. Martin
    (1989), residual and difference, NA4; energy ratio of N. S. Swansson (1980).
[22] P. Vecer, M. Kreidl, R. Smid, "Condition indicators for gearbox condition monitoring systems", Acta Polytechnica
    45 (2005).
[23] J. J. Zakrajsek, R. F. Handschuh, H. J. Decker, "Application of fault detection techniques to spiral bevel gear
    fatigue data", NASA TM-106467 (1994): NB4.
"""

from __future__ import annotations

from functools import lru_cache

from features.catalogue import bearing, current, gear, vibration
from features.catalogue.definition import FeatureDefinition, Quantity, Scope, define
from features.catalogue.reasons import TEXTS, Reason

FEATURE_VERSION = 2
"""Version of the catalogue. Its tables are `feature_vibration_v1` and `feature_current_v1`: columns are only added."""

CATALOGUE: tuple[FeatureDefinition, ...] = (
    *define(vibration.CORE, "vibration", version=1, core=True),
    *define(vibration.MORE, "vibration", version=1),
    *define(bearing.BEARING, "vibration", version=2),
    *define(gear.GEAR, "vibration", version=2),
    *define(current.PHASE, "current", version=1),
    *define(current.MORE_OF_PHASE, "current", version=2),
    *define(current.GROUP, "current", "group", version=1),
    *define(current.MORE_OF_GROUP, "current", "group", version=2),
)
"""Every feature, in the order of the columns."""


@lru_cache
def definitions(quantity: Quantity, scope: Scope = "channel") -> tuple[FeatureDefinition, ...]:
    """Return the definitions of one quantity and scope, in the order of the columns."""
    return tuple(d for d in CATALOGUE if d.quantity == quantity and d.scope == scope)


@lru_cache
def names(quantity: Quantity, scope: Scope = "channel") -> tuple[str, ...]:
    """Return the names of the features of one quantity and scope, in the order of the columns.

    Examples
    --------
    >>> names("vibration", "channel")[:3]
    ('mean', 'rms', 'standard_deviation')
    """
    return tuple(definition.name for definition in definitions(quantity, scope))


def describe() -> str:
    """Return the catalogue as a text table: one line per feature; `python -m features` prints it.

    Examples
    --------
    >>> print(describe().splitlines()[1])
    mean                                vibration  channel  core  1      m/s2        mean of x [1]
    """
    line = "{:<35} {:<10} {:<8} {:<5} {:<6} {:<11} {}"
    rows = [line.format("name", "quantity", "scope", "core", "since", "unit", "definition [source]")]
    for d in CATALOGUE:
        core = "core" if d.core else ""
        rows.append(line.format(d.name, d.quantity, d.scope, core, d.version, d.unit, f"{d.definition} {d.source}"))
    return "\n".join(rows)


def explain(name: str, reasons: int) -> str:
    """Return why feature `name` is absent in a row with the given reasons, '' if none of them concerns it.

    Raises
    ------
    KeyError
        No feature has that name.

    Examples
    --------
    >>> explain("bpfo_prominence", Reason.NO_SPEED | Reason.CLIPPED)
    'the shaft speed is not known'
    """
    concerned = Reason.NOT_FINITE | Reason.OUT_OF_RANGE
    for definition in CATALOGUE:
        if definition.name == name:
            concerned |= definition.absent
    if name not in {definition.name for definition in CATALOGUE}:
        raise KeyError(name)
    return "; ".join(TEXTS[reason] for reason in Reason if reason & concerned & reasons)
