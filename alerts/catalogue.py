"""The catalogue: which substances are known, under which names, and what each of them is to the market.

The shipped files (`data/substances.csv` and two beside it) seed versioned rows of the database, and those are the
truth; without a database the files are it. A snapshot is immutable and has a version.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from importlib.resources import files
from itertools import chain

from alerts.names import strict_key
from schemas.vocabularies import Category, SubstanceFlag, SubstanceKind

ANYTHING = "*"
CLASS_PREFIX = "class:"
POTENT_OPIOIDS = frozenset({"nitazene", "fentanyl", "orphine", "other_potent_opioid"})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One known substance; `usual_cut_of` and `by_product_of` hold keys, `class:<category or subgroup>` or `*`."""

    key: str
    name: str
    synonyms: tuple[str, ...] = ()
    cas: tuple[str, ...] = ()
    smiles: str | None = None
    inchikey: str | None = None
    kind: SubstanceKind
    category: Category
    subgroup: str | None = None
    flags: frozenset[SubstanceFlag] = frozenset()
    usual_cut_of: frozenset[str] = frozenset()
    by_product_of: frozenset[str] = frozenset()
    watch_listed: bool = False
    low_risk: bool = False
    known_in_union: bool = True
    known_in_union_since: date | None = None
    effects_known: bool = True
    precursor_category: str | None = None
    precursor_family: str | None = None
    metabolite_of: str | None = None
    salt_keys: tuple[str, ...] = ()
    provenance: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The common name first."""
        return (self.name, *self.synonyms)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A stereoisomer that shares its substance key with others but not its name (quinine, quinidine)."""

    key: str
    inchikey: str
    name: str
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Alias:
    """A name that a person assigned to a substance: for everybody, or a private code of one laboratory.

    A laboratory's own goes before every other name, for its reports only.
    """

    name: str
    key: str
    laboratory: str | None = None


