"""The page behind a mail's link in a real browser: its looks, and every journey without script and without a mouse."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from notifiers.tokens import LinkPurpose
from schemas.vocabularies import AlertKind, Handling, Tense
from tests.broker.telling import authority, mail_to
from tests.broker.test_portal import Portal, delivery, told
from tests.broker.test_portal import portal as portal
from tests.browser.looking import SCHEMES, Look, look
from tests.telling import alert_event

WIDTHS: Final = (320, 640, 1280)


def ended(portal: Portal) -> str:
    told(portal)
    portal.here.planned(alert_event(revision=2, kind=AlertKind.CANCELLED))
    return portal.link(delivery(portal.here, mail_to("si").address, revision=2))


def answered(portal: Portal) -> str:
    link = told(portal)
    portal.post(link, {"by": "Duty officer"})
    portal.post(f"{link}/report", {"by": "Duty officer", "kind": "warning_issued", "text": "Pharmacies warned " * 20})
    return link


def overtaken(portal: Portal) -> str:
    link = told(portal)
    portal.here.planned(alert_event(revision=2, kind=AlertKind.UPDATED))
    return link


def stop(portal: Portal) -> str:
    told(portal)
    return portal.link(delivery(portal.here, mail_to("open").address), LinkPurpose.UNSUBSCRIBE)


def spread(portal: Portal) -> str:
    """In many countries, some of them newly affected."""
    event = alert_event(countries=("SI", "AT", "DE", "EE", "FI", "GB"))
    counts = [
        each.model_copy(update={"events": n * n, "newly_affected": n % 2 == 0})
        for n, each in enumerate(event.countries, start=1)
    ]
    portal.here.import_(authority("si", mail_to("si")))
    portal.here.planned(event.model_copy(update={"countries": tuple(counts)}))
    return portal.link(delivery(portal.here, mail_to("si").address))


PAGES: Final[dict[str, Callable[[Portal], str]]] = {
    "alert": told,
    "spread": spread,
    "exercise": lambda portal: told(portal, tense=Tense.EXERCISE),
    "red": lambda portal: told(portal, handling=Handling.RED),
    "ended": ended,
    "answered": answered,
    "overtaken": overtaken,
    "unsubscribe": stop,
    "nowhere": lambda portal: portal.base + "/nowhere",
}
OWN_STATUS: Final = {"nowhere": "404"}


def check(seen: Look, name: str, base: str) -> None:
    """Looks, then the console: what the answer's own status writes there is no fault of the page."""
    assert all(url.startswith((base, "data:")) for url in seen.asked)
    assert [line for line in seen.said if OWN_STATUS.get(name, "422") not in line] == []
    assert seen.fits(), name
    assert seen.faults() == [], name


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_without_hindrance(chromium: Browser, portal: Portal, name: str) -> None:
    link = PAGES[name](portal)
    for width in WIDTHS:
        for scheme in SCHEMES:
            with look(chromium, width=width, scheme=scheme) as seen:
                seen.page.goto(link)
                for details in seen.page.locator("details").all():
                    details.locator("summary").click()
                seen.picture(f"page-{name}-{width}-{scheme}")
                check(seen, name, portal.base)


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def opened(chromium: Browser, portal: Portal, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page of an alert, not yet acknowledged."""
    with look(chromium, width=640, scheme="light", script=request.param) as seen:
        seen.page.goto(told(portal))
        yield seen.page
        assert [line for line in seen.said if "422" not in line] == []


def test_a_person_acknowledges_and_reports(opened: Page, portal: Portal) -> None:
    opened.get_by_label("Your name or your duty role").first.fill("Duty officer")
    opened.get_by_role("button", name="I have read it: acknowledge").click()
    assert opened.get_by_text("Acknowledged by Duty officer").is_visible()
    opened.get_by_text("Report what was done, or what else you know").click()
    opened.get_by_label("What is it?").select_option("warning_issued")
    opened.get_by_label("In a few sentences").fill("Pharmacies were warned.")
    opened.get_by_role("button", name="Send").click()
    assert opened.get_by_text("Pharmacies were warned.").is_visible()
    assert portal.here.sql_one("SELECT count(*) FROM acknowledgements") == 1
    assert portal.here.sql_one("SELECT count(*) FROM measures") == 1


def test_what_was_typed_stays_when_it_is_sent_back(opened: Page, portal: Portal) -> None:
    opened.get_by_text("Report what was done, or what else you know").click()
    opened.get_by_label("Your name or your duty role").last.fill("Duty officer")
    opened.get_by_label("What is it?").select_option("information")
    opened.get_by_label("In a few sentences").fill("Ask Jana at jana@example.org")
    opened.get_by_role("button", name="Send").click()
    assert opened.get_by_role("alert").is_visible()
    assert opened.get_by_label("In a few sentences").input_value() == "Ask Jana at jana@example.org"
    assert opened.get_by_label("What is it?").input_value() == "information"
    assert portal.here.sql_one("SELECT count(*) FROM measures") == 0


def test_a_form_that_was_sent_back_is_read_without_hindrance(chromium: Browser, portal: Portal) -> None:
    with look(chromium, width=320, scheme="dark") as seen:
        seen.page.goto(told(portal))
        seen.page.get_by_label("Your name or your duty role").first.fill("   ")
        seen.page.get_by_role("button", name="I have read it: acknowledge").click()
        assert seen.page.get_by_role("alert").is_visible()
        check(seen, "problem", portal.base)


def test_whoever_has_no_mouse_does_it_with_the_keyboard(opened: Page, portal: Portal) -> None:
    keys = opened.keyboard
    keys.press("Tab")
    assert opened.locator(":focus").get_attribute("id") == "by"
    assert opened.locator(":focus").evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
    keys.type("Duty officer")
    keys.press("Tab")
    keys.press("Enter")
    opened.get_by_text("Acknowledged by Duty officer").wait_for()
    keys.press("Tab")
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("ArrowDown")
    keys.press("Tab")
    keys.type("Hospitals were told.")
    keys.press("Tab")
    keys.press("Enter")
    opened.get_by_text("Hospitals were told.").wait_for()
    assert portal.here.sql_text("SELECT kind FROM measures") == "services_informed"


def test_whoever_subscribed_ends_it_with_a_button(chromium: Browser, portal: Portal) -> None:
    with look(chromium, width=320, scheme="light", script=False) as seen:
        seen.page.goto(stop(portal))
        assert portal.here.sql_one("SELECT count(*) FROM unsubscriptions") == 0
        seen.page.get_by_role("button", name="Yes, unsubscribe").click()
        assert seen.page.get_by_text("You are unsubscribed.").is_visible()
    assert portal.here.sql_one("SELECT count(*) FROM unsubscriptions") == 1


def test_the_tiles_are_heard_as_countries_with_their_numbers(chromium: Browser, portal: Portal) -> None:
    with look(chromium, width=640, scheme="light") as seen:
        seen.page.goto(spread(portal))
        heard = seen.page.get_by_role("list", name="Where").get_by_role("listitem").all_inner_texts()
    assert [" ".join(text.split()[2:]) for text in heard] == [
        "Finland 25",
        "Estonia 16 (newly affected)",
        "Germany 9",
        "Austria 4 (newly affected)",
        "Slovenia 1",
    ]


def test_on_paper_stands_the_alert_and_no_form(chromium: Browser, portal: Portal) -> None:
    with look(chromium, width=794, scheme="dark") as seen:
        seen.page.goto(answered(portal))
        seen.page.emulate_media(media="print")
        seen.picture("page-print")
        page = seen.page
        assert page.get_by_role("heading", level=1).is_visible()
        assert page.get_by_text("Acknowledged by Duty officer").is_visible()
        assert page.get_by_text("Pharmacies warned").first.is_visible()
        assert not page.get_by_role("button").all()
        paper = page.locator("body").evaluate("each => getComputedStyle(each).backgroundColor")
        assert paper in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")


@pytest.mark.parametrize("language", ["en", "sl", "el"])
def test_the_page_speaks_and_names_the_language_of_its_reader(chromium: Browser, portal: Portal, language: str) -> None:
    portal.here.import_(authority("si", mail_to("si", language=language)))
    portal.here.planned(alert_event())
    with look(chromium, width=640, scheme="light") as seen:
        seen.page.goto(portal.link(delivery(portal.here, mail_to("si").address)))
        assert seen.page.locator("html").get_attribute("lang") == language
