"""Keys of the recommended checks on the machine, the cheapest first."""

from __future__ import annotations

from pdm.health.diagnosis.model import Fault

# ISO 13373-3:2015, annexes A to D (systematic approach, sleeve and rolling bearings); ISO 13373-9:2017 (motors);
# ISO 20958:2013, clause 7.
CHECKS: dict[Fault, tuple[str, ...]] = {
    Fault.BEARING_OUTER_RACE: ("listen-bearing", "sample-grease", "check-load-zone", "inspect-outer-race"),
    Fault.BEARING_INNER_RACE: ("listen-bearing", "sample-grease", "check-shaft-fit", "inspect-inner-race"),
    Fault.BEARING_ROLLING_ELEMENT: ("listen-bearing", "sample-grease", "check-shaft-current", "inspect-elements"),
    Fault.BEARING_CAGE: ("check-lubrication", "check-speed-limit", "inspect-cage"),
    Fault.UNBALANCE: ("clean-rotor", "check-phase-across-ends", "check-lost-weight", "balance-in-place"),
    Fault.MISALIGNMENT: ("check-phase-across-coupling", "check-soft-foot", "measure-alignment", "inspect-coupling"),
    Fault.LOOSENESS: ("check-bolts", "check-soft-foot", "measure-foot-to-base", "check-bearing-clearance"),
    Fault.RESONANCE: ("impact-test", "vary-speed", "check-mounting"),
    Fault.GEAR_WEAR: ("sample-oil", "inspect-tooth-contact", "check-gear-alignment"),
    Fault.GEAR_TOOTH: ("sample-oil", "inspect-teeth", "check-backlash"),
    Fault.BROKEN_ROTOR_BAR: ("repeat-at-full-load", "rule-out-load-pulsation", "check-starting-time", "inspect-rotor"),
    Fault.ECCENTRICITY: ("switch-off-test", "check-soft-foot", "measure-air-gap", "check-bearing-wear"),
    Fault.STATOR: ("measure-supply-voltages", "switch-off-test", "measure-winding-resistance", "surge-test"),
    Fault.SUPPLY_UNBALANCE: ("measure-supply-voltages", "check-contactors", "check-fuses"),
}
