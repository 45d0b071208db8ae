"""Timing of one alert from record to Alertmanager, MQTT and webhook: real receivers, the whole service.

The transcript goes to standard error; standard output gets a JSON line with the time to each receiver.

python -m benchmarks.alert_transcript
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.delivery import BASELINE, SETTINGS, STEP, Webhooks, acquisition, subscribe, teach
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.replay.client import Client
from pdm.replay.stack import Stack
from tests.integration import receivers
from tests.integration.receivers import wait_until

MACHINE = "press-0007"


def show(line: str) -> None:
    print(line, file=sys.stderr)


class Clock:
    """Prints events with the seconds since the record was accepted."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    def say(self, who: str, what: str, at: float | None = None) -> None:
        print(f"{(at or time.perf_counter()) - self.began:7.3f} s  {who:<12}  {what}", file=sys.stderr)


def held(alertmanager: str) -> list[dict[str, Any]]:
    """Return the firing alerts there, without test alerts."""
    return [alert for alert in receivers.firing(alertmanager) if alert["labels"]["alertname"] == "MachineAlert"]


def tell(client: Client, at: datetime, hooks: Webhooks, alertmanager: str, port: int) -> None:
    """Send the record that raises the alert, and print the notifications."""
    with receivers.listening(port) as broker:
        receipt = client.send([acquisition(MACHINE, at, 9.0, 1)])
        clock = Clock()
        clock.say(
            "record", f"POST /v1/acquisitions -> 200, receipt {receipt['receipt_id']}, stored {receipt['stored']}"
        )
        wait_until(lambda: hooks.events and broker.on("alerts/state") and held(alertmanager), 30)
        _print(clock, hooks, broker, alertmanager)
        webhook_s, all_s = hooks.events[0][0] - clock.began, time.perf_counter() - clock.began
        show("-- the machine is repaired: its alerts end")
        hooks.events.clear()
        broker.messages.clear()
        clock = Clock()
        client.record_work_event(
            WorkEvent(MACHINE, WorkEventKind.REPLACEMENT, datetime.now(UTC), component="bearing-de")
        )
        client.send([acquisition(MACHINE, datetime.now(UTC), 1.0, 2)])
        clock.say("work event", "POST /v1/machines/press-0007/work-events -> replacement")
        wait_until(lambda: hooks.events and broker.on("alerts/state") and not held(alertmanager), 60)
        _print(clock, hooks, broker, alertmanager)
    print(json.dumps({"benchmark": "alert_transcript", "webhook_s": round(webhook_s, 3), "all_s": round(all_s, 3)}))


def _print(clock: Clock, hooks: Webhooks, broker: receivers.Listener, alertmanager: str) -> None:
    for at, headers, event in hooks.events:
        named = {name.lower(): value for name, value in headers.items()}
        clock.say("webhook", f"{event['type']} id {named['webhook-id']} {named['webhook-signature'][:24]}...", at)
        show(_short(event["data"]))
    for topic, document, _ in broker.messages:
        clock.say("mqtt", topic)
        show(_short(document))
    alerts = held(alertmanager)
    clock.say("alertmanager", f"{len(alerts)} firing")
    for alert in alerts:
        show(_short({"labels": alert["labels"], "startsAt": alert["startsAt"], "endsAt": alert["endsAt"]}))


def _short(document: dict[str, Any]) -> str:
    text = json.dumps({key: value for key, value in document.items() if key not in ("evidence", "data")})
    return " " * 25 + (text if len(text) <= 400 else text[:400] + " ...")


def main() -> None:
    hooks = Webhooks()
    with (
        tempfile.TemporaryDirectory() as folder,
        receivers.mosquitto(Path(folder)) as port,
        receivers.alertmanager(Path(folder)) as alertmanager,
    ):
        stack = Stack("transcript", fresh=True, log_folder=Path(folder), settings=SETTINGS)
        try:
            with stack, Client(stack.url, stack.admin_key) as client:
                at = teach(client, [MACHINE], datetime.now(UTC) - STEP * (BASELINE + 3))
                mqtt = {"host": "127.0.0.1", "port": port, "tls": False}
                made = [
                    subscribe(stack.url, stack.admin_key, name="hook", url=hooks.url),
                    subscribe(stack.url, stack.admin_key, name="plant", kind="mqtt", mqtt=mqtt),
                    subscribe(stack.url, stack.admin_key, name="am", kind="alertmanager", url=alertmanager),
                ]
                for subscription in made:
                    path = f"{stack.url}/v1/subscriptions/{subscription['id']}/test"
                    headers = {"Authorization": f"Bearer {stack.admin_key}"}
                    answer = httpx.post(path, headers=headers, trust_env=False, timeout=30).json()
                    show(f"test of {subscription['kind']}: {answer['answer']}")
                time.sleep(1.0)
                hooks.events.clear()
                tell(client, at, hooks, alertmanager, port)
        finally:
            stack.cluster.destroy()


if __name__ == "__main__":
    main()
