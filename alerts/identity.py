"""Decides which substance a component is: InChIKey, InChI, SMILES, CAS, name; the first rung that answers wins.

Every rung that answered is kept and compared. Names are never matched by likeness.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from alerts import chemistry, classification
from alerts.catalogue import Catalogue, Entry
from alerts.classification import SubstanceClass
from alerts.names import keys_of, strict_key
from schemas.vocabularies import Category, IsomerStatus, SubstanceFlag, SubstanceKind

resolve_class = classification.resolve_class
_DRUG_CLASSES = frozenset(Category) - {
    Category.MEDICINE,
    Category.CLASSIC_DRUG,
    Category.PRECURSOR,
    Category.OTHER,
    Category.UNKNOWN,
}


class Rung(StrEnum):
    """How a component was identified, from the surest down; R6 means not at all."""

    R1 = "R1"
    R2 = "R2"
    R3 = "R3"
    R4 = "R4"
    R5 = "R5"
    R6 = "R6"


class Component(Protocol):
    """What identity needs of a reported component."""

    @property
    def name_reported(self) -> str: ...
    @property
    def inchikey(self) -> str | None: ...
    @property
    def inchi(self) -> str | None: ...
    @property
    def smiles(self) -> str | None: ...
    @property
    def cas(self) -> str | None: ...
    @property
    def isomer_status(self) -> IsomerStatus | None: ...


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One substance of a component. `provisional`: a person has to look before anything is called first or new.

    Keys: `S:` structure, `N:` name only, `G:` one of a group of isomers, `U:` unidentified (never equal to another).
    """

    key: str
    name: str
    kind: SubstanceKind | None
    category: Category
    subgroup: str | None
    rungs: tuple[Rung, ...]
    rung: Rung
    provisional: bool
    conflict: bool
    variant: str | None
    entry: Entry | None
    class_rule: str | None
    why: str
    flags: frozenset[SubstanceFlag]

    @property
    def unidentified(self) -> bool:
        """Whether only a class, or nothing, is known of it."""
        return self.key.startswith("U:")

    @property
    def precursor_family(self) -> str | None:
        """The family of designer precursors it belongs to (PR-GLY, PR-APAA …)."""
        if self.entry is not None and self.entry.precursor_family:
            return self.entry.precursor_family
        return self.class_rule if self.class_rule in classification.DESIGNER_FAMILIES else None


@dataclass(frozen=True)
class _Answer:
    """What one rung found: keys, and the structure behind each where there is one."""

    rung: Rung
    keys: tuple[str, ...]
    inchikeys: tuple[str | None, ...]
    smiles: tuple[str | None, ...]
    how: str


def identify(component: Component, *, laboratory: str, sample: str, catalogue: Catalogue) -> tuple[Identity, ...]:
    """The substances of a component: one, or several for a mixture; never none."""
    answers, doubts = _answers(component, catalogue)
    if not answers:
        return (_without_answer(component, laboratory, sample, catalogue, doubts),)
    first = answers[0]
    conflict = any(set(answer.keys) != set(first.keys) for answer in answers[1:])
    rungs = tuple(answer.rung for answer in answers)
    found = [
        _known(component, catalogue, first, position, rungs=rungs, conflict=conflict, doubts=doubts)
        for position in range(len(first.keys))
    ]
    return tuple(found)


def _answers(component: Component, catalogue: Catalogue) -> tuple[list[_Answer], list[str]]:
    doubts: list[str] = []
    drawn = _drawn(component, doubts)
    answers = [
        _by_inchikey(component.inchikey, drawn, catalogue, doubts),
        *(_by_structure(rung, structure) for rung, structure in drawn),
        _by_cas(component.cas, catalogue, doubts),
    ]
    named = _by_name(component.name_reported, catalogue, doubts)
    structural = [answer for answer in answers if answer is not None]
    if named is not None and (structural or classification.unnamed(component.name_reported) is None):
        if not structural or classification.unnamed(component.name_reported) is None:
            structural.append(named)
    return structural, doubts


