"""Measures names against a file that states their substance: how many resolve, and whether any resolves wrongly.

A name is resolved when it means one listed substance or a group of isomers. It is wrong when its structure is none of
those that the file states; a listed name without a structure (talc) cannot be compared, and is told apart.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final

from alerts.catalogue import Catalogue, load
from alerts.identity import Identity, Rung, identify
from schemas.base import Frozen
from tocsin.asking import Unaskable, component
from tocsin.evaluation.outcome import Evaluation
from tocsin.evaluation.tables import Row, WrongTable, read

NAME, COUNT, CONNECTIVITY = "raw_name", "count", "connectivity"
_NOTHING_STATED: Final = frozenset({"-", "none", "na", "n/a"})
_NO_SUBSTANCE: Final = "UNIDENTIFIED"
_BLOCK: Final = re.compile(r"([A-Z]{14})(-[A-Z]{10}-[A-Z])?")


class Verdict(StrEnum):
    """What became of a name."""

    RIGHT = "right"
    RESOLVED = "resolved"
    WITHOUT_STRUCTURE = "without_structure"
    UNIDENTIFIED = "unidentified"
    UNRESOLVED = "unresolved"
    WRONG = "wrong"


_COVERED: Final = frozenset({Verdict.RIGHT, Verdict.RESOLVED, Verdict.WITHOUT_STRUCTURE})


class Judged(Frozen):
    """One name of the file; `stated` are first blocks of InChIKeys, none where the file does not know."""

    line: int
    name: str
    count: int
    stated: tuple[str, ...]
    verdict: Verdict
    key: str
    substance: str


class Tally(Frozen):
    """Names, and how often they occur."""

    names: int
    occurrences: int


class NamesEvaluation(Evaluation):
    """Coverage is of everything but what names no substance; weighted by occurrences, and by names alone."""

    file: str
    catalogue: str
    all: Tally
    verdicts: dict[Verdict, Tally]
    coverage_by_occurrences: float
    coverage_by_names: float
    wrong: tuple[Judged, ...]
    unresolved: tuple[Judged, ...]
    unidentified: tuple[Judged, ...]
    without_structure: tuple[Judged, ...]

    @property
    def holds(self) -> bool:
        """A wrong merge is the one thing that may not be."""
        return not self.wrong

    def lines(self) -> Iterator[str]:
        """Figures, then what is wrong, then what is not resolved."""
        yield f"{self.file}: {_counted(self.all)}"
        for verdict, tally in self.verdicts.items():
            yield f"  {_SAID[verdict]}: {_counted(tally)}"
        yield f"Resolved, unidentified ones aside: {self.coverage_by_occurrences:.2%} of the occurrences, "
        yield f"  {self.coverage_by_names:.2%} of the names. Wrong merges: {len(self.wrong)}."
        yield from _listed("Wrong", self.wrong)
        yield from _listed("Not resolved", self.unresolved)
        yield from _listed("Names no substance", self.unidentified)


_SAID: Final = {
    Verdict.RIGHT: "resolved to the stated substance",
    Verdict.RESOLVED: "resolved where the file states none",
    Verdict.WITHOUT_STRUCTURE: "resolved to a listed name without structure",
    Verdict.UNIDENTIFIED: "names no substance",
    Verdict.UNRESOLVED: "not resolved",
    Verdict.WRONG: "wrong",
}


def evaluate(path: Path) -> NamesEvaluation:
    """Every name of the file by the shipped catalogue."""
    catalogue = load()
    rows = read(path, columns=(NAME, CONNECTIVITY))
    counts = _Counts(path, rows)
    return summed(str(path), catalogue, [_judged(path, row, counts.of(row), catalogue) for row in rows])


def summed(file: str, catalogue: Catalogue, judged: Sequence[Judged]) -> NamesEvaluation:
    """The figures of names already judged."""
    by = {verdict: [one for one in judged if one.verdict is verdict] for verdict in Verdict}
    tallies = {verdict: _tally(found) for verdict, found in by.items()}
    covered = _tally([one for one in judged if one.verdict in _COVERED])
    asked = _tally([one for one in judged if one.verdict is not Verdict.UNIDENTIFIED])
    return NamesEvaluation(
        file=file,
        catalogue=catalogue.version,
        all=_tally(judged),
        verdicts=tallies,
        coverage_by_occurrences=covered.occurrences / (asked.occurrences or 1),
        coverage_by_names=covered.names / (asked.names or 1),
        wrong=_often_first(by[Verdict.WRONG]),
        unresolved=_often_first(by[Verdict.UNRESOLVED]),
        unidentified=_often_first(by[Verdict.UNIDENTIFIED]),
        without_structure=_often_first(by[Verdict.WITHOUT_STRUCTURE]),
    )


class _Counts:
    """How often each name occurs: the column `count`, else the sum of all columns that hold only whole numbers."""

    def __init__(self, path: Path, rows: Sequence[Row]) -> None:
        self._path, self._rows = path, rows
        if not self.columns:
            raise WrongTable(f"{path}, line 1: no column {COUNT}, and no other column of whole numbers to count by.")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Those that are added up."""
        names = [name for name in self._rows[0].cells if name not in (NAME, CONNECTIVITY, "")]
        if COUNT in names:
            return (COUNT,)
        return tuple(name for name in names if all(_is_whole(row.cells[name]) for row in self._rows))

    def of(self, row: Row) -> int:
        """Of one row."""
        for column in self.columns:
            if not _is_whole(row.cells[column]):
                wanted = f"{column} {row.cells[column]!r} is not a whole number of 0 or more"
                raise WrongTable(f"{self._path}, line {row.line}: {wanted}.")
        return sum(int(row.cells[column]) for column in self.columns)


