"""Reasons for the absence of a feature: bits with every row of values."""

from __future__ import annotations

from enum import IntFlag


class Reason(IntFlag):
    """Why features of a channel are NaN, or a limitation of its record; bits are stored and must not be renumbered."""

    NO_SPEED = 1
    NO_GEOMETRY = 2
    RECORD_TOO_SHORT = 4
    BAND_ABOVE_NYQUIST = 8
    CONSTANT = 16
    CLIPPED = 32
    SUPPLY_NOT_FOUND = 64
    SINGLE_PHASE = 128
    NO_POLE_PAIRS = 256
    SLIP_UNRESOLVED = 512
    SHAFT_UNRESOLVED = 1024
    BEARING_UNRESOLVED = 2048
    NO_TEETH = 4096
    MESH_UNRESOLVED = 8192
    FEW_TURNS = 16384
    SPEED_VARIES = 32768
    NO_SLOTS = 65536
    NO_START = 131072
    NOT_FINITE = 262144
    OUT_OF_RANGE = 524288


TEXTS: dict[Reason, str] = {
    Reason.NO_SPEED: "the shaft speed is not known",
    Reason.NO_GEOMETRY: "the bearing's geometry is not known",
    Reason.RECORD_TOO_SHORT: "the record is too short for the lowest frequency of the feature",
    Reason.BAND_ABOVE_NYQUIST: "the feature's band extends above half the sampling rate",
    Reason.CONSTANT: "the signal is constant",
    Reason.CLIPPED: "the converter was at its limit",
    Reason.SUPPLY_NOT_FOUND: "no supply frequency was given, or no prominent component is near it",
    Reason.SINGLE_PHASE: "the phases were not measured together",
    Reason.NO_POLE_PAIRS: "the number of pole pairs is not known",
    Reason.SLIP_UNRESOLVED: "the slip is not between 0 and 1, or its sidebands cannot be separated from the supply, "
    "from noise or from those of another slip",
    Reason.SHAFT_UNRESOLVED: "the record is too short to resolve the components of the shaft speed",
    Reason.BEARING_UNRESOLVED: "the record is too short to resolve the bearing's components, or they lie "
    "outside the analysed band",
    Reason.NO_TEETH: "the gear's number of teeth is not known",
    Reason.MESH_UNRESOLVED: "the gear mesh lies above half the sampling rate, or its sidebands cannot be resolved",
    Reason.FEW_TURNS: "the record has too few turns of the shaft for an average",
    Reason.SPEED_VARIES: "the shaft speed varies within the record and there is no tachometer signal",
    Reason.NO_SLOTS: "the rotor's number of slots is not known",
    Reason.NO_START: "the record has no start of the motor",
    Reason.NOT_FINITE: "the record has samples that are not finite numbers",
    Reason.OUT_OF_RANGE: "the record has samples beyond the range of any sensor",
}
"""The text of each reason."""