def _drawn(component: Component, doubts: list[str]) -> list[tuple[Rung, chemistry.Structure]]:
    """The structures that the report draws, by InChI and by SMILES."""
    found = []
    for rung, text, read in (
        (Rung.R2, component.inchi, chemistry.block_of_inchi),
        (Rung.R3, component.smiles, chemistry.read),
    ):
        structure = read(text) if text else None
        if isinstance(structure, chemistry.Unreadable):
            doubts.append(f"the {'InChI' if rung is Rung.R2 else 'SMILES'} is not used: {structure.reason}")
        elif structure is not None:
            found.append((rung, structure))
    return found


def _by_inchikey(
    stated: str | None, drawn: list[tuple[Rung, chemistry.Structure]], catalogue: Catalogue, doubts: list[str]
) -> _Answer | None:
    if not stated:
        return None
    inchikey = stated.strip().removeprefix("InChIKey=")
    if not chemistry.is_inchikey(inchikey):
        doubts.append("the InChIKey is not used: it does not have the form of one")
        return None
    block = inchikey[:14]
    for _, structure in drawn:
        if structure.as_drawn[:14] == block:
            return replace(_by_structure(Rung.R1, structure), how="the stated InChIKey, that of the drawn structure")
    salt_of = None if catalogue.entry(f"S:{block}") else catalogue.by_salt(block)
    if salt_of is not None:
        return _Answer(Rung.R1, (salt_of,), (None,), (None,), "the stated InChIKey, that of a salt of it")
    return _Answer(Rung.R1, (f"S:{block}",), (inchikey,), (None,), "the stated InChIKey")


def _by_structure(rung: Rung, structure: chemistry.Structure) -> _Answer:
    parents = structure.parents
    return _Answer(
        rung,
        tuple(f"S:{parent.block}" for parent in parents),
        tuple(parent.inchikey for parent in parents),
        tuple(parent.smiles for parent in parents),
        "the stated InChI" if rung is Rung.R2 else "the stated SMILES",
    )


def _by_cas(stated: str | None, catalogue: Catalogue, doubts: list[str]) -> _Answer | None:
    cas = (stated or "").strip()
    if not cas:
        return None
    keys = catalogue.by_cas(cas) if is_cas(cas) else frozenset()
    if len(keys) != 1:
        doubts.append("the CAS number is not used: it is mistyped, unknown here, or that of several substances")
        return None
    return _Answer(Rung.R4, tuple(keys), (None,), (None,), "the stated CAS number")


