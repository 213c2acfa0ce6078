"""`tocsin rules check | list | explain | what-if`: what the rules are, why a level, what others would do."""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from time import monotonic
from typing import Annotated, NoReturn

import typer

from alerts.errors import RuleError
from alerts.explanation import Explanation
from alerts.grading import Grading, grading_of
from alerts.rule_check import problems
from alerts.rulebook import Rulebook
from alerts.ruleset import Rule, Window
from alerts.what_if import Course, Difference, summary
from tocsin import wiring
from tocsin.case_explaining import Explained, explained
from tocsin.errors import Refusal
from tocsin.regrading import Regraded, what_if

app = typer.Typer(no_args_is_help=True, help="Grading rules: check a file, list them, explain a case, try others.")

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A rule file (YAML).")]


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Every problem of a rule file with its line and what to do; exit code 1 when there is any."""
    found = problems(file)
    if as_json:
        print(json.dumps({"file": str(file), "problems": list(found)}, indent=2, ensure_ascii=False))
    elif found:
        print("\n".join(found))
    else:
        print(f"{file.name}: {_counted(_read(file).book)}")
    if found:
        raise typer.Exit(1)


@app.command("list")
def list_them(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Without it, the rules in use.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Every rule, window and threshold with its unit and source."""
    chosen = file or wiring.settings(data_dir).rules
    book = _read(chosen).book
    if as_json:
        print(json.dumps(_as_json(book), indent=2, ensure_ascii=False))
    else:
        _show(book)


