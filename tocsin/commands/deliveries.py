"""`tocsin deliveries list | show | held | acknowledge | resend | redrive`: what was planned for whom, and why."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from notifiers.reasons import sentence
from schemas.deliveries import DeliveryState
from storage import answers, delivery_list, escalation, threads
from storage.answers import Acknowledgement
from storage.delivery_list import Detail, Row
from storage.escalation import Shown
from tocsin import wiring
from tocsin.commands import delivery_actions

app = typer.Typer(no_args_is_help=True, help="What was planned for whom, what became of it, and why.")
delivery_actions.add_to(app)

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("list")
def list_them(
    alert: Annotated[str | None, typer.Option(help="Only of this alert: its number or id.")] = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only in this state.")] = None,
    destination: Annotated[str | None, typer.Option(help="Only there: an address, a subscriber or an id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, newest first.")] = 100,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Deliveries, newest first."""
    engine = wiring.database(wiring.settings(data_dir), "deliveries")
    with engine.connect() as connection:
        found = delivery_list.listed(connection, alert=alert, state=state, destination=destination, limit=limit)
    engine.dispose()
    if as_json:
        print(json.dumps([asdict(row) for row in found], indent=2, default=str))
        return
    for line in _aligned([_short(row) for row in found]):
        print(line)


@app.command()
def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The delivery's id, or its beginning.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """One delivery: every gate that it passed or that stopped it, every attempt, who acknowledged, what follows."""
    engine = wiring.database(wiring.settings(data_dir), "deliveries")
    delivery = delivery_actions.only(engine, identifier)
    with engine.connect() as connection:
        (found,) = delivery_list.shown(connection, delivery)
        answered = answers.acknowledgements(connection, found.row.alert_id)
        steps = escalation.shown(connection, found.row.alert_id, subscriber=found.row.subscriber)
    engine.dispose()
    if as_json:
        told = {"acknowledgements": [asdict(one) for one in answered], "escalation": [asdict(one) for one in steps]}
        print(json.dumps({**_whole(found), **told}, indent=2, default=str))
        return
    for line in (*_story(found), *_answered(answered), *_escalated(steps)):
        print(line)


@app.command()
def held(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Alert events that told nobody, and why: a person must look."""
    engine = wiring.database(wiring.settings(data_dir), "deliveries")
    with engine.connect() as connection:
        found = threads.held(connection)
    engine.dispose()
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2, default=str))
        return
    for one in found:
        print(f"{one.held_at:%Y-%m-%d %H:%M:%S}Z  {one.reason}  {one.sentence}")


def _short(row: Row) -> tuple[str, ...]:
    return (
        row.delivery_id[:12],
        row.alert,
        f"r{row.revision}",
        row.purpose,
        f"L{row.level}",
        row.subscriber,
        row.address,
        row.state,
        row.reason,
        f"{row.attempts} tried",
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _whole(detail: Detail) -> dict[str, object]:
    return {
        **asdict(detail.row),
        "gates": [note.model_dump(mode="json") for note in detail.gates],
        "subscriptions": list(detail.subscriptions),
        "tried": [asdict(attempt) for attempt in detail.attempts],
        "redriven": [asdict(each) for each in detail.redrives],
    }


def _story(detail: Detail) -> Iterator[str]:
    row = detail.row
    yield f"{row.delivery_id}  {row.alert} revision {row.revision} ({row.kind}), L{row.level}, {row.tense}"
    yield f"{row.purpose} by {row.channel} to {row.address} ({row.subscriber}), {row.content} content"
    yield f"{row.state}: {sentence(row.reason)}"
    if row.due_at is not None:
        yield f"next try {row.due_at:%Y-%m-%d %H:%M:%S}Z"
    if detail.subscriptions:
        yield f"asked for by {', '.join(detail.subscriptions)}"
    yield f"planned {row.planned_at:%Y-%m-%d %H:%M:%S}Z:"
    for note in detail.gates:
        about = f" ({note.subscription})" if note.subscription else ""
        yield f"  {note.gate:<11} {sentence(note.reason)}{about}"
    for attempt in detail.attempts:
        ended = f"{attempt.verdict}: {sentence(attempt.reason or '')}" if attempt.ended_at else "no answer recorded"
        said = f" [{attempt.code or '-'}] {attempt.answer}" if attempt.answer else ""
        yield f"attempt {attempt.number}  {attempt.started_at:%Y-%m-%d %H:%M:%S}Z  {ended}{said}"
    for back in detail.came_back:
        yield f"came back  {back.at:%Y-%m-%d %H:%M:%S}Z  {back.came} [{back.status or '-'}] {back.said}".rstrip()
    for each in detail.redrives:
        yield f"redriven   {each.at:%Y-%m-%d %H:%M:%S}Z  by {each.by}: {each.reason}"


def _answered(found: Sequence[Acknowledgement]) -> Iterator[str]:
    for one in found:
        who = f"{one.by} of {one.subscriber}, by {one.way}"
        yield f"revision {one.revision} acknowledged {one.at:%Y-%m-%d %H:%M:%S}Z by {who}"


def _escalated(found: Sequence[Shown]) -> Iterator[str]:
    for one in found:
        roles = f"escalation step {one.step} to {', '.join(one.roles)}"
        match one.state:
            case "waiting":
                yield f"{roles}: due {one.due_at:%Y-%m-%d %H:%M:%S}Z"
            case "fired":
                yield f"{roles}: fired {one.ended_at:%Y-%m-%d %H:%M:%S}Z, {one.told or 0} told"
            case _:
                why = f"acknowledged by {one.by}" if one.by else ENDED.get(one.reason or "", one.reason)
                yield f"{roles}: cancelled {one.ended_at:%Y-%m-%d %H:%M:%S}Z, {why}"


ENDED: Final = {
    "level_changed": "the level changed",
    "cancelled": "the alert is withdrawn",
    "closed": "the alert is closed",
    "expired": "the alert has expired",
}
