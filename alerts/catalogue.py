"""The catalogue: which substances are known, under which names, and what each of them is to the market.

The shipped files (`data/substances.csv` and two beside it) seed versioned rows of the database, and those are the
truth; without a database the files are it. A snapshot is immutable and has a version.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from importlib.resources import files
from itertools import chain

from alerts.names import ends_in_a_word, strict_key
from schemas.vocabularies import Category, SubstanceFlag, SubstanceKind

ANYTHING = "*"
CLASS_PREFIX = "class:"
_EXACT = ("brand", "translation")
_ENDINGS = re.compile(
    r"(?<=[a-z]{3})(?:(in)(?:e|a|as|s|um)?|i(in)i?|(on)(?:e|a|as|s|um|i)?|(ol)(?:o|is|i|um)?|(en)(?:e|o|u)?"
    r"|(am)(?:as|s|um|i)?)$"
)
POTENT_OPIOIDS = frozenset({"nitazene", "fentanyl", "orphine", "other_potent_opioid"})


CONTROLS = {
    "un1961_I": "Schedule I of the Single Convention 1961",
    "un1961_II": "Schedule II of the Single Convention 1961",
    "un1961_III": "Schedule III of the Single Convention 1961",
    "un1961_IV": "Schedule IV of the Single Convention 1961",
    "un1971_I": "Schedule I of the Convention on Psychotropic Substances 1971",
    "un1971_II": "Schedule II of the Convention on Psychotropic Substances 1971",
    "un1971_III": "Schedule III of the Convention on Psychotropic Substances 1971",
    "un1971_IV": "Schedule IV of the Convention on Psychotropic Substances 1971",
    "un1988_I": "Table I of the Convention against Illicit Traffic 1988",
    "un1988_II": "Table II of the Convention against Illicit Traffic 1988",
    "eu_drug": "a drug in the Union by the Annex of Framework Decision 2004/757/JHA",
    "eu_precursor": "a scheduled precursor by Regulations (EC) 273/2004 and 111/2005",
}
"""Words of `control_status` and what each says."""
USES = {
    "human_eu": "authorised for people by the Union's central procedure",
    "human": "in a pharmacopoeia or a register of medicines for people",
    "veterinary": "in a register of medicines for animals",
}
"""Words of `medicinal_use` and what each says."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One known substance; `usual_cut_of` and `by_product_of` hold keys, `class:<category or subgroup>` or `*`.

    `ambiguous_names` are those that other substances have too: they resolve nothing and are proposed to a reviewer.
    `control_status` and `medicinal_use` hold words of `CONTROLS` and `USES`; empty means not known here, not free.
    """

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
    tautomer_key: str | None = None
    ambiguous_names: tuple[str, ...] = ()
    control_status: tuple[str, ...] = ()
    medicinal_use: tuple[str, ...] = ()
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
    brands: frozenset[str] = frozenset()
    settlements: Settlements = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalogue) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)

    def entry(self, key: str) -> Entry | None:
        """The substance of a key (`S:…` or `N:…`)."""
        return self.entries.get(key)

    def by_name(self, strict_name: str) -> frozenset[str]:
        """Keys of the substances that have this strict name; more than one is ambiguous."""
        return self._names.get(strict_name, frozenset())

    def by_brand(self, strict_name: str) -> frozenset[str]:
        """The substance that is sold under a brand name, or so called in another language; not by a street name."""
        return frozenset((self.street_names[strict_name],)) if strict_name in self.brands else frozenset()

    def by_ending(self, strict_name: str) -> frozenset[str]:
        """Substances whose name differs only in the ending that languages give it: ketamin, ketamina, ketamine."""
        stem = _stem(strict_name)
        return self._stems.get(stem, frozenset()) if stem else frozenset()

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

    def by_tautomer(self, tautomer_key: str) -> str | None:
        """The key of the only substance that is drawn so up to tautomers."""
        found = self._tautomers.get(tautomer_key, frozenset())
        return next(iter(found)) if len(found) == 1 else None

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
        named += [(strict_key(name), entry.key) for entry in self.entries.values() for name in entry.ambiguous_names]
        named += [(strict_key(name), item.key) for item in self.variants for name in (item.name, *item.synonyms)]
        return _gathered(named)

    @cached_property
    def _stems(self) -> Mapping[str, frozenset[str]]:
        named = [(name, entry.key) for entry in self.entries.values() for name in entry.names]
        named += [(name, item.key) for item in self.variants for name in (item.name, *item.synonyms)]
        named += [(name, self.street_names[name]) for name in self.brands]
        return _gathered([(_stem(strict_key(name)), key) for name, key in named if ends_in_a_word(name)])

    @cached_property
    def _cas(self) -> Mapping[str, frozenset[str]]:
        return _gathered([(cas, entry.key) for entry in self.entries.values() for cas in entry.cas])

    @cached_property
    def _salts(self) -> Mapping[str, str]:
        return {block: entry.key for entry in self.entries.values() for block in entry.salt_keys}

    @cached_property
    def _tautomers(self) -> Mapping[str, frozenset[str]]:
        return _gathered([(entry.tautomer_key or "", entry.key) for entry in self.entries.values()])

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
        entries={row["key"]: entry_of(row) for row in rows.substances},
        variants=tuple(map(_variant, rows.stereo_variants)),
        street_names={strict_key(row["street_name"]): row["key"] for row in rows.street_names},
        brands=frozenset(strict_key(row["street_name"]) for row in rows.street_names if row["kind_of_name"] in _EXACT),
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


def _stem(strict_name: str) -> str:
    """A name of which only the ending of its language is left out; "" where it has none of these endings."""
    found = _ENDINGS.search(strict_name)
    return strict_name[: found.start()] + (found[found.lastindex or 0]) if found else ""


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


def entry_of(row: Row) -> Entry:
    """The substance that a row describes. Raises KeyError or ValueError for columns or words that are not there."""
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
        tautomer_key=row.get("tautomer_key") or None,
        ambiguous_names=_list(row.get("ambiguous_names", "")),
        control_status=_list(row.get("control_status", "")),
        medicinal_use=_list(row.get("medicinal_use", "")),
        provenance=row["provenance"],
    )


def _variant(row: Mapping[str, str]) -> Variant:
    return Variant(key=row["key"], inchikey=row["inchikey"], name=row["name"], synonyms=_list(row["synonyms"]))
