"""Renders an alert event into the bytes of a mail or of a webhook: wording in, templates of this package only."""

import textwrap
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import css_inline
from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifiers.email.message import ACKNOWLEDGE_HERE, UNSUBSCRIBE_HERE, MailBody, MailTemplate, template
from notifiers.email.relay import MailRelay
from notifiers.purposes import Content, Purpose
from notifiers.webhook.body import render_webhook
from notifiers.wording import Fact, Wording, compose
from notifiers.wording.compose import ENDINGS
from notifiers.wording.digest import composed
from notifiers.wording.grammar import capitals
from notifiers.wording.hours import answer_by
from notifiers.wording.reminding import Reminder
from notifiers.wording.tongue import Tongue, tongue
from schemas.alert_events import AlertEvent
from schemas.digests import Digest
from schemas.languages import ENGLISH
from schemas.vocabularies import Level

__all__ = ["MailTemplate", "render_mail", "render_webhook"]


@dataclass(frozen=True)
class ReaderLinks:
    """Addresses with tokens still to be filled in; empty where there is nothing to do."""

    acknowledge: str = ""
    unsubscribe: str = ""
    statutory: bool = False
    due: str = ""
    """Until when an acknowledgement is awaited, as a sentence."""


@dataclass(frozen=True)
class Reader:
    """What a mail must know of its reader before it knows who: on which ground they get it, where the portal is, and
    until when, and in which country, an acknowledgement is awaited. Without a portal there are no links."""

    statutory: bool
    portal: str = ""
    answer_by: datetime | None = None
    country: str | None = None
    reminder: Reminder | None = None

    def links(self, t: Tongue, *, ended: bool) -> ReaderLinks:
        """Authorities acknowledge what goes on; who subscribed can end it with one click (RFC 8058)."""
        acknowledge = f"{self.portal}/a/{ACKNOWLEDGE_HERE}" if self.portal and self.statutory and not ended else ""
        unsubscribe = f"{self.portal}/u/{UNSUBSCRIBE_HERE}" if self.portal and not self.statutory else ""
        due = answer_by(self.answer_by, self.country, t) if acknowledge and self.answer_by else ""
        return ReaderLinks(acknowledge, unsubscribe, self.statutory, due)


NOBODY: Final = Reader(statutory=True)

WIDTH: Final = 72
LABEL_WIDTH: Final = 15

BAND_COLOUR: Final = {
    **{"l0": "#38444e", "l1": "#fdeaa8", "l2": "#ffd184", "l3": "#c63d07", "l4": "#7f0b2b"},
    "ended": "#e1e6ea",
}
"""The background of the band for readers that drop style sheets; the same as in layout.html (a test compares)."""

TILE_SHADES: Final = ("#eef1f3", "#9dc9db", "#2b7695", "#0a4059")


def render_mail(
    event: AlertEvent,
    *,
    purpose: Purpose,
    content: Content,
    relay: MailRelay,
    language: str = ENGLISH,
    reader: Reader = NOBODY,
) -> MailTemplate:
    """The mail about one revision, whole but for its recipient. Pure: the same event gives the same bytes."""
    return template(mail_body(event, purpose=purpose, content=content, language=language, reader=reader), relay=relay)


def mail_body(
    event: AlertEvent, *, purpose: Purpose, content: Content, language: str = ENGLISH, reader: Reader = NOBODY
) -> MailBody:
    """What that mail says: its subject, the text that is complete by itself, and the page."""
    wording = compose(event, purpose=purpose, content=content, language=language, reminder=reader.reminder)
    folder = _folder(event, content)
    links = reader.links(tongue(language), ended=event.kind in ENDINGS)
    return MailBody(
        subject=_text(f"{folder}/subject.txt", wording, links),
        text=_text(f"{folder}/body.txt", wording, links).strip() + "\n",
        html=_html(f"{folder}/body.html", wording, links),
        thread=event.alert_id,
        language=wording.language,
        important=event.level is Level.L4 and event.kind not in ENDINGS,
        unsubscribe=links.unsubscribe,
    )


def digest_body(made: Digest, *, digest_id: str, language: str = ENGLISH, reader: Reader = NOBODY) -> MailBody:
    """The mail of one digest. Pure. Who subscribed can end that with one click; authorities acknowledge no digest."""
    said = composed(made, language=language)
    links = reader.links(tongue(language), ended=True)
    return MailBody(
        subject=_ENVIRONMENT.get_template("digest/subject.txt").render(d=said),
        text=_ENVIRONMENT.get_template("digest/body.txt").render(d=said, links=links).strip() + "\n",
        html=_INLINER.inline(_ENVIRONMENT.get_template("digest/body.html").render(d=said, links=links)),
        thread=digest_id,
        language=said.language,
        unsubscribe=links.unsubscribe,
    )


def _folder(event: AlertEvent, content: Content) -> str:
    if content is not Content.FULL:
        return "waiting"
    return "ending" if event.kind in ENDINGS else "alert"


def _text(name: str, wording: Wording, links: ReaderLinks) -> str:
    return _ENVIRONMENT.get_template(name).render(w=wording, links=links)


def _html(name: str, wording: Wording, links: ReaderLinks) -> str:
    page = _ENVIRONMENT.get_template(name).render(
        w=wording, links=links, colour=BAND_COLOUR[wording.band.tone], shades=TILE_SHADES
    )
    inlined = _INLINER.inline(page)
    assert isinstance(inlined, str)
    return inlined


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=True, break_on_hyphens=False)


def _bulleted(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _tabled(fact: Fact) -> str:
    return textwrap.fill(
        fact.value,
        WIDTH,
        initial_indent=f"{fact.label + ': ':<{LABEL_WIDTH}}",
        subsequent_indent=" " * LABEL_WIDTH,
        break_on_hyphens=False,
    )


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("notifiers"),
        undefined=StrictUndefined,
        autoescape=lambda name: name is None or not name.endswith(".txt"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(capitals=capitals, wrapped=_wrapped, bulleted=_bulleted, tabled=_tabled)
    return environment


_ENVIRONMENT: Final = _environment()
_INLINER: Final = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)
