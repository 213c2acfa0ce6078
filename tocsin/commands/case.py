"""`tocsin case list | show`: what the threats are, how grave, and why; and what people decide about them."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from alerts.explanation import nearness
from alerts.notification import Draft
from alerts.public_extract import SENTENCES
from schemas.vocabularies import Level, Tense
from storage import browsing
from storage.browsing import CaseDetail, CaseRow
from tocsin import case_papers, wiring
from tocsin.case_explaining import Explained, explained_of
from tocsin.commands import case_decisions, case_merging, case_steps
from tocsin.errors import Refusal

app = typer.Typer(no_args_is_help=True, help="Threats: level, spread, reports and reasons.")
case_decisions.add_to(app)
case_merging.add_to(app)
case_steps.add_to(app)

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("list")
def list_them(
    level: Annotated[int, typer.Option(min=0, max=4, help="At least this level.")] = 1,
    country: Annotated[str | None, typer.Option(help="Only with events in this country, like FI.")] = None,
    tense: Annotated[Tense | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Cases, gravest first; without --level those that reach L1."""
    engine = wiring.database(wiring.settings(data_dir), "case")
    with engine.begin() as connection:
        asked = country.upper() if country else None
        found = browsing.cases(connection, at_least=Level(level), tense=tense, country=asked, limit=limit)
    engine.dispose()
    if as_json:
        print(json.dumps([_as_json(row) for row in found], indent=2, ensure_ascii=False))
        return
    for row in found:
        mark = "" if row.tense is Tense.ACTUAL else f" {row.tense.upper()}"
        places = " ".join(row.countries) or "-"
        print(f"{row.id[:12]}  L{row.level} {row.level.word}{mark}  {row.name}  {places}  {_told(row)}")


