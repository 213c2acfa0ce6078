"""`tocsin dead-letters list | show | replay | discard`: what was refused and why, and what became of it."""

import base64
import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.personal_data import masked_bytes
from schemas.vocabularies import RejectionReason
from storage import dead_letters
from storage.dead_letters import Decision, LetterState, StoredDeadLetter
from storage.wakeups import Wakeup, notify
from tocsin import wiring
from tocsin.errors import Refusal
from tocsin.settings import Settings

if TYPE_CHECKING:  # chemistry takes a second to import: only a replay pays for it
    from streams.replaying import Replayed

app = typer.Typer(no_args_is_help=True, help="Reports that were refused, each with its reason.")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
By = Annotated[str, typer.Option(help="The person who decides.")]
Because = Annotated[str, typer.Option("--reason", "--reason-text", help="Why; it is kept beside the name.")]


@app.command("list")
def list_them(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, newest first.")] = 50,
    state: Annotated[LetterState | None, typer.Option(help="Only these.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The newest dead letters, newest first."""
    engine = wiring.database(wiring.settings(data_dir), "dead-letters")
    with engine.begin() as connection:
        found = dead_letters.latest(connection, limit, state=state)
    engine.dispose()
    if as_json:
        print(json.dumps([_shown(one) for one in found], indent=2, ensure_ascii=False))
        return
    for one in found:
        print(f"{one.id}  {one.state}  {_place(one)}  {_refusal(one)}")


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="The number that `list` shows.")],
    data_dir: DataDir = None,
    raw: Annotated[bool, typer.Option("--raw", help="The bytes as they came, nothing masked; in --json too.")] = False,
    as_json: Json = False,
) -> None:
    """One dead letter: place, reason, every problem, headers and value; what names a person masked without --raw."""
    engine = wiring.database(wiring.settings(data_dir), "dead-letters")
    with engine.begin() as connection:
        found = dead_letters.one(connection, number)
        decisions = dead_letters.history(connection, number)
    engine.dispose()
    if found is None:
        raise _unknown(number)
    if raw and not as_json:
        sys.stdout.buffer.write(found.record.value or b"")
    elif as_json:
        shown = {**_shown(found, raw=raw), "decisions": [_decision(one) for one in decisions]}
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        _say(found)
        for one in decisions:
            said = _decision(one)
            print(f"decided  {said['at']} {said['act']}, {said['fate']}, by {_plain(one.by)}: {_plain(one.because)}")


