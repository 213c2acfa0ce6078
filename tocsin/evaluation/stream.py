"""Counts the substances of a stream of reports, and looks for reports of different ones under one key.

Each row goes through the whole ladder. It states its structure twice, as SMILES and as InChIKey: it is merged wrongly
when its key is neither, and rows are when they share a key though their InChIKeys are of different substances.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from alerts import chemistry
from alerts.catalogue import Catalogue, load
from alerts.chemistry import Structure
from alerts.identity import STRUCTURAL, Identity, Rung, identify
from alerts.names import strict_key
from schemas.base import Frozen
from schemas.detections import Component
from schemas.vocabularies import ComponentRole, Identification, Method, ReferenceStandard
from tocsin.evaluation.outcome import Evaluation
from tocsin.evaluation.tables import Row, WrongTable, read

NAME, SMILES, INCHIKEY = "name_as_reported", "smiles", "inchikey"


class Named(Frozen):
    """One substance under all names that it came with."""

    key: str
    names: tuple[str, ...]
    lines: tuple[int, ...]


class WrongMerge(Frozen):
    """Rows that came under one key and state another structure than it, or than each other."""

    key: str
    lines: tuple[int, ...]
    names: tuple[str, ...]
    stated: tuple[str, ...]


class StreamEvaluation(Evaluation):
    """Substances by the surest identifier any of their rows gives; names differ when their strict keys do."""

    file: str
    catalogue: str
    reports: int
    substances: int
    by_smiles: int
    by_inchikey_only: int
    by_name_only: int
    under_several_names: tuple[Named, ...]
    unidentified: tuple[int, ...]
    mixtures: tuple[int, ...]
    conflicts: tuple[int, ...]
    wrong_merges: tuple[WrongMerge, ...]

    @property
    def holds(self) -> bool:
        """A wrong merge is the one thing that may not be."""
        return not self.wrong_merges

    def lines(self) -> Iterator[str]:
        """Figures, then what came under several names, then what is wrong."""
        yield f"{self.file}: {self.reports:,} reports, {self.substances:,} distinct substances"
        yield f"  {self.by_smiles:,} by SMILES, {self.by_inchikey_only:,} only by a stated InChIKey, " + (
            f"{self.by_name_only:,} only by name"
        )
        yield f"  {len(self.under_several_names):,} of them under more than one name. Wrong merges: " + (
            f"{len(self.wrong_merges)}."
        )
        yield f"  {len(self.mixtures):,} reports of mixtures, {len(self.conflicts):,} whose identifiers disagree, " + (
            f"{len(self.unidentified):,} that name no substance"
        )
        for merge in self.wrong_merges:
            yield f"Wrong: lines {_numbers(merge.lines)} are {merge.key}, and state {' and '.join(merge.stated)}"
        for named in self.under_several_names:
            yield f"  {named.key}: {' = '.join(named.names)}"
        if self.conflicts:
            yield f"Identifiers disagree: lines {_numbers(self.conflicts)}"


def _numbers(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines))


@dataclass(frozen=True)
class ReadRow:
    """One row, and what the ladder found in it."""

    row: Row
    found: tuple[Identity, ...]

    @cached_property
    def structure(self) -> Structure | None:
        """What its SMILES draws."""
        drawn = chemistry.read_smiles(self.row.cells[SMILES])
        return drawn if isinstance(drawn, Structure) else None

    @property
    def stated(self) -> str | None:
        """The first block of its InChIKey."""
        inchikey = self.row.cells[INCHIKEY].strip()
        return inchikey[:14] if chemistry.is_inchikey(inchikey) else None

    @property
    def explained(self) -> frozenset[str]:
        """First blocks that stand for the substance of this row: as drawn, with its salt, and each of its parents."""
        drawn = self.structure
        return frozenset({drawn.as_drawn[:14], *(one.block for one in drawn.parents)} if drawn else ())


def evaluate(path: Path) -> StreamEvaluation:
    """Every row of the file by the shipped catalogue."""
    catalogue = load()
    reports = read_rows(path, catalogue)
    substances = defaultdict[str, list[ReadRow]](list)
    for one in reports:
        for identity in one.found:
            if not identity.unidentified:
                substances[identity.key].append(one)
    by_smiles = {key for key, rows in substances.items() if any(one.structure for one in rows)}
    by_key = {key for key, rows in substances.items() if any(_structural(one) for one in rows)} - by_smiles
    return StreamEvaluation(
        file=str(path),
        catalogue=catalogue.version,
        reports=len(reports),
        substances=len(substances),
        by_smiles=len(by_smiles),
        by_inchikey_only=len(by_key),
        by_name_only=len(substances) - len(by_smiles) - len(by_key),
        under_several_names=tuple(_under_several_names(substances)),
        unidentified=tuple(one.row.line for one in reports if all(found.unidentified for found in one.found)),
        mixtures=tuple(one.row.line for one in reports if len(one.found) > 1),
        conflicts=tuple(one.row.line for one in reports if any(found.conflict for found in one.found)),
        wrong_merges=tuple(wrong_merges(substances, catalogue)),
    )


def read_rows(path: Path, catalogue: Catalogue) -> list[ReadRow]:
    """All rows of the file, identified."""
    return [ReadRow(row, _identified(path, row, catalogue)) for row in read(path, columns=(NAME, SMILES, INCHIKEY))]


def _structural(one: ReadRow) -> bool:
    return any(found.rung in STRUCTURAL for found in one.found)


def _identified(path: Path, row: Row, catalogue: Catalogue) -> tuple[Identity, ...]:
    name = row.cells[NAME].strip()
    if not name:
        raise WrongTable(f"{path}, line {row.line}: {NAME} is empty.")
    component = Component(
        name_reported=name,
        smiles=row.cells[SMILES].strip() or None,
        inchikey=row.cells[INCHIKEY].strip() or None,
        role=ComponentRole.MAIN_ACTIVE,
        methods=(Method.OTHER,),
        reference_standard=ReferenceStandard.UNKNOWN,
        identification=Identification.IDENTIFIED,
    )
    return identify(component, laboratory="evaluation", sample=str(row.line), catalogue=catalogue)


def _under_several_names(substances: Mapping[str, Sequence[ReadRow]]) -> Iterator[Named]:
    for key, rows in substances.items():
        names = {strict_key(one.row.cells[NAME]): one.row.cells[NAME].strip() for one in rows}
        if len(names) > 1:
            yield Named(key=key, names=tuple(sorted(names.values())), lines=tuple(one.row.line for one in rows))


def wrong_merges(substances: Mapping[str, Sequence[ReadRow]], catalogue: Catalogue) -> Iterator[WrongMerge]:
    """Rows that share a key and state, by structure or InChIKey, that they are not of it."""
    for key, rows in substances.items():
        wrong = [one for one in rows if not _stands_for(key, one, catalogue)]
        alone = {one.stated for one in rows if one.stated and one.stated not in one.explained}
        if wrong or {_substance(block, catalogue) for block in alone} - {key}:
            told = {one.stated or one.row.cells[SMILES] for one in (wrong or rows)}
            yield WrongMerge(
                key=key,
                lines=tuple(one.row.line for one in rows),
                names=tuple(sorted({one.row.cells[NAME].strip() for one in rows})),
                stated=tuple(sorted(told)),
            )


def _stands_for(key: str, one: ReadRow, catalogue: Catalogue) -> bool:
    """Whether the key of a row is what the row itself states; a row without structure cannot be compared."""
    blocks = one.explained | ({one.stated} if one.stated else set())
    tautomer = any(found.key == key and found.rung is Rung.R3B for found in one.found)
    return not blocks or tautomer or key in {_substance(block, catalogue) for block in blocks}


def _substance(block: str, catalogue: Catalogue) -> str:
    """The key that a first block of an InChIKey stands for; that of a known salt is its substance."""
    key = f"S:{block}"
    return key if catalogue.entry(key) else catalogue.by_salt(block) or key
