"""The Atom feed: what a reader may see, once each, newest first, in bytes that change only when an alert does."""

from datetime import timedelta
from xml.etree import ElementTree

from notifiers.feed import ATOM, etag, feed, visible
from schemas.vocabularies import Audience, Handling
from tests.speaking import EXERCISE, URGENT

SITE = "tocsin.example"
CLEAR = URGENT.model_copy(update={"handling": Handling.CLEAR})
LATER = CLEAR.model_copy(update={"alert_id": "ab" * 16, "decided_at": CLEAR.decided_at + timedelta(hours=1)})


def entries(body: bytes) -> list[ElementTree.Element]:
    return ElementTree.fromstring(body).findall(f"{{{ATOM}}}entry")


def test_the_newest_comes_first_and_dates_the_feed() -> None:
    body = feed([CLEAR, LATER], site=SITE)
    assert [entry.findtext(f"{{{ATOM}}}id") for entry in entries(body)] == [
        f"urn:tocsin:alert:{LATER.alert_id}",
        f"urn:tocsin:alert:{CLEAR.alert_id}",
    ]
    assert ElementTree.fromstring(body).findtext(f"{{{ATOM}}}updated") == LATER.decided_at.isoformat()


def test_what_is_stricter_an_exercise_or_about_precursors_is_left_out() -> None:
    exercise = EXERCISE.model_copy(update={"handling": Handling.CLEAR})
    precursor = CLEAR.model_copy(update={"audience": Audience.PRECURSOR})
    assert visible([URGENT, exercise, precursor], within=Handling.CLEAR) == []
    assert visible([URGENT], within=Handling.AMBER) == [URGENT]
    assert URGENT.substance.name not in feed([URGENT], site=SITE).decode().casefold()


def test_the_entity_tag_changes_when_an_alert_does_and_only_then() -> None:
    assert etag(feed([CLEAR], site=SITE)) == etag(feed([CLEAR], site=SITE))
    assert etag(feed([CLEAR], site=SITE)) != etag(feed([LATER], site=SITE))


def test_a_feed_of_nothing_is_a_feed() -> None:
    assert entries(feed([], site=SITE)) == []
