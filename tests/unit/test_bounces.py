"""Mails that come back: whose they are is in their address, what they say is read from any of the known forms."""

from email.mime.text import MIMEText

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.email.addresses import AddressRefused, mailbox
from notifiers.email.bounces import LONGEST, read_bounce, recipients_of
from notifiers.email.verp import Verp
from schemas.bounces import Came

VERP = Verp("bounces@tocsin.example", bytes(range(32)))
DELIVERY = "0123456789abcdef0123456789abcdef"


def report(*, action: str = "failed", status: str = "5.1.1", diagnostic: str = "smtp; 550 5.1.1 no such user") -> bytes:
    """A notification as Postfix writes it."""
    return f"""From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: {VERP.sender(DELIVERY)}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Tue, 24 Nov 2026 08:15:00 +0000

Final-Recipient: rfc822; desk@example.org
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--b
Content-Type: text/rfc822-headers

Subject: [L4 URGENT] 5.1.1 failed

--b--
""".replace("\n", "\r\n").encode()


def letter(text: str, *, subject: str = "failure notice", sender: str = "MAILER-DAEMON@mx.example") -> bytes:
    mail = MIMEText(text)
    mail["From"], mail["To"], mail["Subject"] = sender, VERP.sender(DELIVERY), subject
    return bytes(mail)


@given(st.binary(min_size=16, max_size=16))
def test_an_envelope_sender_gives_back_its_delivery_in_any_case(raw: bytes) -> None:
    sender = VERP.sender(raw.hex())
    assert mailbox(sender) == sender
    for written in (sender, sender.upper(), f" <{sender}> "):
        assert VERP.read(written) == raw.hex()


def test_nothing_but_our_own_code_is_read() -> None:
    sender = VERP.sender(DELIVERY)
    local, _, domain = sender.partition("@")
    for place in range(len("bounces+"), len(local)):
        forged = local[:place] + ("a" if local[place] != "a" else "b") + local[place + 1 :]
        assert VERP.read(f"{forged}@{domain}") is None
    assert Verp("bounces@tocsin.example", bytes(32)).read(sender) is None
    for other in (
        "",
        "@",
        "bounces@tocsin.example",
        f"other{sender}",
        f"{local}@elsewhere.example",
        f"{local}a@{domain}",
    ):
        assert VERP.read(other) is None


def test_a_bounce_address_too_long_for_its_code_is_refused() -> None:
    assert Verp("b" * 21 + "@tocsin.example", bytes(32)).sender(DELIVERY)
    with pytest.raises(AddressRefused):
        Verp("b" * 22 + "@tocsin.example", bytes(32))


@pytest.mark.parametrize(
    ("action", "status", "came", "lost"),
    [
        ("failed", "5.1.1", Came.FAILED, True),
        ("failed", "5.1.2", Came.FAILED, True),
        ("failed", "5.1.10", Came.FAILED, True),
        ("FAILED", "5.2.1", Came.FAILED, True),
        ("failed", "5.2.2", Came.FAILED, False),
        ("failed", "5.7.1", Came.FAILED, False),
        ("failed", "4.4.7", Came.FAILED, False),
        ("delayed", "4.4.1", Came.DELAYED, False),
        ("delayed", "5.1.1", Came.DELAYED, False),
        ("delivered", "2.0.0", Came.DELIVERED, False),
        ("relayed", "2.0.0", Came.DELIVERED, False),
    ],
)
def test_a_notification_is_read_by_its_fields(action: str, status: str, came: Came, lost: bool) -> None:
    found = read_bounce(report(action=action, status=status, diagnostic="smtp; it is so"))
    assert (found.came, found.status, found.loses_address) == (came, status, lost)
    assert found.said == "it is so"


def test_a_status_that_says_nothing_is_taken_from_the_diagnostic() -> None:
    found = read_bounce(report(status="5.0.0", diagnostic="smtp; 550-5.1.1 The account does not exist"))
    assert found.status == "5.1.1"