Row = Mapping[str, str]
"""One line of a file, by column."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What a catalogue is made of: the lines of its three files."""

    substances: tuple[Row, ...]
    stereo_variants: tuple[Row, ...] = ()
    street_names: tuple[Row, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What a name was settled as; the structure is there for a substance that the catalogue does not have."""

    substance: str
    inchikey: str | None = None
    smiles: str | None = None
    source: str = "reviewer"


Settlements = Mapping[tuple[str, str], Settlement]
"""By laboratory ("" for all) and the key under which the name waited for a person (`alerts/settling.py`)."""


@dataclass(frozen=True)
class Catalogue:
    """A snapshot of the known substances; two snapshots of one version are the same.

    `street_names` maps the strict keys of brand and street names to substance keys, to "" where none is promised.
    """

    version: str
    entries: Mapping[str, Entry]
    variants: tuple[Variant, ...] = ()
    street_names: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[Alias, ...] = ()
    settlements: Settlements = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.version)

    def entry(self, key: str) -> Entry | None:
        """The substance of a key (`S:…` or `N:…`)."""
        return self.entries.get(key)

    def by_name(self, strict_name: str) -> frozenset[str]:
        """Keys of the substances that have this strict name; more than one is ambiguous."""
        return self._names.get(strict_name, frozenset())

    def private(self, strict_name: str, laboratory: str) -> str | None:
        """The key that a laboratory means by a name of its own."""
        return self._private.get((laboratory, strict_name))

    @property
    def has_private_names(self) -> bool:
        """Whether any laboratory has names of its own."""
        return bool(self._private)

    def written(self) -> Iterable[tuple[str, frozenset[str]]]:
        """Every strict name, brands and street names too, with the substances that have it."""
        brands = ((name, frozenset((key,))) for name, key in self.street_names.items() if name not in self._names)
        return chain(self._names.items(), brands)

    def by_cas(self, cas: str) -> frozenset[str]:
        """Keys of the substances with this CAS number."""
        return self._cas.get(cas, frozenset())

    def by_salt(self, block: str) -> str | None:
        """The key of the substance whose salt has this first InChIKey block."""
        return self._salts.get(block)

    def variant(self, inchikey: str) -> Variant | None:
        """The named stereoisomer of a full InChIKey, where the list splits it off."""
        return self._variants.get(inchikey)

    def variant_named(self, strict_name: str) -> Variant | None:
        """The named stereoisomer of a strict name."""
        return self._variants_by_name.get(strict_name)

    def settled_as(self, laboratory: str, key: str) -> Settlement | None:
        """What a key was settled as, for this laboratory or for all."""
        return self.settlements.get((laboratory, key)) or self.settlements.get(("", key))

    def usual_with(self, entry: Entry, *, of: Entry) -> bool:
        """Whether `entry` is a usual cutting agent or by-product of `of`."""
        usual = entry.usual_cut_of | entry.by_product_of
        return bool(usual & {ANYTHING, of.key, *_classes(of)})

    @cached_property
    def _names(self) -> Mapping[str, frozenset[str]]:
        named = [(strict_key(name), entry.key) for entry in self.entries.values() for name in entry.names]
        named += [(strict_key(name), item.key) for item in self.variants for name in (item.name, *item.synonyms)]
        named += [(strict_key(alias.name), alias.key) for alias in self.aliases if alias.laboratory is None]
        return _gathered(named)

    @cached_property
    def _private(self) -> Mapping[tuple[str, str], str]:
        own = [alias for alias in self.aliases if alias.laboratory is not None]
        return {(alias.laboratory or "", strict_key(alias.name)): alias.key for alias in own}

    @cached_property
    def _cas(self) -> Mapping[str, frozenset[str]]:
        return _gathered([(cas, entry.key) for entry in self.entries.values() for cas in entry.cas])

    @cached_property
    def _salts(self) -> Mapping[str, str]:
        return {block: entry.key for entry in self.entries.values() for block in entry.salt_keys}

    @cached_property
    def _variants(self) -> Mapping[str, Variant]:
        return {item.inchikey: item for item in self.variants}

    @cached_property
    def _variants_by_name(self) -> Mapping[str, Variant]:
        return {strict_key(name): item for item in self.variants for name in (item.name, *item.synonyms)}


def load() -> Catalogue:
    """The shipped catalogue with its variants and street names."""
    texts = _texts()
    version = hashlib.sha256("".join(texts).encode()).hexdigest()[:16]
    return assembled(_rows(texts), version=version)


def shipped() -> Rows:
    """The shipped files as rows."""
    return _rows(_texts())


def assembled(rows: Rows, *, version: str, settlements: Settlements | None = None) -> Catalogue:
    """The snapshot that these rows make."""
    return Catalogue(
        version=version,
        entries={row["key"]: _entry(row) for row in rows.substances},
        variants=tuple(map(_variant, rows.stereo_variants)),
        street_names={strict_key(row["street_name"]): row["key"] for row in rows.street_names},
        settlements=settlements or {},
    )


def version_of(rows: Rows, settlements: Settlements) -> str:
    """A digest of all that a snapshot says; the order of the rows does not matter."""
    lists = [sorted(json.dumps(row, sort_keys=True) for row in part) for part in _parts(rows)]
    settled = sorted(json.dumps([*key, vars(one)], sort_keys=True) for key, one in settlements.items())
    return hashlib.sha256(json.dumps([*lists, settled]).encode()).hexdigest()[:16]


def _parts(rows: Rows) -> tuple[tuple[Row, ...], ...]:
    return rows.substances, rows.stereo_variants, rows.street_names


def _texts() -> list[str]:
    return [_text(name) for name in ("substances.csv", "stereo_variants.csv", "street_names.csv")]


def _rows(texts: list[str]) -> Rows:
    substances, variants, street = (tuple(csv.DictReader(text.splitlines())) for text in texts)
    return Rows(substances=substances, stereo_variants=variants, street_names=street)


def _text(name: str) -> str:
    return files("alerts").joinpath("data", name).read_text("utf-8")


def _classes(entry: Entry) -> set[str]:
    return {CLASS_PREFIX + word for word in (entry.category.value, entry.subgroup) if word}


def _gathered(pairs: list[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name, key in pairs:
        known = found.get(name)
        if known is None:
            found[name] = frozenset((key,))
        elif key not in known:
            found[name] = known | {key}
    found.pop("", None)
    return found


def _list(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(";")) if cell else ()


def _entry(row: Mapping[str, str]) -> Entry:
    return Entry(
        key=row["key"],
        name=row["name"],
        synonyms=_list(row["synonyms"]),
        cas=_list(row["cas"]),
        smiles=row["smiles"] or None,
        inchikey=row["inchikey"] or None,
        kind=SubstanceKind(row["kind"]),
        category=Category(row["category"]),
        subgroup=row["subgroup"] or None,
        flags=frozenset(map(SubstanceFlag, _list(row["flags"]))),
        usual_cut_of=frozenset(_list(row["usual_cut_of"])),
        by_product_of=frozenset(_list(row["by_product_of"])),
        watch_listed=row["watch_listed"] == "yes",
        low_risk=row["low_risk"] == "yes",
        known_in_union=row["known_in_union"] != "no",
        known_in_union_since=date.fromisoformat(row["known_in_union_since"]) if row["known_in_union_since"] else None,
        effects_known=row["effects_known"] != "no",
        precursor_category=row["precursor_category"] or None,
        precursor_family=row["precursor_family"] or None,
        metabolite_of=row["metabolite_of"] or None,
        salt_keys=_list(row["salt_keys"]),
        provenance=row["provenance"],
    )


def _variant(row: Mapping[str, str]) -> Variant:
    return Variant(key=row["key"], inchikey=row["inchikey"], name=row["name"], synonyms=_list(row["synonyms"]))
