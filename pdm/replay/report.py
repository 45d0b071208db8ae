"""The reports of demo and replay as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pdm.replay.demo import DemoReport, MachineVerdict


def demo_text(report: DemoReport) -> RenderableType:
    """Return the demo's table and its summary."""
    table = Table(title=f"Fleet at the end of the stream (seed {report.seed})", title_justify="left")
    for heading in ("machine", "health", "state", "suspected fault", "RUL [d] (interval)", "alert"):
        table.add_column(heading, overflow="fold")
    table.add_column("truth: fault", style="dim")
    table.add_column("truth: failed", style="dim")
    table.add_column("lead [d]", justify="right")
    for verdict in report.verdicts:
        table.add_row(*_demo_row(verdict))
    leads = sorted(v.lead_time for v in report.verdicts if v.lead_time is not None)
    lines = [
        f"alerted before failure: {', '.join(sorted(report.warned_kinds)) or 'none'}",
        f"healthy machines with a state change and no alert: {report.quiet_machines}",
        f"precision {_share(report.precision)}, recall {_share(report.recall)}, lead time [d] "
        + (", ".join(_days(lead) for lead in leads) or "none"),
        f"{report.acquisitions} acquisitions; {'PASSED' if report.is_passed else 'FAILED'}",
    ]
    return Group(table, Text("\n".join(lines)))


def held_out_text(report: dict[str, Any]) -> str:
    """Return the report of the replay of a held-out life."""
    lines = [f"{report['held_out']}: life {report['life_s']:.0f} s, {report['training_lives']} training histories"]
    for point in report["points"]:
        if point["rul_s"] is None:
            lines.append(f"  at {point['fraction']:.0%} of life: no prognosis; true {point['true_rul_s']:.0f} s")
            continue
        upper = "at least" if point["rul_upper_s"] is None else f"{point['rul_upper_s']:.0f}"
        lines.append(
            f"  at {point['fraction']:.0%} of life: RUL {point['rul_s']:.0f} s [{point['rul_lower_s']:.0f} .. {upper}] "
            f"({point['source']}), true {point['true_rul_s']:.0f} s, error {point['error_s']:+.0f} s; "
            f"constant {point['constant_error_s']:+.0f} s"
        )
    if report["interval_coverage"] is not None:
        width = report["interval_width_s"]
        lines.append(
            f"  interval: level {report['interval_level']:.2f}, covered {report['interval_coverage']:.2f}, "
            f"mean width {'unbounded' if width is None else f'{width:.0f} s'}"
        )
    lead = report["first_alert_lead_s"]
    lines.append(
        f"  first alert: {'none' if lead is None else f'{lead:.0f} s before the end'}; "
        f"early alarms (first half of life): {report['early_alarms']}"
    )
    lines.append(f"  {report['rate_acquisitions_s']} acquisitions/s sent and analysed ({report['mode']})")
    return "\n".join(lines)


def hold_each_out_text(reports: Sequence[dict[str, Any]]) -> RenderableType:
    """Return the table of all lives held out in turn, compared with the training lives' median constant."""
    table = Table(title="Cross-validation by history (errors in s: model / constant)", title_justify="left")
    for heading in ("life", *(f"{p['fraction']:.0%} of life" for p in reports[0]["points"])):
        table.add_column(heading)
    for heading in ("better at", "covered (level)", "width [s]", "first alert [s before end]", "early alarms"):
        table.add_column(heading, justify="right")
    for report in reports:
        table.add_row(*_life_row(report))
    wins = sum(beats_constant(report) for report in reports)
    return Group(table, Text(f"mean error below the constant's: {wins} of {len(reports)} lives"))


def beats_constant(report: dict[str, Any]) -> bool:
    """Whether the model's mean absolute error over the reported points is below the constant's.

    A point without a prognosis counts with the constant's error.
    """
    pairs = [_errors(point) for point in report["points"]]
    return sum(model for model, _ in pairs) < sum(constant for _, constant in pairs)


def _life_row(report: dict[str, Any]) -> list[str]:
    points = report["points"]
    better = sum(model < constant for model, constant in map(_errors, points))
    covered = report["interval_coverage"]
    width = report["interval_width_s"]
    lead = report["first_alert_lead_s"]
    return [
        report["held_out"],
        *("none" if p["rul_s"] is None else f"{p['error_s']:+.0f} / {p['constant_error_s']:+.0f}" for p in points),
        f"{better} of {len(points)}",
        "-" if covered is None else f"{covered:.2f} ({report['interval_level']:.2f})",
        "-" if width is None else f"{width:.0f}",
        "none" if lead is None else f"{lead:.0f}",
        str(report["early_alarms"]),
    ]


def _errors(point: dict[str, Any]) -> tuple[float, float]:
    constant = abs(point["constant_error_s"])
    return (constant if point["error_s"] is None else abs(point["error_s"]), constant)


def _demo_row(verdict: MachineVerdict) -> list[str]:
    wrong = verdict.symptom or "-"
    if verdict.component and verdict.symptom:
        wrong = f"{verdict.symptom} ({verdict.component})"
    return [
        verdict.machine,
        "learning" if verdict.health is None else f"{verdict.health:.2f}",
        verdict.operating_state or "-",
        wrong,
        _rul(verdict),
        f"{verdict.alert_severity} {verdict.alerted_at:%m-%d %H:%M}" if verdict.alerted_at else "-",
        verdict.fault or "none",
        f"{verdict.failed_at:%m-%d %H:%M}" if verdict.failed_at else "-",
        _days(verdict.lead_time) if verdict.lead_time else ("FALSE" if verdict.is_false_alarm else "-"),
    ]


def _rul(verdict: MachineVerdict) -> str:
    if verdict.rul_lower_s is None:
        return "no prognosis"
    lower = verdict.rul_lower_s / 86400
    if verdict.rul_upper_s is None or verdict.rul_s is None:
        return f"at least {lower:.1f}"
    return f"{verdict.rul_s / 86400:.1f} ({lower:.1f} .. {verdict.rul_upper_s / 86400:.1f})"


def _days(lead: timedelta) -> str:
    return f"{lead.total_seconds() / 86400:.1f}"


def _share(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"
