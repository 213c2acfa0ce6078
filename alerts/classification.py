"""Says which class a substance belongs to: by the catalogue, by its structure, by its name, in this order.

Also reads texts that name a class instead of a substance ("unknown nitazene").
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files

import yaml

from alerts import chemistry
from alerts.catalogue import POTENT_OPIOIDS, Entry
from alerts.names import keys_of, plain
from schemas.base import Frozen
from schemas.vocabularies import Category, SubstanceKind

DESIGNER_FAMILIES = frozenset({"PR-GLY", "PR-APAA", "PR-MAL", "PR-BKH", "PR-NIT"})
DRUG_CLASSES = frozenset(Category) - {
    Category.MEDICINE,
    Category.CLASSIC_DRUG,
    Category.PRECURSOR,
    Category.OTHER,
    Category.UNKNOWN,
}


@dataclass(frozen=True)
class SubstanceClass:
    """A category, a subgroup where one matters, the rule that gave it, and why: "… because {says}"."""

    category: Category
    subgroup: str | None = None
    rule: str | None = None
    says: str = ""
    matched: tuple[str, ...] = ()


UNCLASSED = SubstanceClass(Category.OTHER, says="no class rule matches it")
_LISTED = "the catalogue says so"
_ONLY_CLASS = "the report names only the class"


class StructureRule(Frozen):
    """A class by SMARTS; see the head of `data/class_rules.yaml`."""

    id: str
    category: Category
    subgroup: str | None = None
    says: str
    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    max_mass: float | None = None

    @property
    def pattern(self) -> chemistry.Pattern:
        """The same for the chemistry."""
        return chemistry.Pattern(self.include, self.exclude, self.max_mass)


class NameEnding(Frozen):
    """A class that the end of a systematic name gives: the hazard, not the identity."""

    id: str
    category: Category
    subgroup: str | None = None
    ends: str


class NameClass(Frozen):
    """A class whose members are named, not drawn: plants. `words` stand in the name as whole words."""

    id: str
    category: Category
    words: tuple[str, ...]
    says: str


class ClassRules(Frozen):
    """The shipped table: the order of its rules is their precedence."""

    names: tuple[NameClass, ...]
    endings: tuple[NameEnding, ...]
    rules: tuple[StructureRule, ...]


@cache
def rules() -> ClassRules:
    """The shipped class rules, checked."""
    text = files("alerts").joinpath("data", "class_rules.yaml").read_text("utf-8")
    return ClassRules.model_validate(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def classify(entry: Entry | None, *, name: str, smiles: str | None) -> SubstanceClass:
    """The class by the first rung that answers; what the catalogue leaves empty is no answer.

    A listed substance has the same class whether it was drawn or named.
    """
    if entry is None:
        return _by_rule(name, smiles)
    listed = SubstanceClass(entry.category, entry.subgroup, says=_LISTED)
    if entry.subgroup:
        return listed
    if entry.category in (Category.OTHER, Category.UNKNOWN):
        found = of_structure(entry.smiles or smiles or "")
        return found if entry.kind is SubstanceKind.NPS and found.category in DRUG_CLASSES else listed
    found = _by_rule(name, entry.smiles or smiles)
    return found if found.category is entry.category and found.subgroup else listed


def _by_rule(name: str, smiles: str | None) -> SubstanceClass:
    """The structure decides; a name that ends like a potent opioid's outdoes one that is not drawn as an opioid."""
    found = of_structure(smiles) if smiles else UNCLASSED
    named = of_name(name)
    if found is UNCLASSED:
        return named or UNCLASSED
    if (
        named is not None
        and named.subgroup in POTENT_OPIOIDS
        and found.category not in (Category.OPIOID, Category.PRECURSOR)
    ):
        return replace(named, says=f"{named.says}, though {found.says}", matched=named.matched + found.matched)
    return found


def of_name(name: str) -> SubstanceClass | None:
    """The class that a name alone gives: a plant, or an ending of systematic names. The hazard, not the identity."""
    return of_name_ending(name) or _of_words(name)


