"""Gears and orders of a shaft of varying speed; sources in catalogue.py.

All but the half order are computed from the synchronous average: the Fourier series of the record over the shaft's
angle, up to 0.45 of the fewest samples per turn. The first and the last turns are faded in and out and count as one;
the regular signal is every mesh harmonic with its first sidebands, the residual the average without orders 0, 1, 2 and
mesh harmonics, the difference the residual without first sidebands. Sources differ in both: these are those of [21].
"""

from __future__ import annotations

from features.catalogue.definition import Row
from features.catalogue.reasons import Reason

_SHAFT = Reason.NO_SPEED | Reason.FEW_TURNS | Reason.SPEED_VARIES | Reason.BAND_ABOVE_NYQUIST | Reason.CONSTANT
_MESH = _SHAFT | Reason.NO_TEETH | Reason.MESH_UNRESOLVED

GEAR: tuple[Row, ...] = (
    *(
        (f"order_tracked_{name}", f"amplitude at {order} x the shaft's turns, over its angle", "m/s2", _SHAFT, "[19]")
        for name, order in (("0_5x", "0.5"), ("1x", "1"), ("2x", "2"), ("3x", "3"))
    ),
    ("synchronous_rms", "rms of the synchronous average, mean removed", "m/s2", _SHAFT, "[20]"),
    ("synchronous_ratio", "its share of the record's variance over the same turns", "1", _SHAFT, "[20]"),
    ("mesh_1", "amplitude at the mesh, teeth x the shaft's turns", "m/s2", _MESH, "[20]"),
    ("mesh_2", "amplitude at 2 x the mesh", "m/s2", _MESH, "[20]"),
    ("mesh_3", "amplitude at 3 x the mesh", "m/s2", _MESH, "[20]"),
    ("fm0", "peak to peak of the average over the sum of all mesh amplitudes", "1", _MESH, "[21]"),
    ("fm4", "kurtosis of the difference; 3 if it is Gaussian", "1", _MESH, "[21]"),
    ("m6a", "sixth moment of the difference over its variance^3; 15 if Gaussian", "1", _MESH, "[21]"),
    ("m8a", "eighth moment of the difference over its variance^4; 105 if Gaussian", "1", _MESH, "[21]"),
    ("energy_ratio", "rms of the difference over rms of the regular signal", "1", _MESH, "[21]"),
    ("sideband_level_factor", "sum of the mesh's first sidebands over the average's rms", "1", _MESH, "[22]"),
    ("sideband_index", "mean amplitude of the mesh's first sidebands", "m/s2", _MESH, "[22]"),
    ("residual_rms", "rms of the residual", "m/s2", _MESH, "[21]"),
    ("residual_variance", "variance of the residual; NA4 divides by its running mean", "(m/s2)^2", _MESH, "[21]"),
    ("residual_kurtosis", "fourth moment of the residual over its variance^2", "1", _MESH, "[21]"),
    (
        "envelope_mesh_variance",
        "variance of the average's envelope, half-way from the mesh to its neighbours; for NB4",
        "(m/s2)^2",
        _MESH,
        "[23]",
    ),
    ("envelope_mesh_kurtosis", "fourth central moment of that envelope over its variance^2", "1", _MESH, "[23]"),
)
