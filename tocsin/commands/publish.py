"""`tocsin publish --lab ID FILE…`: puts reports on a laboratory's topic and waits until Kafka has them."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schemas.topics import backfill_topic, detections_topic
from storage import laboratories
from streams.config import Flow, Kafka
from streams.publishing import NotPublished, publisher
from tocsin import journal, journaling, wiring
from tocsin.errors import Refusal
from tocsin.journal import Journal, Standing
from tocsin.report_files import lines
from tocsin.settings import Settings

app = typer.Typer(help="Send reports of a laboratory: JSON, JSON Lines or CSV.")

Files = Annotated[
    list[Path] | None,
    typer.Argument(help="Files of reports: JSON, JSON Lines or CSV; none resumes a journal.", metavar="FILE…"),
]


class Usage(Refusal):
    """The command line asks for nothing that can be done."""

    exit_code = 2


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def publish(
    laboratory: Annotated[str, typer.Option("--lab", help="The laboratory that reports.")],
    files: Files = None,
    flow: Annotated[Flow, typer.Option(help="live, or backfill for history.")] = Flow.LIVE,
    directory: Annotated[
        Path | None, typer.Option("--journal", help="Keep each report here before it is sent, and resume from it.")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Only say where the journal stands.")] = False,
    patience: Annotated[float, typer.Option(min=0, help="Seconds without Kafka that a journal bears.")] = 60,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Send reports as they are; the worker judges them. Exit code 0 only when every replica has every one of them."""
    topic = detections_topic(laboratory) if flow is Flow.LIVE else backfill_topic(laboratory)
    if status:
        _show(_standing(directory), as_json=as_json)
        return
    if not files and directory is None:
        raise Usage("There is nothing to send: name files, or with --journal the journal to go on with.")
    settings = wiring.settings(data_dir)
    known(settings, laboratory)
    if directory is not None:
        _with_journal(settings, directory, topic, files or [], patience=patience, as_json=as_json)
        return
    values = [line.value for path in files or [] for line in lines(path)]
    sent = asyncio.run(_send(wiring.kafka(settings), topic, values))
    if as_json:
        print(json.dumps({"topic": topic, "sent": sent}))
    else:
        print(f"{sent} reports are on {topic}")


def known(settings: Settings, laboratory: str) -> None:
    """Refuse who is not registered; a laboratory's own machine has no registry to ask, and there Kafka refuses."""
    if settings.database.url is None and wiring.running(settings) is None:
        return
    engine = wiring.database(settings, "publish")
    with engine.begin() as connection:
        registered = {one.id for one in laboratories.registered(connection)}
    engine.dispose()
    if laboratory not in registered:
        raise Refusal(
            f"--lab {laboratory!r} is not registered; `tocsin lab list` shows who is, `tocsin lab add` registers one."
        )


def _with_journal(
    settings: Settings, directory: Path, topic: str, files: list[Path], *, patience: float, as_json: bool
) -> None:
    with journal.held(directory, topic) as kept:
        given = journaling.entries(kept, files)
        new = kept.add(given)
        sent = _send_waiting(settings, kept, patience)
        standing = kept.standing
    if as_json:
        print(json.dumps({"given": len(given), "new": new, "sent": sent, **_as_json(standing)}))
        return
    print(f"{len(given)} reports given, {new} of them new; {sent} are now on {topic}")
    _show(standing, as_json=False)


def _send_waiting(settings: Settings, kept: Journal, patience: float) -> int:
    with _bar(kept.standing.waiting) as bar:
        sending = journaling.Sending(
            kafka=wiring.kafka(settings),
            patience=patience,
            say=lambda sentence: print(f"tocsin: {sentence}", file=sys.stderr, flush=True),
            advanced=lambda more: bar.advance(bar.task_ids[0], more),
        )
        return asyncio.run(journaling.send(kept, sending))


def _standing(directory: Path | None) -> Standing:
    if directory is None:
        raise Usage("--status is about a journal: name it with --journal.")
    return journal.standing(directory)


def _show(standing: Standing, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_as_json(standing)))
    else:
        print(
            f"the journal for {standing.topic} keeps {standing.kept} reports: "
            f"{standing.acknowledged} acknowledged, {standing.waiting} waiting"
        )


def _as_json(standing: Standing) -> dict[str, str | int]:
    return {
        "topic": standing.topic,
        "kept": standing.kept,
        "acknowledged": standing.acknowledged,
        "waiting": standing.waiting,
    }


async def _send(kafka: Kafka, topic: str, values: list[bytes]) -> int:
    sent = 0
    try:
        with _bar(len(values)) as bar:
            async with publisher(kafka) as out:
                async for more in out.publish(topic, values):
                    sent += more
                    bar.advance(bar.task_ids[0], more)
    except NotPublished as error:
        raise Refusal(f"{error} Send all {len(values)} again: those it has are recognised as duplicates.") from error
    return sent


@contextmanager
def _bar(total: int) -> Iterator[Progress]:
    """Progress with time left, on a terminal only."""
    console = Console(stderr=True)
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        progress.add_task("sending", total=total)
        yield progress
