"""What a rule file holds: one authority's windows, thresholds, rules and levels, each number with unit and source."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.base import Frozen
from schemas.vocabularies import Confidence, Level

Score = Literal[0, 1, 2, 3, 4]
Sentence = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
MILLIGRAMS: Mapping[str, float] = {"ug": 0.001, "mg": 1.0, "g": 1000.0}
GRAMS: Mapping[str, float] = {"mg": 0.001, "g": 1.0, "kg": 1000.0}
ANY_CLASS = "any"
MONTH = 365 / 12


class Rule(Frozen):
    """What every rule has. `source` is a key of the file's `sources`."""

    id: str = Field(pattern=r"^[A-Z0-9][A-Z0-9-]*$")
    says: Sentence
    source: str | None = None


class ImpactRule(Rule):
    """Gives an impact when it holds."""

    gives: Score
    when: str


class SpreadRule(Rule):
    """Gives a spread; `first` is looked at before all others and ends the question, `otherwise` when none held."""

    gives: Score
    when: str = "true"
    first: bool = False
    otherwise: bool = False


class ConfidenceRule(Rule):
    """Gives a confidence; the first that holds counts."""

    gives: Confidence
    when: str


class Override(Rule):
    """Replaces (`level`) or caps (`at_most`) the level of the matrix."""

    when: str
    level: Level | None = None
    at_most: Level | None = None


class Windows(Frozen):
    """Lengths in days; see the rule file for what each bounds."""

    events: int
    harm: int
    cluster: int
    new_country: int
    history: int
    baseline_age: int
    unidentified: int
    twins: int

    @property
    def longest(self) -> int:
        """How many days before an anchor can matter to its facts."""
        return self.history + self.recent

    @property
    def recent(self) -> int:
        """How many days before an anchor count for more than what is usual."""
        return max(self.events, self.new_country, self.harm, self.cluster)

    @property
    def months(self) -> float:
        """The length of the history in months: a baseline is a mean for each of them. 12 for a year."""
        return self.history / MONTH


class Window(Frozen):
    """One length, and what it bounds."""

    days: int = Field(gt=0, le=3660)
    bounds: Sentence
    source: str


class WindowTable(Frozen):
    """Every window that the facts know."""

    events: Window
    harm: Window
    cluster: Window
    new_country: Window
    history: Window
    baseline_age: Window
    unidentified: Window
    twins: Window


class TermTable(Frozen):
    """How long an alert holds after its last revision, and when somebody looks at it again."""

    validity: Window
    provisional: Window
    review_l3: Window
    review_l4: Window


class Dose(Frozen):
    """More than `high`, more than `extreme` in one unit of the substance with this first InChIKey block."""

    name: Sentence
    inchikey: str = Field(pattern="^[A-Z]{14}$")
    high: float = Field(gt=0)
    extreme: float = Field(gt=0)
    unit: Literal["ug", "mg", "g"]
    source: str

    @property
    def high_mg(self) -> float:
        return self.high * MILLIGRAMS[self.unit]

    @property
    def extreme_mg(self) -> float:
        return self.extreme * MILLIGRAMS[self.unit]


class Bulk(Frozen):
    """From this amount on a quantity of a class (`category` or `subgroup`) is bulk; `any` is for every other."""

    name: Name = Field(alias="class")
    at_least: float = Field(gt=0)
    unit: Literal["mg", "g", "kg"]
    source: str

    @property
    def grams(self) -> float:
        return self.at_least * GRAMS[self.unit]


class Threshold(Frozen):
    """A number that rules name as `threshold.NAME`. Write 3.0, not 3, where it is compared with a fact in decimals."""

    name: Name
    value: Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)]
    unit: Sentence
    source: str

    @property
    def shown(self) -> str:
        """As a sentence says it."""
        return f"{self.value:g}"


class RuleSet(Frozen):
    """One authority's grading. `levels[impact][spread]` is the level."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: Sentence
    sources: Mapping[Name, Sentence] = Field(min_length=1)
    windows: WindowTable
    terms: TermTable
    doses: tuple[Dose, ...]
    bulk: tuple[Bulk, ...] = Field(min_length=1)
    user_level_units: Threshold
    thresholds: tuple[Threshold, ...]
    impact: tuple[ImpactRule, ...] = Field(min_length=1)
    spread: tuple[SpreadRule, ...] = Field(min_length=1)
    levels: tuple[tuple[Level, Level, Level, Level, Level], ...] = Field(min_length=5, max_length=5)
    confidence: tuple[ConfidenceRule, ...] = Field(min_length=1)
    overrides: tuple[Override, ...] = ()

    @cached_property
    def windows_days(self) -> Windows:
        """The lengths alone, as the facts use them."""
        return Windows(**{name: getattr(self.windows, name).days for name in WindowTable.model_fields})

    @cached_property
    def _doses(self) -> Mapping[str, Dose]:
        return {f"S:{dose.inchikey}": dose for dose in self.doses}

    @cached_property
    def _bulk(self) -> Mapping[str, float]:
        return {bulk.name: bulk.grams for bulk in self.bulk}

    def dose(self, key: str) -> Dose | None:
        """The dose thresholds of the substance with this key, if the file has any."""
        return self._doses.get(key)

    def bulk_grams(self, category: str, subgroup: str | None) -> float:
        """From how many grams on a quantity of this class is bulk: by subgroup, else category, else any."""
        found = self._bulk.get(subgroup or "", self._bulk.get(category))
        return self._bulk[ANY_CLASS] if found is None else found
