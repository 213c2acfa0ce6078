"""Leases, claims and results as rows: one owner, one attempt, and nothing that holds up its group."""

from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest
import pytest_asyncio
from sqlalchemy import text

from schemas.deliveries import DeliveryState, OutcomeReason
from storage import claiming, leases, ledger
from storage.ledger import Claimed, Result
from tests.broker.telling import Site, authority, mail_to, site
from tests.receivers import Mailbox, mailbox
from tests.telling import alert_event


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(database: str, box: Mailbox) -> Iterator[Site]:
    found = site(database, box)
    yield found
    found.engine.dispose()


def test_a_destination_has_one_owner_at_a_time_and_an_old_lease_claims_nothing(here: Site) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event())
    with here.engine.begin() as connection:
        (epoch,) = leases.acquire(connection, "one", limit=9).values()
        assert leases.acquire(connection, "two", limit=9) == {}
        (due,) = ledger.due(connection, "one", per_destination=4, limit=9)
        assert ledger.due(connection, "two", per_destination=4, limit=9) == ()
    here.sql("UPDATE destination_leases SET until = now() + interval '44 seconds'")
    with here.engine.begin() as connection:
        assert claiming.claim(connection, [due], "one") == {}  # a send could outlive the lease
    here.leases_run_out()
    with here.engine.begin() as connection:
        assert claiming.claim(connection, [due], "one") == {}
        assert [*leases.acquire(connection, "two", limit=9).values()] == [epoch + 1]
        assert claiming.claim(connection, [due], "one") == {}
        (again,) = ledger.due(connection, "two", per_destination=4, limit=9)
        (begun,) = claiming.claim(connection, [again], "two").values()
    assert isinstance(begun, Claimed)


def test_two_claims_of_one_delivery_at_the_same_time_begin_one_attempt(here: Site) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event())
    with here.engine.begin() as connection:
        leases.acquire(connection, "one", limit=9)
        (due,) = ledger.due(connection, "one", per_destination=4, limit=9)

    def claim(_: int) -> Sequence[object]:
        with here.engine.begin() as connection:
            return [*claiming.claim(connection, [due], "one").values()]

    with ThreadPoolExecutor(8) as threads_:
        claims = list(threads_.map(claim, range(8)))
    assert sum(isinstance(each, Claimed) for each in chain(*claims)) == 1
    assert here.sql_one("SELECT count(*) FROM attempts") == 1


def test_a_late_answer_settles_the_unknown(here: Site) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event())
    with here.engine.begin() as connection:
        leases.acquire(connection, "slow", limit=9)
        (due,) = ledger.due(connection, "slow", per_destination=4, limit=9)
        (claimed,) = claiming.claim(connection, [due], "slow").values()
    assert isinstance(claimed, Claimed)
    here.leases_run_out()
    with here.engine.begin() as connection:
        (left,) = ledger.left_behind(connection)
        ledger.finish_one(connection, result(left.delivery_id, left.epoch, DeliveryState.UNKNOWN))
    assert [state for _, state, _ in here.states()] == ["unknown"]
    with here.engine.begin() as connection:
        ledger.finish_one(connection, result(claimed.delivery_id, claimed.epoch, DeliveryState.ACCEPTED))
    assert [state for _, state, _ in here.states()] == ["accepted"]


def result(delivery_id: str, epoch: int, state: DeliveryState) -> Result:
    return Result(
        delivery_id=delivery_id,
        attempt=1,
        epoch=epoch,
        state=state,
        verdict="unknown",
        reason=OutcomeReason.REPLY_LOST,
        code=None,
        answer="",
        wait=None,
        resent=False,
    )


def test_a_row_that_somebody_is_at_holds_up_no_other_claim_and_no_other_result(here: Site) -> None:
    here.import_(authority("si", mail_to("si"), mail_to("two", name="second"), mail_to("three", name="third")))
    here.planned(alert_event())
    with here.engine.begin() as connection:
        leases.acquire(connection, "one", limit=9)
        due = ledger.due(connection, "one", per_destination=4, limit=9)
    lock = "SELECT delivery_id FROM deliveries WHERE delivery_id = :id FOR UPDATE"
    with here.engine.begin() as busy:
        busy.execute(text(lock), {"id": due[0].delivery_id})
        with here.engine.begin() as connection:
            assert claiming.claim(connection, due, "one").keys() == {each.delivery_id for each in due[1:]}
    results = [result(each.delivery_id, each.epoch, DeliveryState.ACCEPTED) for each in due[1:]]
    with here.engine.begin() as busy:
        busy.execute(text(lock), {"id": due[1].delivery_id})
        with here.engine.begin() as connection:
            assert ledger.finish(connection, results) == {results[1]: DeliveryState.ACCEPTED}
    with here.engine.begin() as connection:
        assert ledger.finish_one(connection, results[0]) is DeliveryState.ACCEPTED


def test_of_two_deliveries_of_one_alert_to_one_destination_a_group_claims_one(here: Site) -> None:
    here.import_(authority("si", mail_to("si")))
    here.planned(alert_event())
    here.sql("""INSERT INTO deliveries SELECT d.* FROM deliveries e CROSS JOIN LATERAL jsonb_populate_record(e,
        '{"delivery_id": "00000000000000000000000000000000", "purpose": "escalation"}') d""")
    with here.engine.begin() as connection:
        leases.acquire(connection, "one", limit=9)
        due = ledger.due(connection, "one", per_destination=4, limit=9)
        assert len(due) == 2 and len(claiming.claim(connection, due, "one")) == 1
