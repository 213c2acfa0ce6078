"""How a mail looks to whoever opens it: narrow and wide, light and dark, without pictures, without its style sheet."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from playwright.sync_api import Browser

from notifiers.purposes import Content, purpose_of
from notifiers.rendering import Reader, digest_body, mail_body
from schemas.alert_events import AlertEvent, NearMiss, OverrideRef
from schemas.digests import Count, Digest, Line, Window
from schemas.vocabularies import EU_COUNTRIES, Category, Handling, Level, Turn
from tests.browser.looking import SCHEMES, Look, look, offline
from tests.speaking import CANCELLED, EXERCISE, PROVISIONAL, RED, URGENT

DUE: Final = datetime(2026, 11, 24, 8, 29, tzinfo=UTC)
AUTHORITY: Final = Reader(statutory=True, portal="https://alerts.tocsin.example", answer_by=DUE, country="SI")
SUBSCRIBER: Final = Reader(statutory=False, portal="https://alerts.tocsin.example")

LONG: Final = URGENT.model_copy(
    update={
        "substance": URGENT.substance.model_copy(update={"name": "N-" + "pyrrolidinoprotonitazepyne" * 4}),
        "near": (NearMiss(level=Level.L4, turn=Turn.ANOTHER_COUNTRY, says="one more newly affected country"),),
        "override": OverrideRef(
            level=Level.L4, by="Example reviewer", reason="Unbroken" * 40, since=URGENT.decided_at, until=DUE
        ),
        "use_conditions": ("https://example.org/" + "a" * 300,),
    }
)

MAILS: Final = {
    "urgent": (URGENT, Content.FULL, AUTHORITY, "en"),
    "provisional": (PROVISIONAL, Content.FULL, AUTHORITY, "en"),
    "cancelled": (CANCELLED, Content.FULL, AUTHORITY, "en"),
    "exercise": (EXERCISE, Content.FULL, AUTHORITY, "en"),
    "waiting": (RED, Content.BARE, AUTHORITY, "en"),
    "voluntary": (PROVISIONAL, Content.FULL, SUBSCRIBER, "en"),
    "long": (LONG, Content.FULL, AUTHORITY, "en"),
    "german": (URGENT, Content.FULL, AUTHORITY, "de"),
    "greek": (CANCELLED, Content.FULL, AUTHORITY, "el"),
    "finnish": (PROVISIONAL, Content.FULL, AUTHORITY, "fi"),
}


def html(event: AlertEvent, content: Content, reader: Reader, language: str) -> str:
    return mail_body(event, purpose=purpose_of(event.kind), content=content, reader=reader, language=language).html


def digest_html(language: str, reader: Reader = SUBSCRIBER) -> str:
    """A full one: many lines, every class, many countries, a condition of use."""
    start = datetime(2026, 11, 16, 7, tzinfo=UTC)
    line = Line(
        number="TOC-A-2026-0001", title="N-" + "pyrrolidinoprotonitazepyne" * 4, level=1, countries=("SI", "FI")
    )
    made = Digest(
        handling=Handling.AMBER,
        use_conditions=("https://example.org/" + "a" * 300,),
        window=Window(start=start, end=start + timedelta(days=7)),
        lines=(line, line.model_copy(update={"title": "Protonitazepyne in tablets", "number": "TOC-A-2026-0002"})),
        more=12,
        classes={category: Count(now=3, before=1) for category in Category},
        countries={code: Count(now=2, before=4) for code in sorted(EU_COUNTRIES)},
    )
    return digest_body(made, digest_id="0" * 32, language=language, reader=reader).html


@pytest.mark.parametrize("width", [320, 640])
@pytest.mark.parametrize(("language", "reader"), [("en", SUBSCRIBER), ("el", AUTHORITY)])
def test_a_digest_is_read_without_hindrance(chromium: Browser, width: int, language: str, reader: Reader) -> None:
    page = digest_html(language, reader)
    for scheme in SCHEMES:
        for dress, shown in (("styled", page), ("stripped", stripped(page))):
            with look(chromium, width=width, scheme=scheme) as seen:
                offline(seen)
                seen.page.set_content(shown)
                assert seen.page.get_by_role("heading", level=2).count() == 3
                check(seen, f"mail-digest-{language}-{width}-{scheme}-{dress}")


def stripped(page: str) -> str:
    """As readers show it that take style sheets out."""
    return re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)


def check(seen: Look, name: str) -> None:
    seen.picture(name)
    assert seen.fits(), name
    assert seen.faults() == [], name
    assert seen.said == []
    assert seen.asked == []


@pytest.mark.parametrize("width", [320, 640])
@pytest.mark.parametrize("name", MAILS)
def test_a_mail_is_read_without_hindrance(chromium: Browser, name: str, width: int) -> None:
    page = html(*MAILS[name])
    for scheme in SCHEMES:
        for dress, shown in (("styled", page), ("stripped", stripped(page))):
            with look(chromium, width=width, scheme=scheme) as seen:
                offline(seen)
                seen.page.set_content(shown)
                check(seen, f"mail-{name}-{width}-{scheme}-{dress}")


def test_the_first_screen_of_a_telephone_holds_what_it_is_and_the_button(chromium: Browser) -> None:
    with look(chromium, width=360, scheme="light") as seen:
        offline(seen)
        seen.page.set_viewport_size({"width": 360, "height": 740})
        seen.page.set_content(html(*MAILS["urgent"]))
        button = seen.page.get_by_role("link", name="Open and acknowledge")
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["y"] + box["height"] < 740
        for words in ("L4 Urgent alert", "TLP:AMBER", "Protonitazepyne in tablets", "2 deaths"):
            assert seen.page.get_by_text(words).first.is_visible()


def test_a_reader_of_screens_hears_headings_in_order_and_facts_by_their_names(chromium: Browser) -> None:
    with look(chromium, width=640, scheme="light") as seen:
        offline(seen)
        seen.page.set_content(html(*MAILS["urgent"]))
        page = seen.page
        assert page.get_by_role("heading", level=1).all_inner_texts() == [
            "Protonitazepyne in tablets sold as oxycodone"
        ]
        headings = page.get_by_role("heading", level=2).all_inner_texts()
        assert headings.index("What to do now") < headings.index("Why it is L4") < headings.index("Where")
        assert page.get_by_role("rowheader", name="Sold as").count() == 1
        assert "EE" not in page.get_by_role("main").aria_snapshot()  # the tiles say what the sentence says
