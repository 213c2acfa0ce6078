"""The pool against real SMTP servers: one outcome for every fault, and no connection used that is out of step."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import SMTP, Envelope

from notifiers.email.pool import MailPool
from notifiers.email.relay import MailRelay, RelayRefused, Tls
from notifiers.email.verdicts import loses_address
from notifiers.outcomes import Outcome, OutcomeReason, Verdict
from notifiers.purposes import Content, Purpose
from notifiers.rendering import render_mail
from tests.broker.smtp import Inbox, Reader, Writer, converse, hangs_up, says, scripted, serving
from tests.speaking import DELIVERY_ID, RELAY, SENT_AT, URGENT

MESSAGE = b"Subject: example\r\nTo: desk@example.org\r\n\r\nfirst\r\n.\r\n..second\r\n.third\r\nlast\r\n"


@asynccontextmanager
async def pool_to(port: int, change: Callable[[MailRelay], MailRelay] = lambda relay: relay) -> AsyncIterator[MailPool]:
    pool = MailPool(change(replace(RELAY, port=port, patience=5.0, deadline=5.0, connections=2)))
    try:
        yield pool
    finally:
        await pool.close()


async def send(pool: MailPool, message: bytes = MESSAGE, recipient: str = "desk@example.org") -> Outcome:
    return await pool.send(message, sender="alerts@tocsin.example", recipient=recipient)


def judged(outcome: Outcome) -> tuple[Verdict, OutcomeReason]:
    return outcome.verdict, outcome.reason


async def test_a_message_arrives_byte_for_byte_dots_included() -> None:
    inbox = Inbox()
    async with serving(inbox) as port, pool_to(port) as pool:
        outcome = await send(pool)
    assert judged(outcome) == (Verdict.ACCEPTED, OutcomeReason.ACCEPTED)
    assert outcome.answer == "2.0.0 taken"
    assert inbox.messages == [MESSAGE]
    assert inbox.envelopes == [("alerts@tocsin.example", ["desk@example.org"])]


async def test_a_rendered_alert_arrives_byte_for_byte_at_a_relay_without_8bitmime() -> None:
    inbox = Inbox(without=("8BITMIME", "SMTPUTF8", "SIZE"))
    message = render_mail(URGENT, purpose=Purpose.UPDATE, content=Content.FULL, relay=RELAY).fill(
        delivery_id=DELIVERY_ID, recipient="desk@example.org", at=SENT_AT
    )
    async with serving(inbox) as port, pool_to(port) as pool:
        assert (await send(pool, message)).verdict is Verdict.ACCEPTED
    assert inbox.messages == [message]
    assert message.isascii()


async def test_messages_share_warm_connections() -> None:
    inbox = Inbox()
    async with serving(inbox) as port, pool_to(port) as pool:
        outcomes = await asyncio.gather(*(send(pool) for _ in range(20)))
    assert {outcome.verdict for outcome in outcomes} == {Verdict.ACCEPTED}
    assert len(inbox.messages) == 20
    assert inbox.greetings == 2


async def test_a_connection_that_was_idle_is_asked_before_it_is_trusted() -> None:
    inbox = Inbox()
    async with serving(inbox) as port, pool_to(port, lambda relay: replace(relay, idle_check_after=0.0)) as pool:
        await send(pool)
        assert (await send(pool)).verdict is Verdict.ACCEPTED
    assert inbox.noops == 1
    assert inbox.greetings == 1


async def test_a_connection_ends_after_its_hundred_messages() -> None:
    inbox = Inbox()
    async with serving(inbox) as port, pool_to(port, lambda relay: replace(relay, messages_per_connection=2)) as pool:
        for _ in range(5):
            assert (await send(pool)).verdict is Verdict.ACCEPTED
    assert inbox.greetings == 3
    assert inbox.quits == 3


async def test_a_connection_closed_while_idle_is_replaced() -> None:
    inbox = Inbox()
    served: list[SMTP] = []

    async def remembers(inbox: Inbox, server: SMTP, envelope: Envelope) -> str:
        served.append(server)
        return "250 taken"

    inbox.at_data = remembers
    async with serving(inbox) as port, pool_to(port) as pool:
        await send(pool)
        transport = served[0].transport
        assert transport is not None
        transport.close()
        outcomes = [await send(pool) for _ in range(2)]
    assert inbox.greetings == 2
    assert outcomes[-1].verdict is Verdict.ACCEPTED
    assert Verdict.UNKNOWN not in {outcome.verdict for outcome in outcomes}


async def test_an_idle_connection_that_stays_silent_is_replaced() -> None:
    connections = 0

    async def script(reader: Reader, writer: Writer) -> None:
        nonlocal connections
        connections += 1
        await converse(reader, writer, {b"NOOP": None, b"DATA": b"354 go\r\n"}, greeting=b"220 hello\r\n")

    def impatient(relay: MailRelay) -> MailRelay:
        return replace(relay, idle_check_after=0.0, patience=1.0)

    async with scripted(script) as port, pool_to(port, impatient) as pool:
        assert (await send(pool)).verdict is Verdict.ACCEPTED
        assert (await send(pool)).verdict is Verdict.ACCEPTED
    assert connections == 2


@pytest.mark.parametrize(
    ("greeting", "verdict", "reason"),
    [
        (b"421 4.3.2 going down\r\n", Verdict.DEFERRED, OutcomeReason.TRY_LATER),
        (b"554 5.7.1 not you\r\n", Verdict.DEFERRED, OutcomeReason.POLICY_REFUSED),
        (b"", Verdict.DEFERRED, OutcomeReason.TIMED_OUT),
        (b"hello there\r\n", Verdict.DEFERRED, OutcomeReason.ANSWER_BROKEN),
        (b"220-" + b"x" * 70_000 + b"\r\n", Verdict.DEFERRED, OutcomeReason.ANSWER_BROKEN),
    ],
)
async def test_a_relay_that_does_not_greet_defers(greeting: bytes, verdict: Verdict, reason: OutcomeReason) -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        writer.write(greeting)
        await reader.read()

    async with scripted(script) as port, pool_to(port, lambda relay: replace(relay, patience=1.0)) as pool:
        assert judged(await send(pool)) == (verdict, reason)


async def test_nobody_listening_defers() -> None:
    async with serving(Inbox()) as port:
        pass
    async with pool_to(port) as pool:
        assert judged(await send(pool)) == (Verdict.DEFERRED, OutcomeReason.UNREACHABLE)


async def test_an_answer_without_end_defers() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        while True:
            writer.write(b"250-more of the same\r\n" * 100)
            await writer.drain()

    async with scripted(script) as port, pool_to(port, lambda relay: replace(relay, deadline=2.0)) as pool:
        assert (await send(pool)).verdict is Verdict.DEFERRED


@pytest.mark.parametrize(
    ("answer", "verdict", "reason", "code"),
    [
        ("450 4.2.0 greylisted", Verdict.DEFERRED, OutcomeReason.TRY_LATER, "4.2.0"),
        ("451 later", Verdict.DEFERRED, OutcomeReason.TRY_LATER, "451"),
        ("550 5.1.1 no such user", Verdict.FAILED, OutcomeReason.ADDRESS_REFUSED, "5.1.1"),
        ("550 5.1.2 no such host", Verdict.FAILED, OutcomeReason.ADDRESS_REFUSED, "5.1.2"),
        ("556 5.1.10 null mx", Verdict.FAILED, OutcomeReason.ADDRESS_REFUSED, "5.1.10"),
        ("553 what is that", Verdict.FAILED, OutcomeReason.ADDRESS_REFUSED, "553"),
        ("552 5.2.2 mailbox full", Verdict.DEFERRED, OutcomeReason.TRY_LATER, "5.2.2"),
        ("550 5.7.1 relaying denied", Verdict.FAILED, OutcomeReason.POLICY_REFUSED, "5.7.1"),
        ("554 5.7.23 spf", Verdict.FAILED, OutcomeReason.POLICY_REFUSED, "5.7.23"),
    ],
)
async def test_a_refused_recipient_is_judged_by_its_code_and_the_connection_lives_on(
    answer: str, verdict: Verdict, reason: OutcomeReason, code: str
) -> None:
    inbox = Inbox(recipient_answers=[answer])
    async with serving(inbox) as port, pool_to(port) as pool:
        outcome = await send(pool)
        assert (*judged(outcome), outcome.code) == (verdict, reason, code)
        assert (await send(pool)).verdict is Verdict.ACCEPTED
    assert inbox.greetings == 1
    assert len(inbox.messages) == 1


async def test_a_refused_sender_is_our_fault() -> None:
    async with serving(Inbox(sender_answer="550 5.1.8 bad sender")) as port, pool_to(port) as pool:
        assert judged(await send(pool)) == (Verdict.FAILED, OutcomeReason.SENDER_REFUSED)


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        ("421 4.3.2 going down", Verdict.DEFERRED, OutcomeReason.TRY_LATER),
        ("451 4.3.0 disk", Verdict.DEFERRED, OutcomeReason.TRY_LATER),
        ("452 4.3.1 disk full", Verdict.DEFERRED, OutcomeReason.TRY_LATER),
        ("552 5.3.4 too big", Verdict.FAILED, OutcomeReason.TOO_LARGE),
        ("552 too big", Verdict.FAILED, OutcomeReason.TOO_LARGE),
        ("554 5.7.1 looks like spam", Verdict.FAILED, OutcomeReason.POLICY_REFUSED),
        ("554 5.6.0 cannot read that", Verdict.FAILED, OutcomeReason.MESSAGE_REFUSED),
        ("550 5.1.1 found out late", Verdict.FAILED, OutcomeReason.ADDRESS_REFUSED),
    ],
)
async def test_an_answer_to_the_final_dot_is_final(answer: str, verdict: Verdict, reason: OutcomeReason) -> None:
    inbox = Inbox(at_data=says(answer))
    async with serving(inbox) as port, pool_to(port) as pool:
        assert judged(await send(pool)) == (verdict, reason)
        inbox.at_data = says("250 taken")
        assert (await send(pool)).verdict is Verdict.ACCEPTED


async def test_a_connection_lost_before_the_final_dot_defers() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await converse(reader, writer, {b"DATA": b""}, greeting=b"220 hello\r\n")

    async with scripted(script) as port, pool_to(port) as pool:
        assert judged(await send(pool)) == (Verdict.DEFERRED, OutcomeReason.CONNECTION_LOST)


async def test_silence_before_the_final_dot_defers() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await converse(reader, writer, {b"RCPT": None}, greeting=b"220 hello\r\n")

    async with scripted(script) as port, pool_to(port, lambda relay: replace(relay, patience=1.0)) as pool:
        assert judged(await send(pool)) == (Verdict.DEFERRED, OutcomeReason.TIMED_OUT)


async def test_a_connection_lost_after_the_final_dot_is_unknown() -> None:
    inbox = Inbox(at_data=hangs_up)
    async with serving(inbox) as port, pool_to(port) as pool:
        assert judged(await send(pool)) == (Verdict.UNKNOWN, OutcomeReason.REPLY_LOST)
        inbox.at_data = says("250 taken")
        assert (await send(pool)).verdict is Verdict.ACCEPTED
    assert inbox.greetings == 2


@pytest.mark.parametrize(("patience", "deadline"), [(1.0, 5.0), (5.0, 1.0)])
async def test_silence_after_the_final_dot_is_unknown_and_a_late_250_answers_nothing_else(
    patience: float, deadline: float
) -> None:
    late = asyncio.Event()

    async def waits(inbox: Inbox, server: SMTP, envelope: Envelope) -> str:
        await late.wait()
        return "250 2.0.0 too late"

    def impatient(relay: MailRelay) -> MailRelay:
        return replace(relay, patience=patience, deadline=deadline)

    inbox = Inbox(at_data=waits)
    async with serving(inbox) as port, pool_to(port, impatient) as pool:
        assert judged(await send(pool)) == (Verdict.UNKNOWN, OutcomeReason.REPLY_LOST)
        late.set()
        inbox.at_data = says("451 4.3.0 this one is refused")
        assert judged(await send(pool)) == (Verdict.DEFERRED, OutcomeReason.TRY_LATER)
    assert inbox.greetings == 2


async def test_a_garbled_answer_to_the_final_dot_is_unknown() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        answers: dict[bytes, bytes | None] = {b"DATA": b"354 go\r\n", b".": b"what?\r\n"}
        await converse(reader, writer, answers, greeting=b"220 hello\r\n")

    async with scripted(script) as port, pool_to(port) as pool:
        assert judged(await send(pool)) == (Verdict.UNKNOWN, OutcomeReason.REPLY_LOST)


async def test_a_refusal_is_not_hidden_by_silence_afterwards() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        answers: dict[bytes, bytes | None] = {b"RCPT": b"550 5.1.1 no such user\r\n", b"RSET": None}
        await converse(reader, writer, answers, greeting=b"220 hello\r\n")

    async with scripted(script) as port, pool_to(port, lambda relay: replace(relay, patience=1.0)) as pool:
        assert judged(await send(pool)) == (Verdict.FAILED, OutcomeReason.ADDRESS_REFUSED)


async def test_a_cancelled_send_leaves_no_connection_behind() -> None:
    entered = asyncio.Event()

    async def waits(inbox: Inbox, server: SMTP, envelope: Envelope) -> str:
        entered.set()
        await asyncio.Event().wait()
        return "250 never"

    inbox = Inbox(at_data=waits)
    async with serving(inbox) as port, pool_to(port) as pool:
        task = asyncio.create_task(send(pool))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        inbox.at_data = says("250 taken")
        assert (await send(pool)).verdict is Verdict.ACCEPTED
    assert inbox.greetings == 2


async def test_waiting_for_a_connection_counts_against_the_deadline() -> None:
    async def waits(inbox: Inbox, server: SMTP, envelope: Envelope) -> str:
        await asyncio.Event().wait()
        return "250 never"

    async with (
        serving(Inbox(at_data=waits)) as port,
        pool_to(port, lambda relay: replace(relay, deadline=1.5, connections=1)) as pool,
    ):
        outcomes = await asyncio.gather(send(pool), send(pool))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.UNKNOWN, Verdict.DEFERRED]


class Certificates:
    """A certificate authority of the test, and one that nobody trusts."""

    def __init__(self, directory: Path) -> None:
        self.ours, self.strange = trustme.CA(), trustme.CA()
        self.file = directory / "ca.pem"
        self.ours.cert_pem.write_to_path(str(self.file))

    def server(self, name: str = "127.0.0.1", *, strange: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (self.strange if strange else self.ours).issue_cert(name).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_mail_goes_out_encrypted(certificates: Certificates, tls: Tls) -> None:
    inbox = Inbox()

    def encrypted(relay: MailRelay) -> MailRelay:
        return replace(relay, tls=tls, ca_file=str(certificates.file))

    context = certificates.server()
    async with serving(inbox, context=context, implicit=tls == "tls") as port, pool_to(port, encrypted) as pool:
        assert (await send(pool)).verdict is Verdict.ACCEPTED
        assert (await send(pool)).verdict is Verdict.ACCEPTED
    assert len(inbox.messages) == 2
    if tls == "starttls":
        assert inbox.encrypted == [True, True]


@pytest.mark.parametrize("fault", ["stripped", "strange authority", "wrong name"])
async def test_without_the_encryption_that_was_asked_for_nothing_is_sent(
    certificates: Certificates, fault: str
) -> None:
    inbox = Inbox()
    context = {
        "stripped": None,
        "strange authority": certificates.server(strange=True),
        "wrong name": certificates.server("other.example"),
    }[fault]

    def encrypted(relay: MailRelay) -> MailRelay:
        return replace(relay, tls="starttls", ca_file=str(certificates.file))

    async with serving(inbox, context=context) as port, pool_to(port, encrypted) as pool:
        assert judged(await send(pool)) == (Verdict.DEFERRED, OutcomeReason.TLS_FAILED)
    assert inbox.messages == []
    assert inbox.envelopes == []


async def test_a_starttls_that_breaks_off_sends_nothing() -> None:
    heard: list[bytes] = []

    async def script(reader: Reader, writer: Writer) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        writer.write(b"250-hello\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go ahead\r\n")
        heard.append(await reader.read(5))

    async with scripted(script) as port, pool_to(port, lambda relay: replace(relay, tls="starttls")) as pool:
        assert judged(await send(pool)) == (Verdict.DEFERRED, OutcomeReason.TLS_FAILED)
    assert heard[0].startswith(b"\x16")


@pytest.mark.parametrize(
    "recipient",
    [
        "desk@example.org\r\nRCPT TO:<evil@example.org>",
        "desk@example.org, evil@example.org",
        "<desk@example.org>",
        "Desk <desk@example.org>",
        "desk@example.org ORCPT=evil",
        "",
    ],
)
async def test_an_address_that_is_not_one_mailbox_never_reaches_the_relay(recipient: str) -> None:
    inbox = Inbox()
    async with serving(inbox) as port, pool_to(port) as pool:
        outcome = await send(pool, recipient=recipient)
    assert judged(outcome) == (Verdict.FAILED, OutcomeReason.ADDRESS_REFUSED)
    assert "evil" not in outcome.answer
    assert inbox.greetings == 0


@pytest.mark.parametrize("host", ["relay.example.org", "10.0.0.1", "0.0.0.0", "127.0.0.1.example.org"])
def test_mail_in_clear_is_for_loopback_only(host: str) -> None:
    with pytest.raises(RelayRefused):
        replace(RELAY, host=host)


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(replace(RELAY, username="tocsin", password="hunter2"))


async def test_what_was_refused_for_now_is_taken_at_the_next_try_on_the_same_connection() -> None:
    """450, then 250: greylisting."""
    inbox = Inbox(recipient_answers=["450 4.7.1 greylisted, come back"])
    async with serving(inbox) as port, pool_to(port) as pool:
        assert judged(await send(pool)) == (Verdict.DEFERRED, OutcomeReason.TRY_LATER)
        assert (await send(pool)).verdict is Verdict.ACCEPTED
    assert inbox.messages == [MESSAGE]
    assert inbox.greetings == 1


@pytest.mark.parametrize(
    ("answer", "loses"),
    [
        ("550 5.1.1 no such user", True),
        ("550 5.1.2 no such host", True),
        ("556 5.1.10 null mx", True),
        ("553 what is that", False),
        ("550 5.7.1 relaying denied", False),
        ("550 5.1.8 bad sender", False),
        ("552 5.2.2 mailbox full", False),
    ],
)
async def test_only_a_code_that_says_so_loses_an_address(answer: str, loses: bool) -> None:
    async with serving(Inbox(recipient_answers=[answer])) as port, pool_to(port) as pool:
        assert loses_address(await send(pool)) is loses
