"""`tocsin audit`: is every record accounted for (P1), and was everybody told? Counters, rows and the log must agree."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from storage.audit import SENTENCES, Account
from storage.conservation import SENTENCES as IMBALANCES
from storage.conservation import Stages
from storage.log_comparison import LOG_SENTENCES, Comparison
from storage.positions import Partition
from streams.comparing import Span
from tocsin import wiring
from tocsin.auditing import Audit, Progress, examine
from tocsin.auditing_apart import apart
from tocsin.errors import Refusal

app = typer.Typer(help="Is every record accounted for, and was everybody told? Exit code 1 when it does not add up.")


@app.callback(invoke_without_command=True)
def audit(
    since: Annotated[
        str | None, typer.Option(help="Compare with the log from here on: 2026-11-01 or 2026-11-01T08:00Z.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Counters, rows and log by partition; alerts and events, events and deliveries, levels and grades by tense."""
    begin = _instant(since)
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "audit")
    kafka = wiring.kafka(settings)
    with _progress() as progress:
        found = examine(engine, kafka, since=begin, progress=progress, compare=apart(engine, kafka, data_dir))
    engine.dispose()
    if as_json:
        print(json.dumps(_shown(found), indent=2))
    else:
        _say(found)
    if not found.adds_up:
        raise typer.Exit(1)


def _instant(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise Refusal(f"--since {given!r} is no instant: write 2026-11-01 or 2026-11-01T08:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar with the time left, on a terminal only."""
    console = Console(stderr=True)
    with Bar(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("comparing with the log", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _say(found: Audit) -> None:
    for account in found.accounts:
        _say_partition(account, found.comparisons.get(account.position.partition))
    _say_stages(found.stages)
    for one in found.imbalances:
        print(f"  {one.tense}: {one.count} {IMBALANCES[one.imbalance]} ({_few(one.examples, one.count)})")
    compared = sum(one.records for one in found.comparisons.values())
    verdict = "Everything adds up." if found.adds_up else "It does not add up."
    print(f"{verdict} {len(found.accounts)} partitions, {compared} records compared with the log.", file=sys.stderr)


def _say_partition(account: Account, compared: Comparison | None) -> None:
    position, counters = account.position, account.position.counters
    wrong = account.findings or (compared is not None and compared.findings)
    print(
        f"{_name(position.partition)}  {position.first_offset}..{position.next_offset}  "
        f"applied {counters.applied}  duplicates {counters.duplicates}  dead {counters.dead}  "
        f"holes {counters.holes}  unread {'?' if account.unread is None else account.unread}  "
        f"compared {'no' if compared is None else compared.records}  {'DOES NOT ADD UP' if wrong else 'adds up'}"
    )
    for finding in account.findings:
        print(f"  {SENTENCES[finding]}")
    for one, count in (compared.findings if compared else {}).items():
        offsets = (str(offset) for offset in compared.examples[one]) if compared else ()
        print(f"  {count} {LOG_SENTENCES[one]} (offset {_few(offsets, count)})")


def _say_stages(stages: Stages) -> None:
    for tense, part in sorted(_by_tense(stages).items()):
        events, deliveries = part["events"], part["deliveries"]
        print(
            f"{tense}  cases {part['cases']}  alert revisions {part['alerts']}  "
            f"events: {_counts(events)}  deliveries: {_counts(deliveries)}"
        )
    for kind, one in stages.relay.items():
        print(f"relay {kind}  published {one.published}  waiting {one.waiting}  parked {one.parked}")


def _counts(found: object) -> str:
    named = found if isinstance(found, dict) else {}
    return ", ".join(f"{count} {name}" for name, count in sorted(named.items())) or "none"


def _few(names: Iterable[str], count: int) -> str:
    shown = list(names)
    return ", ".join(shown) + (", …" if count > len(shown) else "")


def _shown(found: Audit) -> dict[str, object]:
    return {
        "adds_up": found.adds_up,
        "partitions": [_partition(one, found) for one in found.accounts],
        "stages": _by_tense(found.stages),
        "relay": {kind: asdict(one) for kind, one in found.stages.relay.items()},
        "imbalances": [
            {
                "imbalance": one.imbalance,
                "tense": one.tense,
                "count": one.count,
                "examples": list(one.examples),
                "sentence": IMBALANCES[one.imbalance],
            }
            for one in found.imbalances
        ],
    }


def _partition(one: Account, found: Audit) -> dict[str, object]:
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
        "compared": _compared(found.spans.get(position.partition), found.comparisons.get(position.partition)),
    }


def _compared(span: Span | None, compared: Comparison | None) -> dict[str, object] | None:
    if span is None or compared is None:
        return None
    return {
        "from": span.start,
        "to": span.stop,
        "records": compared.records,
        "fates": {fate.value: count for fate, count in sorted(compared.fates.items())},
        "findings": [
            {"finding": one, "count": count, "offsets": compared.examples[one], "sentence": LOG_SENTENCES[one]}
            for one, count in compared.findings.items()
        ],
    }


def _by_tense(stages: Stages) -> Mapping[str, dict[str, object]]:
    tenses = {*stages.alerts, *stages.cases, *(one for one, _ in (*stages.events, *stages.deliveries))}
    return {
        tense: {
            "cases": stages.cases.get(tense, 0),
            "alerts": stages.alerts.get(tense, 0),
            "events": {fate.value: count for (one, fate), count in stages.events.items() if one == tense},
            "deliveries": {state: count for (one, state), count in stages.deliveries.items() if one == tense},
        }
        for tense in sorted(tenses)
    }


def _name(partition: Partition) -> str:
    return f"{partition.flow} {partition.topic}/{partition.partition}"
