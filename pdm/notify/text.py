"""Alert events as people read them in a mail or a chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pdm.notify.alertmanager import link_of
from pdm.notify.message import SEVERITIES, Message


def subject_of(message: Message) -> str:
    """Return one line: how bad, which machine, what, or how many of them."""
    if not message.is_digest:
        data = message.events[0].data
        return f"[{data['severity']}] {data['machine']}: {data['message']} ({data['kind']})"
    worst = max(SEVERITIES.index(event.data["severity"]) for event in message.events)
    machines = sorted({event.data["machine"] for event in message.events})
    named = ", ".join(machines[:3]) + (f" and {len(machines) - 3} more" if len(machines) > 3 else "")
    return f"[{SEVERITIES[worst]}] {len(message.events)} alert events: {named}"


def body_of(message: Message, public_url: str = "") -> str:
    """Return the events in order, each with what it says and where it can be read."""
    return "\n\n".join(_told(event.id, event.data, public_url) for event in message.events)


def _told(event_id: str, data: Mapping[str, Any], public_url: str) -> str:
    name, component = data.get("machine_name") or data["machine"], data.get("component")
    where = f"{name} ({data['machine']}, {component})" if component else f"{name} ({data['machine']})"
    lines = [
        f"{data['severity'].upper()} {data['kind']}: {where}",
        f"what: {data['message']}{_parameters(data.get('parameters') or {})}",
        f"when: {data['occurred_at']}   open since: {data['opened_at']}   state: {data['state']}",
        f"site: {data['site']}   cause: {data['cause']}   by: {data['actor']}",
    ]
    lines += [f"work order: {order['reference']} ({order['status']})" for order in data.get("work_orders") or []]
    link = link_of(public_url, data)
    return "\n".join([*lines, *([link] if link else []), f"event {event_id}"])


def _parameters(parameters: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{key} {value}" for key, value in sorted(parameters.items()) if value is not None)
    return f" ({shown})" if shown else ""
