"""How a receiver knows that a webhook is ours: Standard Webhooks 1.0, `v1` with a shared secret, `v1a` with Ed25519.

An endpoint's secret says which: `whsec_` and base64 of 24 to 64 bytes is shared with the receiver (HMAC-SHA256);
`whsk_` and base64 of an Ed25519 private key stays with us, and the receiver has the public `whpk_` of it.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PREFIX: Final = "whsec_"
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
KEY_BYTES: Final = range(24, 65)
"""Length of a shared key as the specification has it."""

PRIVATE_BYTES: Final = (32, 64)
"""An Ed25519 private key: its seed, or the seed and the public key behind it as libsodium writes it."""

_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class SecretRefused(ValueError):
    """The signing secret has not the form of one. The text never repeats it."""


def key_of(secret: str) -> bytes:
    """The bytes of a `whsec_` secret, or SecretRefused."""
    key = _decoded(secret, PREFIX)
    if len(key) not in KEY_BYTES:
        raise SecretRefused("The webhook's secret is not whsec_ and base64 of 24 to 64 bytes: make a new one.")
    return key


def public_key(secret: str) -> str:
    """What the receiver checks with: `whpk_` of a `whsk_` secret."""
    raw = _private(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return PUBLIC + base64.b64encode(raw).decode("ascii")


def new_secret(like: str) -> str:
    """A new secret of the same kind."""
    kind = PRIVATE if like.startswith(PRIVATE) else PREFIX
    return kind + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature over `id.timestamp.body`: `v1,` and HMAC-SHA256, or `v1a,` and Ed25519, in base64."""
    if _MESSAGE_ID.fullmatch(message_id) is None:
        raise ValueError("A webhook's message id is letters, digits, - and _: a dot would move the signed parts.")
    signed = f"{message_id}.{timestamp}.".encode("ascii") + body
    if secret.startswith(PRIVATE):
        return "v1a," + base64.b64encode(_private(secret).sign(signed)).decode("ascii")
    return "v1," + base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode("ascii")


def signatures(valid: Iterable[str], *, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one for each secret that is valid now, the newest first."""
    return " ".join(signature(each, message_id=message_id, timestamp=timestamp, body=body) for each in valid)


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


def _private(secret: str) -> Ed25519PrivateKey:
    key = _decoded(secret, PRIVATE)
    if len(key) not in PRIVATE_BYTES:
        raise SecretRefused("The webhook's secret is not whsk_ and base64 of an Ed25519 private key: make a new one.")
    made = Ed25519PrivateKey.from_private_bytes(key[:32])
    if key[32:] and made.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) != key[32:]:
        raise SecretRefused("The webhook's whsk_ secret holds a public key that is not its own: make a new one.")
    return made


def _decoded(secret: str, prefix: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(prefix), validate=True) if secret.startswith(prefix) else b""
    except binascii.Error:
        return b""