def _is_whole(cell: str) -> bool:
    return cell.strip().isascii() and cell.strip().isdigit()


def _judged(path: Path, row: Row, count: int, catalogue: Catalogue) -> Judged:
    stated = _stated(path, row)
    try:
        asked = component(row.cells[NAME])
    except Unaskable as error:
        raise WrongTable(f"{path}, line {row.line}: {NAME}: {error}.") from None
    (found,) = identify(asked, laboratory="evaluation", sample=str(row.line), catalogue=catalogue)
    return Judged(
        line=row.line,
        name=asked.name_reported,
        count=count,
        stated=stated,
        verdict=_verdict(found, stated, catalogue),
        key=found.key,
        substance=found.name,
    )


def _stated(path: Path, row: Row) -> tuple[str, ...]:
    said = row.cells[CONNECTIVITY].strip()
    if said.upper() == _NO_SUBSTANCE:
        return (_NO_SUBSTANCE,)
    cells = [] if said.lower() in _NOTHING_STATED else [cell.strip() for cell in re.split(r"[;|,]", said)]
    cells = [cell for cell in cells if cell]
    found = [_BLOCK.fullmatch(cell) for cell in cells]
    for cell, block in zip(cells, found, strict=True):
        if block is None:
            wanted = f"14 capital letters, several separated by ; nor {_NO_SUBSTANCE}"
            raise WrongTable(f"{path}, line {row.line}: {CONNECTIVITY} {cell!r} is not {wanted}.")
    return tuple(block[1] for block in found if block is not None)


def _verdict(found: Identity, stated: Sequence[str], catalogue: Catalogue) -> Verdict:
    names_none = _NO_SUBSTANCE in stated
    if found.unidentified:
        return Verdict.UNRESOLVED if stated and not names_none else Verdict.UNIDENTIFIED
    group = found.key.startswith("G:")
    if found.rung is Rung.R6 and not group:
        return Verdict.UNIDENTIFIED if names_none else Verdict.UNRESOLVED
    if names_none:
        return Verdict.WRONG
    if not stated:
        return Verdict.RESOLVED
    answered = found.key.removeprefix("G:").split(",")
    if {catalogue.by_salt(block) or f"S:{block}" for block in stated} & set(answered):
        return Verdict.RIGHT
    return Verdict.WRONG if any(key.startswith("S:") for key in answered) else Verdict.WITHOUT_STRUCTURE


def _tally(judged: Sequence[Judged]) -> Tally:
    return Tally(names=len(judged), occurrences=sum(one.count for one in judged))


def _often_first(judged: Sequence[Judged]) -> tuple[Judged, ...]:
    return tuple(sorted(judged, key=lambda one: (-one.count, one.line)))


def _counted(tally: Tally) -> str:
    return f"{tally.names:,} names, {tally.occurrences:,} occurrences"


def _listed(title: str, judged: Sequence[Judged]) -> Iterator[str]:
    if judged:
        yield f"{title}:"
    for one in judged:
        stated = f", stated {' or '.join(one.stated)}" if one.stated else ""
        yield f"  line {one.line}: {one.name} ({one.count:,}) → {one.substance} [{one.key}]{stated}"
