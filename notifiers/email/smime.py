"""S/MIME (RFC 8551): a mail signed with the site's certificate, and encrypted for its reader, or not sent at all."""

import base64
import hashlib
import re
import textwrap
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import pkcs7

from schemas.deliveries import OutcomeReason
from schemas.securing import Smime

LEAST_BITS: Final = 2048
_CONTENT: Final = re.compile(rb"(?im)^(?:Content-[A-Za-z-]+|MIME-Version):")


class CannotProtect(ValueError):
    """The mail may not go out as its reader wants it; nothing is sent in clear. `reason` is the delivery's."""

    def __init__(self, sentence: str, reason: OutcomeReason) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True)
class Signer:
    """The site's certificate and key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def read(cls, certificate: Path, key: Path) -> Self:
        """From PEM files. Raises ValueError with a sentence."""
        try:
            found = x509.load_pem_x509_certificate(certificate.read_bytes())
            private = serialization.load_pem_private_key(key.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"The certificate or key for S/MIME cannot be read: {type(error).__name__}.") from None
        if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise ValueError("The key for S/MIME must be RSA or of an elliptic curve.")
        if private.public_key() != found.public_key():
            raise ValueError("The key for S/MIME is not that of its certificate.")
        return cls(found, private)


def reader_certificate(pem: str) -> x509.Certificate:
    """A certificate that a mail can be encrypted for. Raises ValueError with a sentence that says what is wrong."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode("ascii"))
        key = found.public_key()
    except (ValueError, UnicodeEncodeError):
        raise ValueError("The certificate for S/MIME is not one certificate as PEM") from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < LEAST_BITS:
        raise ValueError(f"The certificate for S/MIME must have an RSA key of at least {LEAST_BITS} bits")
    return found


def expiry(pem: str) -> datetime | None:
    """When a certificate ends; None for what cannot be read."""
    try:
        return x509.load_pem_x509_certificate(pem.encode("ascii")).not_valid_after_utc
    except (ValueError, UnicodeEncodeError):
        return None


@dataclass(frozen=True)
class Protection:
    """What one destination asks for, and what the site has for it."""

    smime: Smime
    certificate: str | None = None
    signer: Signer | None = None

    def applied(self, message: bytes, *, at: datetime, subject: bytes | None = None) -> bytes:
        """The mail as it may be sent, or CannotProtect. Encrypted, its own subject goes inside and `subject`, a whole
        encoded header line that says nothing of the content, takes its place outside."""
        if self.smime is Smime.NONE:
            return message
        head, entity = _apart(message)
        if self.signer is None and self.smime is Smime.SIGN:
            raise CannotProtect("The site has no certificate to sign with.", OutcomeReason.CERTIFICATE_MISSING)
        if self.smime is Smime.ENCRYPT:
            reader = self._reader(at)
            own, head = _subject_hidden(head, subject or b"Subject: [...]")
            entity = own + entity
            return head + _enveloped(_signed(entity, self._valid(at)), reader)
        return head + _signed(entity, self._valid(at))

    def _valid(self, at: datetime) -> Signer | None:
        if self.signer is not None:
            _check_dates(self.signer.certificate, "The site's", at)
        return self.signer

    def _reader(self, at: datetime) -> x509.Certificate:
        if self.certificate is None:
            raise CannotProtect("The destination has no certificate to encrypt for.", OutcomeReason.CERTIFICATE_MISSING)
        try:
            found = reader_certificate(self.certificate)
        except ValueError as error:
            raise CannotProtect(f"{error}.", OutcomeReason.CERTIFICATE_MISSING) from None
        _check_dates(found, "The destination's", at)
        return found


def _check_dates(certificate: x509.Certificate, whose: str, at: datetime) -> None:
    moment = at.astimezone(UTC)
    if moment > certificate.not_valid_after_utc:
        day = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        raise CannotProtect(f"{whose} certificate expired on {day}.", OutcomeReason.CERTIFICATE_EXPIRED)
    if moment < certificate.not_valid_before_utc:
        day = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        raise CannotProtect(f"{whose} certificate is not valid before {day}.", OutcomeReason.CERTIFICATE_EXPIRED)


def _apart(message: bytes) -> tuple[bytes, bytes]:
    """The headers of the mail, and the entity (RFC 2045) with the headers that describe it."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    content = [each for each in fields if _CONTENT.match(each) and not each.lower().startswith(b"mime-version")]
    outer = [each for each in fields if not _CONTENT.match(each)]
    return _lines(outer) + b"MIME-Version: 1.0\r\n", _lines(content) + b"\r\n" + body


def _subject_hidden(head: bytes, subject: bytes) -> tuple[bytes, bytes]:
    fields = re.split(rb"\r\n(?![ \t])", head.removesuffix(b"\r\n"))
    own = [each for each in fields if each.lower().startswith(b"subject:")]
    return _lines(own), _lines([subject if each in own else each for each in fields])


def subject_line(message: bytes) -> bytes:
    """The whole subject of a mail, as its header line has it."""
    head = message.partition(b"\r\n\r\n")[0]
    return next(each for each in re.split(rb"\r\n(?![ \t])", head) if each.lower().startswith(b"subject:"))


def _lines(fields: list[bytes]) -> bytes:
    return b"".join(each + b"\r\n" for each in fields)


def _signed(entity: bytes, signer: Signer | None) -> bytes:
    """multipart/signed with a detached signature over exactly these bytes."""
    if signer is None:
        return entity
    made = pkcs7.PKCS7SignatureBuilder().set_data(entity)
    made = made.add_signer(signer.certificate, signer.key, hashes.SHA256())
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    signature = made.sign(serialization.Encoding.DER, options)
    mark = b"=_" + hashlib.sha256(entity).hexdigest()[:32].encode()
    return b"".join(
        (
            b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256;\r\n',
            b' boundary="' + mark + b'"\r\n\r\n--' + mark + b"\r\n" + entity + b"\r\n--" + mark + b"\r\n",
            b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n',
            b"Content-Transfer-Encoding: base64\r\n",
            b'Content-Disposition: attachment; filename="smime.p7s"\r\n\r\n',
            _base64(signature) + b"--" + mark + b"--\r\n",
        )
    )


def _enveloped(entity: bytes, reader: x509.Certificate) -> bytes:
    made = pkcs7.PKCS7EnvelopeBuilder().set_data(entity).add_recipient(reader)
    made = made.set_content_encryption_algorithm(AES256)
    sealed = made.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    return (
        b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\r\n'
        b"Content-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="smime.p7m"\r\n\r\n' + _base64(sealed)
    )


def _base64(raw: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(raw).decode("ascii"), 76)
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
