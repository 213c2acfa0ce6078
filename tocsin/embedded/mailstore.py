"""The mails of the embedded mailbox: one file each, whole or not at all, read back as a mail program would."""

import re
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"\d{19}-[0-9a-f]{8}")
_HEADER_BYTES: Final = 65_536


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One line of the list."""

    id: str
    received: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail opened. A body that is not there is None."""

    summary: Summary
    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    attachments: tuple[str, ...]
    raw: bytes


class MailStore:
    """A folder of `<nanoseconds>-<random>.eml` files; the envelope stands first, as delivery agents write it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, *, sender: str, recipients: tuple[str, ...], content: bytes) -> str:
        """Store one mail and return its id. Written beside and renamed, so that no reader sees a part of it."""
        name = f"{time.time_ns():019d}-{secrets.token_hex(4)}"
        envelope = [f"Return-Path: <{sender}>", *(f"Delivered-To: {recipient}" for recipient in recipients)]
        new = self._folder / f"{name}.new"
        new.write_bytes("".join(f"{line}\r\n" for line in envelope).encode() + content)
        new.rename(self._folder / f"{name}.eml")
        return name

    def ids(self) -> list[str]:
        """All mails, newest first."""
        return sorted((file.stem for file in self._folder.glob("*.eml") if _NAME.fullmatch(file.stem)), reverse=True)

    def summary(self, name: str) -> Summary:
        """Read the head of one mail."""
        with (self._folder / f"{name}.eml").open("rb") as file:
            return _summary(name, _parse(file.read(_HEADER_BYTES), headers_only=True))

    def open(self, name: str) -> Mail | None:
        """Read one mail whole; None when there is none of this id."""
        file = self._folder / f"{name}.eml"
        if not _NAME.fullmatch(name) or not file.exists():
            return None
        raw = file.read_bytes()
        message = _parse(raw)
        return Mail(
            summary=_summary(name, message),
            headers=tuple((key, _clean(value)) for key, value in _items(message)),
            text=_body(message, "plain"),
            html=_body(message, "html"),
            attachments=tuple(_clean(part.get_filename() or part.get_content_type()) for part in _attached(message)),
            raw=raw,
        )


def _parse(raw: bytes, *, headers_only: bool = False) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(raw, headersonly=headers_only)


def _summary(name: str, message: EmailMessage) -> Summary:
    headers = _items(message)
    return Summary(
        id=name,
        received=datetime.fromtimestamp(int(name[:19]) / 1e9, UTC),
        sender=_first(headers, "from"),
        recipients=tuple(_clean(value) for key, value in headers if key.lower() == "delivered-to"),
        subject=_first(headers, "subject"),
        message_id=_first(headers, "message-id"),
    )


def _items(message: EmailMessage) -> list[tuple[str, str]]:
    """Every header decoded; one that the parser stumbles over is shown as it came."""
    found = []
    for key, value in message.raw_items():
        try:
            found.append((key, str(message.policy.header_fetch_parse(key, value))))
        except Exception:  # the parser's own faults on hostile headers have no common class
            found.append((key, str(value)))
    return found


def _first(headers: list[tuple[str, str]], wanted: str) -> str:
    return next((_clean(value) for key, value in headers if key.lower() == wanted), "")


def _body(message: EmailMessage, subtype: str) -> str | None:
    try:
        part = message.get_body((subtype,))
        return None if part is None else str(part.get_content())
    except (LookupError, ValueError, AttributeError):
        return _undeclared(message, subtype)


def _undeclared(message: EmailMessage, subtype: str) -> str | None:
    """The first such part whose declared encoding or structure is a lie, byte by byte."""
    for part in message.walk():
        if part.get_content_subtype() == subtype and isinstance(payload := part.get_payload(decode=True), bytes):
            return payload.decode("utf-8", "replace")
    return None


def _attached(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.walk() if part.get_content_disposition() == "attachment"]


def _clean(text: str) -> str:
    """One line without control characters or lone surrogates."""
    plain = text.encode("utf-8", "replace").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in plain).strip()
