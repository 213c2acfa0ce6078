"""Proves a whole catalogue: what can be recomputed is, words come from closed lists, no name means two substances.

`admission.py` asks the same of rows that are to be added, one by one; here the files are looked at as they stand.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerts import chemistry
from alerts.admission import structure_problems
from alerts.cas import is_cas
from alerts.catalogue import (
    ANYTHING,
    CLASS_PREFIX,
    CONTROLS,
    POTENT_OPIOIDS,
    USES,
    Catalogue,
    Entry,
    Row,
    Rows,
    assembled,
    entry_of,
)
from alerts.classification import DESIGNER_FAMILIES, rules
from alerts.names import strict_key

KINDS_OF_NAME = ("brand", "combination", "street", "translation")
PRECURSOR_CATEGORIES = frozenset({"1", "2A", "2B", "3", "4", "INCB I", "INCB II"})
SUBGROUPS_WITHOUT_RULE = frozenset(
    {"antipsychotic", "cannabis", "gabaergic", "kratom", "opioid_antagonist", "phytocannabinoid", "sedative"}
    | {"tianeptine", "other_potent_opioid"}
)
_YES_OR_NO = ("watch_listed", "low_risk", "known_in_union", "effects_known")
_BLOCK = re.compile(r"[A-Z]{14}")
_EARLIEST_YEAR = 1950


class Part(StrEnum):
    """The three files."""

    SUBSTANCES = "substances.csv"
    VARIANTS = "stereo_variants.csv"
    STREET_NAMES = "street_names.csv"


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """What is wrong with a row, the first being 0, and what to do."""

    part: Part
    row: int
    name: str
    sentence: str


def flaws(found: Rows) -> tuple[Flaw, ...]:
    """Every flaw of every row, in the order of the files."""
    unread = tuple(_unread(found.substances))
    broken = {one.row for one in unread}
    whole = Rows(
        substances=tuple(row for number, row in enumerate(found.substances) if number not in broken),
        stereo_variants=found.stereo_variants,
        street_names=found.street_names,
    )
    book = _Book(whole, assembled(whole, version="checked"))
    rest = [
        *(
            Flaw(part=Part.SUBSTANCES, row=number, name=row["name"], sentence=sentence)
            for number, row in enumerate(found.substances)
            if number not in broken
            for sentence in book.of_substance(row)
        ),
        *_of_list(Part.VARIANTS, found.stereo_variants, "name", book.of_variant),
        *_of_list(Part.STREET_NAMES, found.street_names, "street_name", book.of_street_name),
    ]
    return (*unread, *rest)


def _unread(rows: Sequence[Row]) -> Iterator[Flaw]:
    for number, row in enumerate(rows):
        try:
            entry_of(row)
        except (KeyError, ValueError) as error:
            sentence = f"the row cannot be read ({error}): take the columns and words of the shipped file"
            yield Flaw(part=Part.SUBSTANCES, row=number, name=row.get("name") or "?", sentence=sentence)


def _of_list(part: Part, rows: Sequence[Row], column: str, look: Callable[[Row], Iterator[str]]) -> Iterator[Flaw]:
    for number, row in enumerate(rows):
        for sentence in look(row):
            yield Flaw(part=part, row=number, name=row[column], sentence=sentence)


class _Book:
    """The rows with what is counted over all of them."""

    def __init__(self, rows: Rows, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        entries = [entry_of(row) for row in rows.substances]
        self._keys = Counter(entry.key for entry in entries)
        self._cas = Counter(cas for entry in entries for cas in set(entry.cas))
        self._salts = Counter(block for entry in entries for block in entry.salt_keys)
        self._tautomers = Counter(entry.tautomer_key for entry in entries)
        self._variants = Counter(row["inchikey"] for row in rows.stereo_variants)
        self._classes = {
            CLASS_PREFIX + word for entry in entries for word in (entry.category.value, entry.subgroup) if word
        }
        self._subgroups = SUBGROUPS_WITHOUT_RULE | {rule.subgroup for rule in rules().rules if rule.subgroup}

    def of_substance(self, row: Row) -> Iterator[str]:
        entry = entry_of(row)
        yield from self._keys_of(entry)
        yield from self._numbers(entry)
        yield from self._names(entry)
        yield from self._words(row, entry)
        yield from self._pointers(entry)

    def of_variant(self, row: Row) -> Iterator[str]:
        """A stereoisomer must have the key of its substance, an InChIKey of its own and a name of nobody else."""
        key, inchikey = row["key"], row["inchikey"]
        if self._catalogue.entry(key) is None:
            yield f"no substance has the key {key}"
        if not chemistry.is_inchikey(inchikey) or key != f"S:{inchikey[:14]}":
            yield f"the InChIKey {inchikey} does not begin like the key {key}"
        if self._variants[inchikey] > 1:
            yield f"the InChIKey {inchikey} is listed twice"
        for name in (row["name"], *filter(None, row["synonyms"].split(";"))):
            if others := self._catalogue.by_name(strict_key(name)) - {key}:
                yield _shared(name, others)
        if not row["source"].strip():
            yield "no source is given"

    def of_street_name(self, row: Row) -> Iterator[str]:
        """A street name promises a listed substance, by its own name, or none; and is no other substance's name."""
        key, entry = row["key"], self._catalogue.entry(row["key"])
        if key and entry is None:
            yield f"no substance has the key {key}"
        if entry is not None and row["substance"] != entry.name:
            yield f"the substance is called {entry.name}, not {row['substance']}"
        if row["kind_of_name"] not in KINDS_OF_NAME:
            yield f"kind_of_name {row['kind_of_name']!r} is none of {', '.join(KINDS_OF_NAME)}"
        if others := self._catalogue.by_name(strict_key(row["street_name"])) - {key}:
            yield _shared(row["street_name"], others)

    def _keys_of(self, entry: Entry) -> Iterator[str]:
        if self._keys[entry.key] > 1:
            yield f"the key {entry.key} is in the file {self._keys[entry.key]} times: join the rows"
        if entry.smiles is None and entry.key != f"N:{strict_key(entry.name)}" and entry.inchikey is None:
            yield f"without a structure the key is N:{strict_key(entry.name)}"
        yield from structure_problems(entry.key, entry.smiles, entry.inchikey)
        for block in entry.salt_keys:
            if not _BLOCK.fullmatch(block):
                yield f"the salt key {block!r} is not 14 capital letters"
            if self._salts[block] > 1 or self._catalogue.entry(f"S:{block}"):
                yield f"the salt key {block} belongs to another substance too"
        computed = chemistry.tautomer_key(entry.smiles) if entry.smiles else None
        if entry.tautomer_key != computed:
            yield f"the tautomer key {entry.tautomer_key or '(none)'} does not recompute: it is {computed}"
        if computed and self._tautomers[computed] > 1:
            yield "another row is a tautomer of it: join them, or leave both tautomer keys out"

    def _numbers(self, entry: Entry) -> Iterator[str]:
        for cas in entry.cas:
            if not is_cas(cas):
                yield f"the CAS number {cas} has a wrong form or check digit"
            if self._cas[cas] > 1:
                yield f"the CAS number {cas} is that of {self._cas[cas]} substances: leave it out where it is wrong"
        since = entry.known_in_union_since
        if since is not None and since.year < _EARLIEST_YEAR:
            yield f"known_in_union_since {since} is before {_EARLIEST_YEAR}"

    def _names(self, entry: Entry) -> Iterator[str]:
        if not entry.name.strip() or not entry.provenance.strip():
            yield "a name and a provenance are needed"
        for name in entry.names:
            if not strict_key(name):
                yield f"the name {name!r} has no letter or digit"
            elif others := self._catalogue.by_name(strict_key(name)) - {entry.key}:
                yield _shared(name, others)
        for name in entry.ambiguous_names:
            if len(self._catalogue.by_name(strict_key(name))) < 2:
                yield f"the name {name!r} is marked as ambiguous, but no other row has it"

    def _words(self, row: Row, entry: Entry) -> Iterator[str]:
        yield from (f"{word} is {row[word]!r}: write yes, no or nothing" for word in _YES_OR_NO if row[word] not in _YN)
        if entry.subgroup and entry.subgroup not in self._subgroups:
            yield f"the subgroup {entry.subgroup!r} is unknown: no class rule gives it"
        if entry.watch_listed != (entry.subgroup in POTENT_OPIOIDS):
            yield "watch_listed and subgroup disagree: exactly the potent opioids are watch-listed"
        if entry.precursor_category and entry.precursor_category not in PRECURSOR_CATEGORIES:
            yield f"the precursor category {entry.precursor_category!r} is unknown"
        if entry.precursor_family and entry.precursor_family not in DESIGNER_FAMILIES:
            yield f"the precursor family {entry.precursor_family!r} is unknown"
        yield from (f"control status {word!r} is unknown" for word in entry.control_status if word not in CONTROLS)
        yield from (f"medicinal use {word!r} is unknown" for word in entry.medicinal_use if word not in USES)

    def _pointers(self, entry: Entry) -> Iterator[str]:
        pointers = entry.usual_cut_of | entry.by_product_of | ({entry.metabolite_of} if entry.metabolite_of else set())
        for pointer in sorted(pointers - {ANYTHING} - self._classes):
            if self._catalogue.entry(pointer) is None:
                yield f"it points to {pointer}, which is no listed substance or class"


_YN = ("", "yes", "no")


def _shared(name: str, others: frozenset[str]) -> str:
    return (
        f"the name {name!r} is that of {', '.join(sorted(others))} too: leave it out, or mark it as ambiguous in both"
    )
