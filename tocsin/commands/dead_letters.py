"""`tocsin dead-letters list | show`: what was refused and why."""

import base64
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from storage import dead_letters
from storage.dead_letters import StoredDeadLetter
from tocsin import wiring
from tocsin.errors import Refusal

app = typer.Typer(no_args_is_help=True, help="Reports that were refused, each with its reason.")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("list")
def list_them(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, newest first.")] = 50,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The newest dead letters, newest first."""
    engine = wiring.database(wiring.settings(data_dir), "dead-letters")
    with engine.begin() as connection:
        found = dead_letters.latest(connection, limit)
    engine.dispose()
    if as_json:
        print(json.dumps([_shown(one) for one in found], indent=2, ensure_ascii=False))
        return
    for one in found:
        first = one.rejection.problems[0]
        more = f" (and {len(one.rejection.problems) - 1} more)" if len(one.rejection.problems) > 1 else ""
        print(
            f"{one.id}  {_place(one)}  {one.rejection.reason}  {_plain(first.pointer)} {_plain(first.sentence)}{more}"
        )


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="The number that `list` shows.")],
    data_dir: DataDir = None,
    raw: Annotated[bool, typer.Option("--raw", help="Only the bytes as they came, on stdout.")] = False,
    as_json: Json = False,
) -> None:
    """One dead letter whole: place, reason, every problem, headers, and the bytes as they came."""
    engine = wiring.database(wiring.settings(data_dir), "dead-letters")
    with engine.begin() as connection:
        found = dead_letters.one(connection, number)
    engine.dispose()
    if found is None:
        raise Refusal(f"There is no dead letter {number}; `tocsin dead-letters list` shows those there are.")
    if raw:
        sys.stdout.buffer.write(found.record.value or b"")
    elif as_json:
        print(json.dumps(_shown(found), indent=2, ensure_ascii=False))
    else:
        _say(found)


def _say(one: StoredDeadLetter) -> None:
    record = one.record
    print(f"dead letter {one.id}, {one.state}")
    print(f"place    {_place(one)}, flow {one.flow}, {record.timestamp.isoformat()}")
    print(f"reason   {one.rejection.reason}")
    for problem in one.rejection.problems:
        print(f"         {_plain(problem.pointer) or '/'}: {_plain(problem.sentence)}")
    print(f"key      {_bytes(record.key)}")
    for name, value in record.headers:
        print(f"header   {_plain(name)}: {_bytes(value)}")
    print(f"value    {_bytes(record.value)}")


def _shown(one: StoredDeadLetter) -> dict[str, object]:
    record = one.record
    return {
        "id": one.id,
        "flow": one.flow,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "recorded_at": record.timestamp.isoformat(),
        "reason": one.rejection.reason,
        "problems": [problem.model_dump() for problem in one.rejection.problems],
        "state": one.state,
        "key": _encoded(record.key),
        "value": _encoded(record.value),
        "headers": [{"name": name, "value": _encoded(value)} for name, value in record.headers],
    }


def _place(one: StoredDeadLetter) -> str:
    return f"{one.record.topic}/{one.record.partition}@{one.record.offset}"


def _encoded(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _bytes(raw: bytes | None) -> str:
    """Text as it reads; what a terminal would obey is escaped."""
    return "-" if raw is None else _plain(raw.decode("utf-8", "backslashreplace"))


def _plain(words: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in words)
