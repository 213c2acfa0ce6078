"""Measures the class rules against a file that states classes: each structure as if no catalogue listed it.

Only the structure is asked; a row without a readable one is asked by its name. The nearest listed structure, the row's
own withheld, is told as a second figure: it is a suggestion and gives no class.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alerts import chemistry, classification, likeness
from alerts.catalogue import POTENT_OPIOIDS, Catalogue, load
from alerts.chemistry import Structure
from alerts.classification import SubstanceClass
from schemas.base import Frozen
from schemas.vocabularies import Category
from tocsin.evaluation.class_names import Meant, meant
from tocsin.evaluation.outcome import Evaluation
from tocsin.evaluation.tables import Row, WrongTable, read

COLUMNS = ("name", "smiles", "inchikey", "category", "subclass")


class ClassRow(Frozen):
    """How many of one stated class were right by the rules alone, and with the suggestion where no rule speaks."""

    category: str
    substances: int
    right: int
    right_with_suggestion: int
    accuracy: float
    accuracy_with_suggestion: float


class Misclassed(Frozen):
    """One substance whose class, or whose hazard, came out another."""

    line: int
    name: str
    smiles: str
    stated: str
    found: str
    rules: tuple[str, ...]
    nearest: str


class Merge(Frozen):
    """Two rows that state different InChIKeys and got one key."""

    key: str
    lines: tuple[int, ...]
    stated: tuple[str, ...]


class ClassesEvaluation(Evaluation):
    """`accuracy` is of the rules; `wrong_hazards` are potent opioids that came out as none, or the reverse."""

    file: str
    catalogue: str
    substances: int
    accuracy: float
    accuracy_with_suggestion: float
    subgroups: int
    subgroup_accuracy: float
    by_class: tuple[ClassRow, ...]
    wrong: tuple[Misclassed, ...]
    wrong_hazards: tuple[Misclassed, ...]
    unreadable: tuple[str, ...]
    unknown_classes: tuple[str, ...]
    wrong_merges: tuple[Merge, ...]

    @property
    def holds(self) -> bool:
        """A wrong merge is the one thing that may not be."""
        return not self.wrong_merges

    def lines(self) -> Iterator[str]:
        """Figures, the table, then what came out wrong."""
        yield f"{self.file}: {self.substances:,} substances, each without its own catalogue entry"
        yield f"Right class by the rules: {self.accuracy:.1%}; with the nearest listed one: " + (
            f"{self.accuracy_with_suggestion:.1%}. Wrong merges: {len(self.wrong_merges)}."
        )
        yield f"Right subgroup where one is stated: {self.subgroup_accuracy:.1%} of {self.subgroups:,}. " + (
            f"Wrong hazards: {len(self.wrong_hazards)}."
        )
        yield f"{'class':<26}{'substances':>10}{'right':>8}{'rules':>8}{'nearest':>9}"
        for row in self.by_class:
            shares = f"{row.accuracy:>8.1%}{row.accuracy_with_suggestion:>9.1%}"
            yield f"{row.category:<26}{row.substances:>10,}{row.right:>8,}{shares}"
        yield from (f"  wrong merge {one.key}: lines {', '.join(map(str, one.lines))}" for one in self.wrong_merges)
        yield from _listed("Another class", self.wrong)
        yield from _listed("Another hazard", self.wrong_hazards)
        yield from (f"Not read: {one}" for one in self.unreadable)
        yield from (f"Left out, class not known here: {one}" for one in self.unknown_classes)


def _listed(title: str, found: Sequence[Misclassed]) -> Iterator[str]:
    if found:
        yield f"{title}:"
    for one in found:
        rules = f" [{', '.join(one.rules)}]" if one.rules else ""
        yield f"  line {one.line}: {one.name} is {one.stated}, came out {one.found}{rules}; {one.nearest}; {one.smiles}"


@dataclass(frozen=True, kw_only=True)
class _Judged:
    row: Row
    stated: Meant
    found: SubstanceClass
    suggested: Category
    key: str | None
    doubt: str | None
    nearest: str

    @property
    def right(self) -> bool:
        return self.found.category in self.stated.categories

    @property
    def potent(self) -> tuple[bool, bool]:
        """Whether it was stated, and whether it was found, to be a potent opioid."""
        return bool(self.stated.subgroups & POTENT_OPIOIDS), self.found.subgroup in POTENT_OPIOIDS


def evaluate(path: Path) -> ClassesEvaluation:
    """Every row of the file by the shipped rules."""
    catalogue = load()
    rows = read(path, columns=COLUMNS)
    known = [(row, said) for row in rows if (said := meant(row.cells["category"], row.cells["subclass"]))]
    if not known:
        raise WrongTable(f"{path}: no row has a category that is known here, such as opioids or cathinones.")
    judged = [_judged(row, said, catalogue) for row, said in known]
    unknown = Counter(row.cells["category"] for row in rows if not meant(row.cells["category"], row.cells["subclass"]))
    grouped = [one for one in judged if one.stated.subgroups]
    return ClassesEvaluation(
        file=str(path),
        catalogue=catalogue.version,
        substances=len(judged),
        accuracy=_share([one.right for one in judged]),
        accuracy_with_suggestion=_share([one.suggested in one.stated.categories for one in judged]),
        subgroups=len(grouped),
        subgroup_accuracy=_share([one.found.subgroup in one.stated.subgroups for one in grouped]),
        by_class=tuple(_by_class(judged)),
        wrong=tuple(_misclassed(one) for one in judged if not one.right),
        wrong_hazards=tuple(_misclassed(one) for one in judged if _wrong_hazard(one)),
        unreadable=tuple(f"line {one.row.line}: {one.doubt}" for one in judged if one.doubt),
        unknown_classes=tuple(f"{word or 'nothing'} ({count:,} rows)" for word, count in sorted(unknown.items())),
        wrong_merges=tuple(_merges(judged)),
    )


def _judged(row: Row, stated: Meant, catalogue: Catalogue) -> _Judged:
    name, smiles = row.cells["name"].strip(), row.cells["smiles"].strip()
    structure = chemistry.read_smiles(smiles)
    if not isinstance(structure, Structure):
        found = classification.classify(None, name=name, smiles=None)
        return _Judged(
            row=row,
            stated=stated,
            found=found,
            suggested=found.category,
            key=None,
            doubt=f"the SMILES of {name} is not used: {structure.reason}",
            nearest=likeness.NO_ANALOGUE,
        )
    classes = [classification.of_structure(parent.smiles) for parent in structure.parents]
    found = next((one for one in classes if one.rule), classes[0])
    parent = structure.parents[0]
    near = likeness.nearest(parent.smiles, catalogue, without=f"S:{parent.block}")
    return _Judged(
        row=row,
        stated=stated,
        found=found,
        suggested=near.category if near is not None and found.rule is None else found.category,
        key=",".join(one.block for one in structure.parents),
        doubt=None,
        nearest=likeness.said(near),
    )


def _by_class(judged: Sequence[_Judged]) -> Iterator[ClassRow]:
    classes = defaultdict[str, list[_Judged]](list)
    for one in judged:
        classes[one.row.cells["category"].strip().lower()].append(one)
    for category, found in sorted(classes.items(), key=lambda item: (-len(item[1]), item[0])):
        right = [one.right for one in found]
        suggested = [one.suggested in one.stated.categories for one in found]
        yield ClassRow(
            category=category,
            substances=len(found),
            right=sum(right),
            right_with_suggestion=sum(suggested),
            accuracy=_share(right),
            accuracy_with_suggestion=_share(suggested),
        )


def _share(right: Sequence[bool]) -> float:
    return sum(right) / len(right) if right else 1.0


def _wrong_hazard(one: _Judged) -> bool:
    """Only where the file says a subgroup: it may call a fentanyl just an opioid."""
    stated, found = one.potent
    harmless = Category.OPIOID not in one.stated.categories
    return (stated and not found and one.found.subgroup not in one.stated.subgroups) or (found and harmless)


def _misclassed(one: _Judged) -> Misclassed:
    cells = one.row.cells
    return Misclassed(
        line=one.row.line,
        name=cells["name"].strip(),
        smiles=cells["smiles"].strip(),
        stated="/".join(word for word in (cells["category"].strip(), cells["subclass"].strip()) if word),
        found="/".join(word for word in (one.found.category.value, one.found.subgroup) if word),
        rules=one.found.matched,
        nearest=one.nearest,
    )


def _merges(judged: Sequence[_Judged]) -> Iterator[Merge]:
    """Rows of one key that state InChIKeys of different substances."""
    keys = defaultdict[str, list[_Judged]](list)
    for one in judged:
        if one.key is not None and chemistry.is_inchikey(one.row.cells["inchikey"].strip()):
            keys[one.key].append(one)
    for key, found in keys.items():
        stated = {one.row.cells["inchikey"].strip()[:14] for one in found}
        if len(stated) > 1:
            yield Merge(key=key, lines=tuple(one.row.line for one in found), stated=tuple(sorted(stated)))
