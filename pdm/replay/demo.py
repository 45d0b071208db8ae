"""The demo: a simulated fleet is processed by the real service, past lives first, then the present."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pdm.measurements import Acquisition
from pdm.replay.client import Client
from pdm.replay.feed import BATCH, Progress, batches, feed
from pdm.replay.hold_out import train_fleet
from pdm.replay.stack import Stack
from pdm.twin.fleet import DemoFleet, demo_fleet

KINDS_TO_ALERT = 3  # least kinds of failure with an alert before the failure
QUIET_MACHINES = 4  # least healthy machines with changes of operating state and without alert


@dataclass(frozen=True)
class MachineVerdict:
    """One machine of the demo: the results of the service, and the truth of the simulator."""

    machine: str
    health: float | None
    operating_state: str | None
    symptom: str | None
    component: str | None
    rul_s: float | None
    rul_lower_s: float | None
    rul_upper_s: float | None
    rul_source: str | None
    alert_severity: str | None
    alerted_at: datetime | None
    fault: str | None
    fault_began_at: datetime | None
    failed_at: datetime | None
    operating_states_seen: int

    @property
    def is_warned_failure(self) -> bool:
        """Whether a failure was alerted after its fault began and before it happened."""
        if self.alerted_at is None or self.failed_at is None or self.fault_began_at is None:
            return False
        return self.fault_began_at <= self.alerted_at < self.failed_at

    @property
    def is_false_alarm(self) -> bool:
        """Whether there was an alert before the onset of a fault."""
        return self.alerted_at is not None and not self.is_warned_failure

    @property
    def lead_time(self) -> timedelta | None:
        """Time from the alert to the failure; None without either."""
        if not self.is_warned_failure or self.failed_at is None or self.alerted_at is None:
            return None
        return self.failed_at - self.alerted_at


@dataclass(frozen=True)
class DemoReport:
    """The results of the demo, and whether they meet its acceptance criteria."""

    seed: int
    url: str
    verdicts: tuple[MachineVerdict, ...]
    acquisitions: int

    @property
    def warned_kinds(self) -> set[str]:
        """The kinds of fault with an alert before the failure."""
        return {v.fault for v in self.verdicts if v.is_warned_failure and v.fault}

    @property
    def quiet_machines(self) -> int:
        """Number of healthy machines with changes of operating state and without alert."""
        return sum(v.failed_at is None and v.alerted_at is None and v.operating_states_seen > 1 for v in self.verdicts)

    @property
    def precision(self) -> float | None:
        """Share of alerts on machines that were about to fail; None without alerts."""
        alerted = [v for v in self.verdicts if v.alerted_at is not None]
        return sum(v.is_warned_failure for v in alerted) / len(alerted) if alerted else None

    @property
    def recall(self) -> float | None:
        """Share of failed machines with an alert before; None without failures."""
        failed = [v for v in self.verdicts if v.failed_at is not None]
        return sum(v.is_warned_failure for v in failed) / len(failed) if failed else None

    @property
    def is_passed(self) -> bool:
        """Whether enough failures had an alert and enough healthy machines had none."""
        false_on_healthy = any(v.failed_at is None and v.alerted_at is not None for v in self.verdicts)
        return (
            len(self.warned_kinds) >= KINDS_TO_ALERT and self.quiet_machines >= QUIET_MACHINES and not false_on_healthy
        )


def run_demo(stack: Stack, seed: int, progress: Progress, now: datetime | None = None) -> DemoReport:
    """Feed a simulated fleet to a running stack and compare the alerts with the simulator's truth."""
    fleet = demo_fleet(seed, (now or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0))
    with Client(stack.url, stack.admin_key) as client:
        client.register(fleet.machines)
        sent = _load_history(client, fleet, progress)
        client.wait_until_analysed()
        progress("training", 0, 1)
        train_fleet(stack, fleet.machines[0].fleet)
        progress("training", 1, 1)
        sent += _stream_present(client, fleet, progress)
        client.wait_until_analysed()
        verdicts = tuple(_verdict(client, fleet, machine.key) for machine in fleet.machines)
    return DemoReport(seed, stack.url, verdicts, sent)


def _load_history(client: Client, fleet: DemoFleet, progress: Progress) -> int:
    total = sum(fleet.count_history(machine.key) for machine in fleet.machines)
    before = 0
    for machine in fleet.machines:
        for sent in feed(client, fleet.history(machine.key)):
            progress("recorded histories", before + sent, total)
        before += fleet.count_history(machine.key)
    return before


def _stream_present(client: Client, fleet: DemoFleet, progress: Progress) -> int:
    total = sum(fleet.count_present(machine.key) for machine in fleet.machines)
    sent = 0
    for batch in batches(_present(fleet), BATCH):
        client.send(batch)
        sent += len(batch)
        progress("live data", sent, total)
    return sent


def _present(fleet: DemoFleet) -> Iterator[Acquisition]:
    return heapq.merge(*(fleet.present(m.key) for m in fleet.machines), key=lambda a: a.measured_at)


def _verdict(client: Client, fleet: DemoFleet, machine: str) -> MachineVerdict:
    truth = fleet.truth(machine)
    health = client.get(f"/v1/machines/{machine}/health")
    prognosis = client.get(f"/v1/machines/{machine}/prognosis")
    present_began = fleet.present_began_at(machine)
    alerts = [
        alert
        for alert in client.pages("/v1/alerts", machine=machine)
        if datetime.fromisoformat(alert["opened_at"]) >= present_began
    ]
    first = min(alerts, key=lambda alert: alert["opened_at"], default=None)
    return MachineVerdict(
        machine=machine,
        **{name: health.get(name) for name in ("health", "operating_state", "symptom", "component")},
        **{name: prognosis.get(name) for name in ("rul_s", "rul_lower_s", "rul_upper_s")},
        rul_source=prognosis.get("source"),
        alert_severity=first["severity"] if first else None,
        alerted_at=datetime.fromisoformat(first["opened_at"]) if first else None,
        fault=truth.fault,
        fault_began_at=truth.onset_at,
        failed_at=truth.failed_at,
        operating_states_seen=truth.operating_states,
    )


def as_document(report: DemoReport) -> dict[str, Any]:
    """Return the report as plain data for JSON."""
    return {
        "seed": report.seed,
        "passed": report.is_passed,
        "precision": report.precision,
        "recall": report.recall,
        "warned_kinds": sorted(report.warned_kinds),
        "quiet_machines": report.quiet_machines,
        "acquisitions": report.acquisitions,
        "machines": [
            {
                **{k: (x.isoformat() if isinstance(x, datetime) else x) for k, x in vars(v).items()},
                "lead_time_s": v.lead_time.total_seconds() if v.lead_time else None,
            }
            for v in report.verdicts
        ],
    }