def is_cas(text: str) -> bool:
    """Whether the form and the check digit are those of a CAS number (9.6 % of single-digit errors pass)."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return False
    body, check = parts[0] + parts[1], parts[2]
    if not (2 <= len(parts[0]) <= 7 and len(parts[1]) == 2 and len(check) == 1):
        return False
    return sum(place * int(digit) for place, digit in enumerate(reversed(body), 1)) % 10 == int(check)


def _by_name(name: str, catalogue: Catalogue, doubts: list[str]) -> _Answer | None:
    keys = named_keys(name, catalogue)
    if len(keys) > 1:
        doubts.append("the name is not used: several substances have it")
    if len(keys) != 1:
        return None
    return _Answer(Rung.R5, tuple(keys), (None,), (None,), "the reported name")


def named_keys(name: str, catalogue: Catalogue) -> frozenset[str]:
    """Keys of the substances that a name may mean: the whole name, else its parts; more than one resolves nothing."""
    for step in keys_of(name):
        found = frozenset().union(*(catalogue.by_name(key) for key in step))
        if found:
            return found
    return frozenset()


def _known(
    component: Component,
    catalogue: Catalogue,
    answer: _Answer,
    position: int,
    *,
    rungs: tuple[Rung, ...],
    conflict: bool,
    doubts: list[str],
) -> Identity:
    key = answer.keys[position]
    entry = catalogue.entry(key)
    variant = answer.inchikeys[position]
    smiles = answer.smiles[position]
    name = _shown_name(component, catalogue, entry, variant, mixture=len(answer.keys) > 1, smiles=smiles)
    found = classification.classify(entry, name=name, smiles=smiles)
    return Identity(
        key=key,
        name=name,
        kind=_kind(entry, found),
        category=found.category,
        subgroup=found.subgroup,
        rungs=rungs,
        rung=answer.rung,
        provisional=conflict,
        conflict=conflict,
        variant=variant or (entry.inchikey if entry and answer.rung is Rung.R5 else None),
        entry=entry,
        class_rule=found.rule,
        why=_why(f"Identified by {answer.how}", conflict, doubts, found),
        flags=entry.flags if entry else frozenset(),
    )


def _shown_name(
    component: Component,
    catalogue: Catalogue,
    entry: Entry | None,
    variant: str | None,
    *,
    mixture: bool,
    smiles: str | None,
) -> str:
    split = catalogue.variant(variant) if variant else catalogue.variant_named(strict_key(component.name_reported))
    if split is not None and entry is not None and split.key == entry.key:
        return split.name
    if entry is not None:
        return entry.name
    return smiles if mixture and smiles else component.name_reported.strip()


def _kind(entry: Entry | None, found: SubstanceClass) -> SubstanceKind | None:
    if entry is not None:
        return entry.kind
    if found.category is Category.PRECURSOR:
        return SubstanceKind.PRECURSOR
    return SubstanceKind.NPS if found.category in _DRUG_CLASSES else None


def _without_answer(
    component: Component, laboratory: str, sample: str, catalogue: Catalogue, doubts: list[str]
) -> Identity:
    """A group of isomers, an unidentified member of a class, or a name that nobody here knows."""
    name = component.name_reported.strip()
    unnamed = classification.unnamed(name)
    if unnamed is not None:
        key = f"U:{unnamed.subgroup or unnamed.category}:{laboratory}:{sample}"
        return _unsettled(key, name, unnamed, doubts, "Unidentified")
    meant = named_keys(name, catalogue)
    if len(meant) > 1:
        entries = [entry for entry in map(catalogue.entry, sorted(meant)) if entry]
        shared = _shared_class(entries)
        key = (
            "G:" + ",".join(sorted(meant))
            if component.isomer_status is IsomerStatus.ISOMER_GROUP
            else f"N:{strict_key(name)}"
        )
        return _unsettled(key, name, shared, doubts, "The name is that of several substances")
    found = classification.classify(None, name=name, smiles=None)
    key = f"N:{strict_key(name)}" if strict_key(name) else f"U:{Category.UNKNOWN}:{laboratory}:{sample}"
    return _unsettled(key, name, found, doubts, "Known by name only")


def _shared_class(entries: Iterable[Entry]) -> SubstanceClass:
    classes = {(entry.category, entry.subgroup) for entry in entries}
    if len(classes) == 1:
        category, subgroup = classes.pop()
        return SubstanceClass(category, subgroup, says="all it may mean are of one class")
    categories = {category for category, _ in classes}
    return (
        SubstanceClass(categories.pop(), says="all it may mean are of one class")
        if len(categories) == 1
        else classification.UNCLASSED
    )


def _unsettled(key: str, name: str, found: SubstanceClass, doubts: list[str], how: str) -> Identity:
    return Identity(
        key=key,
        name=name or "unnamed substance",
        kind=None if key.startswith("U:") else _kind(None, found),
        category=found.category,
        subgroup=found.subgroup,
        rungs=(),
        rung=Rung.R6,
        provisional=True,
        conflict=False,
        variant=None,
        entry=None,
        class_rule=found.rule,
        why=_why(how, False, doubts, found),
        flags=frozenset(),
    )


def _why(how: str, conflict: bool, doubts: list[str], found: SubstanceClass) -> str:
    parts = [how, f"class: {found.says}"]
    if conflict:
        parts.append("the identifiers of the report disagree")
    return "; ".join([*parts, *doubts]) + "."


def resolve_name(text: str, catalogue: Catalogue) -> Entry | None:
    """The substance that sold-as words promise: a name, a brand, a street name, or the first of a list that has one.

    >>> from alerts.catalogue import load
    >>> resolve_name("oxycodone (OxyContin 80 mg)", load()).name
    'Oxycodone'
    """
    for part in (text, *text.replace("/", ",").split(",")):
        found = _sold_as(part.strip(), catalogue)
        if found is not None:
            return found
    return None


def _sold_as(text: str, catalogue: Catalogue) -> Entry | None:
    if not text or classification.unnamed(text) is not None:
        return None
    for step in keys_of(text):
        entries = {entry.key: entry for key in step if (entry := catalogue.by_street_name(key))}
        entries |= {key: entry for name in step for key in catalogue.by_name(name) if (entry := catalogue.entry(key))}
        if len(entries) == 1:
            return next(iter(entries.values()))
    return None
