"""Decides which substance a component is: InChIKey, InChI, SMILES, CAS, name; the first rung that answers wins.

Every rung that answered is kept and compared. Names are never matched by likeness.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from alerts import chemistry, classification, likeness
from alerts.cas import is_cas
from alerts.catalogue import Catalogue, Entry
from alerts.chemistry import Structure, Unreadable
from alerts.classification import DESIGNER_FAMILIES, DRUG_CLASSES, SubstanceClass, resolve_class, unnamed
from alerts.likeness import Neighbour
from alerts.names import isomers, keys_of, strict_key, without_remark
from alerts.naming import isomeric_names, named_keys
from alerts.promises import resolve_name
from schemas.detections import Component
from schemas.vocabularies import Category, ComponentRole, IsomerStatus, SubstanceFlag, SubstanceKind

__all__ = ["Identity", "Rung", "identify", "is_cas", "named_keys", "resolve_class", "resolve_name"]


class Rung(StrEnum):
    """How a component was identified, from the surest down; R6 means not at all."""

    R1 = "R1"
    R2 = "R2"
    R3 = "R3"
    R3B = "R3b"
    R4 = "R4"
    R5 = "R5"
    R6 = "R6"


STRUCTURAL = (Rung.R1, Rung.R2, Rung.R3, Rung.R3B)
_STATED = {
    Rung.R1: "the stated InChIKey",
    Rung.R2: "the stated InChI",
    Rung.R3: "the stated SMILES",
    Rung.R3B: "the stated structure, drawn as another tautomer",
    Rung.R4: "the stated CAS number",
    Rung.R5: "the reported name",
}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One substance of a component, with the class it belongs to and why.

    Keys: `S:` structure, `N:` name only, `G:` one of a group of isomers, `U:` unidentified (never equal to another).
    `provisional`: not settled, so nothing may be called first or new by it; `conflict`: two identifiers disagree;
    `settled_from`: the key under which the name waited for a person, where it was settled (`alerts/settling.py`);
    `class_hits`: all class rules that matched, `class_rule` the one that decided; `nearest`: of an unlisted structure.
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
    settled_from: str | None = None
    class_because: str = ""
    class_hits: tuple[str, ...] = ()
    nearest: Neighbour | None = None

    @property
    def unidentified(self) -> bool:
        """Whether only a class, or nothing, is known of it."""
        return self.key.startswith("U:")

    @property
    def precursor_family(self) -> str | None:
        """The family of designer precursors it belongs to (PR-GLY, PR-APAA …)."""
        if self.entry is not None and self.entry.precursor_family:
            return self.entry.precursor_family
        return self.class_rule if self.class_rule in DESIGNER_FAMILIES else None


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a report says of a substance: all that its identity depends on."""

    name: str
    inchikey: str | None
    inchi: str | None
    smiles: str | None
    cas: str | None
    isomer_status: IsomerStatus | None
    metabolite: bool

    @classmethod
    def of(cls, component: Component) -> "_Stated":
        """This part of a component."""
        return cls(
            name=component.name_reported,
            inchikey=component.inchikey,
            inchi=component.inchi,
            smiles=component.smiles,
            cas=component.cas,
            isomer_status=component.isomer_status,
            metabolite=component.role is ComponentRole.METABOLITE,
        )


@dataclass(frozen=True)
class _Found:
    """One substance that a rung answers with."""

    key: str
    inchikey: str | None = None
    smiles: str | None = None


@dataclass(frozen=True)
class _Answer:
    rung: Rung
    found: tuple[_Found, ...]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(one.key for one in self.found)

    @property
    def structural(self) -> bool:
        return self.rung in STRUCTURAL


def identify(component: Component, *, laboratory: str, sample: str, catalogue: Catalogue) -> tuple[Identity, ...]:
    """The substances of a component: one, or several for a mixture; never none."""
    found = _identified(_Stated.of(component), catalogue)
    return tuple(replace(one, key=f"{one.key}:{laboratory}:{sample}") if one.unidentified else one for one in found)


