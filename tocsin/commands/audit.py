"""`tocsin audit`: is every record accounted for (P1)? Counters, kept rows and the log must say the same."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.topics import detections_topic
from storage import audit as books
from storage.audit import SENTENCES, Account
from storage.positions import Partition
from streams.accounts import logs_of
from streams.config import Flow
from tocsin import wiring

app = typer.Typer(help="Is every record accounted for? Exit code 1 when it does not add up.")


@app.callback(invoke_without_command=True)
def audit(
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Per partition: next − first = applied + duplicates + dead + holes; and the rows kept, and the log itself."""
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "audit")
    snapshot = books.read(engine)
    engine.dispose()
    cluster, logs = asyncio.run(logs_of(wiring.kafka(settings), _expected(snapshot)))
    accounts = books.accounts(snapshot, logs=logs, cluster_id=cluster)
    if as_json:
        print(json.dumps({"adds_up": _adds_up(accounts), "partitions": [_shown(one) for one in accounts]}, indent=2))
    else:
        _say(accounts)
    if not _adds_up(accounts):
        raise typer.Exit(1)


def _expected(snapshot: books.Snapshot) -> list[Partition]:
    """Every partition with a position, and those on which live reports may come."""
    live = {
        Partition(flow=Flow.LIVE.value, topic=detections_topic(one.id), partition=0) for one in snapshot.laboratories
    }
    return sorted(live | {one.partition for one in snapshot.positions})


def _adds_up(accounts: tuple[Account, ...]) -> bool:
    return not any(one.findings for one in accounts)


def _say(accounts: tuple[Account, ...]) -> None:
    for one in accounts:
        counters, position = one.position.counters, one.position
        print(
            f"{_name(position.partition)}  {position.first_offset}..{position.next_offset}  "
            f"applied {counters.applied}  duplicates {counters.duplicates}  dead {counters.dead}  "
            f"holes {counters.holes}  unread {'?' if one.unread is None else one.unread}  "
            f"{'adds up' if not one.findings else 'DOES NOT ADD UP'}"
        )
        for finding in one.findings:
            print(f"  {SENTENCES[finding]}")
    verdict = "Every record is accounted for." if _adds_up(accounts) else "Not every record is accounted for."
    print(f"{verdict} {len(accounts)} partitions.", file=sys.stderr)


def _shown(one: Account) -> dict[str, object]:
    position, counters = one.position, one.position.counters
    return {
        "flow": position.partition.flow,
        "topic": position.partition.topic,
        "partition": position.partition.partition,
        "first_offset": position.first_offset,
        "next_offset": position.next_offset,
        "applied": counters.applied,
        "duplicates": counters.duplicates,
        "dead": counters.dead,
        "holes": counters.holes,
        "replayed": counters.replayed,
        "log": None if one.log is None else {"start": one.log.start, "end": one.log.end},
        "rows": {"applied": one.applied_rows, "dead": one.dead_rows},
        "unread": one.unread,
        "findings": list(one.findings),
    }


def _name(partition: Partition) -> str:
    return f"{partition.flow} {partition.topic}/{partition.partition}"
