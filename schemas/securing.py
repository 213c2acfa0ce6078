"""How the way to one destination is protected, beside what every mail and webhook has: S/MIME, client certificates."""

from enum import StrEnum

from pydantic import Field

from schemas.base import Frozen


class Smime(StrEnum):
    """Whether mails are signed with the site's certificate, or encrypted for the reader's as well."""

    NONE = "none"
    SIGN = "sign"
    ENCRYPT = "encrypt"


class Security(Frozen):
    """`certificate` is the reader's, as PEM; `tocsin subscriber add` also takes the path of a file beside its own.
    `bearer` is sent to a webhook as `Authorization: Bearer`. `client_certificate` names a PEM file with certificate
    and key on every machine that runs a courier: the key itself is never in the database."""

    smime: Smime = Smime.NONE
    certificate: str | None = Field(default=None, max_length=20_000)
    bearer: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._~+/-]{8,2000}={0,2}$", repr=False)
    client_certificate: str | None = Field(default=None, pattern=r"^/[^\x00-\x1f]{1,1000}$")
