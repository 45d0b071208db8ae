"""A diagnosis as the document that is stored and returned: plain values, units in names, times separate."""

from __future__ import annotations

import math
from typing import Any

from pdm.health.diagnosis.model import Diagnosis, Finding, MatchedLine, Reason
from pdm.machines.pulse_trains import PulseTrain

Row = dict[str, Any]


def to_document(diagnosis: Diagnosis) -> Row:
    """Return the content of a diagnosis as JSON values; its time and acquisitions are stored separately."""
    return {
        "verdict": diagnosis.verdict.value,
        "findings": [_finding(each) for each in diagnosis.findings],
        "reasons": [_reason(each) for each in diagnosis.reasons],
        "speed_hz": _finite(diagnosis.speed),
        "speed_source": diagnosis.speed_source,
        "supply_hz": _finite(diagnosis.supply),
        "slip": _finite(diagnosis.slip),
        "known_lines": [_known_line(each, diagnosis.speed) for each in diagnosis.known_lines],
    }


def _known_line(train: PulseTrain, speed: float | None) -> Row:
    place = None if speed is None else _finite(train.order * speed)
    return {"component": train.component, "name": train.name, "order": train.order, "expected_hz": place}


def _finding(finding: Finding) -> Row:
    return {
        "fault": finding.fault.value,
        "component": finding.component,
        "verdict": finding.verdict.value,
        "score_db": finding.score,
        "confidence": finding.confidence,
        "lines": [_line(each) for each in finding.lines],
        "reasons": [_reason(each) for each in finding.reasons],
        "checks": list(finding.checks),
    }


def _line(line: MatchedLine) -> Row:
    return {
        "name": line.name,
        "source": line.source,
        "point": line.point,
        "expected_hz": line.expected,
        "found_hz": _finite(line.found),
        "level_db": _finite(line.level),
    }


def _reason(reason: Reason) -> Row:
    parameters = {
        name: value if isinstance(value, str) else _finite(value) for name, value in reason.parameters.items()
    }
    return {"code": reason.code, "parameters": parameters, "point": reason.point, "remedy": reason.remedy}


def _finite(value: float | None) -> float | None:
    """Return a number that is valid in JSON."""
    return None if value is None or not math.isfinite(value) else float(value)
