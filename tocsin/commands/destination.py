"""`tocsin destination list | confirm | test | rotate | resume`: the ways to readers, one by one."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from notifiers.email.letters import trial
from notifiers.email.message import template
from notifiers.email.pool import MailPool
from notifiers.email.smime import CannotProtect, Protection, expiry
from notifiers.outcomes import Outcome, Verdict
from notifiers.reasons import sentence
from notifiers.sending import access_of
from notifiers.webhook.challenge import Answered, challenge, ping
from notifiers.webhook.sender import WebhookSender
from notifiers.webhook.signing import PRIVATE, new_secret, public_key
from schemas.deliveries import Channel
from schemas.securing import Smime
from storage import endpoints
from storage.endpoints import Endpoint
from tocsin import wiring
from tocsin.errors import Refusal
from tocsin.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The ways to readers: confirm, try, exchange keys, switch on again.")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="Its id, the beginning of it, or SUBSCRIBER/NAME.")]
By = Annotated[str, typer.Option("--by", min=1, help="Who does this.")]
Why = Annotated[str, typer.Option("--reason", help="Why.")]


@dataclass(frozen=True)
class _Place:
    """The database and one destination of it."""

    settings: Settings
    engine: Engine
    found: Endpoint


@app.command("list")
def list_them(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Every destination: whether it is confirmed, failing, switched off; how it is protected and until when."""
    engine = wiring.database(wiring.settings(data_dir), "destination")
    with engine.connect() as connection:
        found = endpoints.listed(connection)
    engine.dispose()
    if as_json:
        print(json.dumps([_facts(each) for each in found], indent=2, default=str))
        return
    for each in found:
        print("  ".join((each.id[:12], f"{each.subscriber}/{each.name}", each.channel, each.address, *_marks(each))))


