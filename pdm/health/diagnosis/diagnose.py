"""Diagnosis of a machine from recordings: faults with verdict, lines, reasons and recommended checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from pdm.health.diagnosis.bearings import bearing_hypotheses, bearing_tables
from pdm.health.diagnosis.checks import CHECKS
from pdm.health.diagnosis.confidence import LEAST_CHANCE, RULES, confidence
from pdm.health.diagnosis.currents import current_hypotheses, current_tables
from pdm.health.diagnosis.fusion import electrical_vibration, fuse
from pdm.health.diagnosis.gears import gear_hypotheses, gear_tables
from pdm.health.diagnosis.hypotheses import (
    BEARING_FAULTS,
    GEAR_FAULTS,
    SHAFT_FAULTS,
    Hypothesis,
    merge,
    strongest,
)
from pdm.health.diagnosis.model import Diagnosis, Fault, Finding, Reason, Recording, Verdict
from pdm.health.diagnosis.operating_speed import UNKNOWN, Running, read_currents, read_running
from pdm.health.diagnosis.resonance import resonance_hypotheses
from pdm.health.diagnosis.shaft import shaft_hypotheses
from pdm.health.diagnosis.tachometer import MeasuredShaft, follow, read_tachometer
from pdm.health.diagnosis.usable_channels import Heard, listen
from pdm.machines.model import Machine

DIAGNOSIS_VERSION = "diagnosis-2"
"""Version of the rules and their constants: it changes whenever a diagnosis may change."""

_Scored = Hypothesis | Finding
_BY_LEVEL = (*SHAFT_FAULTS, Fault.GEAR_WEAR, Fault.ECCENTRICITY, Fault.STATOR, Fault.SUPPLY_UNBALANCE)
_RIVALS = (BEARING_FAULTS, SHAFT_FAULTS, GEAR_FAULTS, (Fault.STATOR, Fault.SUPPLY_UNBALANCE))


def diagnose(machine: Machine, recordings: Sequence[Recording]) -> Diagnosis:
    """Diagnose the faults of a machine from recordings, with the confidence and its limiting reasons.

    Every fault that the machine can have and the recordings could show is a finding: SUPPORTED if the data support it,
    WEAK if they do not, REFUSED if they are not sufficient for a decision. The result does not depend on the order of
    the channels.

    Parameters
    ----------
    machine : Machine
        Geometry, teeth, pole pairs, slots, rated speed and limits as far as known.
    recordings : sequence of Recording
        Recorded in about the same condition; scores are means over the recordings.

    Returns
    -------
    Diagnosis
    """
    recordings = sorted(recordings, key=lambda each: each.measured_at)
    runnings: list[Running] = []
    reasons: list[Reason] = []
    runs: list[_PreparedRecording] = []
    for recording in recordings:
        heard, refusals = listen(recording)
        reasons += refusals
        if heard:
            shaft, unread = read_tachometer(heard)
            reasons += unread
            runs.append(_PreparedRecording(recording, heard, shaft))
    currents = read_currents(machine, [run.heard for run in runs])
    for run, current in zip(runs, currents, strict=True):
        running = read_running(machine, run.recording.context, run.heard, current, run.shaft)
        runnings.append(running)
        reasons += [*running.doubts, *running.clock, *(doubt for each in run.heard for doubt in each.doubts)]
    seen = _consider(machine, runs, runnings)
    if not seen:
        reasons.append(Reason("no-usable-record", {"records": float(len(recordings))}, None, "record-again"))
    findings = _judge(merge(seen))
    running = runnings[-1] if runnings else Running(None, UNKNOWN, None, None)
    return Diagnosis(
        machine=machine.key,
        verdict=_overall(findings),
        findings=findings,
        reasons=_distinct(reasons),
        speed=running.speed,
        speed_source=running.source,
        supply=running.supply,
        slip=running.slip,
        acquisitions=tuple(each.measured_at for each in recordings),
        rule_version=DIAGNOSIS_VERSION,
        known_lines=tuple(train for component in machine.components for train in component.pulse_trains),
    )


class _PreparedRecording(NamedTuple):
    recording: Recording
    heard: tuple[Heard, ...]
    shaft: MeasuredShaft | None


def _consider(
    machine: Machine, runs: Sequence[_PreparedRecording], runnings: Sequence[Running]
) -> list[list[Hypothesis]]:
    """Return the hypothesis of each recording on each fault of each component."""
    as_heard = [(running, run.heard) for run, running in zip(runs, runnings, strict=True)]
    followed = [(running, follow(run.shaft, run.heard)) for run, running in zip(runs, runnings, strict=True)]
    bearings, gears = bearing_tables(machine, followed), gear_tables(machine, followed)
    currents = current_tables(machine, as_heard)
    seen = []
    for place, (running, turned) in enumerate(followed):
        shaft = strongest(shaft_hypotheses(machine, running, turned))
        mechanical = [
            *strongest(bearing_hypotheses(machine, running, turned, bearings[place])),
            *shaft,
            *strongest(gear_hypotheses(machine, running, turned, gears[place])),
        ]
        recording, heard = runs[place].recording, runs[place].heard
        electrical = current_hypotheses(machine, running, recording.context, heard, shaft, currents[place])
        if all(each.score is None for each in electrical):
            electrical = strongest([*electrical, *electrical_vibration(machine, running, heard)])
        ringing = strongest(resonance_hypotheses(heard))
        fused = fuse(machine, running, heard, [*mechanical, *electrical, *ringing])
        seen.append([_in_new_state(each, recording) for each in fused])
    return seen


def _in_new_state(each: Hypothesis, recording: Recording) -> Hypothesis:
    """Return the hypothesis, doubted if it is based on levels: this operating state has no learned baseline."""
    if recording.is_state_learned is not False or each.score is None or each.fault not in _BY_LEVEL:
        return each
    figures: dict[str, float | str] = {"state": recording.context.state or "unknown"}
    return replace(each, doubts=(*each.doubts, Reason("state-not-learned", figures, None, "learn-state")))


def _overall(findings: Sequence[Finding]) -> Verdict:
    verdicts = {each.verdict for each in findings}
    if Verdict.SUPPORTED in verdicts:
        return Verdict.SUPPORTED
    return Verdict.WEAK if Verdict.WEAK in verdicts else Verdict.REFUSED


def _distinct(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple({(each.code, each.point): each for each in reasons}.values())


def _judge(hypotheses: list[Hypothesis]) -> tuple[Finding, ...]:
    judged = [each for each in hypotheses if each.score is not None]
    refused = [each for each in hypotheses if each.score is None]
    judged.sort(key=lambda each: (-(each.score or 0.0), each.key))
    return (
        *(_finding(each, judged) for each in judged),
        *(
            Finding(each.fault, each.component, Verdict.REFUSED, 0.0, 0.0, (), each.doubts, CHECKS[each.fault])
            for each in sorted(refused, key=lambda each: each.key)
        ),
    )


def _finding(hypothesis: Hypothesis, judged: list[Hypothesis]) -> Finding:
    fault, score = hypothesis.fault, hypothesis.score or 0.0
    rule = RULES[fault]
    lead, rival = _lead(hypothesis, judged)
    reasons = list(hypothesis.doubts)
    if score < rule.least_score:
        reasons.append(Reason("too-faint", {"score_db": score, "needed": rule.least_score}, None, "repeat-at-load"))
    elif lead < rule.least_lead and rival is not None:
        figures: dict[str, float | str] = {"lead_db": lead, "needed": rule.least_lead, "rival": rival.fault.value}
        reasons.append(Reason("rival-near", figures, None, "repeat-at-other-speed"))
    sure = confidence(fault, score, lead, bool(hypothesis.doubts))
    if not reasons and sure < LEAST_CHANCE:
        reasons.append(Reason("unsure", {"chance": sure, "needed": LEAST_CHANCE}, None, "repeat-at-load"))
    verdict = Verdict.WEAK if reasons else Verdict.SUPPORTED
    return Finding(
        fault, hypothesis.component, verdict, score, sure, hypothesis.lines, _distinct(reasons), CHECKS[fault]
    )


def leads(findings: Sequence[Finding]) -> list[tuple[Finding, float]]:
    """Return each evaluated finding, with its lead over the strongest rival of its kind [dB]."""
    judged = [each for each in findings if each.verdict is not Verdict.REFUSED]
    return [(each, _lead(each, judged)[0]) for each in judged]


def _lead(one: _Scored, judged: Sequence[_Scored]) -> tuple[float, _Scored | None]:
    """Return the lead [dB] of a fault over the strongest other of its kind, and that rival.

    A fault with a score below 0 is not a rival: the lead never exceeds the score.
    """
    kind: tuple[Fault, ...] = next((each for each in _RIVALS if one.fault in each), ())
    rivals = [each for each in judged if each is not one and each.fault in kind]
    if one.fault is not Fault.BEARING_CAGE:
        # Elements and races cause lines at the cage's rate too, so cage lines are no evidence against them.
        rivals = [each for each in rivals if each.fault is not Fault.BEARING_CAGE]
    rival = max(rivals, key=lambda each: each.score or 0.0, default=None)
    over = max(0.0, 0.0 if rival is None else rival.score or 0.0)
    return (one.score or 0.0) - over, rival
