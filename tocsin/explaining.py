"""Tells as a short story which substance something is: what each rung of the ladder answers, and what that makes."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from alerts import chemistry
from alerts.cas import is_cas
from alerts.catalogue import CONTROLS, USES, Catalogue
from alerts.identity import Identity, Rung, identify
from alerts.naming import named_keys
from alerts.proposals import candidates
from schemas.base import Frozen
from tocsin.asking import component

_NAMELESS = "—"


class Kind(StrEnum):
    """Which identifier a text is, in the order of the ladder."""

    INCHIKEY = "inchikey"
    INCHI = "inchi"
    SMILES = "smiles"
    CAS = "cas"
    NAME = "name"


_SAID: Mapping[Kind, str] = {
    Kind.INCHIKEY: "the InChIKey",
    Kind.INCHI: "the InChI",
    Kind.SMILES: "the SMILES",
    Kind.CAS: "the CAS number",
    Kind.NAME: "the name",
}


class Step(Frozen):
    """What one identifier answers by itself; no rung when it does not answer."""

    identifier: Kind
    text: str
    rung: str | None
    keys: tuple[str, ...]
    says: str


class Told(Frozen):
    """One substance of the answer."""

    key: str
    name: str
    variant: str | None
    kind: str | None
    category: str
    subgroup: str | None
    rung: str
    rungs: tuple[str, ...]
    conflict: bool
    provisional: bool
    why: str
    flags: tuple[str, ...]
    control_status: tuple[str, ...]
    medicinal_use: tuple[str, ...]
    provenance: str


class Explained(Frozen):
    """The whole story; `candidates` are for a reviewer and resolve nothing."""

    catalogue: str
    substances: tuple[Told, ...]
    steps: tuple[Step, ...]
    candidates: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """For people: the answer, the steps, what follows from them."""
        for one in self.substances:
            yield f"{one.name} [{one.key}]"
        for step in self.steps:
            yield f"  {step.rung or '—'}: {step.says}"
        yield f"  {_verdict(self.substances)}"
        for one in self.substances:
            yield from _facts(one)
        if self.candidates:
            yield "  A reviewer may choose from (nothing here is decided by likeness):"
            yield from (f"    {candidate}" for candidate in self.candidates)


def kind_of(text: str, catalogue: Catalogue) -> Kind:
    """Which identifier a text is taken for; a listed name goes before a structure, "CBN" is both."""
    bare = text.strip()
    if chemistry.is_inchikey(bare):
        return Kind.INCHIKEY
    if bare.startswith("InChI="):
        return Kind.INCHI
    if is_cas(bare) or (bare.count("-") == 2 and bare.replace("-", "").isdigit()):
        return Kind.CAS
    if " " in bare or named_keys(bare, catalogue):
        return Kind.NAME
    return Kind.SMILES if isinstance(chemistry.read_smiles(bare), chemistry.Structure) else Kind.NAME


def explain(stated: Mapping[Kind, str], catalogue: Catalogue) -> Explained:
    """What the ladder says of these identifiers of one component. Raises Unaskable."""
    found = _identified(stated, catalogue)
    unknown = Kind.NAME in stated and all(one.rung is Rung.R6 and not one.unidentified for one in found)
    return Explained(
        catalogue=catalogue.version,
        substances=tuple(map(_told, found)),
        steps=tuple(_step(kind, stated[kind], found, catalogue) for kind in Kind if kind in stated),
        candidates=tuple(one.why for one in candidates(stated[Kind.NAME], catalogue)) if unknown else (),
    )


def _identified(stated: Mapping[Kind, str], catalogue: Catalogue) -> tuple[Identity, ...]:
    asked = component(
        stated.get(Kind.NAME, _NAMELESS),
        smiles=stated.get(Kind.SMILES),
        inchi=stated.get(Kind.INCHI),
        inchikey=stated.get(Kind.INCHIKEY),
        cas=stated.get(Kind.CAS),
    )
    return identify(asked, laboratory="explained", sample="1", catalogue=catalogue)


def _step(kind: Kind, text: str, whole: tuple[Identity, ...], catalogue: Catalogue) -> Step:
    """What one identifier says alone, and whether that contradicts what all of them say together."""
    found = _identified({kind: text}, catalogue)
    answers = all(one.rung is not Rung.R6 for one in found)
    said = _answer(kind, found) if answers else _silence(kind, text, found[0], catalogue)
    if answers and not {one.key for one in found} <= {one.key for one in whole}:
        said += ": conflict"
    return Step(
        identifier=kind,
        text=text,
        rung=found[0].rung.value if answers else None,
        keys=tuple(one.key for one in found) if answers else (),
        says=f"{_SAID[kind]} {_short(text)} {said}",
    )


def _answer(kind: Kind, found: tuple[Identity, ...]) -> str:
    names = " and ".join(one.name if one.entry else f"a structure that is not listed ({one.key})" for one in found)
    if len(found) > 1:
        return f"is a mixture of {names}"
    if found[0].rung is Rung.R3B:
        return f"is a tautomer of {names}"
    if kind is Kind.NAME:
        return f"matched exactly one substance, {names}"
    return f"belongs to {names}"


def _silence(kind: Kind, text: str, found: Identity, catalogue: Catalogue) -> str:
    if kind is Kind.NAME:
        return _unmatched(text, found, catalogue)
    reasons = [part.strip(" .") for part in found.why.split("; ") if "is not used" in part]
    return "; ".join(f"is not used: {reason.partition(': ')[2]}" for reason in reasons) or "does not answer"


def _unmatched(text: str, found: Identity, catalogue: Catalogue) -> str:
    shared = named_keys(text, catalogue)
    if len(shared) > 1:
        names = sorted(entry.name for key in shared if (entry := catalogue.entry(key)))
        return f"is that of several substances and resolves nothing: {', '.join(names)}"
    word = (found.subgroup or found.category.value).replace("_", " ")
    if found.unidentified:
        return f"names no substance, only a class: {word}"
    if found.key.startswith("G:"):
        members = (entry.name if (entry := catalogue.entry(key)) else key for key in found.key[2:].split(","))
        return f"leaves open which of these isomers it is: {', '.join(members)}"
    return "is not listed"


def _short(text: str) -> str:
    return f'"{text}"' if len(text) <= 60 else f'"{text[:57]}…"'


def _verdict(found: tuple[Told, ...]) -> str:
    if any(one.conflict for one in found):
        return (
            "The identifiers disagree: conflict. The surest one decides the case; "
            "the finding is graded, called provisional, and waits for a chemist."
        )
    first = found[0]
    confidence = {"R4": "high", "R5": "high", "R6": "none"}.get(first.rung, "exact")
    return f"Confidence: {confidence}{', provisional' if first.provisional else ''}. {first.why}"


def _facts(one: Told) -> Iterator[str]:
    if one.variant:
        yield f"  variant {one.variant}"
    if one.kind:
        yield f"  {one.kind.replace('_', ' ')}; {(one.subgroup or one.category).replace('_', ' ')}"
    yield from (f"  {CONTROLS[word]}" for word in one.control_status if word in CONTROLS)
    yield from (f"  medicine: {USES[word]}" for word in one.medicinal_use if word in USES)
    if one.provenance:
        yield f"  listed after {one.provenance}"


def _told(one: Identity) -> Told:
    entry = one.entry
    return Told(
        key=one.key,
        name=one.name,
        variant=one.variant,
        kind=one.kind.value if one.kind else None,
        category=one.category.value,
        subgroup=one.subgroup,
        rung=one.rung.value,
        rungs=tuple(rung.value for rung in one.rungs),
        conflict=one.conflict,
        provisional=one.provisional,
        why=one.why,
        flags=tuple(sorted(one.flags)),
        control_status=entry.control_status if entry else (),
        medicinal_use=entry.medicinal_use if entry else (),
        provenance=entry.provenance if entry else "",
    )
