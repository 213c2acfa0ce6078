"""Where a webhook may go: decided on the form of its URL, and again on the address of the very socket.

A check of the name alone is not enough: `127.0.0.1`, `[::ffff:127.0.0.1]` and names that change their answer pass it.
"""

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LONGEST_URL: Final = 2048
HTTPS_PORTS: Final = frozenset({443, 8443})

DENIED: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # shared address space; 100.100.100.200 is a metadata service
        "168.63.129.16/32",  # Azure's host agent, a public number
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is a metadata service
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24",  # AS112
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2002::/16",  # 6to4 carries any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
"""What `is_global` lets through although no receiver lives there. IPv6 outside 2000::/3 is refused as a whole:
that takes ::/96, ::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48, 5f00::/16, fc00::/7, fe80::/10, fec0::/10, ff00::/8."""

GLOBAL_IPV6: Final = ipaddress.ip_network("2000::/3")

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]")

Origin = tuple[str, str, int]
"""Scheme, host in lower case (IPv6 in brackets), port."""


class UrlRefused(ValueError):
    """The URL is of a form that no webhook may have. The text says which and never repeats the URL."""


class AddressForbidden(OSError):
    """The host led to an address that is not on the public internet."""


@dataclass(frozen=True)
class Target:
    """A URL that may be tried; `loopback` when an allow-list entry opens it, and then only loopback is reached."""

    url: str
    loopback: bool


def target(url: str, *, allowed: frozenset[Origin]) -> Target:
    """The target of `url`, or UrlRefused. HTTPS on 443 or 8443 unless its exact origin is on the allow-list."""
    origin = _origin(url)
    if origin in allowed:
        return Target(url, loopback=True)
    scheme, host, port = origin
    if scheme != "https" or port not in HTTPS_PORTS:
        raise UrlRefused("A webhook goes to HTTPS on port 443 or 8443.")
    if (literal := _literal(host)) is not None and not is_public(literal):
        raise UrlRefused("A webhook does not go to an address that is not on the public internet.")
    return Target(url, loopback=False)


def _origin(url: str) -> Origin:
    if len(url) > LONGEST_URL or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise UrlRefused(f"A webhook's URL has at most {LONGEST_URL} ASCII characters, no space and no backslash.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlRefused("A webhook's URL has a host and a port that can be read.") from error
    if "@" in parts.netloc or parts.fragment:
        raise UrlRefused("A webhook's URL has no user information and no fragment.")
    host = parts.netloc.rsplit(":", 1)[0] if port is not None else parts.netloc
    if _HOST.fullmatch(host.lower()) is None:
        raise UrlRefused("A webhook's URL names its host plainly.")
    return parts.scheme, host.lower(), port if port is not None else {"https": 443, "http": 80}.get(parts.scheme, 0)


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def is_public(address: str) -> bool:
    """Whether a socket may connect to this numeric address: unicast on the public internet, and nothing in disguise."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (ip not in GLOBAL_IPV6 or ip.scope_id is not None):
        return False
    return not any(ip in network for network in DENIED if network.version == ip.version)


def is_loopback(address: str) -> bool:
    """Whether the numeric address is 127.0.0.0/8 or ::1, the only ones that an allow-list opens."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


def socket_factory(permits: Callable[[str], bool]) -> Callable[[AddressInfo], socket.socket]:
    """What makes the sockets of a connector: none for an address that `permits` refuses."""

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, destination = info
        if family not in (socket.AF_INET, socket.AF_INET6) or not permits(str(destination[0])):
            raise AddressForbidden("The host leads to an address where no webhook may go.")
        return socket.socket(family=family, type=kind, proto=protocol)

    return make