@app.command()
def replay(
    by: By,
    because: Because,
    numbers: Annotated[list[int] | None, typer.Argument(metavar="[NUMBER]...", help="As `list` shows them.")] = None,
    refused_as: Annotated[
        RejectionReason | None, typer.Option(help="Instead of numbers: all open ones refused for this reason.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Of these, only what came since then (UTC).")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Run them through the worker's own stage once more: after a schema, the registry or the catalogue was mended.

    What is accepted counts and may raise an alert, as if it had come now. What is refused again stays open with the
    new reason; then the exit code is 1. What was decided before is left as it is.
    """
    by, because = _person(by, because)
    if bool(numbers) == bool(refused_as) or (since and not refused_as):
        raise Refusal("Name the dead letters by their numbers, or with --refused-as and, if you like, --since.")
    settings = wiring.settings(data_dir)
    chosen = numbers or _chosen(settings, refused_as, since=_utc(since), yes=yes)
    replays = wiring.replays(settings)
    try:
        done = _each(chosen, lambda one: replays.replay(one, by=by, because=because, now=datetime.now(UTC)))
        notify(replays.engine, Wakeup.OUTBOX)
    finally:
        replays.engine.dispose()
    _tell(done, as_json)
    if any(one.letter.state is LetterState.OPEN for one in done):
        raise typer.Exit(1)


@app.command()
def discard(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", help="As `list` shows them.")],
    by: By,
    because: Because,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Nothing more will be done about them. Their bytes, headers and reasons stay for good."""
    from streams.replaying import discard as discarded

    by, because = _person(by, because)
    engine = wiring.database(wiring.settings(data_dir), "dead-letters")
    try:
        done = _each(numbers, lambda one: discarded(engine, one, by=by, because=because, now=datetime.now(UTC)))
    finally:
        engine.dispose()
    _tell(done, as_json)


def _person(by: str, because: str) -> tuple[str, str]:
    if not by.strip() or not because.strip():
        raise Refusal("--by and --reason must say who decides and why; `tocsin dead-letters show` keeps them.")
    return by.strip(), because.strip()


def _chosen(
    settings: Settings, reason: RejectionReason | None, *, since: datetime | None, yes: bool
) -> tuple[int, ...]:
    """All open ones of a reason, once somebody has agreed to so many."""
    assert reason is not None
    engine = wiring.database(settings, "dead-letters")
    with engine.begin() as connection:
        found = dead_letters.open_ones(connection, reason, since=since)
    engine.dispose()
    if not found:
        raise Refusal(f"No open dead letter was refused as {reason}; `tocsin dead-letters list` shows those there are.")
    print(f"{len(found)} dead letters refused as {reason}; those accepted now may raise alerts.", file=sys.stderr)
    if yes:
        return found
    if not sys.stdin.isatty():
        raise Refusal("Nothing was replayed: add --yes to go on without being asked.")
    if not typer.confirm("Replay them?", err=True):
        raise Refusal("Nothing was replayed.")
    return found


def _each(numbers: Iterable[int], act: "Callable[[int], Replayed]") -> "list[Replayed]":
    from streams.replaying import NoSuchLetter

    done = []
    for number in dict.fromkeys(numbers):
        try:
            done.append(act(number))
        except NoSuchLetter:
            before = f"{len(done)} before it are done. " if done else ""
            raise Refusal(f"{before}{_unknown(number)}") from None
    return done


def _tell(done: "Iterable[Replayed]", as_json: bool) -> None:
    if as_json:
        shown = [{**_shown(one.letter), "done_before": one.done_before} for one in done]
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    for one in done:
        print(f"{one.letter.id}  {_outcome(one.letter, done_before=one.done_before)}")


def _outcome(one: StoredDeadLetter, *, done_before: bool) -> str:
    fate = f" ({one.fate})" if one.state is LetterState.REPLAYED else ""
    if done_before:
        return f"{one.state}{fate} already, by {_plain(one.decided_by or '-')}; nothing was changed"
    if one.state is LetterState.OPEN:
        return f"refused again: {_refusal(one)}"
    return f"{one.state}{fate}"


def _decision(one: Decision) -> dict[str, str | None]:
    return {
        "at": one.at.isoformat(timespec="seconds"),
        "act": one.act,
        "fate": one.fate,
        "by": one.by,
        "reason": one.because,
        "refused_before_as": one.before,
    }


def _utc(given: datetime | None) -> datetime | None:
    return given.replace(tzinfo=UTC) if given is not None and given.tzinfo is None else given


def _unknown(number: int) -> Refusal:
    return Refusal(f"There is no dead letter {number}; `tocsin dead-letters list` shows those there are.")


def _refusal(one: StoredDeadLetter) -> str:
    first, rest = one.rejection.problems[0], len(one.rejection.problems) - 1
    more = f" (and {rest} more)" if rest else ""
    return f"{one.rejection.reason}  {_plain(first.pointer)} {_plain(first.sentence)}{more}"


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


def _shown(one: StoredDeadLetter, *, raw: bool = False) -> dict[str, object]:
    """Key, value and headers in base64, what names a person masked unless `raw`; `masked` says whether any was."""
    record, as_told = one.record, _as_came if raw else masked_bytes
    values = (record.key, record.value, *(value for _, value in record.headers))
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
        "fate": one.fate,
        "decided_by": one.decided_by,
        "decided_because": one.decided_because,
        "decided_at": None if one.decided_at is None else one.decided_at.isoformat(),
        "masked": any(value is not None and as_told(value) != value for value in values),
        "key": _encoded(record.key, as_told),
        "value": _encoded(record.value, as_told),
        "headers": [{"name": name, "value": _encoded(value, as_told)} for name, value in record.headers],
    }


def _as_came(raw: bytes) -> bytes:
    return raw


def _place(one: StoredDeadLetter) -> str:
    return f"{one.record.topic}/{one.record.partition}@{one.record.offset}"


def _encoded(raw: bytes | None, as_told: Callable[[bytes], bytes]) -> str | None:
    return None if raw is None else base64.b64encode(as_told(raw)).decode()


def _bytes(raw: bytes | None) -> str:
    """Text as it reads; what a terminal would obey is escaped, what names a person masked (`--raw` has the bytes)."""
    return "-" if raw is None else _plain(masked_bytes(raw).decode("utf-8", "backslashreplace"))


def _plain(words: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in words)
