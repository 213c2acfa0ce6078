"""A courier is killed at every step between claim and result; what the receiver wrote down is the witness (P2)."""

import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from schemas.subscribers import DestinationEntry
from tests.broker.telling import Site, authority, comes, hook_to, mail_to, site
from tests.kill.unsafe import Safeguard
from tests.programs import Program
from tests.receivers import Hook, Mailbox, hook, mailbox
from tests.streaming.site import ROOT
from tests.telling import alert_event

pytestmark = pytest.mark.long


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[Hook]:
    async with hook() as endpoint:
        yield endpoint


@pytest.fixture
def here(database: str, box: Mailbox) -> Iterator[Site]:
    found = site(database, box)
    yield found
    found.engine.dispose()


async def test_mail_comes_once_or_as_a_counted_resend_wherever_the_courier_died(
    here: Site, kafka: str, box: Mailbox, endpoint: Hook, tmp_path: Path
) -> None:
    await _dies_everywhere(here, kafka, endpoint, tmp_path, mail_to("si"), lambda: Counter(box.message_ids))


async def test_a_webhook_comes_once_or_as_a_counted_resend_wherever_the_courier_died(
    here: Site, kafka: str, endpoint: Hook, tmp_path: Path
) -> None:
    await _dies_everywhere(here, kafka, endpoint, tmp_path, hook_to(endpoint.url), lambda: Counter(endpoint.ids))


async def test_without_a_committed_claim_the_same_mail_comes_twice_and_nobody_counts_it(
    here: Site, kafka: str, box: Mailbox, endpoint: Hook, tmp_path: Path
) -> None:
    """Control: this is what the claim is for."""
    steps = await _killed_at_each_step(here, kafka, endpoint, tmp_path, mail_to("si"), without=Safeguard.CLAIM)
    twice = sum(1 for times in Counter(box.message_ids).values() if times > 1)
    assert steps > 5 and twice > _attempted_again(here)


async def _dies_everywhere(
    here: Site,
    kafka: str,
    endpoint: Hook,
    directory: Path,
    destination: DestinationEntry,
    received: Callable[[], Counter[str]],
) -> None:
    steps = await _killed_at_each_step(here, kafka, endpoint, directory, destination)
    assert steps > 9, "the courier did not die at every step"
    assert len(received()) == steps and set(received().values()) == {1, 2}
    assert 0 < sum(1 for times in received().values() if times > 1) <= _attempted_again(here)


async def _killed_at_each_step(
    here: Site,
    kafka: str,
    endpoint: Hook,
    directory: Path,
    destination: DestinationEntry,
    *,
    without: Safeguard | None = None,
) -> int:
    """One alert for each step, until the courier lives through all of them; how many alerts."""
    here.import_(authority("si", destination))
    for step in count(1):
        (directory / "die-at").write_text(str(step))
        here.told(alert_event(thread=f"step {step}"))
        if not await _courier_died(here, kafka, endpoint, directory, without):
            return step
        here.leases_run_out()
        await _heir_finishes(here, endpoint)
    raise AssertionError("count ends never")


async def _courier_died(here: Site, kafka: str, endpoint: Hook, directory: Path, without: Safeguard | None) -> bool:
    """Whether it was killed; otherwise it has told, and ends as it should."""
    command = [sys.executable, "-P", "-m", "tests.kill.launcher", "courier", str(directory)]
    if without is not None:
        command.append(without.value)
    environment = {
        "TOCSIN_DATABASE__URL": here.url,
        "TOCSIN_KAFKA__BOOTSTRAP": kafka,
        "TOCSIN_SITE": f"{here.url.rpartition('/')[2].replace('_', '-')}.example",
        "TOCSIN_SMTP__HOST": "127.0.0.1",
        "TOCSIN_SMTP__PORT": str(here.mailbox.port),
        "TOCSIN_SMTP__TLS": "none",
        "TOCSIN_DATA_DIR": str(directory / "var"),
        "TOCSIN_WEBHOOK__ALLOW": endpoint.url.removesuffix("/hook"),
        "PYTHONPATH": str(ROOT),
    }
    with Program(command, log=directory / "courier.log", environment=environment) as courier:
        await comes(lambda: courier.process.poll() is not None or _done(here), within=40)
        return courier.process.poll() == -signal.SIGKILL


async def _heir_finishes(here: Site, endpoint: Hook) -> None:
    """What is due again in minutes is due now."""

    def finished() -> bool:
        here.sql("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL AND state <> 'sending'")
        return _done(here)

    async with here.courier("heir", hooks=(endpoint,)):
        await comes(finished)


def _done(here: Site) -> bool:
    return here.unplanned() == 0 and here.open_count() == 0


def _attempted_again(here: Site) -> int:
    return here.sql_one("SELECT count(*) FROM deliveries WHERE attempts > 1")
