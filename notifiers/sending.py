"""What a claimed delivery becomes on its channel: rendered as far as its reader is cleared, checked, handed over."""

import re
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from functools import lru_cache
from typing import Final, Protocol

from alerts.disclosure import hidden_words, shown_to
from notifiers.email.addresses import AddressRefused
from notifiers.email.message import MailTemplate, UnfitForHeader, template
from notifiers.email.relay import MailRelay
from notifiers.email.smime import CannotProtect, Protection, Signer, subject_line
from notifiers.email.verp import Verp
from notifiers.letters import letter_body, letter_webhook
from notifiers.outcomes import Outcome, OutcomeReason, Verdict
from notifiers.purposes import Content, Purpose, mail_content, webhook_content
from notifiers.rendering import Reader, render_mail, render_webhook
from notifiers.tokens import LIFETIME, LinkPurpose, Links
from notifiers.webhook.sender import Access
from notifiers.wording.reminding import Reminder
from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel
from schemas.securing import Security, Smime
from schemas.vocabularies import Handling
from storage.ledger import Claimed
from storage.letters import Sendable

TEMPLATES: Final = 256
"""Rendered revisions kept: a burst to many recipients renders each once."""

STRICTNESS: Final = (Content.FULL, Content.THIN, Content.BARE)


class Mail(Protocol):
    """The mail channel: one message in, one outcome out."""

    def send(self, message: bytes, *, sender: str, recipient: str) -> Awaitable[Outcome]: ...


class Webhook(Protocol):
    """The webhook channel."""

    def send(
        self, *, url: str, access: Access, message_id: str, timestamp: datetime, body: bytes
    ) -> Awaitable[Outcome]: ...


class Withheld(Exception):
    """The rendered bytes say more than the reader may see; they were not sent."""


@dataclass(frozen=True, kw_only=True)
class Channels:
    """Both channels of a site, as the courier uses them."""

    relay: MailRelay
    mail: Mail
    webhook: Webhook
    links: Links | None = None
    """How a reader answers; without a portal, mails carry no links."""
    verp: Verp | None = None
    """Where mails come back to; without it, to the address that they come from, where nobody counts them."""
    signer: Signer | None = None

    async def send(self, delivery: Claimed, *, at: datetime) -> Outcome:
        """Render and hand over. Nothing leaves when rendering fails or the bytes say too much (P5)."""
        try:
            message = self._rendered(delivery, at)
        except Withheld as error:
            return _failed(OutcomeReason.ABOVE_HANDLING, error)
        except CannotProtect as error:
            return _failed(error.reason, error)
        except (AddressRefused, UnfitForHeader) as error:
            return _failed(OutcomeReason.UNSAFE_TEXT, error)
        except Exception as error:
            return _failed(OutcomeReason.CANNOT_RENDER, error)
        if delivery.channel is Channel.EMAIL:
            sender = self.verp.sender(delivery.delivery_id) if self.verp else self.relay.from_address
            return await self.mail.send(message, sender=sender, recipient=delivery.address)
        return await self.webhook.send(
            url=delivery.address,
            access=access_of(delivery.secrets, delivery.security),
            message_id=delivery.delivery_id,
            timestamp=at,
            body=message,
        )

    def _rendered(self, delivery: Claimed, at: datetime) -> bytes:
        content, whole = content_of(delivery), delivery.event
        if not isinstance(whole, AlertEvent):
            return self._letter(delivery, whole, at)
        seen = shown_to(whole, delivery.clearance, accepts_conditions=delivery.accepts_conditions)
        event = whole if seen is None else seen
        if delivery.channel is Channel.EMAIL:
            message = self._mail(delivery, event, content, at)
            said = _words_of(message) if content is not Content.FULL or seen is None or whole.views else ""
        else:
            message = _body(event, delivery.purpose, content, delivery.language, _reminder(delivery))
            said = message.decode()
        _check(said, event, content)
        check_hidden(said, whole, event)
        return self._protected(message, delivery, event, at) if delivery.channel is Channel.EMAIL else message

    def _protected(self, message: bytes, delivery: Claimed, event: AlertEvent, at: datetime) -> bytes:
        """As its reader wants it, or CannotProtect. The subject outside an encrypted mail is that of one without
        content: how urgent it is, and nothing of what."""
        if delivery.security.smime is Smime.NONE:
            return message
        bare = self._mail(delivery, event, Content.BARE, at)
        return self._protection(delivery).applied(message, at=at, subject=subject_line(bare))

    def _protection(self, delivery: Claimed) -> Protection:
        return Protection(delivery.security.smime, delivery.security.certificate, self.signer)

    def _mail(self, delivery: Claimed, event: AlertEvent, content: Content, at: datetime) -> bytes:
        portal, reminder = self.links.base if self.links else "", _reminder(delivery)
        reader = Reader(delivery.statutory, portal, delivery.answer_by, delivery.country, reminder)
        made = _template(event, delivery.purpose, content, self.relay, delivery.language, reader)
        return self._filled(made, delivery, at)

    def _filled(self, made: MailTemplate, delivery: Claimed, at: datetime) -> bytes:
        links, id_ = self.links, delivery.delivery_id
        if links is None:
            return made.fill(delivery_id=id_, recipient=delivery.address, at=at)
        expires = delivery.decided_at + LIFETIME
        return made.fill(
            delivery_id=id_,
            recipient=delivery.address,
            at=at,
            acknowledge=links.token(LinkPurpose.ACKNOWLEDGE, id_, expires=expires),
            unsubscribe=links.token(LinkPurpose.UNSUBSCRIBE, id_, expires=expires),
        )

    def _letter(self, delivery: Claimed, letter: Sendable, at: datetime) -> bytes:
        """A digest, or word to an owner, in the same way: what its reader may not know now is not sent."""
        id_ = delivery.delivery_id
        if delivery.content is not Content.BARE and content_of(delivery) is Content.BARE:
            raise Withheld(f"the digest {id_} is above the clearance of its reader")
        if delivery.channel is Channel.WEBHOOK:
            return letter_webhook(letter, id_=id_, language=delivery.language)
        reader = Reader(delivery.statutory, self.links.base if self.links else "")
        body, outside = letter_body(letter, id_=id_, language=delivery.language, reader=reader)
        message = self._filled(template(body, relay=self.relay), delivery, at)
        if delivery.security.smime is Smime.NONE:
            return message
        bare = template(replace(body, subject=outside), relay=self.relay).head
        return self._protection(delivery).applied(message, at=at, subject=subject_line(bare))


