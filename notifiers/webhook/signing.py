"""How a receiver knows that a webhook is ours: Standard Webhooks 1.0, symmetric signature `v1`."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

PREFIX: Final = "whsec_"
KEY_BYTES: Final = range(24, 65)
"""Length of a key as the specification has it."""

_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class SecretRefused(ValueError):
    """The signing secret is not `whsec_` and base64 of 24 to 64 bytes. The text never repeats it."""


def key_of(secret: str) -> bytes:
    """The bytes of a `whsec_` secret, or SecretRefused."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True) if secret.startswith(PREFIX) else b""
    except binascii.Error:
        key = b""
    if len(key) not in KEY_BYTES:
        raise SecretRefused("The webhook's secret is not whsec_ and base64 of 24 to 64 bytes: make a new one.")
    return key


def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`."""
    if _MESSAGE_ID.fullmatch(message_id) is None:
        raise ValueError("A webhook's message id is letters, digits, - and _: a dot would move the signed parts.")
    signed = f"{message_id}.{timestamp}.".encode("ascii") + body
    return "v1," + base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode("ascii")


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime, tolerance: timedelta) -> bool:
    """Whether `webhook-id`, `webhook-timestamp` and `webhook-signature` sign this body with this secret, just now. Any
    of several signatures will do (rotation); compares in constant time, false for whatever is not well-formed."""
    try:
        seconds = int(headers["webhook-timestamp"])
        sent = datetime.fromtimestamp(seconds, UTC)
        wanted = signature(secret, message_id=headers["webhook-id"], timestamp=seconds, body=body)
    except (KeyError, ValueError, OverflowError, OSError):
        return False
    given = headers.get("webhook-signature", "").split(" ")[:10]
    matches = [hmac.compare_digest(each.encode(), wanted.encode()) for each in given]
    return any(matches) and abs(now - sent) <= tolerance
