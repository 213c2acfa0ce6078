"""Everything a laboratory or a person wrote is hostile text: it never becomes markup, a header, or a leak."""

import email
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import default
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from notifiers.email.message import MailBody, UnfitForHeader, template
from notifiers.purposes import Content, purpose_of
from notifiers.rendering import render_mail, render_webhook
from notifiers.wording import compose
from schemas.alert_events import AlertEvent, FiredRule
from schemas.vocabularies import AlertKind
from tests.speaking import CANCELLED, DELIVERY_ID, RED, RELAY, SENT_AT, URGENT, Outline, outline, words

HOSTILE = (
    "{{ w.subject }}",
    "{% for x in range(9) %}x{% endfor %}",
    "{0.__class__.__mro__} {name} %s %(x)s",
    "</style><style>body{display:none}",
    "</title><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' style='display:none",
    "javascript:alert(1)",
    "<!-- ",
    "]]><svg/onload=alert(1)>",
    "&lt;script&gt;",
    "<a href=http://evil.example>log in</a>",
    "</td></tr></table></body></html>",
    "\r\nBcc: all@example.org",
    "\n\nEXERCISE: this is not real",
    "\r\n.\r\nMAIL FROM:<evil@example.org>",
    "=?utf-8?q?x=0d=0aBcc:_all@example.org?=",
    "\u202egnp.exe \u2066x\u2069",
    "\u05d0\u05d1\u05d2 \u0627\u0644\u0639",
    "zero\u200bwidth\ufeff",
    "nul\x00 bell\x07 escape\x1b[2J",
    "line\u2028separator\u2029and\x85more",
    "x" * 100_000,
    "<b>" * 30_000,
    "𝕏" * 5_000,
    "recipient@goes.here",
    "<message-id@goes.here>",
    "Thu, 01 Jan 1970 00:00:00 +0000",
)


def _substance(text: str) -> AlertEvent:
    return URGENT.model_copy(update={"substance": URGENT.substance.model_copy(update={"name": text})})


def _identifiers(text: str) -> AlertEvent:
    changed = {"cas": text, "inchikey": text, "subgroup": text}
    return URGENT.model_copy(update={"substance": URGENT.substance.model_copy(update=changed)})


def _product(text: str) -> AlertEvent:
    changed = {"sold_as": (text,), "appearance": (text,), "other_substances": (text,)}
    return URGENT.model_copy(update={"product": URGENT.product.model_copy(update=changed)})


def _sentences(text: str) -> AlertEvent:
    rules = (FiredRule(id="r", axis="impact", score="4", says=text),)
    changed = {"rules": rules, "advice": (text,), "questions": (text,), "use_conditions": (text,)}
    return URGENT.model_copy(update={**changed, "references": (text,)})


def _reason(text: str) -> AlertEvent:
    return CANCELLED.model_copy(update={"reason": text})


def _rule_set(text: str) -> AlertEvent:
    changed = {
        "rule_set": URGENT.rule_set.model_copy(update={"name": text, "version": text}),
        "catalogue_version": text,
    }
    return URGENT.model_copy(update=changed)


FIELDS = (_substance, _identifiers, _product, _sentences, _reason, _rule_set)


def mail(event: AlertEvent, content: Content = Content.FULL) -> bytes:
    return render_mail(event, purpose=purpose_of(event.kind), content=content, relay=RELAY).fill(
        delivery_id=DELIVERY_ID, recipient="desk@example.org", at=SENT_AT
    )


def read(message: bytes) -> tuple[EmailMessage, str, str]:
    parsed = email.message_from_bytes(message, policy=default)
    assert not parsed.defects
    plain, page = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert plain is not None
    assert page is not None
    return parsed, plain.get_content(), page.get_content()


@cache
def _harmless(place: Callable[[str], AlertEvent]) -> tuple[list[str], Outline]:
    message, _, page = read(mail(place("harmless")))
    return message.keys(), outline(page)


@pytest.mark.parametrize("place", FIELDS)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:24]))
def test_hostile_text_changes_what_is_said_and_never_what_the_mail_is(
    place: Callable[[str], AlertEvent], text: str
) -> None:
    headers, tags = _harmless(place)
    message, plain, page = read(mail(place(text)))
    assert outline(page) == tags
    assert message.keys() == headers
    assert message["To"] == "desk@example.org"
    assert message["Message-ID"] == f"<{DELIVERY_ID}@tocsin.example>"
    assert not [
        c for c in page + plain if (ord(c) < 32 and c not in "\r\n") or c in "\u202e\u2066\u200b\ufeff\u2028\x7f\x85"
    ]
    assert len(page) < 100_000
    assert plain.startswith(("L4 Urgent alert", "Cancelled"))
    assert "\n\nEXERCISE" not in plain.replace("\r\n", "\n")