@pytest.mark.parametrize(
    ("text", "subject", "came", "status"),
    [
        ("<desk@example.org>: 550 5.1.1 User unknown", "failure notice", Came.FAILED, "5.1.1"),
        ("Hi. This is the qmail-send program at mx.\nSorry, no mailbox here by that name.", "x", Came.FAILED, "5.1.1"),
        ("Your message could not be delivered. Mailbox full.", "Undeliverable: x", Came.FAILED, "5.2.2"),
        ("Host not found", "Returned mail: see transcript", Came.FAILED, "5.1.2"),
        ("Delivery has failed: message blocked as spam", "Delivery failed", Came.FAILED, "5.7.1"),
        ("Delivery failed", "Delivery Status", Came.FAILED, ""),
        ("Will keep trying for 5 days. 4.4.1", "Warning: message delayed", Came.DELAYED, "4.4.1"),
        ("Could not be delivered.\n--- Original message\n550 5.1.1 quoted", "failure notice", Came.FAILED, ""),
    ],
)
def test_letters_of_mailers_are_understood(text: str, subject: str, came: Came, status: str) -> None:
    found = read_bounce(letter(text, subject=subject))
    assert (found.came, found.status) == (came, status)


@pytest.mark.parametrize(
    "mail",
    [
        letter("I am out of office. 550 5.1.1", subject="Out of office", sender="desk@example.org"),
        letter("5.1.1", subject="Re: alert", sender="Desk <desk@example.org>"),
        b"Auto-Submitted: auto-replied\r\nFrom: postmaster@example.org\r\n\r\nfailed 5.1.1",
        letter("Thank you for your message.", subject="Hello"),
        b"",
        b"\0" * 1000,
        b"Content-Type: multipart/report\r\n\r\nno boundary",
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\xff",
        b"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        report(action="praised"),
    ],
    ids=str,
)
def test_what_is_no_word_of_a_mailer_is_nothing(mail: bytes) -> None:
    assert read_bounce(mail).came is Came.NOTHING


def nested(depth: int) -> bytes:
    heads = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(depth))
    return heads.encode() + b"\r\n" * 100_000


def test_a_report_deep_inside_is_not_dug_out() -> None:
    """Python's parser takes depth × lines, so a mail of many levels is not taken apart at all."""
    heads = "".join(f"Content-Type: multipart/mixed; boundary=c{n}\r\n\r\n--c{n}\r\n" for n in range(25))
    assert read_bounce(heads.encode() + report()).came is Came.NOTHING
    shallow = "".join(f"Content-Type: multipart/mixed; boundary=c{n}\r\n\r\n--c{n}\r\n" for n in range(5))
    assert read_bounce(shallow.encode() + report()).came is Came.FAILED


def test_hostile_mails_are_bounded() -> None:
    """Depth times lines is what Python's parser takes: a thousand levels are not taken apart at all."""
    hostile = (
        nested(1000),
        b"Content-Type: message/rfc822\r\n\r\n" * 8000,
        b"Content-Type: multipart/report; boundary=" + b"b" * 10_000_000,
        report() + b"x" * 50_000_000,
        b"Subject: " + b"=?utf-8?q?x?=" * 100_000 + b"\r\n\r\n",
        b"To: " + b"a@b.example, " * 1_000_000,
    )
    came = [read_bounce(mail).came for mail in hostile]
    assert came == [Came.NOTHING] * 3 + [Came.FAILED] + [Came.NOTHING] * 2
    assert all(len(recipients_of(mail[:LONGEST])) < 5000 for mail in hostile)
    assert len(read_bounce(report(diagnostic="smtp; " + "x" * 10_000)).said) <= 1024


def test_controls_and_secrets_of_a_diagnostic_are_not_kept() -> None:
    said = read_bounce(report(diagnostic="smtp; 550 \x1b[31mred\u202e bearer abcdefgh12345")).said
    assert "\x1b" not in said and "abcdefgh" not in said


@given(st.binary(max_size=2000))
def test_no_bytes_break_it(raw: bytes) -> None:
    assert read_bounce(raw).came in Came
    framed = b"From: mailer-daemon@x\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n" + raw
    assert read_bounce(framed).came in Came
    recipients_of(raw)


def test_where_it_went_to_is_read_from_the_headers() -> None:
    mail = b"Delivered-To: a@x.example\nTo: B <b@x.example>, c@x.example\nX-Other: d@x.example\n\ne@x.example"
    assert recipients_of(mail) == ("a@x.example", "b@x.example", "c@x.example")
