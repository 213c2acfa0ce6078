"""The bytes of a mail: built once per revision, language and content, then filled in for each recipient."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email import quoprimime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Final

from notifiers.cleaning import header_fault
from notifiers.email.addresses import mailbox
from notifiers.email.relay import MailRelay
from notifiers.tokens import LENGTH

SUBJECT_LIMIT: Final = 250

_TOKEN: Final = {
    "Date": b"Thu, 01 Jan 1970 00:00:00 +0000",
    "Message-ID": b"<message-id@goes.here>",
    "To": b"recipient@goes.here",
}
"""Values that stand for a recipient's own, each a whole header line, so that no text in a body or in another header
can ever be taken for one."""

ACKNOWLEDGE_HERE: Final = "acknowledge-token-goes-here".ljust(LENGTH, "-")
UNSUBSCRIBE_HERE: Final = "unsubscribe-token-goes-here".ljust(LENGTH, "-")
"""What stands for a recipient's own link until it is filled in: of one length, and alone on its encoded line, so that
it can be found in bytes."""

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
    unsubscribe: str = ""
    """The one-click address of RFC 8058 with its token still to be filled in; empty: nothing to unsubscribe from."""


@dataclass(frozen=True)
class MailTemplate:
    """A whole message but for Date, Message-ID and To."""

    head: bytes
    body: bytes
    site: str

    def fill(
        self, *, delivery_id: str, recipient: str, at: datetime, acknowledge: str = "", unsubscribe: str = ""
    ) -> bytes:
        """The message for one recipient; the same delivery id gives the same Message-ID for every attempt.
        `acknowledge` and `unsubscribe` are the tokens of its links, where the template has such links.
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
        head = _linked(head, UNSUBSCRIBE_HERE, unsubscribe)
        return head[2:] + _linked(_linked(self.body, ACKNOWLEDGE_HERE, acknowledge), UNSUBSCRIBE_HERE, unsubscribe)


class _MailPolicy(EmailPolicy):
    """Long lines stay whole, because folded References break threads. A subject beyond ASCII is encoded as a whole:
    EmailPolicy of Python 3.11 loses blanks between encoded words, and writes them longer than RFC 2047 2 allows."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name == "Subject" and not value.isascii():
            encoded = Header(str(value), "utf-8", maxlinelen=75, header_name=name).encode(linesep="\r\n")
            return f"{name}: {encoded}\r\n".encode("ascii")
        return super().fold_binary(name, value)


_LINE: Final = 75
"""Of the 76 characters that RFC 2045, 6.7 allows, one is left for the break before a token."""

_ONE_CLICK: Final = "List-Unsubscribe=One-Click"

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
    if said.unsubscribe:
        headers += [("List-Unsubscribe", f"<{said.unsubscribe}>"), ("List-Unsubscribe-Post", _ONE_CLICK)]
    return [*headers, ("Importance", "high")] if said.important else headers


def _part(text: str, subtype: str) -> EmailMessage:
    """Quoted-printable whatever the text: a relay without 8BITMIME takes it as it is."""
    part = EmailMessage(policy=SMTP)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(_encoded(text))
    return part


def _encoded(text: str) -> str:
    """Soft line breaks around each token put it alone on its line; what is decoded has none of them."""
    whole = text.encode("utf-8").decode("latin-1")
    pieces = re.split(f"({re.escape(ACKNOWLEDGE_HERE)}|{re.escape(UNSUBSCRIBE_HERE)})", whole)
    encoded = [piece if place % 2 else quoprimime.body_encode(piece, _LINE) for place, piece in enumerate(pieces)]
    return "=\n".join(encoded)


def _linked(where: bytes, here: str, token: str) -> bytes:
    """The bytes with the recipient's own token."""
    if here.encode() not in where:
        return where
    if len(token) != LENGTH:
        raise UnfitForHeader("The message has a link, and its token is not there.")
    return where.replace(here.encode(), token.encode("ascii"))


def _boundary(said: MailBody) -> str:
    """Fixed by what is said, so that the same message is the same bytes; `=_` cannot stand in quoted-printable."""
    digest = hashlib.sha256("\0".join((said.thread, said.subject, said.text, said.html)).encode()).hexdigest()
    return f"=_{digest[:32]}"


def _line(name: str, value: bytes) -> bytes:
    return b"\r\n" + name.encode("ascii") + b": " + value + b"\r\n"
