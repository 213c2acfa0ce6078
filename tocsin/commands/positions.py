"""`tocsin positions list | release | reset`: how far each log was read, what is held and why, and to let it go on."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from storage import holding, positions
from storage.positions import HoldCause, Partition, Position
from streams.continuity import Log
from streams.foreign import Difference, Seen, differences, said, see
from tocsin import wiring
from tocsin.confirming import confirm
from tocsin.errors import Refusal
from tocsin.settings import Settings

app = typer.Typer(no_args_is_help=True, help="How far each laboratory's log was read; what is held, and by whom freed.")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Topic = Annotated[str, typer.Argument(help="As `tocsin positions list` shows it.")]
By = Annotated[str, typer.Option(help="The person who decides.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept beside the name.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Who:
    """Who decides, and why."""

    by: str
    reason: str


@app.command("list")
def list_them(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Every partition that was begun; with what is held: since when, why, and what to do."""
    engine = wiring.database(wiring.settings(data_dir), "positions")
    with engine.begin() as connection:
        found = [(one, holding.history(connection, one.partition)) for one in positions.all_positions(connection)]
    engine.dispose()
    if as_json:
        print(json.dumps([_shown(*one) for one in found], indent=2))
        return
    for position, decisions in found:
        print(_line(position))
        if position.held is not None:
            print(f"  held: {position.held} {_advice(position)}")
        for one in map(_decision, decisions):
            print(f"  {one['at']}  {one['action']}  by {one['by']}: {one['reason']}")


@app.command()
def release(topic: Topic, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Let a held partition go on from its position: what passed meanwhile is read from the log, and applied."""
    who, settings = _who(by, reason), wiring.settings(data_dir)
    engine = wiring.database(settings, "positions")
    try:
        held = _held(engine, topic)
        seen = _seen(settings, held)
        for position in held:
            _refuse_foreign(position, seen)
        confirm(f"{topic} goes on from offset {held[0].next_offset}", yes=yes)
        with engine.begin() as connection:
            for position in held:
                holding.release(connection, position.partition, by=who.by, reason=who.reason, cluster_id=seen.cluster)
    finally:
        engine.dispose()
    print(f"{topic} is released; a worker reads on from offset {held[0].next_offset}.")


@app.command()
def reset(topic: Topic, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Begin a partition anew at the start of the log that is there now; reports known already are duplicates."""
    who, settings = _who(by, reason), wiring.settings(data_dir)
    engine = wiring.database(settings, "positions")
    try:
        held = _held(engine, topic)
        _refuse_known(held)
        seen = _seen(settings, held)
        starts = {one.partition: seen.edges[one.partition].start for one in held}
        said = f"{topic} is read anew from offset {min(starts.values())}; its position {_places(held)} is given up"
        confirm(said, yes=yes)
        with engine.begin() as connection:
            for one, start in sorted(starts.items()):
                holding.reset(connection, one, by=who.by, reason=who.reason, log_start=start, cluster_id=seen.cluster)
    finally:
        engine.dispose()
    print(f"{topic} is read anew from offset {min(starts.values())}; reports known already count as duplicates.")


def _who(by: str, reason: str) -> Who:
    who = Who(by.strip(), reason.strip())
    if not who.by or not who.reason:
        raise Refusal("--by and --reason must say who decides and why; `tocsin positions list` keeps them.")
    return who


def _held(engine: Engine, topic: str) -> list[Position]:
    with engine.begin() as connection:
        found = [one for one in positions.all_positions(connection) if one.partition.topic == topic]
    if not found:
        raise Refusal(f"No partition of {topic!r} was begun: `tocsin positions list` shows those that were.")
    held = [one for one in found if one.held is not None]
    if not held:
        raise Refusal(f"{topic} is not held: nothing was changed.")
    return held


def _seen(settings: Settings, held: list[Position]) -> Seen:
    seen = asyncio.run(see(Log(wiring.kafka(settings)), held))
    for one in held:
        if one.partition not in seen.edges:
            raise Refusal(
                f"Kafka does not have {one.partition.topic}: make it again with `tocsin topics apply`, or restore it; "
                "nothing was changed."
            )
    return seen


def _refuse_foreign(position: Position, seen: Seen) -> None:
    """A person may know that a cluster was moved with its offsets; that records are others, nobody can decide away."""
    found = [one for one in differences(position, seen) if one is not Difference.CLUSTER]
    if found:
        raise Refusal(f"{said(found)} To read it anew: `tocsin positions reset {position.partition.topic}`.")


def _refuse_known(held: list[Position]) -> None:
    for one in held:
        if one.cause is not HoldCause.FOREIGN_LOG:
            raise Refusal(
                f"{one.partition.topic} is held for faults of Tocsin, not for its log: mend the program, then "
                f"`tocsin positions release {one.partition.topic}`."
            )


def _places(held: list[Position]) -> str:
    return ", ".join(str(one.next_offset) for one in held)


def _advice(position: Position) -> str:
    topic = position.partition.topic
    if position.cause is HoldCause.FOREIGN_LOG:
        return f"If the old log will not come back: tocsin positions reset {topic}."
    return f"When the program is mended: tocsin positions release {topic}."


def _line(position: Position) -> str:
    where: Partition = position.partition
    return (
        f"{where.flow} {where.topic}/{where.partition}  {position.first_offset}..{position.next_offset}  "
        f"log {position.generation}  {'HELD' if position.held is not None else 'goes on'}"
    )


def _decision(one: holding.Decision) -> dict[str, str | None]:
    at = one.at.isoformat(timespec="seconds") if one.at else None
    return {"at": at, "action": one.action, "by": one.by, "reason": one.reason}


def _shown(position: Position, decisions: tuple[holding.Decision, ...]) -> dict[str, object]:
    where = position.partition
    return {
        "flow": where.flow,
        "topic": where.topic,
        "partition": where.partition,
        "first_offset": position.first_offset,
        "next_offset": position.next_offset,
        "generation": position.generation,
        "cluster_id": position.cluster_id,
        "held": position.held,
        "cause": position.cause,
        "decisions": [_decision(one) for one in decisions],
    }