def access_of(secrets: tuple[str, ...], security: Security) -> Access:
    """What a webhook's endpoint asks for."""
    return Access(secrets=secrets, bearer=security.bearer, client_certificate=security.client_certificate)


def content_of(delivery: Claimed) -> Content:
    """The stricter of what was planned and what the current handling leaves to this reader."""
    return allowed_content(delivery.content, delivery.channel, delivery.handling, delivery.clearance)


def allowed_content(planned: Content, channel: Channel, handling: Handling, clearance: Handling | None) -> Content:
    """The same, for whoever shows a delivery. A reader without clearance may see what is CLEAR."""
    choose = mail_content if channel is Channel.EMAIL else webhook_content
    return max(planned, choose(handling, clearance=clearance or Handling.CLEAR), key=STRICTNESS.index)


def _check(said: str, event: AlertEvent, content: Content) -> None:
    """The last look, at the bytes themselves: without full content no word of the substance goes out."""
    if content is Content.FULL:
        return
    substance = event.substance
    for word in (substance.key, substance.name, substance.cas, substance.inchikey):
        if word and len(word) >= 4 and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said, re.IGNORECASE):
            raise Withheld(f"{content} content about {event.number} names the substance")


def check_hidden(said: str, whole: AlertEvent, shown: AlertEvent) -> None:
    """Nothing of what only better cleared readers may see stands in the bytes."""
    for word in hidden_words(whole, shown):
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said, re.IGNORECASE):
            raise Withheld(f"the text about {shown.number} says what its reader may not see")


def _words_of(message: bytes) -> str:
    mail = message_from_bytes(message, policy=default)
    parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    return "\n".join([str(mail["Subject"]), *parts])


@lru_cache(maxsize=TEMPLATES)
def _template(
    event: AlertEvent, purpose: Purpose, content: Content, relay: MailRelay, language: str, reader: Reader
) -> MailTemplate:
    return render_mail(event, purpose=purpose, content=content, relay=relay, language=language, reader=reader)


@lru_cache(maxsize=TEMPLATES)
def _body(
    event: AlertEvent, purpose: Purpose, content: Content, language: str, reminder: Reminder | None = None
) -> bytes:
    return render_webhook(event, content=content, purpose=purpose, language=language, reminder=reminder)


def _reminder(delivery: Claimed) -> Reminder | None:
    return Reminder(delivery.role, delivery.silent) if delivery.purpose is Purpose.ESCALATION else None


def _failed(reason: OutcomeReason, error: Exception) -> Outcome:
    return Outcome(verdict=Verdict.FAILED, reason=reason, answer=f"{type(error).__name__}: {error}")
