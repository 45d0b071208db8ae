"""Prometheus Alertmanager: its API version 2, and the format of its webhooks (version 4).

References: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml and
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from pdm.notify.http import HttpPoster
from pdm.notify.message import TEST_TEXT, Attempt, CurrentAlert, Message, Receiver
from pdm.notify.targets import Network

ALERT_NAME = "MachineAlert"
FIRES_FOR = timedelta(minutes=5)  # after the last post; open alerts are posted every minute
FIRING_STATES = ("unacknowledged", "acknowledged", "latched")
ENDED_FOR = timedelta(minutes=15)  # how long an ended alert is posted repeatedly, as Prometheus does
_POSTED = 200  # largest number of alerts in one request
_NEVER = "0001-01-01T00:00:00Z"  # the zero time of Go


def labels_of(alert: Mapping[str, Any], severity: str) -> dict[str, str]:
    """Return the labels of an alert of one severity; they identify it and are the same in every post."""
    labels = {
        "alertname": ALERT_NAME,
        "alert_id": str(alert["alert_id"]),
        "site": alert["site"],
        "machine": alert["machine"],
        "cause": alert["cause"],
        "severity": severity,
    }
    if alert.get("component"):
        labels["component"] = alert["component"]
    return labels


def annotations_of(alert: Mapping[str, Any]) -> dict[str, str]:
    """Return the annotations: message key, parameters and state."""
    name = alert.get("machine_name") or alert["machine"]
    return {
        "summary": f"{name}: {alert['message']}",
        **{key: alert[key] for key in ("machine_name", "component_name", "point_name", "site_name") if alert.get(key)},
        "parameters": orjson.dumps(alert.get("parameters") or {}).decode(),
        "state": alert["state"],
        "opened_at": alert["opened_at"],
    }


def posted_alerts(standing: Iterable[CurrentAlert], now: datetime, public_url: str = "") -> list[dict[str, Any]]:
    """Return the alerts to post: one for each severity that an alert has had; all but the present one have ended.

    A firing alert ends `FIRES_FOR` after the last post, so that no alert keeps firing if this service is down.
    """
    posted = []
    for each in standing:
        for severity in each.severities:
            is_firing = each.is_firing and severity == each.document["severity"]
            if not is_firing and each.changed_at < now - ENDED_FOR:
                continue
            started = min(_time(each.document["opened_at"]), each.changed_at)
            ends = now + FIRES_FOR if is_firing else max(each.changed_at, started)
            posted.append(
                {
                    "labels": labels_of(each.document, severity),
                    "annotations": annotations_of(each.document),
                    "startsAt": _rfc3339(started),
                    "endsAt": _rfc3339(ends),
                    "generatorURL": link_of(public_url, each.document),
                }
            )
    return posted


def group_document(receiver: Receiver, message: Message, public_url: str = "") -> dict[str, Any]:
    """Return these events as the body of an Alertmanager webhook, the newest event of each alert."""
    newest = {event.data["alert_id"]: event.data for event in message.events}
    alerts = [_grouped(data, public_url) for data in newest.values()]
    names = [alert["labels"] for alert in alerts]
    machines = sorted({labels["machine"] for labels in names})
    return {
        "version": "4",
        "groupKey": "{}:{machine=" + orjson.dumps(",".join(machines)).decode() + "}",
        "truncatedAlerts": 0,
        "status": "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved",
        "receiver": receiver.name,
        "groupLabels": {"machine": machines[0]} if len(machines) == 1 else {},
        "commonLabels": _common(names),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": public_url,
        "alerts": alerts,
    }


def _grouped(data: Mapping[str, Any], public_url: str) -> dict[str, Any]:
    is_firing = data["state"] in FIRING_STATES
    labels = labels_of(data, data["severity"])
    return {
        "status": "firing" if is_firing else "resolved",
        "labels": labels,
        "annotations": annotations_of(data),
        "startsAt": data["opened_at"],
        "endsAt": _NEVER if is_firing else data.get("occurred_at", _NEVER),
        "generatorURL": link_of(public_url, data),
        "fingerprint": hashlib.sha256(orjson.dumps(labels, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16],
    }


def _common(maps: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {key: value for key, value in maps[0].items() if all(other.get(key) == value for other in maps)}


def link_of(public_url: str, alert: Mapping[str, Any]) -> str:
    """Return the URL of the alert, or an empty text if no public URL is set."""
    return f"{public_url.rstrip('/')}/v1/alerts/{alert['alert_id']}" if public_url else ""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class AlertmanagerSender:
    """Posts the present alerts to the API version 2 of an Alertmanager; for one thread."""

    def __init__(self, networks: Sequence[Network] = (), timeout: float = 10.0, public_url: str = "") -> None:
        self._poster = HttpPoster(networks, timeout)
        self._public_url = public_url

    def close(self) -> None:
        """Close the connections."""
        self._poster.close()

    def rest(self) -> None:
        """Do nothing: idle connections are closed after half a minute."""

    def send(self, receiver: Receiver, message: Message, now: datetime) -> Attempt:
        """Post the alerts of the message in their present state, firing or ended."""
        alerts = posted_alerts(message.standing, now, self._public_url)
        attempt = Attempt(True, True, answer="no active alert")
        for start in range(0, len(alerts), _POSTED):
            attempt = self._post(receiver, alerts[start : start + _POSTED])
            if not attempt.is_delivered:
                break
        return attempt

    def test(self, receiver: Receiver, message_id: str, now: datetime) -> Attempt:
        """Post a test alert that ends after a minute."""
        alert = {
            "labels": {"alertname": "PdmTest", "subscription": receiver.name, "severity": "advisory"},
            "annotations": {"summary": TEST_TEXT, "id": message_id},
            "startsAt": _rfc3339(now),
            "endsAt": _rfc3339(now + timedelta(minutes=1)),
        }
        return self._post(receiver, [alert])

    def _post(self, receiver: Receiver, alerts: list[dict[str, Any]]) -> Attempt:
        headers = {"Content-Type": "application/json", "User-Agent": "pdm/1"}
        if "token" in receiver.credentials:
            headers["Authorization"] = f"Bearer {receiver.credentials['token']}"
        elif "password" in receiver.credentials:
            pair = f"{receiver.config.get('username', '')}:{receiver.credentials['password']}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return self._poster.post(receiver.url.rstrip("/") + "/api/v2/alerts", headers, orjson.dumps(alerts))
