"""`tocsin simulate FILE`: what would these reports do? The worker's own decisions, without Kafka or a database."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from alerts.catalogue import load
from alerts.errors import RuleError
from alerts.grading import Grading, grading_of
from alerts.pipeline import Setting
from schemas.places import COUNTRIES
from tocsin.report_files import Unreadable, lines
from tocsin.simulation import Simulated, simulate

app = typer.Typer(help="Decide about reports in a file, without Kafka or a database.")


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def run(
    file: Annotated[Path, typer.Argument(help="Reports: JSON Lines, JSON, or a scenario file (YAML).", metavar="FILE")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    now: Annotated[str | None, typer.Option(help="The clock: an instant like 2026-03-01T12:00:00Z.")] = None,
    history: Annotated[str, typer.Option(help="Countries whose history counts as loaded: SI,FI,…")] = "",
    rules: Annotated[Path | None, typer.Option(help="Another rule file.", metavar="FILE")] = None,
) -> None:
    """Each report is decided at its own `reported_at`; refused ones are listed with line, reason and field."""
    setting = Setting(catalogue=load(), grading=_grading(rules), loaded=_countries(history))
    try:
        numbered = _numbered(file)
    except Unreadable as error:
        _stop(str(error))
    result = simulate(numbered, setting=setting, now=_instant(now))
    if as_json:
        sys.stdout.write(result.model_dump_json(indent=2) + "\n")
    else:
        _show(result)


def _grading(rules: Path | None) -> Grading:
    try:
        return grading_of(rules)
    except RuleError as error:
        _stop(str(error))
        raise AssertionError from None


def _numbered(file: Path) -> list[tuple[int, bytes]]:
    if file.suffix in (".yaml", ".yml"):
        from tocsin.demo.scenario import numbered_reports

        return numbered_reports(file)
    return [(line.number, line.value) for line in lines(file)]


def _stop(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        _stop(f"--now {text!r} is not an instant with a time zone; write it like 2026-03-01T12:00:00Z")
        raise AssertionError
    return found.astimezone(UTC)


def _countries(text: str) -> frozenset[str]:
    found = frozenset(word.strip().upper() for word in text.split(",") if word.strip())
    if unknown := found - set(COUNTRIES):
        _stop(f"--history names no country: {', '.join(sorted(unknown))}; use ISO 3166-1 codes like SI,FI")
    return found


def _show(result: Simulated) -> None:
    console = Console()
    reports = result.reports
    console.print(f"{reports.applied} applied, {reports.duplicates} duplicates, {len(reports.rejected)} refused")
    for refused in reports.rejected:
        console.print(f"line {refused.line}: {refused.reason} {refused.pointer}: {refused.sentence}", markup=False)
    cases = Table(
        "level", "I", "P", "C", "substance", "class", "countries", "events", title="Cases", title_justify="left"
    )
    for case in sorted(result.cases, key=lambda case: case.level, reverse=True):
        shown = (case.level, str(case.impact), str(case.spread), case.confidence or "-", case.name)
        cases.add_row(*shown, case.subgroup or case.category, " ".join(case.countries), str(case.events))
    messages = Table("at", "alert", "rev", "kind", "level", "countries", title="Messages", title_justify="left")
    for message in result.messages:
        when = message.at.strftime("%Y-%m-%d %H:%M")
        shown = (when, message.alert, str(message.revision), message.kind.value, message.level)
        messages.add_row(*shown, " ".join(message.countries))
    console.print(cases, messages)
    for message in result.messages:
        if message.explanation:
            console.print(
                f"{message.alert} rev {message.revision}: {message.explanation}", markup=False, highlight=False
            )
