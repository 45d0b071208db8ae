"""Receiver data of a subscription by kind: validated, and split into visible and secret parts."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pdm.errors import InvalidInputError
from pdm.notify.chat import ChatSender
from pdm.notify.deadline import tls_context
from pdm.notify.targets import ForbiddenTargetError, Network, check_host, check_url

_ADDRESS = re.compile(r"[^@\s<>,;\"\\]{1,64}@[^@\s<>,;\"\\]{1,253}")
_PREFIX = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
SECRETS = ("password", "token")


@dataclass(frozen=True)
class Target:
    """Valid receiver data: `url` and `config` are visible, `credentials` are secret."""

    url: str
    config: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, Any] = field(repr=False, default_factory=dict)


def check_target(kind: str, url: str | None, given: Mapping[str, Any], networks: Sequence[Network] = ()) -> Target:
    """Validate the data of a receiver and return what is stored.

    Parameters
    ----------
    kind : {'webhook', 'alertmanager', 'mqtt', 'email', 'chat'}
    url : str or None
        URL of webhook, Alertmanager and chat (Apprise).
    given : mapping
        Other data of the kind, including secrets.
    networks : sequence of network
        Allowed ranges that are not public.

    Raises
    ------
    InvalidInputError
        A field is missing or invalid; the error names the field. ForbiddenTargetError if a literal address is
        not allowed.
    """
    if kind in ("webhook", "alertmanager", "chat"):
        if url is None:
            raise InvalidInputError(f"a receiver of kind {kind} requires a url", field="url")
        return _CHECKS[kind](url, given, networks)
    if url is not None:
        raise InvalidInputError(f"a receiver of kind {kind} does not allow a url", field="url")
    host = str(given["host"])
    try:
        check_host(host, networks)
    except ForbiddenTargetError as error:
        raise ForbiddenTargetError(error.message, field=f"{kind}.host") from error
    _check_authority(kind, given.get("authority"))
    return _CHECKS[kind](host, given, networks)


def _webhook(url: str, given: Mapping[str, Any], networks: Sequence[Network]) -> Target:  # noqa: ARG001
    check_url(url, networks)
    return Target(url)


def _alertmanager(url: str, given: Mapping[str, Any], networks: Sequence[Network]) -> Target:
    check_url(url, networks)
    if "?" in url:
        raise InvalidInputError("the address of Alertmanager must not have a query", field="url")
    return Target(url, *_split(given))


def _chat(url: str, given: Mapping[str, Any], networks: Sequence[Network]) -> Target:  # noqa: ARG001
    sender = ChatSender(networks)
    try:
        found = sender.check(url)
    finally:
        sender.close()
    if not found.is_delivered:
        error = found.error or ""
        kind = ForbiddenTargetError if error.startswith("forbidden") else InvalidInputError
        raise kind(error, field="url")
    return Target(f"{url.partition('://')[0]}://***", {"service": found.answer}, {"url": url})


def _mqtt(host: str, given: Mapping[str, Any], networks: Sequence[Network]) -> Target:  # noqa: ARG001
    if _PREFIX.fullmatch(str(given["prefix"])) is None:
        raise InvalidInputError(
            "the topic prefix must consist of letters, digits, '.', '_', '-' and '/'", field="mqtt.prefix"
        )
    scheme = "mqtts" if given.get("tls") else "mqtt"
    return Target(f"{scheme}://{_bracketed(host)}:{given['port']}", *_split(given))


def _email(host: str, given: Mapping[str, Any], networks: Sequence[Network]) -> Target:  # noqa: ARG001
    for name, addresses in (("sender", [given["sender"]]), ("recipients", given["recipients"])):
        for address in addresses:
            if _ADDRESS.fullmatch(str(address)) is None or not str(address).isascii():
                raise InvalidInputError(f"{address!r} is not an e-mail address", field=f"email.{name}")
    if given["tls"] == "none" and given.get("password"):
        raise InvalidInputError("a password requires TLS", field="email.tls")
    scheme = "smtps" if given["tls"] == "implicit" else "smtp"
    return Target(f"{scheme}://{_bracketed(host)}:{given['port']}", *_split(given))


_CHECKS = {"webhook": _webhook, "alertmanager": _alertmanager, "chat": _chat, "mqtt": _mqtt, "email": _email}


def _split(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    shown = {key: value for key, value in given.items() if key not in SECRETS and value is not None}
    return shown, {key: given[key] for key in SECRETS if given.get(key)}


def _check_authority(kind: str, authority: str | None) -> None:
    try:
        tls_context(authority)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidInputError(f"the certificate cannot be read: {error}", field=f"{kind}.authority") from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