@lru_cache(maxsize=chemistry.REMEMBERED)
def _identified(stated: _Stated, catalogue: Catalogue) -> tuple[Identity, ...]:
    """The same for every sample. Remembered: laboratories say the same of a substance again and again."""
    answers, doubts = _answers(stated, catalogue)
    if not answers:
        return (_unsettled(stated, catalogue, doubts),)
    chosen = _chosen(answers)
    conflict = any(_disagree(chosen, answer) for answer in answers)
    rungs = tuple(dict.fromkeys(answer.rung for answer in answers))
    named = catalogue.entry(next(iter(answers[-1].keys))) if answers[-1].rung is Rung.R5 else None
    return tuple(
        _settled(stated, catalogue, chosen.rung, one, rungs=rungs, conflict=conflict, named=named, doubts=doubts)
        for one in chosen.found
    )


def _chosen(answers: Sequence[_Answer]) -> _Answer:
    """The first answer, or a structure that holds more than it: a mixture never shrinks."""
    first = answers[0]
    return next((answer for answer in answers if answer.structural and answer.keys > first.keys), first)


def _disagree(chosen: _Answer, other: _Answer) -> bool:
    """Structures must be equal; a number or a name may stand for one part of a mixture."""
    return other.keys != chosen.keys if other.structural else not other.keys <= chosen.keys


def _answers(stated: _Stated, catalogue: Catalogue) -> tuple[list[_Answer], list[str]]:
    doubts: list[str] = []
    drawn = _drawn(stated, doubts)
    answers = [
        _by_inchikey(stated.inchikey, [structure for _, structure in drawn], catalogue, doubts),
        *(_by_drawing(rung, structure, catalogue) for rung, structure in drawn),
        _by_cas(stated.cas, catalogue, doubts),
        _by_name(stated.name, catalogue, doubts),
    ]
    return [answer for answer in answers if answer is not None], doubts


def _drawn(stated: _Stated, doubts: list[str]) -> list[tuple[Rung, Structure]]:
    """The structures that the report draws, by InChI and by SMILES."""
    read = []
    if stated.inchi:
        read.append((Rung.R2, "InChI", chemistry.read_inchi(stated.inchi)))
    if stated.smiles:
        read.append((Rung.R3, "SMILES", chemistry.read_smiles(stated.smiles)))
    doubts += [f"the {word} is not used: {found.reason}" for _, word, found in read if isinstance(found, Unreadable)]
    return [(rung, found) for rung, _, found in read if isinstance(found, Structure)]


def _by_inchikey(
    stated: str | None, drawn: Sequence[Structure], catalogue: Catalogue, doubts: list[str]
) -> _Answer | None:
    if not stated:
        return None
    inchikey = stated.strip()
    if not chemistry.is_inchikey(inchikey):
        doubts.append("the InChIKey is not used: it does not have the form of one")
        return None
    block = inchikey[:14]
    whole = next((structure for structure in drawn if structure.as_drawn[:14] == block), None)
    if whole is not None:
        return _by_drawing(Rung.R1, whole, catalogue)
    salt_of = None if catalogue.entry(f"S:{block}") else catalogue.by_salt(block)
    return _Answer(Rung.R1, (_Found(salt_of) if salt_of else _Found(f"S:{block}", inchikey),))


def _by_drawing(rung: Rung, structure: Structure, catalogue: Catalogue) -> _Answer:
    """Its parents; where none is listed, the listed substances that are tautomers of them."""
    drawn = tuple(_Found(f"S:{one.block}", one.inchikey, one.smiles) for one in structure.parents)
    listed = tuple(one if catalogue.entry(one.key) else _tautomer(one, catalogue) for one in drawn)
    return _Answer(rung if listed == drawn else Rung.R3B, listed)


