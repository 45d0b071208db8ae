"""Allowed targets of notifications: public addresses, and networks that the operator allows."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from pdm.errors import ConfigurationError, InvalidInputError

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215
_V4_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1


class ForbiddenTargetError(InvalidInputError):
    """A notification would be sent to an address that is not allowed."""

    code = "forbidden-target"


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read comma-separated CIDR ranges.

    Raises
    ------
    ConfigurationError
        A part is not a CIDR range.

    Examples
    --------
    >>> parse_networks("10.1.0.0/16, ::1/128")
    (IPv4Network('10.1.0.0/16'), IPv6Network('::1/128'))
    """
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ConfigurationError(f"webhook_allowed_networks: {error}", field="webhook_allowed_networks") from error


def check_url(url: str, networks: Sequence[Network] = ()) -> None:
    """Reject an invalid webhook URL without DNS lookup; the address is checked at every attempt.

    Raises
    ------
    ForbiddenTargetError
        Not http or https, no host, user name and password in the URL, characters outside printable ASCII, or
        a literal address that is not allowed.
    """
    if not url.isascii() or any(character <= " " or character in '\\<>"^`{|}\x7f' for character in url):
        raise ForbiddenTargetError("the URL must consist of printable ASCII without spaces", field="url")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ForbiddenTargetError(f"the URL cannot be read: {error}", field="url") from error
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ForbiddenTargetError("the URL must be http://host or https://host", field="url")
    if "@" in parts.netloc or parts.fragment:
        raise ForbiddenTargetError("the URL must not contain a user name, password or fragment", field="url")
    try:
        literal = ip_address(host)
    except ValueError:
        return
    check_address(literal, networks)


def check_host(host: str, networks: Sequence[Network] = ()) -> None:
    """Reject an invalid host without DNS lookup; its address is checked at every attempt.

    Raises
    ------
    ForbiddenTargetError
        It is not a name or an address, or it is a literal address that is not allowed.
    """
    try:
        literal = ip_address(host)
    except ValueError:
        if _HOST.fullmatch(host) is None:
            raise ForbiddenTargetError(f"{host!r} is not a host name", field="host") from None
        return
    check_address(literal, networks)


def connect(host: str, port: int, networks: Sequence[Network], timeout: float) -> socket.socket:
    """Return a connection to the checked address of a host.

    Raises
    ------
    ForbiddenTargetError
        One of the addresses is neither public nor inside `networks`.
    OSError
        The name does not resolve, or there is no connection within `timeout` [s].
    """
    return socket.create_connection((resolve(host, port, networks), port), timeout)


def resolve(host: str, port: int, networks: Sequence[Network] = ()) -> str:
    """Return the address to connect to, resolved once; every address of the name must be allowed.

    Raises
    ------
    ForbiddenTargetError
        One of the addresses is neither public nor inside `networks`.
    OSError
        The name does not resolve.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        check_address(ip_address(address), networks)
    return addresses[0]


def check_address(address: Address, networks: Sequence[Network] = ()) -> None:
    """Reject an address that is not public, in any notation, unless the operator allows it.

    Raises
    ------
    ForbiddenTargetError
        The address, or the IPv4 address embedded in it, is neither public nor inside `networks`.
    """
    inner = _unwrap(address)
    if any(inner in network for network in networks):
        return
    is_public = inner.is_global and not (inner.is_multicast or inner.is_reserved or inner.is_unspecified)
    if not is_public:
        raise ForbiddenTargetError(
            f"{address} is not a public address; add its network to PDM_WEBHOOK_ALLOWED_NETWORKS to allow it",
            field="url",
        )


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address embedded in a mapped, translated or tunnelled address."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    is_loopback = address.is_loopback or address.is_unspecified
    if address in _NAT64 or address in _NAT64_LOCAL or (address in _V4_COMPATIBLE and not is_loopback):
        return low
    return address