@app.command()
def explain(
    asked: Annotated[str, typer.Argument(metavar="CASE", help="Its id, the beginning of it, or its alert's number.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Why a case has its level, what would raise it, and what every rule answered."""
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "rules")
    setting = wiring.setting(settings, engine)
    with engine.begin() as connection:
        found = explained(connection, asked, setting.context)
    engine.dispose()
    if found is None:
        raise Refusal(f"No one graded case is {asked!r}: `tocsin case list --level 0` shows those there are.")
    if as_json:
        print(json.dumps(_explanation_as_json(found), indent=2, ensure_ascii=False))
    else:
        _say(found)


@app.command("what-if")
def what_if_command(
    file: File,
    since: Annotated[str, typer.Option(metavar="DATE", help="Events on or after this day, like 2026-01-31.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Grade the archive with other rules: which alerts would have been different. Nothing is sent or written."""
    other, day = _read(file), _day(since)
    settings = wiring.settings(data_dir)
    engine, started = wiring.database(settings, "rules"), monotonic()
    found = what_if(engine, wiring.setting(settings, engine), other, day)
    engine.dispose()
    looked_at = f"{found.findings} findings, {found.cases} cases since {day} in {monotonic() - started:.1f} s"
    print(f"{looked_at}; nothing was sent", file=sys.stderr)
    if as_json:
        print(json.dumps(_regraded_as_json(found, other.book, day), indent=2, ensure_ascii=False))
    else:
        _show_differences(found, other.book)


def _read(file: Path | None) -> Grading:
    try:
        return grading_of(file)
    except RuleError as error:
        _refuse(error)


def _refuse(error: RuleError) -> NoReturn:
    raise Refusal(f"{error}\nNothing was done: mend the rule file first (`tocsin rules check`).") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"--since {text!r} is not a day: write it like 2026-01-31.") from None


def _counted(book: Rulebook) -> str:
    rules = book.rules
    total = sum(len(part) for part in (rules.impact, rules.spread, rules.confidence, rules.overrides))
    return f"{rules.name} {rules.version}, {total} rules, {len(rules.thresholds)} thresholds, SHA-256 {book.digest}"


# What the rules are


def _each(book: Rulebook) -> Iterator[tuple[str, Rule, str]]:
    """Axis, rule, and what it gives."""
    rules = book.rules
    for axis, part in (("impact", rules.impact), ("spread", rules.spread), ("confidence", rules.confidence)):
        yield from ((axis, rule, str(rule.gives)) for rule in part)
    for rule in rules.overrides:
        yield "override", rule, f"L{rule.level:d}" if rule.level is not None else f"at most L{rule.at_most or 0:d}"


def _numbers(book: Rulebook) -> Iterator[tuple[str, str, str]]:
    """Name, value with unit, source."""
    rules = book.rules
    for kind, table in (("window", rules.windows), ("term", rules.terms)):
        for name in type(table).model_fields:
            window: Window = getattr(table, name)
            yield f"{kind} {name}", f"{window.days} days: {window.bounds}", window.source
    for dose in rules.doses:
        yield f"dose {dose.name}", f"high > {dose.high:g}, extreme > {dose.extreme:g} {dose.unit} per unit", dose.source
    for bulk in rules.bulk:
        yield f"bulk {bulk.name}", f">= {bulk.at_least:g} {bulk.unit}", bulk.source
    for threshold in (rules.user_level_units, *rules.thresholds):
        yield f"threshold {threshold.name}", f"{threshold.shown} {threshold.unit}", threshold.source


def _show(book: Rulebook) -> None:
    print(_counted(book))
    for axis, rule, gives in _each(book):
        when = " ".join(str(getattr(rule, "when", "true")).split())
        print(f"{rule.id:<22} {axis} {gives:<10} {rule.says}  [{rule.source or '-'}, {book.where(rule.id)}]")
        print(f"{'':<22} when {when}")
    for name, value, source in _numbers(book):
        print(f"{name:<30} {value}  [{source}]")
    for key, text in sorted(book.rules.sources.items()):
        print(f"source {key:<23} {text}")


def _as_json(book: Rulebook) -> dict[str, object]:
    return {
        "rule_set": book.ref.model_dump(),
        "rules": [
            {
                "id": rule.id,
                "axis": axis,
                "gives": gives,
                "when": getattr(rule, "when", "true"),
                "says": rule.says,
                "source": rule.source,
                "line": book.lines[rule.id],
                "thresholds": list(book.thresholds[rule.id]),
            }
            for axis, rule, gives in _each(book)
        ],
        "numbers": [{"name": name, "value": value, "source": source} for name, value, source in _numbers(book)],
        "levels": [[int(level) for level in row] for row in book.rules.levels],
        "sources": dict(book.rules.sources),
    }


# Why


def _say(found: Explained) -> None:
    why = found.why
    print(why.says)
    for rule in why.trace:
        mark = {True: "yes", False: "no "}.get(rule.answer, "ERR") if isinstance(rule.answer, bool) else "ERR"
        print(f"  {mark}  {rule.id:<22} {rule.axis} {rule.gives:<10} {' '.join(rule.when.split())}")
    print("facts  " + ", ".join(f"{name}={_fact(value)}" for name, value in why.facts.items() if value))
    print(f"graded by {why.grade.rule_set or 'an earlier version, which did not say'}; asked now: {found.asked}")


def _fact(value: bool | int | float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _explanation_as_json(found: Explained) -> dict[str, object]:
    why: Explanation = found.why
    return {"case": found.case, "number": found.number, "asked": found.asked} | why.model_dump(mode="json")


# What if


def _show_differences(found: Regraded, book: Rulebook) -> None:
    for one in found.differences:
        title = f"{one.number or one.case[:12]:<16}"
        print(f"{one.outcome:<10} {title} {_course(one.before)} -> {_course(one.after)}  {one.name}  ({one.key})")
    counts = ", ".join(f"{count} {outcome}" for outcome, count in summary(found.differences).items() if count)
    print(f"{book.rules.name} {book.rules.version}: {counts or 'no alert would have been different'}")


def _course(course: Course) -> str:
    first = course.since.get(course.highest)
    return f"L{course.highest:d}" + (f" on {first}" if first else "")


def _regraded_as_json(found: Regraded, book: Rulebook, since: date) -> dict[str, object]:
    counts = {str(outcome): count for outcome, count in summary(found.differences).items()}
    return {
        "since": since.isoformat(),
        "rule_set": book.ref.model_dump(),
        "findings": found.findings,
        "cases": found.cases,
        "reports_read_anew": found.read_anew,
        "outcomes": counts,
        "differences": [_difference(one) for one in found.differences],
        "sent": 0,
    }


def _difference(one: Difference) -> dict[str, object]:
    plain = one.model_dump(mode="json", exclude={"before", "after"})
    return plain | {"before": _course_as_json(one.before), "after": _course_as_json(one.after)}


def _course_as_json(course: Course) -> dict[str, object]:
    since: Mapping[str, str] = {f"L{level:d}": day.isoformat() for level, day in course.since.items()}
    return {"highest": f"L{course.highest:d}", "since": since, "rules": list(course.rules)}
