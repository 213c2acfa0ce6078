"""What a mail that came back says: a delivery status notification (RFC 3464), else what well-known senders write.

Nothing here believes that the mail is about a delivery of ours: that is `Verp`, and it is asked first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import Final

from notifiers.outcomes import sanitised
from schemas.bounces import Came

LONGEST: Final = 256 * 1024
"""Bytes that are looked at. The report comes before the message that it returns."""

MOST_PARTS: Final = 20
"""Boundaries and enclosed messages in a mail that is still taken apart: Python's parser takes depth × lines."""

_WORDS: Final = 16 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounce:
    """`status` is an enhanced code (RFC 3463), or empty where only words were found; `said` at most 1 kB."""

    came: Came
    status: str = ""
    said: str = ""

    @property
    def loses_address(self) -> bool:
        """Whether it says that the mailbox or its domain does not exist, for good."""
        return self.came is Came.FAILED and self.status in ADDRESS_LOST


ADDRESS_LOST: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""No such mailbox, no such domain, bad syntax, moved away, null MX, mailbox switched off."""

_NOTHING: Final = Bounce(came=Came.NOTHING)
_ACTIONS: Final = {
    "failed": Came.FAILED,
    "delayed": Came.DELAYED,
    "delivered": Came.DELIVERED,
    "relayed": Came.DELIVERED,
    "expanded": Came.DELIVERED,
}
_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY: Final = re.compile(r"\b(4|5)\d\d[ -](?=\S)")


def _any(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


_PHRASES: Final = (
    (_any("user unknown", "no such user", "unknown user", "unrouteable address", "address rejected", "does not exist",
          "mailbox unavailable", "no mailbox here", "account .{0,30}disabled"), "5.1.1"),
    (_any("host (?:or domain name )?not found", "domain .{0,80}not found", "no such domain", "unknown host"), "5.1.2"),
    (_any("mailbox (?:is )?full", "over quota", "quota exceeded", "exceeded .{0,20}quota"), "5.2.2"),
    (_any("message (?:size|is) .{0,20}(?:exceeds|too large)", "too big"), "5.3.4"),
    (_any("spam", "blocked", "blacklist", "policy", "not authori[sz]ed"), "5.7.1"),
)  # fmt: skip
_DELAY: Final = _any("delayed", "not yet been delivered", "will (?:keep|continue) trying", "warning message only")
_FAILURE: Final = _any(
    *("undeliver", "could not be delivered", "delivery (?:has )?failed", "failure notice", "returned mail"),
    *("returning message", "qmail-send program", "permanent (?:fatal )?error"),
)
_RETURNED: Final = re.compile(
    r"^(?:-{2,} ?(?:this is a copy|original message|below this line)|Received: )", re.IGNORECASE | re.MULTILINE
)


def recipients_of(raw: bytes) -> tuple[str, ...]:
    """Where the mail was sent to, as the headers of the delivering program and of the sender have it."""
    head = BytesHeaderParser(policy=compat32).parsebytes(raw[:65_536].partition(b"\r\n\r\n")[0].partition(b"\n\n")[0])
    names = ("Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To", "To")
    found = (str(value) for name in names for value in head.get_all(name, [])[:5])
    return tuple(word for value in found for word in re.split(r"[\s,<>]+", value[:1000]) if "@" in word)


def read_bounce(raw: bytes) -> Bounce:
    """Total: whatever the bytes are, an answer, in bounded time and memory."""
    raw = raw[:LONGEST]
    if raw.lower().count(b"boundary") > MOST_PARTS or raw.lower().count(b"message/") > MOST_PARTS:
        return _NOTHING
    try:
        mail = message_from_bytes(raw, policy=compat32)
        return _reported(mail) or _guessed(mail)
    except (ValueError, LookupError, RecursionError, AttributeError, TypeError):
        return _NOTHING


def _reported(mail: Message) -> Bounce | None:
    """RFC 3464: the worst of what is said of any recipient; all of it is about one, because a mail has one."""
    found = [_of_fields(fields) for part in mail.walk() if _is_report(part) for fields in _blocks(part)]
    told = [bounce for bounce in found if bounce is not None]
    order = (Came.FAILED, Came.DELAYED, Came.DELIVERED, Came.NOTHING)
    return min(told, key=lambda bounce: order.index(bounce.came), default=None)


def _is_report(part: Message) -> bool:
    return part.get_content_type() in ("message/delivery-status", "message/global-delivery-status")


def _blocks(part: Message) -> Iterator[Message]:
    """The blocks of fields; a body in base64, which some send, is taken apart here."""
    payload = part.get_payload()
    blocks = [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []
    if len(blocks) > 1:
        yield from blocks
        return
    raw = (blocks[0] if blocks else part).get_payload(decode=True)
    text = raw if isinstance(raw, bytes) else b""
    for block in re.split(rb"\r?\n\r?\n", text)[:50]:
        yield BytesHeaderParser(policy=compat32).parsebytes(block)


def _of_fields(fields: Message) -> Bounce | None:
    action = str(fields.get("Action", "")).strip().lower()
    if action not in _ACTIONS:
        return None
    diagnostic = str(fields.get("Diagnostic-Code", "")).partition(";")[2].strip()
    given = _STATUS.search(str(fields.get("Status", "")))
    detailed = _STATUS.search(diagnostic)
    status = given[1] if given else ""
    if detailed and (not status or status.endswith(".0.0")):
        status = detailed[1]
    return Bounce(came=_ACTIONS[action], status=status, said=sanitised(diagnostic))


def _guessed(mail: Message) -> Bounce:
    """For those that write letters instead: only from a mailer, never an automatic reply of a person's mailbox."""
    if not _from_a_mailer(mail) or str(mail.get("Auto-Submitted", "")).strip().lower().startswith("auto-replied"):
        return _NOTHING
    subject, words = str(mail.get("Subject", ""))[:500], _words_of(mail)
    if _DELAY.search(subject) or (_DELAY.search(words) and not _FAILURE.search(subject)):
        return Bounce(came=Came.DELAYED, status=_status_in(words), said=sanitised(words))
    status = _status_in(words)
    if not (_FAILURE.search(subject) or _FAILURE.search(words) or status):
        return _NOTHING
    came = Came.DELAYED if status.startswith("4.") and not _FAILURE.search(subject) else Came.FAILED
    return Bounce(came=came, status=status, said=sanitised(_around(words)))


def _from_a_mailer(mail: Message) -> bool:
    sender = str(mail.get("From", "")).lower()
    return str(mail.get("Return-Path", "x")).strip() == "<>" or bool(
        re.search(r"mailer-daemon|postmaster|mail delivery (?:sub)?system", sender[:500])
    )


def _words_of(mail: Message) -> str:
    """The first text, as far as it is ours to read: what is returned below may quote anything."""
    for part in mail.walk():
        if part.get_content_type() == "message/rfc822":
            break
        if part.get_content_type() == "text/plain":
            raw = part.get_payload(decode=True)
            text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""
            return _RETURNED.split(text)[0][:_WORDS]
    return ""


def _status_in(words: str) -> str:
    if found := _STATUS.search(words):
        return found[1]
    for pattern, status in _PHRASES:
        if pattern.search(words):
            return status
    found = _REPLY.search(words)
    return f"{found[1]}.0.0" if found else ""


def _around(words: str) -> str:
    found = _STATUS.search(words) or _REPLY.search(words)
    start = max(0, words.rfind("\n", 0, found.start())) if found else 0
    return words[start : start + 1000]
