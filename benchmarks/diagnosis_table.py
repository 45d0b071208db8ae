"""Measured performance of diagnosis on simulated machines, as tables of docs/diagnosis.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "diagnosis.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_MODES = ("vibration", "current", "both")


def tables(report: dict[str, Any]) -> str:
    """Return the tables of a report of `benchmarks.diagnosis.judge_twin`."""
    both = report["both"]
    lines = [
        f"{report['machines']} machines, {report['recordings']} recordings, none of them seen when the constants were "
        "fitted.",
        "",
        "| | vibration | current | both |",
        "|---|---|---|---|",
        _row("sound machines diagnosed", report, lambda r: f"{r['false_alarms']:.2%}"),
        _row("another fault supported", report, lambda r: f"{r['another_supported']:.2%}"),
        _row("calibration error", report, lambda r: f"{r['calibration_error']:.3f}"),
        "",
        "Supported rightly at severity 0.2 / 0.4 / 0.8, and the severity at which nine of ten are found at 1 % false "
        "alarms (-: not up to 0.8):",
        "",
        "| simulated | vibration | current | both | severity by both |",
        "|---|---|---|---|---|",
    ]
    for kind, found in both["detected_at_1_percent_false_alarms"].items():
        shares = " | ".join(_shares(report[mode]["supported_right"][kind]) for mode in _MODES)
        at = found["severity"]
        lines.append(f"| {kind} | {shares} | {'-' if at is None else f'{at:.2f}'} |")
    lines += [
        "",
        "What is supported first, by vibration and current together:",
        "",
        "| simulated | diagnosed |",
        "|---|---|",
    ]
    for kind, said in both["confusion"].items():
        lines.append(f"| {kind} | " + ", ".join(f"{name} {count}" for name, count in said.items()) + " |")
    lines += ["", "Chances given, and how often they came true:", "", "| chance | true | findings |", "|---|---|---|"]
    lines += [f"| {chance:.2f} | {share:.2f} | {count} |" for chance, share, count in both["reliability"]]
    return "\n".join(lines)


def _row(name: str, report: dict[str, Any], text: Any) -> str:
    return f"| {name} | " + " | ".join(text(report[mode]) for mode in _MODES) + " |"


def _shares(by: dict[str, float]) -> str:
    return " / ".join(f"{share:.2f}" for share in by.values())


def write_tables(report: dict[str, Any]) -> None:
    """Write the tables between the markers of the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{tables(report)}\n{END}{after}", encoding="utf-8")
