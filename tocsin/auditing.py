"""The whole audit: books, rows and log; alerts, their events and who was told; levels and grades."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from schemas.topics import backfill_topic, detections_topic
from storage import audit as books
from storage import conservation
from storage.audit import Account, Finding
from storage.conservation import Imbalanced, Stages
from storage.log_comparison import Comparison, Fate, LogFinding
from storage.positions import Partition
from streams.accounts import logs_of
from streams.comparing import Span, offsets_since
from streams.config import Flow, Kafka
from tocsin.auditing_apart import Compare, here

OTHER_LOG: Final = frozenset({Finding.UNKNOWN_LOG, Finding.OTHER_CLUSTER})

Progress = Callable[[int, int], None]
"""How many offsets were compared, of how many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """Everything that was looked at. `comparisons` lacks partitions whose log is not the one that was read."""

    accounts: tuple[Account, ...]
    spans: Mapping[Partition, Span]
    comparisons: Mapping[Partition, Comparison]
    stages: Stages
    imbalances: tuple[Imbalanced, ...]

    @property
    def adds_up(self) -> bool:
        """Whether nothing was found anywhere."""
        compared = any(one.findings for one in self.comparisons.values())
        return not (compared or self.imbalances or any(one.findings for one in self.accounts))


def examine(
    engine: Engine, kafka: Kafka, *, since: datetime | None, progress: Progress, compare: Compare | None = None
) -> Audit:
    """Look at everything; of the logs, at what is not older than `since`. Changes nothing."""
    with ThreadPoolExecutor(1) as beside:
        told = beside.submit(conservation.read, engine)
        accounts, spans, comparisons = _logs(engine, kafka, since, progress, compare or here(engine, kafka))
        stages, imbalances = told.result()
    return Audit(accounts=accounts, spans=spans, comparisons=comparisons, stages=stages, imbalances=imbalances)


def _logs(
    engine: Engine, kafka: Kafka, since: datetime | None, progress: Progress, compare: Compare
) -> tuple[tuple[Account, ...], dict[Partition, Span], dict[Partition, Comparison]]:
    """Counters, rows and the logs themselves."""
    snapshot = books.read(engine)
    expected = _expected(snapshot)
    cluster, logs = asyncio.run(logs_of(kafka, expected))
    accounts = books.accounts(snapshot, logs=logs, cluster_id=cluster, expected=expected)
    spans = asyncio.run(_spans(kafka, accounts, since))
    comparisons = compare(spans, _counting(spans, progress))
    for account in accounts:
        if account.position.partition in comparisons:
            _count_duplicates(account, spans[account.position.partition], comparisons[account.position.partition])
    return accounts, spans, comparisons


def _expected(snapshot: books.Snapshot) -> list[Partition]:
    """Every partition with a position, and those on which reports may come, live ones and history."""
    names = [one.id for one in snapshot.laboratories]
    live = {Partition(flow=Flow.LIVE.value, topic=detections_topic(name), partition=0) for name in names}
    history = {Partition(flow=Flow.BACKFILL.value, topic=backfill_topic(name), partition=0) for name in names}
    return sorted(live | history | {one.partition for one in snapshot.positions})


async def _spans(kafka: Kafka, accounts: tuple[Account, ...], since: datetime | None) -> dict[Partition, Span]:
    """What was read of each log and is still there."""
    whole = {
        one.position.partition: Span(
            start=max(one.position.first_offset, one.log.start), stop=min(one.position.next_offset, one.log.end)
        )
        for one in accounts
        if one.log is not None and not OTHER_LOG & set(one.findings)
    }
    if since is None:
        return whole
    begin = await offsets_since(kafka, list(whole), since)
    return {
        one: Span(
            start=span.stop if (young := begin[one]) is None else min(max(span.start, young), span.stop), stop=span.stop
        )
        for one, span in whole.items()
    }


def _count_duplicates(account: Account, span: Span, compared: Comparison) -> None:
    """Where all that was ever read is still in the log, its duplicates must be as many as were counted."""
    position = account.position
    if (span.start, span.stop) != (position.first_offset, position.next_offset) or compared.findings:
        return
    if compared.fates[Fate.DUPLICATE] != position.counters.duplicates:
        compared.found(LogFinding.DUPLICATES, span.start)


def _counting(spans: Mapping[Partition, Span], progress: Progress) -> Callable[[int], None]:
    total, passed = sum(max(0, span.stop - span.start) for span in spans.values()), 0

    def seen(count: int) -> None:
        nonlocal passed
        passed += count
        progress(passed, total)

    return seen