@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 60 and text.isprintable()])
def test_hostile_text_that_is_harmless_as_text_is_shown_as_it_is(text: str) -> None:
    _, plain, page = read(mail(_sentences(text)))
    assert " ".join(text.split()) in words(page)
    assert " ".join(text.split()) in " ".join(plain.split())


@pytest.mark.parametrize("text", [text for text in HOSTILE if not text.isprintable() or "=?" in text or len(text) > 60])
def test_a_name_that_no_header_may_hold_is_left_out_of_the_subject_and_the_alert_still_goes(text: str) -> None:
    message, _, _ = read(mail(_substance(text)))
    assert str(message["Subject"]) == (
        "[L4 URGENT] [TLP:AMBER] Level raised: An opioid, name not fit for a subject line (TOC-A-2026-0142)"
    )


def test_a_name_sold_under_that_no_header_may_hold_is_left_out_of_the_subject() -> None:
    message, _, _ = read(mail(_product("x\r\nBcc: all@example.org")))
    assert str(message["Subject"]).endswith("Protonitazepyne in tablets, up to 3.2 mg per unit (TOC-A-2026-0142)")


@pytest.mark.parametrize("char", ["\r", "\n", "\0", "\x1b", "\x85", "\u2028", "\u202e", "\u2066", "\u200b", "=?"])
def test_a_subject_with_anything_unfit_stops_the_mail(char: str) -> None:
    said = MailBody(subject=f"before{char}after", text="t", html="h", thread="0" * 32, language="en")
    with pytest.raises(UnfitForHeader):
        template(said, relay=RELAY)


@given(name=st.text(max_size=80))
@example(name="𐀀𐀀𐀀 ¡ ¡")
@settings(max_examples=100, deadline=None)
def test_any_name_gives_a_whole_mail_with_its_own_headers_only(name: str) -> None:
    event = _substance(name.encode("utf-8", "ignore").decode())
    message, _, page = read(mail(event))
    subject = str(message["Subject"])
    assert subject == compose(event, purpose=purpose_of(event.kind), content=Content.FULL).subject
    assert message["Bcc"] is None
    assert message["References"] == f"<{URGENT.alert_id}@tocsin.example>"
    assert outline(page) == _harmless(_substance)[1]


@pytest.mark.parametrize("place", FIELDS)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:24]))
def test_a_webhook_stays_json_of_less_than_20_kb(place: Callable[[str], AlertEvent], text: str) -> None:
    body = render_webhook(place(text), content=Content.FULL)
    assert len(body) < 20_000
    assert body.isascii()
    assert b"\n" not in body


def test_a_webhook_that_would_not_fit_says_less_and_says_so() -> None:
    body = render_webhook(_substance("x" * 100_000), content=Content.FULL)
    assert b'"content":"thin"' in body
    assert b'"number":"TOC-A-2026-0142"' in body


CANARY = "canarybird"


def _planted(value: object) -> object:
    """The same value with the canary in every text, and numbers that stand out."""
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: _planted(getattr(value, name)) for name in type(value).model_fields})
    if isinstance(value, tuple):
        return tuple(_planted(item) for item in value)
    if type(value) is str:
        return f"{CANARY} {value}"
    if type(value) is int or type(value) is float:
        return 98_765
    return value


def _canary() -> AlertEvent:
    kept = ("alert_id", "event_id", "revision", "impact", "spread", "handling", "schema_version")
    event = _planted(RED)
    assert isinstance(event, AlertEvent)
    return event.model_copy(update={name: getattr(RED, name) for name in kept})


@pytest.mark.parametrize("kind", list(AlertKind))
def test_a_bare_message_leaks_nothing_of_any_field(kind: AlertKind) -> None:
    event = _canary().model_copy(update={"kind": kind})
    message, plain, page = read(mail(event, Content.BARE))
    for said in (str(message), plain, page, render_webhook(event, content=Content.BARE).decode()):
        assert CANARY not in said.lower()
        assert "98765" not in said
        assert not [word for word in ("nitazene", "opioid", "Slovenia", "Estonia", "tablet", "TOC-A") if word in said]


def test_the_canary_sings_in_a_full_message() -> None:
    """The guard of the test above: what it looks for is there when content is not withheld."""
    _, plain, page = read(mail(_canary()))
    assert CANARY in plain
    assert CANARY in page
    assert "98,765" in plain


def test_a_thin_webhook_tells_the_number_and_nothing_of_the_substance() -> None:
    body = render_webhook(_canary().model_copy(update={"number": "TOC-A-2026-0142"}), content=Content.THIN).decode()
    assert "TOC-A-2026-0142" in body
    assert CANARY not in body
    assert "98765" not in body