def _tautomer(one: _Found, catalogue: Catalogue) -> _Found:
    asked = one.smiles if one.smiles and likeness.may_be_a_tautomer(one.smiles, catalogue) else None
    shared = chemistry.tautomer_key(asked) if asked else None
    key = catalogue.by_tautomer(shared) if shared else None
    return _Found(key, None, one.smiles) if key else one


def _by_cas(stated: str | None, catalogue: Catalogue, doubts: list[str]) -> _Answer | None:
    cas = (stated or "").strip()
    if not cas:
        return None
    if not is_cas(cas):
        doubts.append("the CAS number is not used: its check digit is wrong")
        return None
    keys = catalogue.by_cas(cas)
    if len(keys) != 1:
        doubts.append("the CAS number is not used: the catalogue does not have it for exactly one substance")
        return None
    return _Answer(Rung.R4, tuple(map(_Found, keys)))


def _by_name(name: str, catalogue: Catalogue, doubts: list[str]) -> _Answer | None:
    keys = frozenset() if unnamed(name) else named_keys(name, catalogue)
    if len(keys) > 1:
        doubts.append("the name is not used: several substances have it")
    return _Answer(Rung.R5, tuple(map(_Found, keys))) if len(keys) == 1 else None


def _settled(
    stated: _Stated,
    catalogue: Catalogue,
    rung: Rung,
    one: _Found,
    *,
    rungs: tuple[Rung, ...],
    conflict: bool,
    named: Entry | None,
    doubts: Sequence[str],
) -> Identity:
    entry = catalogue.entry(one.key)
    parent = _parent_drug(stated, entry, catalogue)
    entry, key = (parent, parent.key) if parent else (entry, one.key)
    name = _shown_name(stated.name, catalogue, entry, one)
    found = classification.classify(entry, name=stated.name, smiles=None if parent else one.smiles)
    if entry is None and one.smiles is None and named is not None and found.rule is None:
        found = SubstanceClass(named.category, named.subgroup, says=f"the reported name is that of {named.name}")
    open_isomer = stated.isomer_status in (IsomerStatus.ISOMER_GROUP, IsomerStatus.UNRESOLVED)
    unlisted = one.smiles if entry is None else None
    nearest = likeness.nearest(unlisted, catalogue) if unlisted else None
    likely = [likeness.said(nearest)] if unlisted else []
    return Identity(
        key=key,
        name=name,
        kind=entry.kind if entry else _kind(found),
        category=found.category,
        subgroup=found.subgroup,
        rungs=rungs,
        rung=rung,
        provisional=conflict or open_isomer,
        conflict=conflict,
        variant=one.inchikey or _named_variant(stated.name, catalogue),
        entry=entry,
        class_rule=found.rule,
        why=_sentence(
            f"Identified by {_STATED[rung]}",
            found,
            [*likely, *_notes(metabolite=parent is not None, conflict=conflict, open_isomer=open_isomer), *doubts],
        ),
        flags=entry.flags if entry else frozenset(),
        class_because=found.says,
        class_hits=found.matched,
        nearest=nearest,
    )


def _notes(*, metabolite: bool, conflict: bool, open_isomer: bool) -> list[str]:
    said = {
        "it is a metabolite and stands for its parent": metabolite,
        "the identifiers in the report disagree": conflict,
        "the report leaves the isomer open": open_isomer,
    }
    return [note for note, holds in said.items() if holds]


def _parent_drug(stated: _Stated, entry: Entry | None, catalogue: Catalogue) -> Entry | None:
    """The drug behind a metabolite: only where the report says that it is one."""
    if not stated.metabolite or entry is None or entry.metabolite_of is None:
        return None
    return catalogue.entry(entry.metabolite_of)


