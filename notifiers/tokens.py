"""Links that a mail carries: who holds one may do one thing, about one delivery, until it expires.

A token is 48 characters of one length, so that it can be put into bytes that were rendered before: delivery id (16
bytes), expiry (4 bytes, seconds of the epoch), code (16 bytes of HMAC-SHA256 over purpose, id and expiry).
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

LENGTH: Final = 48
KEY_BYTES: Final = 32
LIFETIME: Final = timedelta(days=120)
"""An alert is valid for 90 days after its last revision; its link outlives it a little."""

_CODE_BYTES: Final = 16


class LinkPurpose(StrEnum):
    """What a link is for; a token of one purpose is nothing for another."""

    ACKNOWLEDGE = "acknowledge"
    UNSUBSCRIBE = "unsubscribe"


class TokenRefused(ValueError):
    """Not a token of ours, not for this purpose, or too late; the reader is told the same in each case but the last."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("This link has expired." if expired else "This link is not one of ours.")
        self.expired = expired


@dataclass(frozen=True)
class Links:
    """Makes and reads tokens. `base` is the public address of the portal, without a slash at its end."""

    base: str
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < KEY_BYTES:
            raise ValueError(f"A key of links has at least {KEY_BYTES} bytes.")

    def token(self, purpose: LinkPurpose, delivery_id: str, *, expires: datetime) -> str:
        """The token of one delivery."""
        signed = bytes.fromhex(delivery_id) + int(expires.timestamp()).to_bytes(4, "big")
        return base64.urlsafe_b64encode(signed + self._code(purpose, signed)).decode("ascii")

    def url(self, purpose: LinkPurpose, token: str) -> str:
        """The address that a person opens."""
        return f"{self.base}/{_PATH[purpose]}/{token}"

    def read(self, purpose: LinkPurpose, token: str, *, now: datetime) -> str:
        """The delivery id. Raises TokenRefused. Compares in constant time, and looks at the date only afterwards."""
        signed, code = _parts(token)
        if not hmac.compare_digest(code, self._code(purpose, signed)):
            raise TokenRefused
        if datetime.fromtimestamp(int.from_bytes(signed[16:], "big"), UTC) < now:
            raise TokenRefused(expired=True)
        return signed[:16].hex()

    def _code(self, purpose: LinkPurpose, signed: bytes) -> bytes:
        return hmac.digest(self.key, purpose.value.encode() + b"\0" + signed, sha256)[:_CODE_BYTES]


_PATH: Final = {LinkPurpose.ACKNOWLEDGE: "a", LinkPurpose.UNSUBSCRIBE: "u"}


def _parts(token: str) -> tuple[bytes, bytes]:
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True) if len(token) == LENGTH else b""
    except (binascii.Error, UnicodeEncodeError):
        raw = b""
    if len(raw) != 36:
        raise TokenRefused
    return raw[:20], raw[20:]
