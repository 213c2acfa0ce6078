"""S/MIME: what is signed or sealed is read by OpenSSL as a reader would; what cannot be protected is not sent."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from notifiers.email.smime import CannotProtect, Protection, Signer, expiry, reader_certificate, subject_line
from notifiers.purposes import Content, Purpose
from notifiers.rendering import render_mail
from schemas.deliveries import OutcomeReason
from schemas.securing import Smime
from tests.speaking import DELIVERY_ID, RELAY, SENT_AT, URGENT

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL reads what we wrote")

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Holder:
    """A certificate that signs itself, and its key, in files."""

    certificate: Path
    key: Path

    @property
    def pem(self) -> str:
        return self.certificate.read_text()

    @property
    def signer(self) -> Signer:
        return Signer.read(self.certificate, self.key)


def holder(folder: Path, name: str, key: Key, *, days: int = 90) -> Holder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Example {name}")])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(SENT_AT - timedelta(days=100)).not_valid_after(SENT_AT + timedelta(days=days))
    made = made.add_extension(x509.SubjectAlternativeName([x509.RFC822Name("alerts@tocsin.example")]), critical=False)
    found = Holder(folder / f"{name}.pem", folder / f"{name}.key")
    found.certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    found.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smime")


@pytest.fixture(scope="module")
def site(folder: Path) -> Holder:
    return holder(folder, "site", rsa.generate_private_key(65537, 2048))


@pytest.fixture(scope="module")
def reader(folder: Path) -> Holder:
    return holder(folder, "reader", rsa.generate_private_key(65537, 2048))


def mail() -> bytes:
    made = render_mail(URGENT, purpose=Purpose.UPDATE, content=Content.FULL, relay=RELAY)
    return made.fill(delivery_id=DELIVERY_ID, recipient="desk@example.org", at=SENT_AT)


def bare() -> bytes:
    made = render_mail(URGENT, purpose=Purpose.UPDATE, content=Content.BARE, relay=RELAY)
    return made.fill(delivery_id=DELIVERY_ID, recipient="desk@example.org", at=SENT_AT)


def openssl(*arguments: str, given: bytes) -> bytes:
    done = subprocess.run(["openssl", "smime", *arguments], input=given, capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def words(entity: bytes) -> str:
    found = message_from_bytes(entity, policy=default)
    return "\n".join(part.get_content() for part in found.walk() if part.get_content_maintype() == "text")


@needs_openssl
def test_a_signed_mail_is_verified_and_says_the_same(site: Holder) -> None:
    signed = Protection(Smime.SIGN, signer=site.signer).applied(mail(), at=SENT_AT)
    content = openssl("-verify", "-CAfile", str(site.certificate), "-purpose", "any", given=signed)
    assert words(content) == words(mail())
    whole = message_from_bytes(signed, policy=default)
    assert whole.get_content_type() == "multipart/signed"
    for name in ("Subject", "Message-ID", "References", "Date", "To", "Importance"):
        assert whole.get_all(name) == message_from_bytes(mail(), policy=default).get_all(name)


@needs_openssl
def test_one_changed_byte_breaks_the_signature(site: Holder) -> None:
    signed = Protection(Smime.SIGN, signer=site.signer).applied(mail(), at=SENT_AT)
    forged = signed.replace(b"L4 Urgent", b"L1 Urgent", 1)
    assert forged != signed
    arguments = ["openssl", "smime", "-verify", "-CAfile", str(site.certificate), "-purpose", "any"]
    assert subprocess.run(arguments, input=forged, capture_output=True, check=False, timeout=30).returncode != 0


@needs_openssl
def test_a_signature_by_an_elliptic_curve_is_verified(folder: Path) -> None:
    curve = holder(folder, "curve", ec.generate_private_key(ec.SECP256R1()))
    signed = Protection(Smime.SIGN, signer=curve.signer).applied(mail(), at=SENT_AT)
    assert openssl("-verify", "-CAfile", str(curve.certificate), "-purpose", "any", given=signed)


@needs_openssl
def test_a_sealed_mail_is_opened_by_its_reader_and_says_nothing_outside(site: Holder, reader: Holder) -> None:
    asked = Protection(Smime.ENCRYPT, reader.pem, site.signer)
    sealed = asked.applied(mail(), at=SENT_AT, subject=subject_line(bare()))
    assert URGENT.substance.name.encode() not in sealed
    outside = message_from_bytes(sealed, policy=default)
    assert str(outside["Subject"]) == str(message_from_bytes(bare(), policy=default)["Subject"])
    assert outside.get_content_type() == "application/pkcs7-mime"
    inside = openssl("-decrypt", "-recip", str(reader.certificate), "-inkey", str(reader.key), given=sealed)
    signed = message_from_bytes(inside, policy=default)
    assert signed.get_content_type() == "multipart/signed"
    opened = openssl("-verify", "-CAfile", str(site.certificate), "-purpose", "any", given=inside)
    assert str(message_from_bytes(opened, policy=default)["Subject"]) == str(
        message_from_bytes(mail(), policy=default)["Subject"]
    )
    assert words(opened) == words(mail())


@needs_openssl
def test_without_a_certificate_of_the_site_a_sealed_mail_is_not_signed(reader: Holder) -> None:
    sealed = Protection(Smime.ENCRYPT, reader.pem).applied(mail(), at=SENT_AT)
    inside = openssl("-decrypt", "-recip", str(reader.certificate), "-inkey", str(reader.key), given=sealed)
    assert words(inside) == words(mail())
    assert b"Subject: [...]\r\n" in sealed


def test_a_mail_for_which_nothing_is_asked_stays_as_it_is() -> None:
    assert Protection(Smime.NONE).applied(mail(), at=SENT_AT) == mail()


def test_what_cannot_be_protected_is_not_made(folder: Path, site: Holder, reader: Holder) -> None:
    old = holder(folder, "old", rsa.generate_private_key(65537, 2048), days=-1)
    weak = holder(folder, "weak", rsa.generate_private_key(65537, 1024))
    curve = holder(folder, "curve-reader", ec.generate_private_key(ec.SECP256R1()))
    missing, expired = OutcomeReason.CERTIFICATE_MISSING, OutcomeReason.CERTIFICATE_EXPIRED
    early = SENT_AT - timedelta(days=101)
    for asked, at, reason in (
        (Protection(Smime.SIGN), SENT_AT, missing),
        (Protection(Smime.ENCRYPT), SENT_AT, missing),
        (Protection(Smime.ENCRYPT, "no certificate"), SENT_AT, missing),
        (Protection(Smime.ENCRYPT, weak.pem), SENT_AT, missing),
        (Protection(Smime.ENCRYPT, curve.pem), SENT_AT, missing),
        (Protection(Smime.ENCRYPT, old.pem), SENT_AT, expired),
        (Protection(Smime.ENCRYPT, reader.pem), early, expired),
        (Protection(Smime.ENCRYPT, reader.pem, old.signer), SENT_AT, expired),
        (Protection(Smime.SIGN, signer=old.signer), SENT_AT, expired),
    ):
        with pytest.raises(CannotProtect) as refused:
            asked.applied(mail(), at=at)
        assert refused.value.reason is reason


def test_a_key_that_is_not_of_its_certificate_is_refused(site: Holder, reader: Holder) -> None:
    with pytest.raises(ValueError, match="not that of its certificate"):
        Signer.read(site.certificate, reader.key)
    with pytest.raises(ValueError, match="cannot be read"):
        Signer.read(site.certificate, site.certificate)


def test_when_a_certificate_ends_is_known(reader: Holder) -> None:
    assert expiry(reader.pem) == (SENT_AT + timedelta(days=90)).astimezone(UTC).replace(microsecond=0)
    assert expiry("none") is None
    assert reader_certificate(reader.pem).not_valid_after_utc > datetime(2026, 1, 1, tzinfo=UTC)
