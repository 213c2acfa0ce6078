"""The page behind a mail's link, over real HTTP and a real database: what a person does counts, opening does not."""

import hashlib
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message

import pytest
import uvicorn

from notifiers.tokens import LinkPurpose, Links
from notifiers.webhook.signing import signature
from portal.answering import Answering
from portal.app import application
from schemas.vocabularies import AlertKind, Handling
from storage import answers, subscribers
from storage.site_keys import site_key
from tests.broker.telling import Site, authority, hook_to, mail_to, site, volunteer
from tests.conftest import until
from tests.receivers import SECRET, Mailbox
from tests.telling import alert_event


@dataclass
class Answer:
    status: int
    headers: "Message[str, str]"
    text: str


@dataclass
class Portal:
    """A portal that listens, and the time that it believes it is."""

    here: Site
    base: str
    links: Links
    clock: list[datetime] = field(default_factory=lambda: [datetime.now(UTC)])

    def link(self, delivery_id: str, purpose: LinkPurpose = LinkPurpose.ACKNOWLEDGE, *, days: int = 1) -> str:
        expires = datetime.now(UTC) + timedelta(days=days)
        return self.links.url(purpose, self.links.token(purpose, delivery_id, expires=expires))

    def get(self, url: str, **headers: str) -> Answer:
        return self._open(urllib.request.Request(url, headers=headers))

    def post(self, url: str, fields: dict[str, str] | bytes, *, ours: bool = True, **headers: str) -> Answer:
        body = fields if isinstance(fields, bytes) else urllib.parse.urlencode(fields).encode()
        origin = {"Origin": self.base} if ours else {}
        return self._open(urllib.request.Request(url, data=body, headers={**origin, **headers}, method="POST"))

    def _open(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=60) as found:
                return Answer(found.status, found.headers, found.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read().decode())


@pytest.fixture
def portal(database: str) -> Iterator[Portal]:
    here = site(database, Mailbox())
    with here.engine.begin() as connection:
        key = site_key(connection, "links")
    clock = [datetime.now(UTC)]
    answering = Answering(here.engine, Links("http://127.0.0.1", key))
    app = application(answering, now=lambda: clock[0])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, within=20)
    base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    app.state.answering = Answering(here.engine, Links(base, key))
    yield Portal(here, base, Links(base, key), clock)
    server.should_exit = True
    thread.join(20)


def delivery(here: Site, address: str, *, revision: int = 1) -> str:
    """The delivery planned for this address."""
    return here.sql_text(
        "SELECT delivery_id FROM deliveries d JOIN destinations t ON t.id = d.destination_id "
        "WHERE t.address = :address AND d.revision = CAST(:revision AS integer)",
        address=address,
        revision=str(revision),
    )


def told(portal: Portal, **changes: object) -> str:
    """An authority, a system of theirs and a volunteer are told; the link of the authority's mail."""
    here = portal.here
    here.import_(
        authority("si", mail_to("si"), hook_to("https://si.example.org/")),
        volunteer("open", mail_to("open", clearance=Handling.AMBER)),
    )
    here.planned(alert_event(**changes))  # type: ignore[arg-type]
    here.sql("UPDATE deliveries SET state = 'accepted', accepted_at = now(), attempts = 1")
    return portal.link(delivery(here, mail_to("si").address))


def test_opening_the_link_shows_the_alert_and_changes_nothing(portal: Portal) -> None:
    link = told(portal)
    for _ in range(3):
        page = portal.get(link)
        assert page.status == 200
        assert "protonitazene" in page.text.casefold()
    assert portal.here.sql_one("SELECT count(*) FROM acknowledgements") == 0
    assert portal.here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'acknowledged'") == 0


def test_a_person_acknowledges_once_and_the_first_name_stays(portal: Portal) -> None:
    link = told(portal)
    assert portal.post(link, {"by": "Duty officer"}).status == 200  # the page that the redirect leads to
    assert "Acknowledged by Duty officer" in portal.get(link).text
    portal.post(link, {"by": "Somebody else"})
    with portal.here.engine.begin() as connection:
        (found,) = answers.acknowledgements(connection, alert_event().alert_id)
    assert (found.by, found.way) == ("Duty officer", "link")
    state = portal.here.sql_text("SELECT state FROM deliveries WHERE delivery_id = :id", id=found.delivery_id)
    assert state == "acknowledged"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_a_form_from_elsewhere_acknowledges_nothing(portal: Portal, headers: dict[str, str], status: int) -> None:
    link = told(portal)
    assert portal.post(link, {"by": "Duty officer"}, ours=False, **headers).status == status
    assert portal.here.sql_one("SELECT count(*) FROM acknowledgements") == (1 if status == 200 else 0)


@pytest.mark.parametrize("name", ["", " ", "x", "\u200b\u200b", "n" * 500])
def test_without_a_name_nobody_acknowledges(portal: Portal, name: str) -> None:
    link = told(portal)
    assert portal.post(link, {"by": name}).status == 422
    assert portal.here.sql_one("SELECT count(*) FROM acknowledgements") == 0


def test_a_forged_link_leads_nowhere_and_an_expired_one_says_so(portal: Portal) -> None:
    link = told(portal)
    for wrong in (link + "x", link[:-1], portal.link("0" * 32), link.replace("/a/", "/u/"), portal.base + "/a/%00"):
        assert portal.get(wrong).status == 404
    portal.clock[0] += timedelta(days=2)
    late = portal.post(link, {"by": "Duty officer"})
    assert late.status == 410
    assert "expired" in late.text
    assert portal.here.sql_one("SELECT count(*) FROM acknowledgements") == 0


