"""A diagnosis's codes as English sentences: faults, why a verdict is no better, what would help, what to check."""

from __future__ import annotations

from pdm.health.diagnosis.model import Fault, Reason

FAULTS: dict[Fault, str] = {
    Fault.BEARING_OUTER_RACE: "damage on a bearing's outer race",
    Fault.BEARING_INNER_RACE: "damage on a bearing's inner race",
    Fault.BEARING_ROLLING_ELEMENT: "damage on a bearing's rolling element",
    Fault.BEARING_CAGE: "damage of a bearing's cage",
    Fault.UNBALANCE: "unbalance",
    Fault.MISALIGNMENT: "misalignment",
    Fault.LOOSENESS: "looseness",
    Fault.RESONANCE: "resonance",
    Fault.GEAR_WEAR: "wear of gear teeth",
    Fault.GEAR_TOOTH: "damage of a gear tooth",
    Fault.BROKEN_ROTOR_BAR: "broken rotor bars",
    Fault.ECCENTRICITY: "eccentric air gap",
    Fault.STATOR: "asymmetry of the stator winding",
    Fault.SUPPLY_UNBALANCE: "unbalanced supply voltages",
}

REASONS: dict[str, str] = {
    "beside-kinematic-rate": "The lines lie {slip:.2%} beside where the geometry puts them.",
    "clipped": "Samples stand at the end of the range ({share:.3%} of them).",
    "clipped-much": "Too many samples stand at the end of the range ({share:.2%}, at most {limit:.2%}).",
    "clock-jumps": "One turn of the shaft took {jump:.0%} longer or shorter than the next: samples are missing.",
    "clock-swings": "The sidebands are those of a sampling clock that swings {beat_hz:.3g} times a second.",
    "clock-jitter": "Samples were taken up to {samples:.2g} samples beside an even grid (at most {limit:g}); "
    "the measured rate is {rate_hz:.7g} Hz.",
    "clock-wanders": "The supply's phase wanders by {rad:.2g} rad (at most {limit:g}), as if the clock did.",
    "coarse": "The signal fills only {steps:.1f} steps of the converter ({needed:g} are needed).",
    "current-not-measured": "No current was measured, which could tell electrical causes from mechanical ones.",
    "dropouts": "The signal stands still amid motion ({share:.1%} of the samples), as with a broken cable.",
    "electrical-cause": "The current has the same line more strongly: its cause is rather electrical.",
    "flat": "The signal does not change.",
    "geometry-missing": "The bearing's geometry is not known.",
    "hint-only": "A resonance cannot be told from one recording, only suspected.",
    "load-too-low": "The load was too low for rotor currents to show.",
    "mechanical-cause": "The vibration has the same line more strongly: its cause is rather mechanical.",
    "mesh-not-dominant": "The tooth mesh is one of many like lines: its sidebands are {sidebands_over_mesh:.2g} times "
    "as high (at most {limit:g}), as after a blow in every turn.",
    "mesh-not-found": "No line stands at the tooth mesh, {mesh_hz:.5g} Hz.",
    "mesh-unresolved": "The recording does not hold the tooth mesh and its sidebands.",
    "near-shaft-harmonic": "In {seconds:.3g} s the line cannot be told from a multiple of shaft speed "
    "({needed:.3g} s are needed).",
    "no-usable-record": "No recording can be judged at all.",
    "not-finite": "Some samples are no numbers.",
    "out-of-range": "The largest sample, {largest:.3g} in SI units, is beyond any sensor.",
    "overloaded": "The sensor or its amplifier was overloaded or still settling.",
    "phases-missing": "Fewer than three phases were measured.",
    "rate-differs": "The sampling rate, {stated_hz:.7g} Hz, is not quite the {declared_hz:.7g} Hz declared.",
    "rate-differs-much": "The sampling rate, {stated_hz:.7g} Hz, is not the {declared_hz:.7g} Hz declared.",
    "rate-unresolved": "In {seconds:.3g} s the rate of this fault, {rate_hz:.5g} Hz, cannot be resolved.",
    "record-too-short": "The recording is too short to tell the shaft's lines.",
    "rival-near": "Another fault, {rival}, explains the lines almost as well (lead {lead_db:.1f} dB, "
    "{needed:g} needed).",
    "shaft-unresolved": "In {seconds:.3g} s lines at shaft speed beside the supply cannot be resolved.",
    "phases-do-not-add-up": "The currents do not sum to nothing (zero sequence {zero:.1%}, negative {negative:.1%}).",
    "scale-missing": "Nothing says what a count is worth.",
    "sidebands-in-noise": "The sidebands lie within the noise.",
    "slip-unknown": "The motor's slip is not known.",
    "slip-unresolved": "The recording is too short to resolve the slip.",
    "speed-varies": "The speed varied within the recording.",
    "speed-disagrees": "The speed stated, {stated_hz:.5g} Hz, is not what the current tells, {current_hz:.5g} Hz.",
    "speed-uncertain": "The speed could only be estimated, from {harmonics:.0f} lines.",
    "speed-unknown": "The speed is neither stated nor found in the signals.",
    "state-not-learned": "What is usual in the operating state {state} has not been learned yet.",
    "supply-frequency-missing": "The machine's supply frequency is not declared.",
    "supply-not-found": "The current has no line near the supply frequency, {nominal_hz:g} Hz.",
    "supply-off-nominal": "The supply seems to run at {found_hz:.5g} Hz instead of {nominal_hz:g} Hz.",
    "tachometer-disagrees": "The speed stated, {stated_hz:.5g} Hz, is not the tachometer's, {tachometer_hz:.5g} Hz.",
    "tachometer-unreadable": "The tachometer cannot be read: {what}.",
    "teeth-missing": "The number of teeth is not known.",
    "too-coarse": "The signal fills only {steps:.1f} steps of the converter ({needed:g} are needed).",
    "too-faint": "The evidence is faint: {score_db:.1f} dB, {needed:g} dB are needed.",
    "too-few-samples": "The recording has {samples:.0f} samples, {needed:.0f} are needed.",
    "twice-supply-unresolved": "Twice shaft speed cannot be told from twice the supply frequency.",
    "unsure": "Such evidence is right in {chance:.0%} of cases, {needed:.0%} are needed.",
    "vibration-not-measured": "No vibration was measured.",
    "voltage-not-measured": "No voltage was measured: a fault of the supply looks the same.",
}

