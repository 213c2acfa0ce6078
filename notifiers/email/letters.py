"""Short mails that are about no alert: a test of an address, and word to the owner of an endpoint that was ended."""

import textwrap
from html import escape
from urllib.parse import urlsplit

from notifiers.cleaning import shown
from notifiers.email.message import MailBody
from notifiers.wording import phrases
from notifiers.wording.tongue import Tongue, tongue
from schemas.vocabularies import Tense
from storage.endpoints import GONE, PATIENCE

WIDTH = 72


def trial(*, language: str, thread: str) -> MailBody:
    """Whether alerts would arrive. Marked as a test, and of no alert's looks."""
    t = tongue(language)
    subject = f"[{phrases.MARK[Tense.TEST]}] {t.say(phrases.TRIAL_SUBJECT)}"
    return _letter(t, subject, tuple(map(t.say, phrases.TRIAL)), thread=thread)


def switched_off(url: str, reason: str, *, language: str, thread: str) -> MailBody:
    """Why nothing more is sent to an endpoint. Names its host, and not the rest of its address."""
    t, host = tongue(language), shown(urlsplit(url).hostname or "", limit=100)
    why = (
        t.say(phrases.ENDPOINT_GONE, host=host)
        if reason == GONE
        else t.say(phrases.ENDPOINT_FAILING, host=host, days=t.number(PATIENCE.days))
    )
    return _letter(t, t.say(phrases.ENDPOINT_SUBJECT), (why, *map(t.say, phrases.ENDPOINT_OFF)), thread=thread)


def _letter(t: Tongue, subject: str, sentences: tuple[str, ...], *, thread: str) -> MailBody:
    paragraphs = "".join(f"<p>{escape(sentence)}</p>\n" for sentence in sentences)
    return MailBody(
        subject=subject,
        text="\n\n".join(textwrap.fill(sentence, WIDTH) for sentence in sentences) + "\n",
        html=f'<!doctype html>\n<html lang="{t.code}" dir="ltr">\n<head><meta charset="utf-8">'
        f"<title>{escape(subject)}</title></head>\n<body>\n{paragraphs}</body>\n</html>\n",
        thread=thread,
        language=t.code,
    )
