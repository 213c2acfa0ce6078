"""`tocsin publish --lab ID FILE…`: puts reports on a laboratory's topic and waits until Kafka has them."""

import asyncio
import json
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
from tocsin import wiring
from tocsin.errors import Refusal
from tocsin.report_files import lines
from tocsin.settings import Settings

app = typer.Typer(help="Send reports of a laboratory: JSON, JSON Lines or CSV.")


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def publish(
    files: Annotated[list[Path], typer.Argument(help="Files of reports: JSON, JSON Lines or CSV.", metavar="FILE…")],
    laboratory: Annotated[str, typer.Option("--lab", help="The laboratory that reports.")],
    flow: Annotated[Flow, typer.Option(help="live, or backfill for history.")] = Flow.LIVE,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Send reports as they are; the worker judges them. Exit code 0 only when every replica has every one of them."""
    settings = wiring.settings(data_dir)
    _known(settings, laboratory)
    topic = detections_topic(laboratory) if flow is Flow.LIVE else backfill_topic(laboratory)
    values = [line.value for path in files for line in lines(path)]
    sent = asyncio.run(_send(wiring.kafka(settings), topic, values))
    if as_json:
        print(json.dumps({"topic": topic, "sent": sent}))
    else:
        print(f"{sent} reports are on {topic}")


def _known(settings: Settings, laboratory: str) -> None:
    engine = wiring.database(settings, "publish")
    with engine.begin() as connection:
        known = {one.id for one in laboratories.registered(connection)}
    engine.dispose()
    if laboratory not in known:
        raise Refusal(
            f"--lab {laboratory!r} is not registered; `tocsin lab list` shows who is, `tocsin lab add` registers one."
        )


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
