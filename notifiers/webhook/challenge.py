"""Whether a webhook endpoint wants our messages: a signed challenge that it must echo, before any alert goes there."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from notifiers.outcomes import Outcome, Verdict
from notifiers.webhook.sender import Access, WebhookSender

CHALLENGE: Final = "tocsin.challenge"
TRIAL: Final = "tocsin.test.ping"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What the endpoint did. `echoed`: it took the message and said its challenge back."""

    outcome: Outcome
    echoed: bool


async def challenge(sender: WebhookSender, url: str, access: Access, *, at: datetime) -> Answered:
    """Send `{"data": {"challenge": "…"}}`, signed. The answer is a 2xx with the challenge as text, or as JSON
    `{"challenge": "…"}`. What anybody would echo who echoes everything does not count: the whole body back."""
    word = secrets.token_urlsafe(24)
    outcome = await _send(sender, url, access, kind=CHALLENGE, data={"challenge": word}, at=at)
    return Answered(outcome=outcome, echoed=outcome.verdict is Verdict.ACCEPTED and _said(outcome.answer) == word)


async def ping(sender: WebhookSender, url: str, access: Access, *, at: datetime) -> Outcome:
    """A test message that holds no alert."""
    said = "This is a technical test. No alert was raised, and there is nothing to do."
    return await _send(sender, url, access, kind=TRIAL, data={"tense": "test", "summary": said}, at=at)


async def _send(
    sender: WebhookSender, url: str, access: Access, *, kind: str, data: dict[str, JsonValue], at: datetime
) -> Outcome:
    id_ = secrets.token_hex(16)
    envelope: dict[str, JsonValue] = {
        "specversion": "1.0",
        "id": id_,
        "source": "urn:tocsin:alerts",
        "type": kind,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }
    body = json.dumps(envelope, separators=(",", ":")).encode("ascii")
    return await sender.send(url=url, access=access, message_id=id_, timestamp=at, body=body)


def _said(answer: str) -> str | None:
    try:
        found = json.loads(answer)
    except ValueError:
        return answer.strip()
    if isinstance(found, dict):
        word = found.get("challenge")
        return word if isinstance(word, str) else None
    return found if isinstance(found, str) else None