@lru_cache(maxsize=chemistry.REMEMBERED)
def _of_words(name: str) -> SubstanceClass | None:
    said = f" {' '.join(_words(name))} "
    for one in rules().names:
        if any(f" {words} " in said for words in one.words):
            return SubstanceClass(one.category, None, one.id, f"its name is that of {one.says}", (one.id,))
    return None


@lru_cache(maxsize=chemistry.REMEMBERED)
def of_structure(smiles: str) -> SubstanceClass:
    """The first structure rule that matches; all that match are kept in `matched`."""
    table = rules().rules
    hits = [rule for rule, hit in zip(table, chemistry.matching(smiles, _patterns()), strict=True) if hit]
    if not hits:
        return UNCLASSED
    first = hits[0]
    matched = tuple(rule.id for rule in hits)
    return SubstanceClass(first.category, first.subgroup, first.id, f"it matched {first.says}", matched)


@cache
def _patterns() -> tuple[chemistry.Pattern, ...]:
    return tuple(rule.pattern for rule in rules().rules)


@lru_cache(maxsize=chemistry.REMEMBERED)
def of_name_ending(name: str) -> SubstanceClass | None:
    """The class that the end of a name gives (`-nitazene`, `-fentanyl` …), if any."""
    for key in (key for step in keys_of(name) for key in sorted(step)):
        for ending in rules().endings:
            if re.search(f"{ending.ends}$", key):
                says = "its name ends as the names of that class do"
                return SubstanceClass(ending.category, ending.subgroup, ending.id, says, (ending.id,))
    return None


@lru_cache(maxsize=chemistry.REMEMBERED)
def unnamed(text: str) -> SubstanceClass | None:
    """The class of a finding that names no substance, `None` when it names one.

    >>> unnamed("nitazene (member not stated)").subgroup, unnamed("fentanyl"), unnamed("no match").category.value
    ('nitazene', None, 'unknown')
    """
    words = _words(text)
    open_words = hedged(text)
    for said in (words, [word for word in words if word not in _OPEN_WORDS]):
        found = _CLASS_WORDS.get(" ".join(said))
        if found is not None and (open_words or found.alone):
            return found.named
    if open_words and all(word in _OPEN_WORDS for word in words):
        return SubstanceClass(Category.UNKNOWN, says="the report names neither substance nor class")
    return None


def hedged(text: str) -> bool:
    """Whether a text has a word such as "like", "analogue" or "unknown": then a name in it is not a finding of it."""
    return any(_OPEN_WORDS.get(word) in ("not_named", "class_only") for word in _words(text))


def mentioned(text: str) -> SubstanceClass | None:
    """The class of a text that says it names no substance, whatever else it tells ("mixture, not named")."""
    if not any(_OPEN_WORDS.get(word) == "not_named" for word in _words(text)):
        return None
    return class_inside(text) or SubstanceClass(Category.UNKNOWN, says="the report says that it is not identified")


def resolve_class(text: str) -> SubstanceClass | None:
    """The class that sold-as words promise ("benzodiazepine", "cannabis-like sweets"), if they name one."""
    return class_inside(text)


def class_inside(text: str) -> SubstanceClass | None:
    """The class named by the longest, then first, run of words in a text that can only be a class."""
    for phrase in _phrases(_words(text)):
        found = _CLASS_WORDS.get(phrase)
        if found is not None and found.alone:
            return found.named
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", plain(text))


def _phrases(words: Sequence[str]) -> Iterator[str]:
    for length in range(min(5, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


@dataclass(frozen=True)
class _ClassWord:
    """`alone`: they can only mean the class; else they are also a substance (fentanyl) and need a word beside them."""

    named: SubstanceClass
    alone: bool


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files("alerts").joinpath("data", name).read_text("utf-8").splitlines()))


def _class_words() -> Mapping[str, _ClassWord]:
    return {
        words: _ClassWord(
            SubstanceClass(Category(row["category"]), row["subgroup"] or None, says=_ONLY_CLASS), row["alone"] == "yes"
        )
        for row in _rows("class_words.csv")
        for words in row["words"].split(";")
    }


_CLASS_WORDS = _class_words()
# Words around a class: no substance is named ("unknown"), only a class is ("analogue"), or they say nothing ("new").
_OPEN_WORDS = {row["word"]: row["says"] for row in _rows("unnamed_words.csv")}
