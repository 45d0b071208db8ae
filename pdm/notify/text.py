"""Texts of alert events for mail and chat, in the receiver's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pdm.notify.alertmanager import link_of
from pdm.notify.message import SEVERITIES, Message
from pdm.words.catalogue import DEFAULT_LANGUAGE
from pdm.words.phrases import say


def subject_of(message: Message, language: str = DEFAULT_LANGUAGE) -> str:
    """Return the subject: severity, machine and message, or the number of events."""
    if not message.is_digest:
        data = message.events[0].data
        severity = say(f"severity.{data['severity']}", None, language)
        kind = say(f"event.{data['kind']}", None, language)
        machine = _named(data.get("machine_name"), data["machine"])
        return f"[{severity}] {machine}: {message_of(data, language)} ({kind})"
    worst = SEVERITIES[max(SEVERITIES.index(event.data["severity"]) for event in message.events)]
    machines = sorted({_named(event.data.get("machine_name"), event.data["machine"]) for event in message.events})
    named = ", ".join(machines[:3]) + (f" +{len(machines) - 3}" if len(machines) > 3 else "")
    events = say("letter.events", {"count": len(message.events)}, language)
    return f"[{say('severity.' + worst, None, language)}] {events}: {named}"


def body_of(message: Message, public_url: str = "", language: str = DEFAULT_LANGUAGE) -> str:
    """Return the text of the events in order, each with its message and its link."""
    return "\n\n".join(_event_text(event.id, event.data, public_url, language) for event in message.events)


def _event_text(event_id: str, data: Mapping[str, Any], public_url: str, language: str) -> str:
    def word(section: str, key: str) -> str:
        return say(f"{section}.{key}", None, language)

    where = data.get("machine_name") or data["machine"]
    if data.get("component"):
        where += f" ({data['machine']}, {_named(data.get('component_name'), data['component'])})"
    else:
        where += f" ({data['machine']})"
    site = _named(data.get("site_name"), data["site"])
    lines = [
        f"{word('severity', data['severity'])}, {word('event', data['kind'])}: {where}",
        message_of(data, language),
        f"{word('letter', 'when')}: {data['occurred_at']}   {word('letter', 'since')}: {data['opened_at']}",
        f"{word('letter', 'state')}: {word('state', data['state'])}   {word('letter', 'by')}: {data['actor']}",
        f"{word('letter', 'site')}: {site}   {word('letter', 'cause')}: {data['cause']}",
    ]
    for order in data.get("work_orders") or []:
        lines.append(f"{word('letter', 'work-order')}: {order['reference']} ({order['status']})")
    link = link_of(public_url, data)
    return "\n".join([*lines, *([link] if link else []), f"{word('letter', 'event')}: {event_id}"])


def message_of(data: Mapping[str, Any], language: str = DEFAULT_LANGUAGE) -> str:
    """Return the sentence of an alert, with the name of the measurement point beside its key."""
    parameters = dict(data.get("parameters") or {})
    if parameters.get("point"):
        parameters["point"] = _named(data.get("point_name"), parameters["point"])
    return say(f"alert.{data['message']}", parameters, language)


def _named(name: str | None, key: str) -> str:
    """Return the name of an object with its key, or the key alone."""
    return f"{name} ({key})" if name else key
