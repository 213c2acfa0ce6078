"""`tocsin demo` whole, as a person starts it: what it counts adds up, everyone entitled is told, and nobody twice."""

import json
import re
import signal
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.catalogue import load
from alerts.grading import european_grading
from alerts.pipeline import Setting
from schemas.base import Frozen
from schemas.deliveries import Channel, DeliveryState, Ground
from schemas.vocabularies import Level
from tests.programs import Program, clean_environment, open_directory, tocsin
from tocsin.demo.audience import audience
from tocsin.demo.place import Kept
from tocsin.demo.replay import HISTORY_COUNTRY, Replay, replay
from tocsin.demo.scenes import Figures
from tocsin.embedded.mailstore import MailStore, Summary
from tocsin.simulation import simulate

WITHIN = 300
ENDED = {DeliveryState.ACCEPTED, DeliveryState.SUPPRESSED, DeliveryState.SUPERSEDED}


class Webhook(Frozen):
    """One line that the receiver wrote down."""

    message: str
    number: str
    revision: int
    level: Level


def demo(directory: Path) -> list[str]:
    """The command for machines."""
    return tocsin("demo", "--once", "--json", "--data-dir", str(directory))


def started(directory: Path) -> "subprocess.Popen[str]":
    """The demo without a terminal, under way."""
    return subprocess.Popen(
        demo(directory), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment({})
    )


def ended(process: "subprocess.Popen[str]") -> Figures:
    """What it printed, once it has ended by itself."""
    output, talk = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, talk
    return Figures.model_validate_json(output)


def published(directory: Path) -> Replay:
    """What this directory's demo publishes."""
    kept = Kept.model_validate_json((directory / "demo.json").read_bytes())
    return replay(began=kept.began, days=kept.shift_days)


def simulated(made: Replay) -> dict[str, int]:
    """Listed cases by level, as `tocsin simulate` has them: no Kafka, no database, one report after the other."""
    setting = Setting(catalogue=load(), grading=european_grading(), loaded=frozenset({HISTORY_COUNTRY}))
    values = [report.value for report in (*made.history, *made.live)]
    cases = simulate(list(enumerate(values, start=1)), setting=setting, now=datetime.now(UTC)).cases
    return {level.name: sum(case.level == level.name for case in cases) for level in Level}


def mails(directory: Path) -> list[Summary]:
    """Every mail in the demo's mailbox."""
    store = MailStore(directory / "mailbox")
    return [store.summary(name) for name in store.ids()]


def webhooks(directory: Path) -> list[Webhook]:
    """Everything the receiver took; a signature that does not fit is not taken."""
    lines = (json.loads(line) for line in (directory / "webhook.jsonl").read_text("utf-8").splitlines())
    return [
        Webhook(
            message=line["webhook-id"],
            number=line["subject"],
            revision=line["data"]["revision"],
            level=line["data"]["level"],
        )
        for line in lines
    ]


def number_and_level(mail: Summary) -> tuple[str, int]:
    """As the subject says them."""
    number, level = re.search(r"TOC-A-\d{4}-\d{4}", mail.subject), re.match(r"\[L(\d)", mail.subject)
    assert number is not None, mail.subject
    assert level is not None, mail.subject
    return number[0], int(level[1])


def obliged() -> set[str]:
    """The mail addresses that must be told of every L3 and L4."""
    return {
        each.address
        for entry in audience(webhook="http://127.0.0.1:1/")
        for each in entry.destinations
        if each.channel is Channel.EMAIL and any(one.ground is Ground.STATUTORY for one in entry.subscriptions)
    }


def assert_complete(directory: Path, figures: Figures) -> None:
    """Nothing open, nothing failed, nothing doubled; every alert from L3 on is with all who must have it."""
    for channel in Channel:
        assert set(figures.deliveries[channel]) <= ENDED
    box, hook = mails(directory), webhooks(directory)
    assert len(box) == figures.deliveries[Channel.EMAIL][DeliveryState.ACCEPTED]
    assert len(hook) == figures.deliveries[Channel.WEBHOOK][DeliveryState.ACCEPTED]
    assert not [key for key, times in Counter(mail.message_id for mail in box).items() if times > 1]
    assert not [key for key, times in Counter(one.message for one in hook).items() if times > 1]
    told: dict[str, set[str]] = defaultdict(set)
    for mail in box:
        number, level = number_and_level(mail)
        if level >= Level.L3:
            told[number].update(mail.recipients)
    assert len(told) == figures.cases_by_level["L3"] + figures.cases_by_level["L4"]
    assert all(obliged() <= recipients for recipients in told.values())
    assert {one.number for one in hook if one.level >= Level.L3} == set(told)


@pytest.fixture
def directory() -> Iterator[Path]:
    """One that the demo makes."""
    with open_directory() as parent:
        yield parent / "demo"


def test_its_figures_add_up_and_everyone_is_told_once(directory: Path) -> None:
    first = ended(started(directory))
    made = published(directory)
    assert made.reports == 1002 + len(made.live)
    assert (first.reports, first.duplicates, first.dead_letters) == (made.reports, 0, 0)
    assert first.cases_by_level == simulated(made), "the worker and the simulation decide alike"
    assert first.report_to_accepted_s is not None
    assert_complete(directory, first)


@pytest.mark.long
def test_stopped_in_the_middle_it_goes_on_and_another_run_tells_nobody_anything(directory: Path) -> None:
    with open_directory() as logs, Program(demo(directory), log=logs / "first") as first:
        first.wait_for("demo | Live", within=WITHIN)
        assert first.stop(signal.SIGINT) == 1
        assert "Stopped in the middle" in first.said()
    made = published(directory)
    second = ended(started(directory))
    assert second.reports == made.reports
    assert len(made.history) <= second.duplicates < made.reports
    assert second.dead_letters == 0
    assert second.cases_by_level == simulated(made)
    assert_complete(directory, second)
    again = ended(started(directory))
    assert again == second.model_copy(update={"duplicates": made.reports})
    assert_complete(directory, again)


def test_it_prints_exactly_what_it_promises() -> None:
    assert set(Figures.model_fields) == {
        "reports",
        "duplicates",
        "dead_letters",
        "cases_by_level",
        "alert_events_by_kind",
        "deliveries",
        "report_to_accepted_s",
    }
