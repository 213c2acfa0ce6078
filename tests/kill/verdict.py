"""The verdict over a trial: everything that differs from the reference, in words; nothing when all is as it must be."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.alert_events import AlertEvent
from schemas.records import Record
from tests.kill.reference import Outcome, folded, published, read_log, stored, unnumbered
from tests.streaming.site import ROOT, Site

NUMBER = "number"
"""The header that carries the number of a message."""


@dataclass(frozen=True)
class Verdict:
    """`wrong` is empty when every report was decided about exactly once and as in the reference."""

    wrong: tuple[str, ...]
    records: int
    applied: int
    duplicates: int
    dead: int
    cases: int
    alerts: int
    repeated: int

    def __str__(self) -> str:
        counts = (
            f"{self.records:,} records: {self.applied:,} applied, {self.duplicates:,} duplicates, {self.dead:,} dead; "
            f"{self.cases} cases, {self.alerts} alert events ({self.repeated} repeated on Kafka)"
        )
        return "\n  ".join([counts, *(self.wrong or ("all as in the reference",))])


class Comparable(Protocol):
    """What a difference is told of."""

    def __str__(self) -> str: ...


async def judge(site: Site, *, sent: int) -> Verdict:
    """Read the log, fold it, compare."""
    records = await read_log(site.kafka, site.topics)
    real, logged = stored(site.engine)
    reference = folded(records, logged)
    told = await published(site.kafka)
    wrong = [
        *_missing(records, sent),
        *_differences(real, reference),
        *_order(told, real),
        *_books(site, reference),
        *_audit(site),
    ]
    duplicates = len(records) - len(reference.applied) - len(reference.dead)
    events = len(reference.events)
    repeated = len(told) - len({event.event_id for event in told})
    counts = (len(records), len(reference.applied), duplicates, len(reference.dead), len(reference.cases), events)
    return Verdict(tuple(wrong), *counts, repeated)


def _missing(records: Iterable[Record], sent: int) -> Iterable[str]:
    """Kafka lost nothing that it had acknowledged, else the trial proves nothing."""
    came = {int(dict(record.headers)[NUMBER]) for record in records}
    if lost := set(range(sent)) - came:
        yield f"the log lacks {len(lost)} of {sent} messages that Kafka had acknowledged: {_few(lost)}"


def _differences(real: Outcome, reference: Outcome) -> Iterable[str]:
    yield from _sets("applied", real.applied, reference.applied)
    yield from _sets("dead letters", real.dead, reference.dead)
    for name, mine, its in (
        ("cases", real.cases, reference.cases),
        ("days", real.days, reference.days),
        ("grades", real.grades, reference.grades),
        ("alert events", real.events, reference.events),
    ):
        yield from _sets(name, mine.keys(), its.keys())
        if other := [key for key in mine.keys() & its.keys() if mine[key] != its[key]]:  # type: ignore[index]
            yield f"{name}: {len(other)} differ from the reference: {_few(other)}"


def _sets(name: str, mine: Iterable[object], its: Iterable[object]) -> Iterable[str]:
    mine, its = set(mine), set(its)
    if missing := its - mine:
        yield f"{name}: {len(missing)} of the reference are missing: {_few(missing)}"
    if more := mine - its:
        yield f"{name}: {len(more)} are not in the reference: {_few(more)}"


def _order(told: Sequence[AlertEvent], real: Outcome) -> Iterable[str]:
    """Kafka has every event, a repeat says the same, and the revisions of an alert come in their order."""
    first = {event.event_id: event for event in reversed(told)}
    yield from _sets("alert events on Kafka", first, real.events)
    if any(unnumbered(event) != unnumbered(first[event.event_id]) for event in told):
        yield "alert events on Kafka: a repeat says something else"
    reached = Counter[str]()
    for event in dict.fromkeys(event.event_id for event in told):
        one = first[event]
        if one.revision != reached[one.alert_id] + 1:
            yield f"alert events on Kafka: revision {one.revision} of {one.number} after {reached[one.alert_id]}"
        reached[one.alert_id] = one.revision


def _books(site: Site, reference: Outcome) -> Iterable[str]:
    """Per topic the counters say what the reference says; a dead letter read twice counts as one of both kinds."""
    dead = Counter(where.topic for where in reference.dead)
    applied = Counter(where.topic for where in reference.applied)
    for topic, position in site.positions().items():
        counters = position.counters
        mine = (counters.applied, counters.duplicates + counters.dead, counters.holes)
        its = (applied[topic], reference.others[topic] + dead[topic], 0)
        if mine != its:
            yield f"{topic}: applied, duplicates and dead, holes are {mine}, in the reference {its}"


def _audit(site: Site) -> Iterable[str]:
    code, said = audit(site)
    if code:
        found = json.loads(said)
        wrong = [
            *(one["findings"] for one in found["partitions"]),
            *(one["compared"]["findings"] for one in found["partitions"] if one["compared"]),
            found["imbalances"],
        ]
        yield f"tocsin audit says that it does not add up: {[one for one in wrong if one]}"


def audit(site: Site) -> tuple[int, str]:
    """`tocsin audit --json`: its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "audit", "--json"],
        cwd=ROOT,
        env={**os.environ, **site.environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 1) and isinstance(json.loads(done.stdout), dict), done.stderr
    return done.returncode, done.stdout


def _few(some: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, some))[:3])
