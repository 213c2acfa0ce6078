"""The message about one revision of one alert: what `alert-events` carries and every channel says.

Everything a text needs is here as coded facts, so that any language can be composed from it without going back.
"""

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from schemas.base import Frozen
from schemas.vocabularies import (
    AlertKind,
    Audience,
    Category,
    Change,
    Confidence,
    Distribution,
    Exposure,
    Handling,
    Level,
    Novelty,
    PhysicalForm,
    Presentation,
    Scope,
    Severity,
    Statement,
    Tense,
    Turn,
)


class SubstanceRef(Frozen):
    """The substance an alert is about. `name` is the common name, or the laboratory's own where nothing is known.

    Where a rule gave the class: `class_rule` is its id, `class_because` completes "of this class because …", such as
    "it matched the nitazene core".
    """

    key: str
    name: str
    category: Category
    subgroup: str | None = None
    inchikey: str | None = None
    cas: str | None = None
    class_rule: str | None = None
    class_because: str | None = None


class Product(Frozen):
    """How it looks and how it is sold, over the reports that carry the grade."""

    forms: tuple[PhysicalForm, ...] = ()
    presentations: tuple[Presentation, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    sold_as: tuple[str, ...] = ()
    appearance: tuple[str, ...] = ()
    mis_sold: bool = False
    max_dose_mg: float | None = None
    other_substances: tuple[str, ...] = ()


class Harm(Frozen):
    """Patients and deaths of the last 90 days; `exposure` is the best known for the worst harm."""

    deaths: int = 0
    life_threatening: int = 0
    hospitalised: int = 0
    worst_severity: Severity | None = None
    exposure: Exposure | None = None


class FiredRule(Frozen):
    """One rule that held: its id, what it gave, and its sentence with the facts filled in."""

    id: str
    axis: Literal["impact", "spread", "confidence", "override"]
    score: str
    says: str


class NearMiss(Frozen):
    """What alone would raise the case to a level: coded, how many times, and as it is said."""

    level: Level
    turn: Turn
    times: int = 1
    says: str


class CountryCount(Frozen):
    country: str
    events: int
    newly_affected: bool = False


class Source(Frozen):
    """One report that stands behind the alert. Case references stay out: they belong to the laboratory."""

    laboratory: str
    event_id: UUID
    revision: int
    country: str
    event_date: date | None
    handling: Handling


class Correction(Frozen):
    """A statement of an earlier revision that was wrong: coded as it was, and as it is now (empty: nothing is)."""

    what: Statement
    was: str
    now: str = ""


class OverrideRef(Frozen):
    """A level that a person set for a time: it goes back by itself at `until`."""

    level: Level
    by: str
    reason: str
    since: AwareDatetime
    until: AwareDatetime


class RuleSetRef(Frozen):
    name: str
    version: str
    digest: str


class View(Frozen):
    """What readers cleared up to `up_to` are told: composed from the reports they may see, and from nothing else.

    `conditions`: for readers who accepted conditions of use. `rests_on_unseen`: what may be seen does not give the
    level by itself.
    """

    SHOWN: ClassVar[tuple[str, ...]] = (
        "scope", "substance", "novelty", "countries", "product", "harm", "events_28d", "events_total", "first_event",
        "last_event", "rules", "advice", "questions", "use_conditions", "public_consent", "sources",
    )  # fmt: skip

    up_to: Handling
    conditions: bool
    rests_on_unseen: bool
    explanation: str
    scope: Scope
    substance: SubstanceRef
    novelty: Novelty = Novelty.UNKNOWN
    countries: tuple[CountryCount, ...]
    product: Product
    harm: Harm
    events_28d: int
    events_total: int
    first_event: date | None
    last_event: date | None
    rules: tuple[FiredRule, ...]
    advice: tuple[str, ...]
    questions: tuple[str, ...]
    use_conditions: tuple[str, ...]
    public_consent: bool
    sources: tuple[Source, ...]


class AlertEvent(Frozen):
    """One revision. `event_id` = hash(alert_id, revision): a repeat on the topic is the same message."""

    schema_version: str = "1.0"
    event_id: UUID
    alert_id: str = Field(pattern="^[0-9a-f]{32}$")
    number: str
    revision: int = Field(ge=1)
    kind: AlertKind
    tense: Tense
    case_id: str
    decided_at: AwareDatetime
    changes: tuple[Change, ...]
    references: tuple[str, ...] = ()
    level: Level
    computed_level: Level
    impact: int = Field(ge=0, le=4)
    spread: int = Field(ge=0, le=4)
    confidence: Confidence
    provisional: bool
    scope: Scope
    substance: SubstanceRef
    novelty: Novelty = Novelty.UNKNOWN
    countries: tuple[CountryCount, ...]
    product: Product
    harm: Harm
    events_28d: int
    events_total: int
    first_event: date | None
    last_event: date | None
    rules: tuple[FiredRule, ...]
    near: tuple[NearMiss, ...] = ()
    explanation: str = ""
    advice: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    reason: str | None = None
    audience: Audience = Audience.GENERAL
    handling: Handling
    use_conditions: tuple[str, ...] = ()
    public_consent: bool = False
    valid_until: datetime | None = None
    review_at: datetime | None = None
    withdrawn: tuple[Source, ...] = ()
    corrections: tuple[Correction, ...] = ()
    override: OverrideRef | None = None
    decided_by: str | None = None
    views: tuple[View, ...] = ()
    restricted: bool = False
    more_restricted: bool = False
    rule_set: RuleSetRef
    catalogue_version: str
    sources: tuple[Source, ...]

    @property
    def affected(self) -> frozenset[str]:
        """ISO 3166-1 codes of every country with an event in the case."""
        return frozenset(count.country for count in self.countries)