def test_measures_go_to_the_case_and_to_the_page_as_text(portal: Portal) -> None:
    link = told(portal)
    sent = {"by": "Duty officer", "kind": "warning_issued", "text": "<script>x</script> pharmacies warned"}
    assert portal.post(f"{link}/report", sent).status == 200
    page = portal.get(link).text
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    with portal.here.engine.begin() as connection:
        (found,) = answers.answers(connection, alert_event().alert_id)
    assert found.kind == "warning_issued"
    person = {"text": "Ask jana@example.org, born 24 December 1980"}
    for wrong in ({"kind": "nonsense"}, {"text": ""}, {"text": "x" * 2001}, {"by": ""}, person):
        assert portal.post(f"{link}/report", {**sent, **wrong}).status == 422


def test_the_page_says_until_when_an_answer_is_awaited(portal: Portal) -> None:
    link = told(portal)
    portal.here.sql("DELETE FROM escalation_steps")
    assert "acknowledged by" not in portal.get(link).text
    portal.here.sql(
        "INSERT INTO escalation_steps (alert_id, subscriber_id, level, step, revision, roles, due_at) "
        "SELECT alert_id, 'si', 3, n, 1, '{contact}', '2026-11-24 08:29+00'::timestamptz + n * interval '1 hour' "
        "FROM alert_threads, generate_series(0, 2) n"
    )
    assert "To be acknowledged by 24 November 2026, 08:29 UTC (Ljubljana: 09:29)." in portal.get(link).text


def test_who_may_see_less_sees_less(portal: Portal) -> None:
    link = told(portal, handling=Handling.RED)
    page = portal.get(link)
    assert page.status == 200
    assert "protonitazene" not in page.text.casefold()


def test_an_alert_that_ended_asks_for_nothing(portal: Portal) -> None:
    told(portal)
    portal.here.planned(alert_event(revision=2, kind=AlertKind.CANCELLED))
    last = delivery(portal.here, mail_to("si").address, revision=2)
    page = portal.get(portal.link(last)).text
    assert "Nothing is asked of you any more" in page
    assert 'id="by"' not in page


def test_one_click_ends_a_subscription_and_opening_does_not(portal: Portal) -> None:
    told(portal)
    link = portal.link(delivery(portal.here, mail_to("open").address), LinkPurpose.UNSUBSCRIBE)

    def wanting() -> int:
        with portal.here.engine.begin() as connection:
            return sum(
                bool(one.subscriptions)
                for one in subscribers.recipients(connection)
                if one.destination.address == mail_to("open").address
            )

    assert portal.get(link).status == 200
    assert wanting() == 1
    assert portal.post(link, b"List-Unsubscribe=One-Click", ours=False).status == 200
    assert wanting() == 0


def test_an_authority_cannot_be_unsubscribed(portal: Portal) -> None:
    told(portal)
    link = portal.link(delivery(portal.here, mail_to("si").address), LinkPurpose.UNSUBSCRIBE)
    assert portal.post(link, b"List-Unsubscribe=One-Click", ours=False).status == 200
    assert portal.here.sql_one("SELECT count(*) FROM unsubscriptions") == 0


def signed(body: bytes, *, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    seconds = int((at or datetime.now(UTC)).timestamp())
    message = hashlib.sha256(body).hexdigest()[:32]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(secret, message_id=message, timestamp=seconds, body=body),
        "Content-Type": "application/json",
    }


def test_a_system_acknowledges_with_the_secret_of_its_endpoint_only(portal: Portal) -> None:
    told(portal)
    url = f"{portal.base}/api/v1/acknowledgements"
    hook = delivery(portal.here, "https://si.example.org/")
    body = json.dumps({"delivery_id": hook, "by": "duty system"}).encode()
    other = "whsec_" + "B" * 43 + "="
    old = datetime.now(UTC) - timedelta(minutes=10)
    for headers in ({}, signed(body, secret=other), signed(b"{}"), signed(body, at=old)):
        assert portal.post(url, body, ours=False, **headers).status == 401
    mail = json.dumps({"delivery_id": delivery(portal.here, mail_to("si").address), "by": "duty system"}).encode()
    assert portal.post(url, mail, ours=False, **signed(mail)).status == 401
    assert portal.here.sql_one("SELECT count(*) FROM acknowledgements") == 0
    assert portal.post(url, body, ours=False, **signed(body)).status == 200
    assert portal.here.sql_text("SELECT way FROM acknowledgements") == "webhook"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"delivery_id": 1, "by": 2}', b"[" * 9_000, b"\xff"])
def test_a_body_that_is_none_is_a_sentence_not_a_trace(portal: Portal, body: bytes) -> None:
    found = portal.post(f"{portal.base}/api/v1/acknowledgements", body, ours=False)
    assert found.status == 400
    assert found.headers["Content-Type"] == "application/problem+json"
    assert "Traceback" not in found.text


def test_every_answer_keeps_the_link_a_secret_and_runs_nothing(portal: Portal) -> None:
    link = told(portal)
    for url in (link, f"{portal.base}/nowhere", f"{portal.base}/static/portal.css", f"{portal.base}/health"):
        headers = portal.get(url).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "no-store" in headers["Cache-Control"]
    assert portal.post(link, {"by": "x" * 20_000}).status == 413


def test_a_database_that_is_away_is_a_page_that_asks_to_try_again(portal: Portal) -> None:
    link = told(portal)
    portal.here.sql("ALTER TABLE acknowledgements RENAME TO gone")
    page = portal.get(link)
    assert page.status == 500
    assert "Please try again" in page.text
    assert "acknowledgements" not in page.text
