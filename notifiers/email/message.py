"""The bytes of a mail: built once per revision, language and content, then filled in for each recipient."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Final

from notifiers.cleaning import header_fault
from notifiers.email.addresses import mailbox
from notifiers.email.relay import MailRelay

SUBJECT_LIMIT: Final = 250

_TOKEN: Final = {
    "Date": b"Thu, 01 Jan 1970 00:00:00 +0000",
    "Message-ID": b"<message-id@goes.here>",
    "To": b"recipient@goes.here",
}
"""Values that stand for a recipient's own, each a whole header line, so that no text in a body or in another header
can ever be taken for one."""

_DELIVERY_ID: Final = re.compile(r"[0-9a-f]{32}")


class UnfitForHeader(ValueError):
    """Text on its way into a header would not survive there unchanged. The delivery stops; nothing is repaired."""


@dataclass(frozen=True, kw_only=True)
class MailBody:
    """What a message says, before it is anyone's: cleaned text and the marks that its headers carry."""

    subject: str
    text: str
    html: str
    thread: str
    """The alert id, which all messages about one alert refer to."""
    language: str
    important: bool = False


@dataclass(frozen=True)
class MailTemplate:
    """A whole message but for Date, Message-ID and To."""

    head: bytes
    body: bytes
    site: str

    def fill(self, *, delivery_id: str, recipient: str, at: datetime) -> bytes:
        """The message for one recipient; the same delivery id gives the same Message-ID for every attempt.
        Raises AddressRefused or UnfitForHeader before anything is sent."""
        if _DELIVERY_ID.fullmatch(delivery_id) is None:
            raise UnfitForHeader("A delivery id is 32 hexadecimal digits.")
        values = {
            "Date": format_datetime(at),
            "Message-ID": f"<{delivery_id}@{self.site}>",
            "To": mailbox(recipient),
        }
        head = b"\r\n" + self.head
        for name, value in values.items():
            head = head.replace(_line(name, _TOKEN[name]), _line(name, value.encode("ascii")), 1)
        return head[2:] + self.body


class _MailPolicy(EmailPolicy):
    """Long lines stay whole, because folded References break threads. A subject beyond ASCII is encoded as a whole:
    EmailPolicy of Python 3.11 loses blanks between encoded words, and writes them longer than RFC 2047 2 allows."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name == "Subject" and not value.isascii():
            encoded = Header(str(value), "utf-8", maxlinelen=75, header_name=name).encode(linesep="\r\n")
            return f"{name}: {encoded}\r\n".encode("ascii")
        return super().fold_binary(name, value)


_POLICY: Final = _MailPolicy(linesep="\r\n", max_line_length=998)


def template(said: MailBody, *, relay: MailRelay) -> MailTemplate:
    """The message with tokens. Raises UnfitForHeader for a subject that a header may not hold."""
    if fault := header_fault(said.subject, limit=SUBJECT_LIMIT):
        raise UnfitForHeader(f"The subject {fault}.")
    whole = _message(said, relay).as_bytes()
    head, gap, body = whole.partition(b"\r\n\r\n")
    return MailTemplate(head=head, body=gap + body, site=relay.site)


def _message(said: MailBody, relay: MailRelay) -> EmailMessage:
    message = EmailMessage(policy=_POLICY)
    for name, value in _headers(said, relay):
        message[name] = value
    message.make_alternative(boundary=_boundary(said))
    message["Content-Language"] = said.language
    message.attach(_part(said.text, "plain"))
    message.attach(_part(said.html, "html"))
    return message


def _headers(said: MailBody, relay: MailRelay) -> list[tuple[str, str | Address]]:
    thread = f"<{said.thread}@{relay.site}>"
    headers: list[tuple[str, str | Address]] = [
        ("Date", _TOKEN["Date"].decode()),
        ("From", Address(relay.from_name, addr_spec=relay.from_address)),
        ("To", _TOKEN["To"].decode()),
        ("Reply-To", relay.reply_to),
        ("Subject", said.subject),
        ("Message-ID", _TOKEN["Message-ID"].decode()),
        ("In-Reply-To", thread),
        ("References", thread),
        ("List-Id", f"<alerts.{relay.site}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ("MIME-Version", "1.0"),
    ]
    return [*headers, ("Importance", "high")] if said.important else headers


def _part(text: str, subtype: str) -> EmailMessage:
    """Quoted-printable whatever the text: a relay without 8BITMIME takes it as it is."""
    part = EmailMessage(policy=SMTP)
    part.set_content(text, subtype=subtype, charset="utf-8", cte="quoted-printable")
    del part["MIME-Version"]
    return part


def _boundary(said: MailBody) -> str:
    """Fixed by what is said, so that the same message is the same bytes; `=_` cannot stand in quoted-printable."""
    digest = hashlib.sha256("\0".join((said.thread, said.subject, said.text, said.html)).encode()).hexdigest()
    return f"=_{digest[:32]}"


def _line(name: str, value: bytes) -> bytes:
    return b"\r\n" + name.encode("ascii") + b": " + value + b"\r\n"