def _shown_name(reported: str, catalogue: Catalogue, entry: Entry | None, one: _Found) -> str:
    """The common name; that of the stereoisomer where the stereo-split list has one (quinine, quinidine)."""
    if entry is None:
        return reported.strip()
    inchikey = one.inchikey or _named_variant(reported, catalogue)
    split = catalogue.variant(inchikey) if inchikey else None
    return split.name if split is not None and split.key == entry.key else entry.name


def _named_variant(reported: str, catalogue: Catalogue) -> str | None:
    for step in keys_of(reported):
        for key in step:
            split = catalogue.variant_named(key)
            if split is not None:
                return split.inchikey
    return None


def _kind(found: SubstanceClass) -> SubstanceKind | None:
    """What an unlisted substance is taken for: new, when it belongs to a class of drugs."""
    if found.category is Category.PRECURSOR:
        return SubstanceKind.PRECURSOR
    return SubstanceKind.NPS if found.category in DRUG_CLASSES else None


def _unsettled(stated: _Stated, catalogue: Catalogue, doubts: Sequence[str]) -> Identity:
    """A group of isomers, an unidentified member of a class, or a name that nobody here knows."""
    name = without_remark(stated.name)
    meant = named_keys(name, catalogue)
    if len(meant) > 1 and stated.isomer_status is IsomerStatus.ISOMER_GROUP:
        return _grouped(stated, meant, catalogue, doubts)
    listed = isomers(name) or isomeric_names(name, catalogue)
    if listed:
        keys = (named_keys(member, catalogue) or {f"N:{strict_key(member)}"} for member in listed)
        return _grouped(stated, frozenset(key for found in keys for key in found), catalogue, doubts)
    open_class = unnamed(name) or (None if meant else classification.mentioned(name))
    if open_class is not None or not strict_key(name):
        found = open_class or SubstanceClass(Category.UNKNOWN, says="the report has no readable name")
        key = f"U:{found.subgroup or found.category}"
        return _open(key, stated.name, found, None, "Unidentified", doubts)
    found = _shared(meant, catalogue) if meant else classification.classify(None, name=name, smiles=None)
    return _open(f"N:{strict_key(name)}", stated.name, found, _kind(found), "Known by name only", doubts)


def _grouped(stated: _Stated, members: frozenset[str], catalogue: Catalogue, doubts: Sequence[str]) -> Identity:
    found = _shared(members, catalogue)
    if found is classification.UNCLASSED:
        found = classification.classify(None, name=stated.name, smiles=None)
    key = "G:" + ",".join(sorted(members))
    return _open(key, stated.name, found, _kind(found), "One of a group of isomers", doubts)


def _shared(members: Iterable[str], catalogue: Catalogue) -> SubstanceClass:
    """The class that all listed members have in common."""
    entries = [entry for entry in map(catalogue.entry, members) if entry]
    categories = {entry.category for entry in entries}
    subgroups = {entry.subgroup for entry in entries}
    if len(categories) != 1:
        return classification.UNCLASSED
    subgroup = subgroups.pop() if len(subgroups) == 1 else None
    return SubstanceClass(categories.pop(), subgroup, says="all that the name may mean belong to it")


def _open(
    key: str, name: str, found: SubstanceClass, kind: SubstanceKind | None, how: str, doubts: Sequence[str]
) -> Identity:
    return Identity(
        key=key,
        name=name.strip() or "unnamed substance",
        kind=kind,
        category=found.category,
        subgroup=found.subgroup,
        rungs=(),
        rung=Rung.R6,
        provisional=True,
        conflict=False,
        variant=None,
        entry=None,
        class_rule=found.rule,
        why=_sentence(how, found, doubts),
        flags=frozenset(),
        class_because=found.says,
        class_hits=found.matched,
    )


def _sentence(how: str, found: SubstanceClass, notes: Sequence[str]) -> str:
    """How it was identified, how classed, and what speaks against it, as one sentence."""
    word = (found.subgroup or found.category).replace("_", " ")
    return "; ".join([how, f"class {word} because {found.says}", *notes]) + "."