REMEDIES: dict[str, str] = {
    "add-tachometer": "record a tachometer beside",
    "balance-and-align-first": "balance and align first, then measure again",
    "check-cable": "check cable and connectors",
    "check-current-sensors": "check the current sensors' scale and direction",
    "check-geometry-and-speed": "check the bearing's geometry and the speed",
    "check-sampling-clock": "check the converter's clock",
    "check-sampling-rate": "check the sampling rate",
    "check-sensor": "check the sensor",
    "check-speed": "check the speed",
    "check-tachometer": "check the tachometer and its pulses per turn",
    "check-teeth-and-speed": "check the number of teeth and the speed",
    "check-unit": "check unit and scale",
    "give-bearing-geometry": "add the bearing's geometry to the machine",
    "give-scale": "say what a count is worth",
    "give-supply-frequency": "add supply_frequency_hz to the machine",
    "give-teeth": "add the number of teeth to the machine",
    "impact-test": "do an impact test",
    "larger-range": "record with a larger range",
    "learn-state": "let it run in this state until its baseline is learned",
    "look-for-blows": "look for something that strikes once a turn",
    "measure-acceleration": "measure acceleration",
    "measure-speed": "measure the speed",
    "measure-supply-voltages": "measure the supply's voltages",
    "measure-three-phases": "measure the current of all three phases",
    "record-again": "record again",
    "record-longer": "record longer",
    "repeat-at-full-load": "repeat at full load",
    "repeat-at-load": "repeat under load",
    "repeat-at-other-speed": "repeat at another speed",
    "sample-faster": "sample faster",
    "settle-sensor": "let the sensor settle before recording",
    "switch-off-test": "switch off and watch whether the line vanishes at once",
    "smaller-range": "record with a smaller range",
}

CHECKS: dict[str, str] = {
    "balance-in-place": "balance the rotor in place",
    "check-backlash": "measure the gears' backlash",
    "check-bearing-clearance": "measure the bearings' clearance",
    "check-bearing-wear": "check the bearings for wear",
    "check-bolts": "check foundation and foot bolts",
    "check-contactors": "check contactors and terminals",
    "check-fuses": "check the fuses of all phases",
    "check-gear-alignment": "check the gears' alignment",
    "check-load-zone": "check load direction and fit of the outer race",
    "check-lost-weight": "look for lost weights or blades",
    "check-lubrication": "check the lubrication",
    "check-mounting": "check stiffness of mounting and pipes",
    "check-phase-across-coupling": "compare phase across the coupling",
    "check-phase-across-ends": "compare phase between both ends",
    "check-shaft-current": "measure shaft voltage and current",
    "check-shaft-fit": "check the inner race's fit on the shaft",
    "check-soft-foot": "check for a soft foot",
    "check-speed-limit": "compare the speed with the bearing's limit",
    "check-starting-time": "compare the starting time with earlier starts",
    "clean-rotor": "look for deposits on the rotor",
    "impact-test": "do an impact test at standstill",
    "inspect-cage": "inspect the cage",
    "inspect-coupling": "inspect the coupling",
    "inspect-elements": "inspect the rolling elements",
    "inspect-inner-race": "inspect the inner race",
    "inspect-outer-race": "inspect the outer race",
    "inspect-rotor": "inspect the rotor's bars and rings",
    "inspect-teeth": "inspect every tooth",
    "inspect-tooth-contact": "inspect the teeth's contact pattern",
    "listen-bearing": "listen to the bearing, and measure its temperature",
    "measure-air-gap": "measure the air gap around the rotor",
    "measure-alignment": "measure the alignment",
    "measure-foot-to-base": "compare vibration of foot and base",
    "measure-supply-voltages": "measure the voltages of all phases",
    "measure-winding-resistance": "measure the windings' resistances",
    "repeat-at-full-load": "repeat at full load",
    "rule-out-load-pulsation": "rule out that the load pulsates",
    "sample-grease": "take a sample of the grease",
    "sample-oil": "take a sample of the oil",
    "surge-test": "do a surge test of the windings",
    "switch-off-test": "switch off and watch whether the line vanishes at once",
    "vary-speed": "vary the speed and watch the level",
}


def explain(reason: Reason) -> str:
    """Return a reason as a sentence, with its point and what would help."""
    figures = dict(reason.parameters)
    if "rival" in figures:
        figures["rival"] = FAULTS[Fault(str(figures["rival"]))]
    try:
        sentence = REASONS[reason.code].format(**figures)
    except (KeyError, ValueError):  # of another version of the rules
        said = ", ".join(f"{name} {value}" for name, value in figures.items())
        sentence = f"{reason.code} ({said or 'no figures'})."
    where = f"{reason.point}: " if reason.point else ""
    help_ = f" To help: {REMEDIES.get(reason.remedy, reason.remedy)}." if reason.remedy else ""
    return f"{where}{sentence}{help_}"
