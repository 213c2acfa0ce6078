"""Keys that all processes of a site share: made once, by whoever asks first."""

import secrets
from typing import Final

from sqlalchemy import Connection, text

KEY_BYTES: Final = 32

_MAKE: Final = text("INSERT INTO site_keys (name, key) VALUES (:name, :key) ON CONFLICT (name) DO NOTHING")
_READ: Final = text("SELECT key FROM site_keys WHERE name = :name")


def site_key(connection: Connection, name: str) -> bytes:
    """32 random bytes, the same for everyone who asks for this name."""
    connection.execute(_MAKE, {"name": name, "key": secrets.token_bytes(KEY_BYTES)})
    return bytes(connection.execute(_READ, {"name": name}).scalar_one())
