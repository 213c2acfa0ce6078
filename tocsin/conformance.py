"""Checks of a laboratory's own messages: their schema, its rights at Kafka, and what the system answers to a copy."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from schemas.decoding import decode_bytes
from schemas.feedback import ReportFeedback
from schemas.parsing import parse
from schemas.rejections import Rejection
from schemas.topics import ALERT_EVENTS, detections_topic, feedback_topic
from schemas.vocabularies import ReportFate
from streams.config import Kafka
from streams.hearing import Listener, Seen, listener, seen
from streams.publishing import NotPublished, publisher


class Verdict(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One line of the table."""

    name: str
    verdict: Verdict
    said: str


Given = Sequence[tuple[str, bytes]]
"""Reports, each with its place: file and line."""


def offline(given: Given, laboratory: str) -> Iterator[Check]:
    """Would each be accepted as it stands? Needs no network."""
    now = datetime.now(UTC)
    if not given:
        yield Check(name="schema", verdict=Verdict.FAILED, said="the files hold no report")
    for place, value in given:
        found = decode_bytes(value, laboratory=laboratory, received_at=now)
        if isinstance(found, Rejection):
            said = " ".join(f"{one.pointer or '/'}: {one.sentence}" for one in found.problems)
            yield Check(name=f"schema {place}", verdict=Verdict.FAILED, said=f"{found.reason}: {said}")
        else:
            yield Check(name=f"schema {place}", verdict=Verdict.PASSED, said="; ".join(found.notes) or "valid")


async def online(kafka: Kafka, given: Given, laboratory: str, *, own_login: bool, wait: float) -> tuple[Check, ...]:
    """The rights, then a copy of each report and the answer to it. Nothing is written to any other topic."""
    topics = (detections_topic(laboratory), feedback_topic(laboratory))
    rights = [_own(topic, await seen(kafka, topic)) for topic in topics]
    rights.append(_others(await seen(kafka, ALERT_EVENTS), own_login=own_login))
    if any(one.verdict is Verdict.FAILED for one in rights[:2]):
        return (*rights, Check(name="sending", verdict=Verdict.SKIPPED, said="its topics cannot be used"))
    copies = {uuid4(): (place, value) for place, value in given}
    try:
        async with listener(kafka, laboratory) as hearing:
            await _send(kafka, laboratory, [copy(value, event) for event, (_, value) in copies.items()])
            answers = await _heard(hearing, set(copies), wait)
    except NotPublished as error:
        return (*rights, Check(name="sending", verdict=Verdict.FAILED, said=str(error)))
    sent = Check(name="sending", verdict=Verdict.PASSED, said=f"{len(copies)} as `status: test`, acknowledged")
    told = (_answer(place, answers.get(event), wait) for event, (place, _) in copies.items())
    return (*rights, sent, *told)


def copy(value: bytes, event: UUID) -> bytes:
    """The same report as a test, new, and under an event id of its own."""
    found = parse(value)
    if isinstance(found, Rejection) or not isinstance(found.value, dict):
        raise AssertionError("only valid reports are copied")
    changed = {"event_id": str(event), "revision": 1, "action": "new", "status": "test"}
    return json.dumps({**found.value, **changed}).encode()


async def _send(kafka: Kafka, laboratory: str, values: Sequence[bytes]) -> None:
    async with publisher(kafka) as out:
        async for _ in out.publish(detections_topic(laboratory), values):
            pass


async def _heard(hearing: Listener, wanted: set[UUID], wait: float) -> Mapping[UUID, ReportFeedback]:
    """The first answer to each of these, as far as they came in time."""
    found: dict[UUID, ReportFeedback] = {}
    end = time.monotonic() + wait
    while wanted - found.keys() and time.monotonic() < end:
        for one in await hearing.more():
            if one.event_id in wanted:
                found.setdefault(one.event_id, one)
    return found


def _own(topic: str, found: Seen) -> Check:
    if found is Seen.YES:
        return Check(name=f"topic {topic}", verdict=Verdict.PASSED, said="is there")
    why = "is not there: `tocsin lab add` makes it" if found is Seen.ABSENT else "is closed to this login"
    return Check(name=f"topic {topic}", verdict=Verdict.FAILED, said=why)


def _others(found: Seen, *, own_login: bool) -> Check:
    """Only what is refused to a laboratory's own login says something about the laboratory."""
    name = "topics of others"
    if found is Seen.NOT_ALLOWED:
        return Check(name=name, verdict=Verdict.PASSED, said="are closed to this login")
    if own_login:
        said = f"{ALERT_EVENTS} is open to this login; a laboratory's may reach its own topics only"
        return Check(name=name, verdict=Verdict.FAILED, said=said)
    said = "not tried: no login of a laboratory is set (TOCSIN_KAFKA__USER)"
    return Check(name=name, verdict=Verdict.SKIPPED, said=said)


def _answer(place: str, found: ReportFeedback | None, wait: float) -> Check:
    name = f"feedback {place}"
    if found is None:
        said = f"no answer within {wait:g} s; does a worker run?"
        return Check(name=name, verdict=Verdict.FAILED, said=said)
    if found.fate is ReportFate.REFUSED:
        why = " ".join(f"{one.pointer or '/'}: {one.sentence}" for one in found.problems)
        return Check(name=name, verdict=Verdict.FAILED, said=f"{found.reason}: {why}")
    return Check(name=name, verdict=Verdict.PASSED, said=", ".join((found.fate, *found.notes)))
