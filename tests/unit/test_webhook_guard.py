"""Where a webhook may go: every known disguise of an inner address is refused, by form and by socket address."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.webhook.guard import (
    AddressForbidden,
    Target,
    UrlRefused,
    is_loopback,
    is_public,
    socket_factory,
    target,
)

INNER = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.9",
    "192.0.0.10",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "192.88.99.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.175.48.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2620:4f:8000::1",
    "3fff::1",
    "3ffe::1%eth0",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "",
    "localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
]

OUTER = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e"]


@pytest.mark.parametrize("address", INNER)
def test_no_socket_is_made_for_an_inner_address(address: str) -> None:
    assert not is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(AddressForbidden):
        socket_factory(is_public)((family, socket.SOCK_STREAM, 6, "", (address, 443)))


@pytest.mark.parametrize("address", OUTER)
def test_a_public_address_gets_its_socket(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket_factory(is_public)((family, socket.SOCK_STREAM, 6, "", (address, 443))) as made:
        assert made.family == family


def test_no_socket_is_made_for_anything_but_the_internet() -> None:
    with pytest.raises(AddressForbidden):
        socket_factory(lambda address: True)((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", ("/run/docker.sock",)))


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_outside_global_unicast_is_public(address: ipaddress.IPv6Address) -> None:
    assert not is_public(str(address)) or address in ipaddress.ip_network("2000::/3")


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_public_in_ipv6_clothes(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for disguise in (number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80 | 1):
        assert not is_public(str(ipaddress.IPv6Address(disguise)))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "//example.org/",
        "example.org",
        "",
        "https://",
        "https:///path",
        "https://example.org:80/",
        "https://example.org:22/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:x/",
        "https://user@example.org/",
        "https://user:pass@example.org/",
        "https://example.org@127.0.0.1/",
        "https://example.org/#fragment",
        "https://example.org\\@127.0.0.1/",
        "https://exa mple.org/",
        "https://example.org/\r\nHost: evil",
        "https://example.org/\t",
        "https://exämple.org/",
        "https://example.org%00.evil/",
        "https://127.0.0.1/",
        "https://127.0.0.1:8443/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://0.0.0.0/",
        "https://[::1/",
        "https://.example.org/",
        "https://-/",
        "https://example.org/" + "x" * 2048,
        "http://localhost:9000/hook",
        "https://localhost:9001/hook",
    ],
    ids=lambda url: ascii(url[:40]),
)
def test_a_url_of_another_form_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UrlRefused) as refusal:
        target(url, allowed=frozenset({("https", "localhost", 9000), ("http", "127.0.0.1", 9001)}))
    assert "evil" not in str(refusal.value)
    assert "pass" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hook?x=1",
        "https://EXAMPLE.org:8443/",
        "https://example.org:443",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]:8443/",
    ],
)
def test_a_plain_https_url_is_taken(url: str) -> None:
    assert target(url, allowed=frozenset()) == Target(url, loopback=False)


def test_an_allow_list_opens_exactly_one_origin_and_only_loopback() -> None:
    allowed = frozenset({("http", "127.0.0.1", 9001)})
    assert target("http://127.0.0.1:9001/hook", allowed=allowed).loopback
    for other in ("https://127.0.0.1:9001/", "http://127.0.0.1:9002/", "http://127.0.0.2:9001/", "http://[::1]:9001/"):
        with pytest.raises(UrlRefused):
            target(other, allowed=allowed)
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not [
        address for address in (*INNER, *OUTER) if is_loopback(address) and "127." not in address and address != "::1"
    ]
