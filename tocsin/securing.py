"""Reads the certificates and secrets of a file of subscribers before anything of it is taken over."""

from pathlib import Path

from notifiers.email.smime import reader_certificate
from notifiers.webhook.signing import PRIVATE, key_of, public_key
from schemas.subscribers import DestinationEntry, SubscriberEntry, SubscriberFile
from tocsin.errors import Refusal


def secured(found: SubscriberFile, *, name: str, beside: Path) -> SubscriberFile:
    """The file with each certificate as PEM; the path of one is relative to `beside`. A refusal names the destination
    whose certificate or secret is none."""
    return found.model_copy(
        update={"subscribers": tuple(_subscriber(entry, name=name, beside=beside) for entry in found.subscribers)}
    )


def _subscriber(entry: SubscriberEntry, *, name: str, beside: Path) -> SubscriberEntry:
    made = []
    for each in entry.destinations:
        try:
            made.append(_destination(each, beside))
        except (ValueError, OSError) as error:
            what = f"its certificate cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            raise Refusal(f"{name}: destination {each.name} of {entry.id}: {what.removesuffix('.')}.") from None
    return entry.model_copy(update={"destinations": tuple(made)})


def _destination(each: DestinationEntry, beside: Path) -> DestinationEntry:
    _check_secret(each.secret)
    given = each.security.certificate
    if given is None:
        return each
    pem = given if given.lstrip().startswith("-----BEGIN") else (beside / given).read_text("ascii")
    reader_certificate(pem)
    security = each.security.model_copy(update={"certificate": pem.strip() + "\n"})
    return each.model_copy(update={"security": security})


def _check_secret(secret: str | None) -> None:
    """Raises SecretRefused, which does not repeat it."""
    if secret is not None:
        (public_key if secret.startswith(PRIVATE) else key_of)(secret)
