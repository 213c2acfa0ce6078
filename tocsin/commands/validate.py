"""`tocsin validate FILE…`: would these reports be accepted? Offline; every problem with its file, line and field."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from schemas.decoding import Decoded, decode_bytes
from schemas.rejections import Rejection
from tocsin.report_files import Line, Unreadable, lines

app = typer.Typer(help="Check reports without sending them: JSON, JSON Lines or CSV.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What became of one report of a file."""

    file: str
    line: int
    verdict: Decoded | Rejection

    def sentences(self) -> Iterator[str]:
        """What there is to say about it, one line each, as compilers do."""
        where = f"{self.file}:{self.line}"
        if isinstance(self.verdict, Rejection):
            for problem in self.verdict.problems:
                yield f"{where}: {self.verdict.reason} {problem.pointer or '/'}: {problem.sentence}"
        else:
            yield from (f"{where}: note {note}" for note in self.verdict.notes)

    def as_json(self) -> dict[str, object]:
        """The same for machines."""
        place: dict[str, object] = {"file": self.file, "line": self.line}
        if isinstance(self.verdict, Rejection):
            return place | self.verdict.model_dump(mode="json")
        return place | {"notes": list(self.verdict.notes)}


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def validate(
    files: Annotated[list[Path], typer.Argument(help="Files of reports: JSON, JSON Lines or CSV.", metavar="FILE…")],
    laboratory: Annotated[str | None, typer.Option("--lab", help="Refuse reports of any other laboratory.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check reports without sending them. Exit code 1 when any would be refused, 2 when a file cannot be read."""
    checked, refused, unreadable = 0, list[Finding](), list[str]()
    noted: list[Finding] = []
    for path in files:
        try:
            for finding in _findings(path, laboratory):
                checked += 1
                if isinstance(finding.verdict, Rejection):
                    refused.append(finding)
                elif finding.verdict.notes:
                    noted.append(finding)
                if not as_json:
                    _print(finding)
        except Unreadable as error:
            unreadable.append(str(error))
    if as_json:
        _print_json(checked, refused, noted, unreadable)
    _summary(checked, len(refused), unreadable)
    raise typer.Exit(2 if unreadable else 1 if refused else 0)


def _findings(path: Path, laboratory: str | None) -> Iterator[Finding]:
    now, any_report = datetime.now(UTC), False
    for line in lines(path):
        any_report = True
        yield Finding(file=str(path), line=line.number, verdict=_verdict(line, laboratory, now))
    if not any_report:
        yield Finding(file=str(path), line=1, verdict=_verdict(Line(number=1, value=b""), laboratory, now))


def _verdict(line: Line, laboratory: str | None, now: datetime) -> Decoded | Rejection:
    return decode_bytes(line.value, laboratory=laboratory, received_at=now)


def _print(finding: Finding) -> None:
    for sentence in finding.sentences():
        print(sentence)


def _print_json(checked: int, refused: list[Finding], noted: list[Finding], unreadable: list[str]) -> None:
    print(
        json.dumps(
            {
                "reports": checked,
                "valid": checked - len(refused),
                "refused": [finding.as_json() for finding in refused],
                "notes": [finding.as_json() for finding in noted],
                "unreadable": unreadable,
            },
            indent=2,
        )
    )


def _summary(checked: int, refused: int, unreadable: list[str]) -> None:
    for sentence in "\n".join(unreadable).splitlines():
        print(f"tocsin: {sentence}", file=sys.stderr)
    print(f"tocsin: {checked:,} reports checked, {refused:,} would be refused.", file=sys.stderr)
