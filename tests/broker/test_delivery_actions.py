"""What people do about deliveries by command: acknowledge, send again, redrive, set who is woken; and what they see."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from notifiers.escalation import escalate
from notifiers.reconciliation import Reconciliation
from schemas.vocabularies import AlertKind, Level
from storage.reconciling import Gap
from tests.broker.people import register
from tests.broker.telling import Site, authority, comes, hook_to, mail_to, site
from tests.receivers import Mailbox, hook, mailbox
from tests.telling import alert_event
from tocsin.commands import deliveries, escalation

ANSWERABLE = ("--by", "example-desk", "--reason", "the network was down")
HEARD = ("--by", "si-example-officer", "--reason", "their head of desk, by telephone")


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(database: str, box: Mailbox) -> Iterator[Site]:
    register(database, "example-desk", "central_desk")
    register(database, "si-example-officer", "duty_officer", country="SI")
    register(database, "fi-example-reviewer", "reviewer", country="FI")
    found = site(database, box)
    yield found
    found.engine.dispose()


def run(here: Site, *arguments: str, code: int = 0) -> str:
    """What a command prints on both streams, run in this process."""
    app = {"deliveries": deliveries.app, "escalation": escalation.app}[arguments[0]]
    done = CliRunner().invoke(app, arguments[1:], env={"TOCSIN_DATABASE__URL": here.url})
    assert done.exit_code == code, done.output
    return done.output if code == 0 else str(done.exception)


def test_show_tells_what_is_due_what_fired_and_who_acknowledged(here: Site) -> None:
    here.import_(authority("si", mail_to("si"), mail_to("si-deputy", name="deputy", role="deputy")))
    here.planned(alert_event(level=Level.L4))
    (contact,) = [row.delivery_id for row in here.rows() if row.state == "planned"]
    assert run(here, "deliveries", "show", contact).count(": due ") == 3
    here.sql("UPDATE escalation_steps SET due_at = now() WHERE step = 1")
    escalate(here.engine)
    said = run(here, "deliveries", "acknowledge", contact[:16], *HEARD)
    assert "is acknowledged by si-example-officer" in said
    story = run(here, "deliveries", "show", contact)
    assert "escalation step 1 to deputy, second: fired" in story and "1 told" in story
    assert story.count("cancelled") == 2 and "acknowledged by si-example-officer" in story
    assert "si-example-officer of Example authority si, by command" in story
    whole = json.loads(run(here, "deliveries", "show", contact, "--json"))
    assert [one["state"] for one in whole["escalation"]] == ["fired", "ended", "ended"]
    assert "was acknowledged before" in run(here, "deliveries", "acknowledge", contact, *ANSWERABLE)


@pytest.mark.parametrize(
    ("by", "reason", "says"),
    [
        ("Head of desk", "by telephone", "is not registered"),
        ("fi-example-reviewer", "by telephone", "ask the central desk"),
        ("si-example-officer", " ", "must say who decides and why"),
    ],
)
def test_who_may_not_acknowledge_for_an_authority_calms_nobody(here: Site, by: str, reason: str, says: str) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event(level=Level.L4))
    (contact,) = [row.delivery_id for row in here.rows()]
    refused = run(here, "deliveries", "acknowledge", contact, "--by", by, "--reason", reason, code=1)
    assert says in refused
    assert here.sql_one("SELECT count(*) FROM escalation_steps WHERE state = 'waiting'") == 3
    assert here.sql_one("SELECT count(*) FROM acknowledgements") == 0


async def test_what_failed_is_redriven_under_its_id_with_a_schedule_of_its_own(here: Site) -> None:
    async with hook() as endpoint:
        here.import_(authority("si", hook_to(endpoint.url)))
        here.planned(alert_event())
        here.sql("UPDATE deliveries SET attempts = 9")  # nine waits of the schedule are over
        async with here.courier(hooks=(endpoint,)):
            endpoint.answers = [500, 500]
            await comes(lambda: [row.state for row in here.rows()] == ["deferred"])
            here.later()
            await comes(lambda: here.states() == [(1, "failed", "gave_up")])
        assert [one.gap for one in Reconciliation(here.engine).look()] == [Gap.FAILED]
        seen = run(here, "deliveries", "redrive", "--since", "2026-01-01", *ANSWERABLE)
        assert "1 would be tried again" in seen
        assert here.states() == [(1, "failed", "gave_up")]
        assert "1 are due again" in run(here, "deliveries", "redrive", "--since", "2026-01-01", *ANSWERABLE, "--yes")
        async with here.courier(hooks=(endpoint,)):
            endpoint.answers = [500]
            await comes(lambda: here.states() == [(1, "deferred", "server_error")])
            here.later()
            await comes(lambda: [row.state for row in here.rows()] == ["accepted"])
        assert len(set(endpoint.ids)) == 1 and len(endpoint.ids) == 4
        assert "redriven" in run(here, "deliveries", "show", here.rows()[0].delivery_id)
    assert Reconciliation(here.engine).look() == ()


def test_what_was_taken_or_withdrawn_or_overtaken_is_not_sent_again(here: Site) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event(), alert_event(thread="gone"))
    here.sql("UPDATE deliveries SET state = 'failed', due_at = NULL, attempts = 1")
    here.planned(alert_event(thread="gone", revision=2, kind=AlertKind.CANCELLED))
    here.planned(alert_event(revision=2, kind=AlertKind.UPDATED))
    for row in here.rows():
        if row.state == "failed":
            assert "cannot be sent again" in run(here, "deliveries", "resend", row.delivery_id, *ANSWERABLE, code=1)
    here.sql("UPDATE deliveries SET state = 'accepted' WHERE revision = 2")
    newest = next(row.delivery_id for row in here.rows() if row.state == "accepted")
    assert "cannot be sent again" in run(here, "deliveries", "resend", newest, *ANSWERABLE, code=1)
    assert "0 would be" in run(here, "deliveries", "redrive", "--since", "2026-01-01", *ANSWERABLE)


def test_reconciliation_finds_each_kind_of_gap_once(here: Site) -> None:
    here.import_(*(authority(f"si-{number}", mail_to(f"si-{number}")) for number in range(6)))
    here.planned(alert_event())
    watch = Reconciliation(here.engine)
    assert watch.look() == ()
    each = {
        "failed": "state = 'failed', due_at = NULL",
        "unknown": "state = 'unknown', due_at = NULL",
        "suppressed": "state = 'suppressed', reason = 'address_suppressed', due_at = NULL",
        "deferred": "state = 'deferred'",
        "handled": "state = 'suppressed', reason = 'handling', due_at = NULL",
    }
    for number, change in enumerate(each.values()):
        here.sql(
            f"UPDATE deliveries d SET {change} FROM destinations t WHERE t.id = d.destination_id "
            f"AND t.subscriber_id = 'si-{number}'"
        )
    here.sql("DELETE FROM deliveries WHERE destination_id = (SELECT id FROM destinations WHERE subscriber_id = 'si-5')")
    found = {(one.subscriber, one.gap) for one in watch.look()}
    assert found == {("si-0", "failed"), ("si-1", "unknown"), ("si-2", "suppressed"), ("si-5", "missing")}
    assert watch.look() == ()


def test_a_courier_that_starts_does_not_page_what_was_paged_and_a_gap_that_opens_again_is(here: Site) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event())
    here.sql("UPDATE deliveries SET state = 'failed', due_at = NULL")
    before = _pages()
    assert [one.gap for one in Reconciliation(here.engine).look()] == [Gap.FAILED]
    assert Reconciliation(here.engine).look() == ()
    assert _pages() == before + 1
    assert REGISTRY.get_sample_value("tocsin_deliveries_unreconciled", {"gap": "failed"}) == 1
    here.sql("UPDATE deliveries SET state = 'accepted'")
    assert Reconciliation(here.engine).look() == ()
    here.sql("UPDATE deliveries SET state = 'failed'")
    assert [one.gap for one in Reconciliation(here.engine).look()] == [Gap.FAILED]


def _pages() -> float:
    return REGISTRY.get_sample_value("tocsin_delivery_pages_total", {"cause": "not_reconciled"}) or 0


def test_an_event_that_is_not_planned_in_five_minutes_is_a_gap(here: Site) -> None:
    here.told(alert_event())
    watch = Reconciliation(here.engine)
    assert watch.look() == ()
    here.sql("UPDATE outbox SET created_at = now() - interval '6 minutes'")
    assert [one.gap for one in watch.look()] == [Gap.UNPLANNED]


def test_the_policy_is_listed_and_set_and_a_wrong_step_changes_nothing(here: Site) -> None:
    before = run(here, "escalation", "list")
    assert before.splitlines() == [
        "L4  step 1  after 15 min  deputy, second",
        "L4  step 2  after 30 min  contact, duty",
        "L4  step 3  after 60 min  desk",
        "L3  step 1  after 24 h  contact",
    ]
    assert "is not a step" in run(here, "escalation", "set", "--level", "L4", *ANSWERABLE, "15=deputy", code=1)
    assert "only L3 and L4" in run(here, "escalation", "set", "--level", "L2", *ANSWERABLE, "15m=deputy", code=1)
    assert run(here, "escalation", "list") == before
    after = run(here, "escalation", "set", "--level", "L4", *ANSWERABLE, "20m=duty", "5m=deputy,second")
    assert after.splitlines()[:2] == ["L4  step 1  after 5 min  deputy, second", "L4  step 2  after 20 min  duty"]


@pytest.mark.parametrize(
    ("by", "reason", "says"),
    [
        ("Example desk", "fewer calls", "is not registered"),
        ("fi-example-reviewer", "fewer calls", "may not set who is told"),
        ("si-example-officer", "fewer calls", "may not set who is told"),
        ("example-desk", " ", "must say who decides and why"),
    ],
)
def test_only_the_central_desk_sets_who_is_woken_and_with_a_reason(here: Site, by: str, reason: str, says: str) -> None:
    before = run(here, "escalation", "list")
    wanted = ("--by", by, "--reason", reason, "20m=duty")
    assert says in run(here, "escalation", "set", "--level", "L4", *wanted, code=1)
    assert run(here, "escalation", "list") == before
    assert here.sql_one("SELECT count(*) FROM escalation_changes") == 0
