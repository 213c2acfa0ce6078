"""The envelope sender of one delivery, and how a bounce that comes back to it is known to be about ours.

`bounces+TOKEN@example.org`: 42 characters of base32 in small letters, because relays may change case: delivery id
(16 bytes) and a code (10 bytes of HMAC-SHA256). Whoever did not see the mail cannot make one.
"""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from notifiers.email.addresses import mailbox

LONGEST_LOCAL: Final = 64
_CODE_BYTES: Final = 10
_TOKEN: Final = re.compile(r"[a-z2-7]{42}")
_PADDING: Final = "======"


@dataclass(frozen=True)
class Verp:
    """Makes and reads envelope senders. `address` is a mailbox whose relay delivers what stands after a `+` to it."""

    address: str
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        mailbox(self.sender("0" * 32))

    def sender(self, delivery_id: str) -> str:
        """The envelope sender of one delivery, the same for every attempt."""
        local, _, domain = self.address.rpartition("@")
        raw = bytes.fromhex(delivery_id)
        token = base64.b32encode(raw + self._code(raw)).decode("ascii").rstrip("=").lower()
        return f"{local}+{token}@{domain}"

    def read(self, recipient: str) -> str | None:
        """The delivery that a bounce to this address is about; None for whatever we did not make."""
        local, _, domain = recipient.strip().strip("<>").lower().rpartition("@")
        expected, _, token = local.rpartition("+")
        ours, _, at = self.address.lower().rpartition("@")
        if (expected, domain) != (ours, at) or _TOKEN.fullmatch(token) is None:
            return None
        try:
            raw = base64.b32decode(token.upper() + _PADDING)
        except binascii.Error:
            return None
        delivery = raw[:16].hex()
        whole = self.sender(delivery).lower().encode()
        return delivery if hmac.compare_digest(whole, f"{local}@{domain}".encode()) else None

    def _code(self, raw: bytes) -> bytes:
        return hmac.digest(self.key, b"bounce\0" + raw, sha256)[:_CODE_BYTES]
