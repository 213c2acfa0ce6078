"""How the site's own mail relay is reached, and under which names alerts go out."""

import ipaddress
import ssl
from dataclasses import dataclass, field
from typing import Literal

from notifiers.cleaning import header_fault
from notifiers.email.addresses import mailbox

Tls = Literal["starttls", "tls", "none"]


class RelayRefused(ValueError):
    """The relay's settings would send mail in clear or under a name that is not fit for a header."""


@dataclass(frozen=True, kw_only=True)
class MailRelay:
    """`site` is the host name in Message-ID and List-Id. `ca_file` adds a private authority to the system's.

    `starttls` and `tls` are strict: a relay that offers neither gets nothing. `none` is for loopback only.
    Deadlines are seconds: `deadline` for one send in all, `patience` for one reply.
    """

    host: str
    port: int
    tls: Tls
    from_address: str
    reply_to: str
    site: str
    from_name: str = "Tocsin"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    connections: int = 4
    deadline: float = 45.0
    patience: float = 20.0
    idle_check_after: float = 30.0
    messages_per_connection: int = 100

    def __post_init__(self) -> None:
        if self.tls == "none" and not _is_loopback(self.host):
            raise RelayRefused(f'The mail relay {self.host} is not on loopback: set tls to "starttls" or "tls".')
        for name, text in (("from_name", self.from_name), ("site", self.site)):
            if fault := header_fault(text, limit=200):
                raise RelayRefused(f"The mail relay's {name} {fault}.")
        for address in (self.from_address, self.reply_to, f"list@{self.site}"):
            mailbox(address)

    def ssl_context(self) -> ssl.SSLContext | None:
        """One context for all connections of a pool: making one costs 35 ms, so it is made once."""
        if self.tls == "none":
            return None
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca_file is not None:
            context.load_verify_locations(self.ca_file)
        return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
