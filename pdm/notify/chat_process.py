"""The child process in which Apprise runs: it answers each line of JSON on standard input on standard output."""

from __future__ import annotations

import logging
import re
import socket
from ipaddress import ip_address
from typing import Any

import apprise
import requests

from pdm.child_process import answer_lines
from pdm.notify.targets import ForbiddenTargetError, Network, check_address, parse_networks

# Services that people read; never those of Apprise that write to this machine or to an arbitrary address.
SERVICES = frozenset(
    re.findall(
        r"\w+",
        "bark bluesky chanify cliq dingtalk discord feishu flock goalert google_chat gotify groupme guilded kook lark "
        "line mastodon matrix mattermost misskey nextcloudtalk notifiarr ntfy opsgenie pagerduty pagertree prowl "
        "pushbullet pushdeer pushover pushplus qq revolt ringcentral rocketchat ryver serverchan signal_api signl4 "
        "simplepush slack splunk squadcast synology telegram threema twilio twist viber webexteams wecombot whatsapp "
        "workflows wxpusher xmatters zalo zoom zulip",
    )
)
_SECRET_PART = re.compile(r"[/:@?&=#,]+")

_allowed: tuple[Network, ...] = ()
_resolve = socket.getaddrinfo
_connect = socket.socket.connect
_send_request = requests.Session.send
_is_answered = True  # the last request that a service made; true while none was made


def _checked_getaddrinfo(*arguments: Any, **named: Any) -> Any:
    found = _resolve(*arguments, **named)
    for entry in found:
        check_address(ip_address(str(entry[4][0])), _allowed)
    return found


def _checked_connect(connection: socket.socket, address: Any) -> None:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        raise ForbiddenTargetError("only internet addresses are allowed")
    try:
        literal = ip_address(str(address[0]))
    except ValueError:
        address = _checked_getaddrinfo(address[0], address[1], connection.family)[0][4]
        literal = ip_address(str(address[0]))
    check_address(literal, _allowed)
    _connect(connection, address)


def _observed_send(session: requests.Session, request: Any, **named: Any) -> Any:
    """Send a request of a service, and note whether an answer came, whatever the answer is."""
    global _is_answered
    _is_answered = False
    response = _send_request(session, request, **named)
    _is_answered = True
    return response


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a request as `Attempt` fields: `check` a URL, or send a text to it."""
    global _allowed
    _allowed = parse_networks(",".join(question["networks"]))
    url = question["url"]
    asset = apprise.AppriseAsset(
        app_id="pdm", app_desc="predictive maintenance", app_url="", http_redirects=False, async_mode=False
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        return _refusal("the URL has a format unknown to Apprise")
    name = type(service).__module__.removeprefix("apprise.plugins.").partition(".")[0]
    if name not in SERVICES:
        return _refusal(f"{name} is not an allowed chat service")
    host = getattr(service, "host", None)
    try:
        if host:
            _check_host(str(host))
        if question.get("check"):
            return {"is_delivered": True, "is_reachable": True, "answer": name}
        return _send(service, name, question)
    except ForbiddenTargetError as error:
        return _refusal(f"forbidden target: {error}")


def _check_host(host: str) -> None:
    """Check a literal address; a name may be the service's own notion of one, and is checked when connected to."""
    try:
        literal = ip_address(host.strip("[]"))
    except ValueError:
        return
    check_address(literal, _allowed)


def _send(service: Any, name: str, question: dict[str, Any]) -> dict[str, Any]:
    global _is_answered
    _is_answered = True
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:  # type: ignore[no-untyped-call]
        is_taken = service.notify(body=question["body"], title=question["title"], notify_type=question["kind"])
        log_text = redact(" ".join(log.getvalue().split()), question["url"])
    if is_taken:
        return {"is_delivered": True, "is_reachable": True, "answer": f"{name} accepted the message"}
    return {"is_delivered": False, "is_reachable": _is_answered, "error": f"{name}: {log_text}"[:300]}


def redact(text: str, url: str) -> str:
    """Return a text without the parts of a URL that may be secret."""
    parts = [url, *_SECRET_PART.split(url.partition("://")[2])]
    for part in sorted((part for part in parts if len(part) >= 6), key=len, reverse=True):
        text = text.replace(part, "***")
    return text


def _refusal(why: str) -> dict[str, Any]:
    return {"is_delivered": False, "is_reachable": True, "error": why}


def _answer_safely(question: dict[str, Any]) -> dict[str, Any]:
    try:
        return answer(question)
    except Exception as error:  # whatever one of a hundred services raises is a failed attempt
        return _refusal(f"the service's client failed: {type(error).__name__}")


if __name__ == "__main__":
    socket.getaddrinfo = _checked_getaddrinfo
    socket.socket.connect = _checked_connect  # type: ignore[method-assign, assignment]
    requests.Session.send = _observed_send  # type: ignore[method-assign, assignment]
    answer_lines(_answer_safely)