@app.command()
def confirm(
    which: Which,
    by: Annotated[str, typer.Option("--by", help="Who consents to alerts there: a person of the receiver.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Challenge a webhook, and let alerts go there once it has echoed. Exit code 1 when it did not."""
    place = _place(which, data_dir)
    _only(place.found, Channel.WEBHOOK)
    answered = asyncio.run(_challenged(place))
    if answered.echoed:
        with place.engine.begin() as connection:
            endpoints.confirm(connection, place.found.id, by=by)
    place.engine.dispose()
    said = "confirmed: alerts go there from now on" if answered.echoed else _why_not(answered)
    _say(place.found, {"confirmed": answered.echoed, **_told(answered.outcome)}, said, as_json=as_json)
    if not answered.echoed:
        raise typer.Exit(1)


@app.command()
def test(
    which: Which,
    yes: Annotated[bool, typer.Option("--yes", help="Without asking.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Send a message that holds no alert, on its channel and as protected as alerts are. Exit code 1 when refused."""
    place = _place(which, data_dir)
    if not yes:
        typer.confirm(f"Send a test to {place.found.address} ({place.found.subscriber})?", abort=True, err=True)
    outcome = asyncio.run(_tried(place))
    place.engine.dispose()
    said = f"{outcome.verdict}: {sentence(outcome.reason)} {outcome.answer}".strip()
    _say(place.found, _told(outcome), said, as_json=as_json)
    for mark in _marks(place.found):
        typer.echo(f"note: {mark}", err=True)
    if outcome.verdict is not Verdict.ACCEPTED:
        raise typer.Exit(1)


@app.command()
def rotate(which: Which, by: By, reason: Why, data_dir: DataDir = None, as_json: Json = False) -> None:
    """A new secret for a webhook, shown once; the one before signs too for 24 hours. Of whsk_, the public key."""
    place = _place(which, data_dir)
    _only(place.found, Channel.WEBHOOK)
    before = place.found.secret or ""
    secret = new_secret(before)
    with place.engine.begin() as connection:
        endpoints.rotate(connection, place.found.id, secret=secret, before=before, by=by, reason=reason)
    place.engine.dispose()
    shown = public_key(secret) if secret.startswith(PRIVATE) else secret
    if as_json:
        print(
            json.dumps({"id": place.found.id, "key": shown, "overlap_hours": endpoints.OVERLAP.total_seconds() / 3600})
        )
        return
    print(shown)
    typer.echo("Give it to the receiver within 24 hours; until then the one before signs too.", err=True)


@app.command()
def resume(which: Which, by: By, reason: Why, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Send there again after it was switched off because the address was lost or the endpoint failed or was gone."""
    place = _place(which, data_dir)
    with place.engine.begin() as connection:
        done = endpoints.resume(connection, place.found.id, by=by, reason=reason)
    place.engine.dispose()
    _say(place.found, {"resumed": done}, "on again" if done else "was not switched off", as_json=as_json)


def _place(which: str, data_dir: Path | None) -> _Place:
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "destination")
    with engine.connect() as connection:
        found = endpoints.listed(connection, which)
    if len(found) != 1:
        engine.dispose()
        raise Refusal(
            f"{which} is {'more than one destination' if found else 'no destination'}: see tocsin destination list."
        )
    return _Place(settings, engine, found[0])


def _only(found: Endpoint, channel: Channel) -> None:
    if found.channel is not channel:
        raise Refusal(f"{found.subscriber}/{found.name} is no {channel}: this is for a {channel} only.")


def _secrets(found: Endpoint) -> tuple[str, ...]:
    both = found.previous_until is not None and found.previous_until > datetime.now(UTC)
    before = found.previous_secret if both else None
    return tuple(each for each in (found.secret, before) if each is not None)


async def _challenged(place: _Place) -> Answered:
    access = access_of(_secrets(place.found), place.found.security)
    async with WebhookSender(wiring.webhooks(place.settings)) as sender:
        return await challenge(sender, place.found.address, access, at=datetime.now(UTC))


async def _tried(place: _Place) -> Outcome:
    now, found = datetime.now(UTC), place.found
    if found.channel is Channel.WEBHOOK:
        async with WebhookSender(wiring.webhooks(place.settings)) as sender:
            return await ping(sender, found.address, access_of(_secrets(found), found.security), at=now)
    relay = wiring.mail_relay(place.settings)
    id_ = f"{int(now.timestamp() * 1000):016x}{found.id[:16]}"
    message = template(trial(language=found.language, thread=id_), relay=relay)
    filled = message.fill(delivery_id=id_, recipient=found.address, at=now)
    asked = Protection(found.security.smime, found.security.certificate, wiring.signer(place.settings))
    try:
        protected = asked.applied(filled, at=now)
    except CannotProtect as error:
        return Outcome(verdict=Verdict.FAILED, reason=error.reason, answer=str(error))
    pool = MailPool(relay)
    try:
        return await pool.send(protected, sender=relay.from_address, recipient=found.address)
    finally:
        await pool.close()


def _why_not(answered: Answered) -> str:
    outcome = answered.outcome
    if outcome.verdict is Verdict.ACCEPTED:
        return "not confirmed: it answered, but did not say the challenge back"
    return f"not confirmed: {sentence(outcome.reason)} {outcome.answer}".strip()


def _told(outcome: Outcome) -> dict[str, object]:
    return {"verdict": outcome.verdict, "reason": outcome.reason, "code": outcome.code, "answer": outcome.answer}


def _say(found: Endpoint, facts: dict[str, object], words: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"id": found.id, **facts}))
    else:
        print(f"{found.subscriber}/{found.name}  {words}")


def _facts(each: Endpoint) -> dict[str, object]:
    """For machines: no secret, no token."""
    return {
        "id": each.id,
        "destination": f"{each.subscriber}/{each.name}",
        "channel": each.channel,
        "address": each.address,
        "active": each.active,
        "statutory": each.statutory,
        "suppressed": each.suppressed,
        "confirmed_at": each.confirmed_at,
        "confirmed_by": each.confirmed_by,
        "failing_since": each.failing_since,
        "rotated_until": each.previous_until,
        "smime": each.security.smime,
        "certificate_until": expiry(each.security.certificate) if each.security.certificate else None,
        "public_key": public_key(each.secret) if each.secret and each.secret.startswith(PRIVATE) else None,
        "bearer": each.security.bearer is not None,
        "client_certificate": each.security.client_certificate,
    }


def _marks(each: Endpoint) -> tuple[str, ...]:
    waits = each.channel is Channel.WEBHOOK and each.confirmed_at is None
    marks = (
        "" if each.active else "not active",
        f"switched off: {each.suppressed}" if each.suppressed else "",
        "waits for its challenge: tocsin destination confirm" if waits else "",
        f"failing since {each.failing_since:%Y-%m-%d %H:%M}Z" if each.failing_since else "",
        _certificate(each, datetime.now(UTC)),
    )
    return tuple(mark for mark in marks if mark)


def _certificate(each: Endpoint, now: datetime) -> str:
    """S/MIME in words: what it is, and how long its certificate still holds."""
    wanted, pem = each.security.smime, each.security.certificate
    if wanted is not Smime.ENCRYPT:
        return "signed" if wanted is Smime.SIGN else ""
    ends = expiry(pem) if pem else None
    if ends is None:
        return "encrypted: no certificate, so nothing is sent"
    if ends < now:
        return f"encrypted: the certificate expired on {ends:%Y-%m-%d}, so nothing is sent"
    return f"encrypted until {ends:%Y-%m-%d}" + (f" ({(ends - now).days} days left)" if (ends - now).days < 30 else "")
