from __future__ import annotations

from ipaddress import ip_address

import pytest

from pdm.errors import ConfigurationError
from pdm.notify.targets import ForbiddenTargetError, check_address, check_url, parse_networks, resolve

NOT_PUBLIC = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "::7f00:1",
    "64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:0:0:0:0:80ff:fffe",
]  # fmt: skip

# however a name server or the C library reads them, they must not get through
ODD_FORMS = [
    "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/",
    "http://017700000001/", "http://127.0.1/", "http://0/", "http://[::ffff:127.0.0.1]/", "http://[::1]/",
    "http://localhost/", "http://[::]/", "http://0x0/", "http://127.0.0.1.:80/",
]  # fmt: skip

MALFORMED = [
    "", "example.com", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
    "http://", "http:///path", "http://user@example.com/", "http://user:word@example.com/",
    "http://example.com#@127.0.0.1/", "http://example.com\\@127.0.0.1/", "http://exa mple.com/",
    "http://example.com/\r\nX: y", "http://example.com:99999/", "http://example.com:0/", "http://[::1/",
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/", "http://ex\u0430mple.com/",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_however_it_is_wrapped(address: str) -> None:
    with pytest.raises(ForbiddenTargetError):
        check_address(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_a_public_address_is_permitted(address: str) -> None:
    check_address(ip_address(address))


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_url_is_refused_by_looking_at_it(url: str) -> None:
    with pytest.raises(ForbiddenTargetError):
        check_url(url)


def test_a_literal_address_is_refused_unless_its_network_is_allowed() -> None:
    with pytest.raises(ForbiddenTargetError):
        check_url("http://10.1.2.3:8080/hook")
    check_url("http://10.1.2.3:8080/hook", parse_networks("10.1.0.0/16"))
    with pytest.raises(ForbiddenTargetError):
        check_url("http://10.2.2.3:8080/hook", parse_networks("10.1.0.0/16"))
    check_url("https://hooks.example.com/alerts?line=1")


def test_allowing_a_network_does_not_allow_another_family_of_the_same_bits() -> None:
    with pytest.raises(ForbiddenTargetError):
        check_address(ip_address("::1"), parse_networks("127.0.0.0/8"))
    check_address(ip_address("::ffff:127.0.0.1"), parse_networks("127.0.0.0/8"))


def test_a_name_with_one_forbidden_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("127.0.0.1", 80))]
    monkeypatch.setattr("pdm.notify.targets.socket.getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(ForbiddenTargetError):
        resolve("rebind.example.com", 80)


def test_networks_that_cannot_be_read_are_refused_with_the_setting_named() -> None:
    assert parse_networks("") == ()
    with pytest.raises(ConfigurationError, match="webhook_allowed_networks"):
        parse_networks("10.0.0.0/8, office")
