"""Renders what is about no single alert: a digest as a mail or a webhook, word to an owner as a mail."""

from collections.abc import Iterator

from notifiers.email.letters import switched_off
from notifiers.email.message import MailBody
from notifiers.rendering import Reader, digest_body
from notifiers.webhook.body import LARGEST
from notifiers.wording.digest import composed
from schemas.digests import Digest, DigestData, DigestMessage
from schemas.letters import EndpointOff


def letter_body(letter: Digest | EndpointOff, *, id_: str, language: str, reader: Reader) -> tuple[MailBody, str]:
    """What the mail says, and the subject that may stand outside when the mail is encrypted."""
    if isinstance(letter, EndpointOff):
        body = switched_off(letter.url, letter.reason, language=language, thread=id_)
        return body, body.subject
    said = composed(letter, language=language)
    return digest_body(letter, digest_id=id_, language=language, reader=reader), said.bare_subject


def letter_webhook(made: Digest | EndpointOff, *, id_: str, language: str) -> bytes:
    """The body of a digest, below the size of any webhook of ours: what finds no room is counted in `more`."""
    if isinstance(made, EndpointOff):
        raise TypeError("word to an owner goes by mail alone")
    for shorter in _ever_shorter(made):
        said = composed(shorter, language=language)
        data = DigestData(
            language=said.language,
            headline=said.title,
            summary=said.subject,
            handling=shorter.handling,
            use_conditions=shorter.use_conditions,
            window=shorter.window,
            lines=shorter.lines,
            more=shorter.more,
            classes=shorter.classes,
            countries=shorter.countries,
        )
        message = DigestMessage(id=id_, time=made.window.end, data=data)
        body = message.model_dump_json().encode()
        if len(body) < LARGEST:
            return body
    raise ValueError("the digest has more countries and conditions than a webhook can carry")


def _ever_shorter(made: Digest) -> Iterator[Digest]:
    lines = len(made.lines)
    while True:
        yield made.model_copy(update={"lines": made.lines[:lines], "more": made.more + len(made.lines) - lines})
        if lines == 0:
            return
        lines //= 2
