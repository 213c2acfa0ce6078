"""Says which class a substance belongs to: the catalogue, then what its name ends in, then what its structure contains."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import yaml
from pydantic import TypeAdapter

from alerts import chemistry
from alerts.catalogue import Entry
from alerts.names import plain, strict_key
from schemas.base import Frozen
from schemas.vocabularies import Category

DESIGNER_FAMILIES = frozenset({"PR-GLY", "PR-APAA", "PR-MAL", "PR-BKH", "PR-NIT"})


@dataclass(frozen=True)
class SubstanceClass:
    """A category, a subgroup where one matters, and how it was found: a rule id and the rest of a sentence."""

    category: Category
    subgroup: str | None = None
    rule: str | None = None
    says: str = ""
    matched: tuple[str, ...] = ()


UNCLASSED = SubstanceClass(Category.OTHER, says="no class rule matches")


class StructureRule(Frozen):
    """One class by SMARTS; see the head of `data/class_rules.yaml`."""

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
    """A class that the end of a systematic short name gives: the hazard, not the identity."""

    id: str
    category: Category
    subgroup: str | None = None
    ends: str


class _Rules(Frozen):
    endings: tuple[NameEnding, ...]
    rules: tuple[StructureRule, ...]


@lru_cache(maxsize=1)
def rules() -> _Rules:
    """The shipped class rules, checked."""
    text = files("alerts").joinpath("data", "class_rules.yaml").read_text("utf-8")
    return TypeAdapter(_Rules).validate_python(yaml.load(text, Loader=_loader()))


def _loader() -> type[yaml.SafeLoader]:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def classify(entry: Entry | None, *, name: str, smiles: str | None) -> SubstanceClass:
    """The class by the first rung that answers; a field that the catalogue leaves empty is no answer."""
    if entry is not None and entry.category not in (Category.OTHER, Category.UNKNOWN):
        if entry.subgroup:
            return SubstanceClass(entry.category, entry.subgroup, says="the catalogue says so")
        filled = _by_rules(name, smiles or entry.smiles)
        subgroup = filled.subgroup if filled.category is entry.category else None
        return SubstanceClass(entry.category, subgroup, filled.rule if subgroup else None, "the catalogue says so")
    found = _by_rules(name, smiles or (entry.smiles if entry else None))
    if entry is not None and found is UNCLASSED:
        return SubstanceClass(entry.category, entry.subgroup, says="the catalogue says so")
    return found


def _by_rules(name: str, smiles: str | None) -> SubstanceClass:
    if smiles is not None:
        by_structure = of_structure(smiles)
        if by_structure is not UNCLASSED:
            return by_structure
    return of_name_ending(name) or UNCLASSED


@lru_cache(maxsize=20_000)
def of_structure(smiles: str) -> SubstanceClass:
    """The first structure rule that matches; all that match are kept."""
    table = rules().rules
    hits = [rule for rule, hit in zip(table, _matching(smiles), strict=True) if hit]
    if not hits:
        return UNCLASSED
    first = hits[0]
    matched = tuple(rule.id for rule in hits)
    return SubstanceClass(first.category, first.subgroup, first.id, f"it matched {first.says}", matched)


def _matching(smiles: str) -> tuple[bool, ...]:
    return chemistry.matching(smiles, _patterns())


@lru_cache(maxsize=1)
def _patterns() -> tuple[chemistry.Pattern, ...]:
    return tuple(rule.pattern for rule in rules().rules)


def of_name_ending(name: str) -> SubstanceClass | None:
    """The class that the end of a name gives (`-nitazene`, `-fentanyl` …), if any."""
    key = strict_key(name)
    for ending in rules().endings:
        if re.search(f"{ending.ends}$", key):
            says = f"the name ends as those of the class {ending.subgroup or ending.category} do"
            return SubstanceClass(ending.category, ending.subgroup, ending.id, says, (ending.id,))
    return None


# Words of a name that say: only a class was found, or nothing.
_UNNAMED = frozenset(
    "unknown unidentified unspecified uncertain undetermined unresolved analogue analogues analog analogs derivative "
    "derivatives related like type class family member not stated named given specified determined strip positive "
    "immunoassay presumptive unable none no nothing detected identified identify library match could be"
    "".split()
)
_FILLING = frozenset(
    "a an or of the and other new novel possible some trace traces substance substances compound compounds component "
    "components active drug drugs ingredient ingredients isomer isomers material powder to test result s".split()
)


def unnamed(name: str) -> SubstanceClass | None:
    """The class of a finding that names no substance ("unknown nitazene", "nitazene" on a strip), `None` when it names one.

    >>> unnamed("nitazene (member not stated)").subgroup, unnamed("fentanyl"), unnamed("no library match").category.value
    ('nitazene', None, 'unknown')
    """
    words = re.findall(r"[a-z0-9]+", plain(name).replace("semi-synthetic", "semi synthetic"))
    hedged = any(word in _UNNAMED for word in words)
    whole = _class_words().get(" ".join(words))
    if whole is not None and (hedged or whole.alone):
        return whole.named
    rest = [word for word in words if word not in _UNNAMED and word not in _FILLING]
    if not rest:
        return SubstanceClass(Category.UNKNOWN, says="the report names neither substance nor class") if hedged else None
    word = _class_words().get(" ".join(rest))
    return word.named if word is not None and (hedged or word.alone) else None


def resolve_class(text: str) -> SubstanceClass | None:
    """The class that sold-as words promise ("benzodiazepine", "cannabis-like sweets"), if they name one."""
    words = re.findall(r"[a-z0-9]+", plain(text))
    for candidate in (words, [word for word in words if word not in _UNNAMED and word not in _FILLING]):
        found = _class_words().get(" ".join(candidate))
        if found is not None and found.alone:
            return found.named
    return None


@dataclass(frozen=True)
class _ClassWord:
    named: SubstanceClass
    alone: bool


@lru_cache(maxsize=1)
def _class_words() -> Mapping[str, _ClassWord]:
    text = files("alerts").joinpath("data", "class_words.csv").read_text("utf-8")
    return {
        words: _ClassWord(
            SubstanceClass(Category(row["category"]), row["subgroup"] or None, says="the report names only the class"),
            row["alone"] == "yes",
        )
        for row in csv.DictReader(text.splitlines())
        for words in row["words"].split(";")
    }
