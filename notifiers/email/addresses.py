"""Which mail addresses are taken at all: one plain mailbox; anything else is refused, never repaired."""

import re
from typing import Final

from notifiers.cleaning import header_fault

LONGEST: Final = 254
"""RFC 5321 4.5.3.1: a path has 256 octets with its angle brackets."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX: Final = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>{_LABEL}(?:\.{_LABEL})*)")


class AddressRefused(ValueError):
    """The address is not one plain mailbox. The text names the fault and never the address."""


def mailbox(address: str) -> str:
    """The address itself when it is one plain mailbox (RFC 5321 dot-string at a host name, ASCII); else AddressRefused.

    Quoted local parts, comments, display names, address literals and internationalised forms are refused:
    an internationalised domain is given in its `xn--` form.
    """
    if fault := header_fault(address, limit=LONGEST):
        raise AddressRefused(f"The mail address {fault}. Give one plain mailbox, such as desk@example.org.")
    found = _MAILBOX.fullmatch(address)
    if found is None or len(found["local"]) > 64 or found["domain"].rsplit(".", 1)[-1].isdigit():
        raise AddressRefused("The mail address is not one plain mailbox, such as desk@example.org.")
    return address
