"""Hold-out evaluation of one real life: train on the others through the service, replay it, compare with the truth."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pdm.errors import InvalidInputError, UnavailableError
from pdm.ingest.formats import RecordingSource, open_recording
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.replay.client import Client
from pdm.replay.feed import BATCH, Progress, batches
from pdm.replay.stack import Stack

CHECK_POINTS = (0.5, 0.75, 0.9)  # fractions of life at which the error is reported


def replay_held_out(
    folder: Path, hold: str, *, mode: str = "bulk", stack_name: str = "replay", progress: Progress | None = None
) -> dict[str, Any]:
    """Train on every life in `folder` but `hold`, replay that one over HTTP and report its prognoses.

    Parameters
    ----------
    folder : Path
        A recording that one of the adapters in `pdm.ingest.formats` reads.
    hold : str
        The held-out machine.
    mode : 'bulk' or 'live'
        Batches of 64 acquisitions, or one acquisition per request.

    Raises
    ------
    InvalidInputError
        The recording has no such machine, or no other for training.
    """
    recording = open_recording(folder)
    test_life = hold.lower()
    names = [machine.key for machine in recording.machines]
    if test_life not in names:
        raise InvalidInputError(f"{hold!r} is not in {folder}; available: {', '.join(names)}", field="hold")
    others = [name for name in names if name != test_life]
    report_progress = progress or (lambda *_: None)
    with Stack(stack_name, fresh=True) as stack, Client(stack.url, stack.admin_key) as client:
        client.register(recording.machines)
        fed = [_feed_life(client, recording, name, BATCH, report_progress) for name in others]
        client.wait_until_analysed()
        model = train_fleet(stack, recording.machines[0].fleet)
        fed_last = _feed_life(
            client, recording, test_life, 1 if mode == "live" else BATCH, report_progress, failed=False
        )
        return {
            "held_out": test_life,
            "mode": mode,
            "model": model,
            "training_lives": len(others),
            "training_rate_acquisitions_s": round(_rate(fed), 1),
            "rate_acquisitions_s": round(_rate([fed_last]), 1),
            **describe_life(client, recording, test_life, others),
        }


def lives_in(folder: Path) -> list[str]:
    """Return the machines of a recording, the candidates for the held-out life."""
    return [machine.key for machine in open_recording(folder).machines]


def train_fleet(stack: Stack, fleet: str) -> str:
    """Train the fleet's model with the `pdm train` command and return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "pdm.cli", "train", "--fleet", fleet, "--json"],
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError(f"training failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def describe_life(client: Client, recording: RecordingSource, test_life: str, others: Sequence[str]) -> dict[str, Any]:
    """Compare the service's prognoses over the held-out life with the truth."""
    times = [a.measured_at for a in recording.acquisitions(test_life)]
    end = times[-1]
    constant = median_constant([_times(recording, name) for name in others])
    history = client.pages(f"/v1/machines/{test_life}/prognosis/history", limit=1000)
    answers = sorted(
        ({**row, "t": datetime.fromisoformat(row["measured_at"])} for row in history), key=lambda row: row["t"]
    )
    alerts = sorted(client.pages("/v1/alerts", machine=test_life), key=lambda alert: alert["opened_at"])
    half = times[0] + (end - times[0]) / 2
    opened = [datetime.fromisoformat(alert["opened_at"]) for alert in alerts]
    return {
        "life_s": (end - times[0]).total_seconds(),
        "points": [_at_fraction(answers, times, fraction, constant) for fraction in CHECK_POINTS],
        "constant_rul_s": constant,
        **interval_quality(answers, end),
        "first_alert": alerts[0] if alerts else None,
        "first_alert_lead_s": (end - opened[0]).total_seconds() if opened else None,
        "early_alarms": sum(at < half for at in opened),
        "alerts": len(alerts),
        "course": [_course_row(row, end) for row in answers[:: max(1, len(answers) // 100)]],
    }


def median_constant(lives: Iterable[Sequence[datetime]]) -> float:
    """Return the constant RUL from the training lives alone [s], as a reference.

    It is the median of the lives' remaining life at the reported fractions of life, the constant of the least absolute
    error.
    """
    remaining = [
        (1 - fraction) * (times[-1] - times[0]).total_seconds() for times in lives for fraction in CHECK_POINTS
    ]
    return float(np.median(remaining))


def _feed_life(
    client: Client, recording: RecordingSource, name: str, size: int, progress: Progress, *, failed: bool = True
) -> tuple[int, float]:
    """Send a life and wait until it is analysed; returns how many acquisitions, and the seconds that it took."""
    total = recording.count(name)
    started = time.monotonic()
    sent = 0
    for batch in batches(recording.acquisitions(name), size):
        client.send(batch)
        sent += len(batch)
        progress(name, sent, total)
    if failed:
        end = _times(recording, name)[-1]
        client.record_work_event(WorkEvent(name, WorkEventKind.FAILURE, end, note="end of the recorded history"))
    client.wait_until_analysed()
    return sent, time.monotonic() - started


def _times(recording: RecordingSource, name: str) -> list[datetime]:
    return [acquisition.measured_at for acquisition in recording.acquisitions(name)]


def _rate(fed: Sequence[tuple[int, float]]) -> float:
    return sum(sent for sent, _ in fed) / max(1e-9, sum(seconds for _, seconds in fed))


def _at_fraction(
    answers: Sequence[dict[str, Any]], times: Sequence[datetime], fraction: float, constant: float
) -> dict[str, Any]:
    at = times[0] + (times[-1] - times[0]) * fraction
    truth = (times[-1] - at).total_seconds()
    known = [row for row in answers if row["t"] <= at]
    row = known[-1] if known else None
    rul = row["rul_s"] if row else None
    return {
        "fraction": fraction,
        "true_rul_s": truth,
        "rul_s": rul,
        "rul_lower_s": row["rul_lower_s"] if row else None,
        "rul_upper_s": row["rul_upper_s"] if row else None,
        "source": row["source"] if row else None,
        "error_s": None if rul is None else rul - truth,
        "constant_error_s": constant - truth,
    }


def interval_quality(answers: Sequence[dict[str, Any]], end: datetime) -> dict[str, Any]:
    """Return the coverage of the intervals with a level; beyond the age of every past life there is no level."""
    rows = [row for row in answers if row["rul_lower_s"] is not None and row["level"] is not None]
    covered = 0
    widths = []
    for row in rows:
        truth = (end - row["t"]).total_seconds()
        upper = row["rul_upper_s"]
        covered += row["rul_lower_s"] <= truth and (upper is None or truth <= upper)
        if upper is not None:
            widths.append(upper - row["rul_lower_s"])
    return {
        "interval_level": rows[-1]["level"] if rows else None,
        "interval_coverage": covered / len(rows) if rows else None,
        "interval_width_s": float(np.mean(widths)) if widths else None,
        "answered": len(rows) / len(answers) if answers else 0.0,
    }


def _course_row(row: dict[str, Any], end: datetime) -> dict[str, Any]:
    return {
        "measured_at": row["measured_at"],
        "true_rul_s": (end - row["t"]).total_seconds(),
        **{name: row[name] for name in ("rul_s", "rul_lower_s", "rul_upper_s", "source")},
    }
