"""What one report says to one case: the unit that cases are built from. A report makes one `Evidence` per case key."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from pydantic import AwareDatetime

from alerts.harm import HarmRank
from alerts.identity import Identity
from schemas.base import Frozen, SortedSet
from schemas.detections import Component
from schemas.vocabularies import (
    Category,
    Confidence,
    Distribution,
    Exposure,
    Handling,
    PhysicalForm,
    Presentation,
    SubstanceKind,
    Tense,
)
from schemas.words import Word

POTENT_OPIOIDS = frozenset({"nitazene", "fentanyl", "orphine", "other_potent_opioid"})
LOCAL = frozenset({Distribution.STREET, Distribution.EVENT, Distribution.RETAIL, Distribution.PRISON})
REMOTE = frozenset({Distribution.ONLINE, Distribution.DARKNET, Distribution.POSTAL})


class Mark(Word):
    """A yes that one report can say to a case; facts ask whether any report in a window said it."""

    MIS_SOLD = "mis_sold"
    DEATH_CONFIRMED = "death_confirmed"
    HOSPITALISED_LIKELY = "hospitalised_likely"
    HOSPITALISED = "hospitalised"
    HARM_CONFIRMED = "harm_confirmed"
    DOSE_HIGH = "dose_high"
    DOSE_EXTREME = "dose_extreme"
    UNEXPECTED_LOW_RISK = "unexpected_low_risk"
    UNEXPECTED_BY_PRODUCT = "unexpected_by_product"
    UNEXPECTED_ACUTE = "unexpected_acute"
    UNEXPECTED_TOXIC = "unexpected_toxic"
    MIXTURE = "mixture"
    BULK = "bulk"
    USER_LEVEL = "user_level"
    FAKE_MEDICINE = "fake_medicine"
    CONSUMER_PRODUCT = "consumer_product"
    REMOTE_SALE = "remote_sale"
    PRECURSOR_REPORT = "precursor_report"
    FINISHED_DRUG = "finished_drug"


class Subject(Frozen):
    """The substance a case is about, as the catalogue and the report knew it."""

    key: str
    name: str
    kind: SubstanceKind | None
    category: Category
    subgroup: str | None
    inchikey: str | None = None
    cas: str | None = None
    class_rule: str | None = None
    class_because: str | None = None
    effects_known: bool = False
    known_in_union: bool = False
    designer_precursor: bool = False
    conflict: bool = False
    unanalysed: bool = False

    @property
    def potent_opioid(self) -> bool:
        """Subgroup nitazene, fentanyl, orphine or other potent opioid."""
        return self.subgroup in POTENT_OPIOIDS

    @property
    def nps(self) -> bool:
        """A new psychoactive substance; what nobody could place is taken for one (precaution)."""
        return self.kind is SubstanceKind.NPS or (self.kind is None and not self.unanalysed)

    @property
    def precursor(self) -> bool:
        return self.kind is SubstanceKind.PRECURSOR or self.category is Category.PRECURSOR

    @property
    def unidentified(self) -> bool:
        """Only a class, or nothing, is known of it."""
        return self.key.startswith("U:")

    def merged(self, other: "Subject") -> "Subject":
        """What two reports know of one substance together, whichever came first; one that is sure settles it."""
        if self == other:
            return self
        better = max(self, other, key=lambda subject: subject._knowledge)
        conflict = self.conflict and other.conflict
        return better if better.conflict == conflict else better.model_copy(update={"conflict": conflict})

    @property
    def _knowledge(self) -> tuple[bool, bool, bool, bool, str]:
        known = self.category not in (Category.UNKNOWN, Category.OTHER)
        whole = self.model_dump_json(exclude={"conflict"})
        return (self.effects_known, known, self.subgroup is not None, self.inchikey is not None, whole)

    @property
    def graded_by(self) -> "Subject":
        """Without what no rule looks at: names, numbers and sentences."""
        unseen = {"name": "", "inchikey": None, "cas": None, "class_rule": None, "class_because": None}
        return self.model_copy(update=unseen)

    @property
    def claims_sightings(self) -> bool:
        """Whether "first seen" can be said of it: settled new psychoactive substances and precursors."""
        return self.key.startswith("S:") and (self.nps or self.precursor)


class Evidence(Frozen):
    """What one revision of one report says to the case with key `case_key`. `day` is clipped to the reporting day.

    `own_key` is the key that it has by itself, where a person sent it to another.
    """

    case_key: str
    own_key: str | None = None
    tense: Tense
    laboratory: str
    event_id: UUID
    revision: int
    reported_at: AwareDatetime
    subject: Subject
    day: date
    dated: bool
    country: str
    region: str | None
    links: tuple[str, ...]
    twin: str | None
    marks: SortedSet[Mark]
    harm: HarmRank
    exposure: Exposure | None
    people: int
    confidence: Confidence
    identified: bool
    form: PhysicalForm | None
    presentation: Presentation | None
    distribution: SortedSet[Distribution]
    dose_mg: float | None
    grams: float | None
    sold_as: str | None
    appearance: str | None
    others: tuple[str, ...]
    handling: Handling
    use_conditions: str | None
    public_consent: bool

    @property
    def report(self) -> tuple[str, UUID]:
        """Which event of which laboratory said it."""
        return (self.laboratory, self.event_id)

    @property
    def ties(self) -> tuple[str, ...]:
        """By what it may be known to speak of one event with another report: its links, and its twin key."""
        return self.links if self.twin is None else (*self.links, self.twin)

    @property
    def ledger(self) -> Tense:
        """Whose cases it counts in: history counts in the actual ones."""
        return Tense.ACTUAL if self.tense is Tense.ARCHIVAL else self.tense

    @property
    def order(self) -> tuple[date, str, str]:
        """The canonical order inside one occurrence: the earliest report gives day and place."""
        return (self.day, self.laboratory, str(self.event_id))


@dataclass(frozen=True)
class Named:
    """A component with one of its identities."""

    component: Component
    identity: Identity