@app.command()
def show(
    asked: Annotated[str, typer.Argument(metavar="CASE", help="Its id, the beginning of it, or its alert's number.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """One case: why this level, which reports, what was said."""
    settings = wiring.settings(data_dir)
    engine = wiring.database(settings, "case")
    context = wiring.setting(settings, engine).context
    with engine.begin() as connection:
        found = browsing.case(connection, asked)
        why = None if found is None else explained_of(connection, found, context)
    engine.dispose()
    if found is None:
        raise Refusal(f"No one case is {asked!r}: `tocsin case list --level 0` shows those there are.")
    if as_json:
        told = {"explanation": why.why.says, "near": [m.model_dump(mode="json") for m in why.why.near]} if why else {}
        print(json.dumps(_detail(found) | told, indent=2, ensure_ascii=False))
    else:
        _say(found, why)


@app.command()
def notification(
    asked: Annotated[str, typer.Argument(metavar="CASE", help="Its id, the beginning of it, or its alert's number.")],
    data_dir: DataDir = None,
    as_json: Json = False,
    as_html: Annotated[bool, typer.Option("--html", help="As a page to read and print.")] = False,
) -> None:
    """The draft of a formal notification: Art. 13(2)(a)-(j), what is missing, and the time limits. Nothing is sent."""
    engine = wiring.database(wiring.settings(data_dir), "case")
    with engine.begin() as connection:
        made = case_papers.notification(connection, asked)
    engine.dispose()
    if as_json:
        print(json.dumps(made.model_dump(mode="json"), indent=2, ensure_ascii=False))
    elif as_html:
        print(case_papers.page(made), end="")
    else:
        _say_draft(made)


def _say_draft(made: Draft) -> None:
    print(f"{made.number or '-'}  {made.title}, case {made.case}, TLP:{made.handling}, {made.missing} things missing")
    for item in made.items:
        print(f"({item.letter}) {item.heading}")
        for line in item.known:
            print(f"      {line}")
        for line in item.missing:
            print(f"    ? {line}")
    for clock in made.clocks:
        counted = f"{clock.weeks} weeks from {clock.starts_with}"
        print(f"{clock.article:<11} {case_papers.limit(clock)}  {clock.what} ({counted})")


@app.command()
def public(
    asked: Annotated[str, typer.Argument(metavar="CASE", help="Its id, the beginning of it, or its alert's number.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """What might be published of it after a reviewer's release; exit code 1 and the reasons when nothing may be."""
    engine = wiring.database(wiring.settings(data_dir), "case")
    with engine.begin() as connection:
        made = case_papers.public(connection, asked)
    engine.dispose()
    if isinstance(made, tuple):
        if as_json:
            print(json.dumps({"public": False, "reasons": list(made)}, indent=2))
        raise Refusal("It must not be published: " + "; ".join(SENTENCES[reason] for reason in made) + ".")
    if as_json:
        print(json.dumps({"public": True} | made.model_dump(mode="json"), indent=2, ensure_ascii=False))
        return
    for name, value in made.model_dump(mode="json").items():
        print(f"{name:<14} {', '.join(map(str, value)) if isinstance(value, list) else value}")


def _told(row: CaseRow) -> str:
    if row.number is None or row.announced is None:
        return "nobody told"
    ended = f", {row.ended_as or row.state}" if row.ended_as or row.state != "open" else ""
    return f"{row.number} at L{row.announced}{ended}{_set(row)}{_draft_of(row)}"


def _draft_of(row: CaseRow) -> str:
    """That a notification draft is open, and which of its time limits is over."""
    if row.notification is None:
        return ""
    late = [clock for clock in row.notification.clocks(_today()) if clock.overdue]
    overdue = "".join(f", {clock.step.replace('_', ' ')} overdue since {clock.due}" for clock in late)
    return f", notification draft {row.notification.number}{overdue}"


def _today() -> date:
    return datetime.now(UTC).date()


def _set(row: CaseRow) -> str:
    """What a person decided of the level, and whether somebody should have looked by now."""
    override, overdue = row.override, row.review_overdue
    level = "" if override is None else f", set by {override.by} until {override.until:%Y-%m-%d %H:%M} UTC"
    return f"{level}, review overdue since {overdue:%Y-%m-%d %H:%M} UTC" if overdue else level


def _say(found: CaseDetail, why: Explained | None) -> None:
    row, grade = found.row, found.grade
    print(f"{row.name}, case {row.id}, {row.state}")
    if grade is not None:
        scores = f"impact {grade.impact}, spread {grade.spread}, confidence {grade.confidence}"
        print(f"L{row.level} {row.level.word}: {scores} on {grade.anchor}")
        for rule in grade.fired:
            print(f"  because  {rule.says}  ({rule.id}, {rule.axis} {rule.score})")
    if why is not None:
        for sentence in nearness(why.why.near):
            print(f"  but      {sentence}")
        print(f"aloud      {why.why.says}")
    print(f"countries  {', '.join(f'{c} {n}' for c, n in found.summary.countries.items()) or '-'}")
    print(f"told       {_told(row)}")
    if row.override is not None:
        print(f"           L{row.override.level:d} because: {row.override.reason}")
    for clock in row.notification.clocks(_today()) if row.notification else ():
        print(f"limit      {clock.article}: {clock.what}: {case_papers.limit(clock)}")
    for report in found.reports:
        print(f"report     {report.day} {report.country} {report.laboratory} {report.event_id} rev {report.revision}")
    for line in found.log:
        source = f" by {line.laboratory} {line.event_id} rev {line.revision}" if line.laboratory else ""
        levels = f"L{line.before}→L{line.after}" if line.before is not None and line.after is not None else ""
        levels += f", told L{line.announced}" if line.announced is not None else ""
        print(f"log        {line.at:%Y-%m-%d %H:%M:%S} {line.actor}: {line.action} ({line.reason}) {levels}{source}")
    if found.log and found.log[0].rule_set:
        print(f"rules      {next((line.rule_set for line in found.log if line.rule_set), '-')}")


def _as_json(row: CaseRow) -> dict[str, object]:
    return {
        "case": row.id,
        "tense": row.tense,
        "key": row.key,
        "state": row.state,
        "level": f"L{row.level}",
        "name": row.name,
        "alert": row.number,
        "announced": None if row.announced is None else f"L{row.announced}",
        "ended_as": row.ended_as,
        "override": row.override.model_dump(mode="json") if row.override else None,
        "review_overdue": row.review_overdue.isoformat() if row.review_overdue else None,
        "notification": _notification(row),
        "countries": list(row.countries),
        "events": row.events,
        "changed_at": row.changed_at.isoformat(),
    }


def _notification(row: CaseRow) -> dict[str, object] | None:
    if row.notification is None:
        return None
    limits = [clock.model_dump(mode="json") for clock in row.notification.clocks(_today())]
    return {"number": row.notification.number, "opened_at": row.notification.opened_at.isoformat(), "limits": limits}


def _detail(found: CaseDetail) -> dict[str, object]:
    return _as_json(found.row) | {
        "substance": found.subject.model_dump(mode="json"),
        "summary": found.summary.model_dump(mode="json", exclude={"tally"}),
        "grade": found.grade.model_dump(mode="json") if found.grade else None,
        "reports": [report.model_dump(mode="json") for report in found.reports],
        "log": [
            {
                "at": line.at.isoformat(),
                "actor": line.actor,
                "action": line.action,
                "reason": line.reason,
                "laboratory": line.laboratory,
                "event_id": str(line.event_id) if line.event_id else None,
                "revision": line.revision,
                "before": None if line.before is None else f"L{line.before}",
                "after": None if line.after is None else f"L{line.after}",
                "announced": None if line.announced is None else f"L{line.announced}",
                "rules": list(line.rules),
                "rule_set": line.rule_set,
            }
            for line in found.log
        ],
    }
