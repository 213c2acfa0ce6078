"""Every closed list of words that reports, cases, alerts and deliveries use.

Sources: detection fields follow Art. 13(2) of Regulation (EU) 2023/1322; handling is TLP 2.0 (FIRST, 2022);
countries are the 29 that report to the European drug alert system (EU-27, Norway, Türkiye).
"""

from schemas.words import Rank, Word


class Action(Word):
    NEW = "new"
    AMEND = "amend"
    CONFIRM = "confirm"
    RETRACT = "retract"


class Tense(Word):
    """What a report or case is in time: real now, an exercise, a technical test, or history."""

    ACTUAL = "actual"
    EXERCISE = "exercise"
    TEST = "test"
    ARCHIVAL = "archival"


class ReportType(Word):
    SEIZURE = "seizure"
    COLLECTED_SAMPLE = "collected_sample"
    BIOLOGICAL_SAMPLE = "biological_sample"
    ADVERSE_EVENT = "adverse_event"
    ENVIRONMENTAL = "environmental"
    PRECURSOR = "precursor"


class ReporterRole(Word):
    FORENSIC_LAB = "forensic_lab"
    TOXICOLOGY_LAB = "toxicology_lab"
    CUSTOMS_LAB = "customs_lab"
    DRUG_CHECKING = "drug_checking"
    FOCAL_POINT = "focal_point"
    EUROPOL_UNIT = "europol_unit"
    HOSPITAL = "hospital"
    POISON_CENTRE = "poison_centre"


class DatePrecision(Word):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    UNKNOWN = "unknown"


class IsomerStatus(Word):
    SPECIFIC = "specific"
    ISOMER_GROUP = "isomer_group"
    UNRESOLVED = "unresolved"


class ComponentRole(Word):
    MAIN_ACTIVE = "main_active"
    ADULTERANT = "adulterant"
    CUTTING_AGENT = "cutting_agent"
    BY_PRODUCT = "by_product"
    PRECURSOR = "precursor"
    METABOLITE = "metabolite"


class AmountBasis(Word):
    BASE = "base"
    SALT = "salt"


class AmountPer(Word):
    UNIT = "unit"
    PERCENT_W_W = "percent_w_w"
    ML = "ml"


class Method(Word):
    GC_MS = "gc_ms"
    LC_MS_MS = "lc_ms_ms"
    HRMS = "hrms"
    NMR = "nmr"
    FTIR = "ftir"
    RAMAN = "raman"
    FTIR_PORTABLE = "ftir_portable"
    RAMAN_PORTABLE = "raman_portable"
    UV = "uv"
    HPLC = "hplc"
    GC_IR = "gc_ir"
    IMMUNOASSAY = "immunoassay"
    STRIP = "strip"
    COLOUR_TEST = "colour_test"
    OTHER = "other"


class ReferenceStandard(Word):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Identification(Word):
    CONFIRMED = "confirmed"
    IDENTIFIED = "identified"
    PRESUMPTIVE = "presumptive"


class PhysicalForm(Word):
    POWDER = "powder"
    CRYSTAL = "crystal"
    TABLET = "tablet"
    CAPSULE = "capsule"
    BLOTTER = "blotter"
    LIQUID = "liquid"
    E_LIQUID = "e_liquid"
    EDIBLE = "edible"
    PLANT_MATERIAL = "plant_material"
    RESIN = "resin"
    NASAL_SPRAY = "nasal_spray"
    PATCH = "patch"
    OTHER = "other"


class Presentation(Word):
    AS_DRUG = "as_drug"
    FAKE_MEDICINE = "fake_medicine"
    CONSUMER_PRODUCT = "consumer_product"
    LEGAL_HIGH_BRAND = "legal_high_brand"
    PRECURSOR_MISLABEL = "precursor_mislabel"
    UNKNOWN = "unknown"


class Distribution(Word):
    STREET = "street"
    ONLINE = "online"
    DARKNET = "darknet"
    SOCIAL_MEDIA = "social_media"
    POSTAL = "postal"
    BORDER = "border"
    RETAIL = "retail"
    PRISON = "prison"
    EVENT = "event"
    PRODUCTION_SITE = "production_site"
    UNKNOWN = "unknown"


class Route(Word):
    ORAL = "oral"
    INHALED = "inhaled"
    NASAL = "nasal"
    INJECTED = "injected"
    SUBLINGUAL = "sublingual"
    DERMAL = "dermal"
    UNKNOWN = "unknown"


class Intent(Word):
    INTENDED = "intended"
    UNINTENDED = "unintended"
    UNKNOWN = "unknown"


class Matrix(Word):
    BLOOD = "blood"
    URINE = "urine"
    HAIR = "hair"
    VITREOUS = "vitreous"
    OTHER = "other"


class Outcome(Word):
    NONE_KNOWN = "none_known"
    RECOVERED = "recovered"
    ONGOING = "ongoing"
    DEATH = "death"
    UNKNOWN = "unknown"


class Severity(Word):
    MINOR = "minor"
    MODERATE = "moderate"
    HOSPITALISED = "hospitalised"
    LIFE_THREATENING = "life_threatening"
    UNKNOWN = "unknown"


class Exposure(Word):
    CONFIRMED = "confirmed"
    PROBABLE = "probable"
    SUSPECTED = "suspected"


class Causality(Word):
    CONTRIBUTORY = "contributory"
    NOT_CONTRIBUTORY = "not_contributory"
    NOT_ASSESSED = "not_assessed"


class AgeBand(Word):
    A0 = "0-9"
    A10 = "10-19"
    A20 = "20-29"
    A30 = "30-39"
    A40 = "40-49"
    A50 = "50-59"
    A60 = "60-69"
    A70 = "70-79"
    A80 = "80-89"
    A90 = "90+"


class Sex(Word):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class AntidoteResponse(Word):
    YES = "yes"
    PARTIAL = "partial"
    NO = "no"
    NOT_GIVEN = "not_given"


class SocialRisk(Word):
    ORGANISED_CRIME = "organised_crime"
    VIOLENCE = "violence"
    PRODUCTION = "production"
    TRAFFICKING_ROUTE = "trafficking_route"
    ENVIRONMENT = "environment"


class MeasureKind(Word):
    HEALTH = "health"
    OTHER = "other"


class MeasureStatus(Word):
    PLANNED = "planned"
    DONE = "done"


class NoveltyClaim(Word):
    NONE = "none"
    NATIONAL_FIRST = "national_first"
    UNION_FIRST = "union_first"


class Handling(Word):
    """TLP 2.0, from the most open to the most closed; `strictest` and `rank` compare them."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    AMBER_STRICT = "AMBER+STRICT"
    RED = "RED"

    @property
    def rank(self) -> int:
        """0 for CLEAR … 4 for RED."""
        return _RANKS[self]

    def within(self, clearance: "Handling") -> bool:
        """Whether something handled so may be shown to a reader cleared up to `clearance`."""
        return self.rank <= clearance.rank


_RANKS = {handling: rank for rank, handling in enumerate(Handling)}


def strictest(handlings: "list[Handling]") -> Handling:
    """The most closed of them; RED when there are none, because an unknown source is closed by default (P5)."""
    return max(handlings, key=lambda handling: handling.rank, default=Handling.RED)


class RejectionReason(Word):
    """Why a record became a dead letter."""

    UNDECODABLE = "undecodable"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    INVALID = "invalid"
    UNSUPPORTED_VERSION = "unsupported_version"
    PERSONAL_DATA = "personal_data"
    UNKNOWN_REPORTER = "unknown_reporter"
    REPORTER_MISMATCH = "reporter_mismatch"
    NOT_THE_OWNER = "not_the_owner"
    CONFLICTING_REVISION = "conflicting_revision"
    ORPHAN_REVISION = "orphan_revision"
    INTERNAL_ERROR = "internal_error"


class ReportFate(Word):
    """What became of a report, as its laboratory is told."""

    ACCEPTED = "accepted"
    LATE = "late"
    WAITING = "waiting"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Occasion(Word):
    """Why a laboratory is told now: the report came, its event came, a person replayed it, or its event never came."""

    RECEIVED = "received"
    EVENT_CAME = "event_came"
    REPLAYED = "replayed"
    GIVEN_UP = "given_up"


class Category(Word):
    """The class of a substance (`identity` decides it)."""

    SYNTHETIC_CANNABINOID = "synthetic_cannabinoid"
    SEMI_SYNTHETIC_CANNABINOID = "semi_synthetic_cannabinoid"
    CATHINONE = "cathinone"
    OPIOID = "opioid"
    BENZODIAZEPINE = "benzodiazepine"
    PHENETHYLAMINE = "phenethylamine"
    TRYPTAMINE = "tryptamine"
    ARYLCYCLOHEXYLAMINE = "arylcyclohexylamine"
    ARYLALKYLAMINE = "arylalkylamine"
    AMINOINDANE = "aminoindane"
    PIPERAZINE = "piperazine"
    PIPERIDINE_PYRROLIDINE = "piperidine_pyrrolidine"
    PLANT_EXTRACT = "plant_extract"
    MEDICINE = "medicine"
    CLASSIC_DRUG = "classic_drug"
    PRECURSOR = "precursor"
    OTHER = "other"
    UNKNOWN = "unknown"


class SubstanceKind(Word):
    """What a substance is to the market: it decides how its cases are keyed and what qualifies."""

    NPS = "nps"
    CLASSIC = "classic"
    MEDICINE = "medicine"
    CUTTING_AGENT = "cutting_agent"
    BY_PRODUCT = "by_product"
    PRECURSOR = "precursor"


class SubstanceFlag(Word):
    ACUTE_RISK = "acute_risk"
    DELAYED_ONSET = "delayed_onset"
    SEDATIVE = "sedative"
    ALPHA2_AGONIST = "alpha2_agonist"
    LOCAL_ANAESTHETIC = "local_anaesthetic"
    TOXIC = "toxic"


class Level(Rank):
    """L0 record, L1 information, L2 advisory, L3 alert, L4 urgent alert."""

    L0 = 0
    L1 = 1
    L2 = 2
    L3 = 3
    L4 = 4

    @property
    def word(self) -> str:
        """The word people see beside the code."""
        return ("Record", "Information", "Advisory", "Alert", "Urgent alert")[self.value]


class Confidence(Word):
    """A is best. D means reported without analysis."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class CaseState(Word):
    OPEN = "open"
    CLOSED = "closed"
    RETRACTED = "retracted"
    MOVED = "moved"


class AlertKind(Word):
    RAISED = "raised"
    UPDATED = "updated"
    ESCALATED = "escalated"
    DOWNGRADED = "downgraded"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    EXPIRED = "expired"


class Change(Word):
    """What made a revision speak."""

    FIRST_LEVEL = "first_level"
    LEVEL_ROSE = "level_rose"
    NEW_COUNTRY = "new_country"
    HARM_WORSE = "harm_worse"
    NEW_PRESENTATION = "new_presentation"
    NEW_ROUTE_OF_SALE = "new_route_of_sale"
    DOSE_ROSE = "dose_rose"
    CONFIRMED = "confirmed"
    IDENTITY_SETTLED = "identity_settled"
    IDENTITY_REOPENED = "identity_reopened"
    PARTLY_WITHDRAWN = "partly_withdrawn"
    WITHDRAWN = "withdrawn"
    CANCELLED_BY_PERSON = "cancelled_by_person"
    CORRECTED = "corrected"
    NOT_CONFIRMED_IN_TIME = "not_confirmed_in_time"
    VALIDITY_OVER = "validity_over"
    CLOSED_BY_PERSON = "closed_by_person"
    REOPENED = "reopened"
    LOWERED_BY_PERSON = "lowered_by_person"
    RENEWED = "renewed"
    OVERRIDDEN = "overridden"
    OVERRIDE_ENDED = "override_ended"
    MERGED = "merged"
    SPLIT = "split"
    GOES_ON_ELSEWHERE = "goes_on_elsewhere"
    UNDONE = "undone"


class Novelty(Word):
    """Whether a substance is new by the time of events; provisional findings are possibly new at most."""

    NEW_TO_UNION = "new_to_union"
    NEW_TO_COUNTRY = "new_to_country"
    POSSIBLY_NEW_TO_UNION = "possibly_new_to_union"
    POSSIBLY_NEW_TO_COUNTRY = "possibly_new_to_country"
    KNOWN = "known"
    UNKNOWN = "unknown"


class Statement(Word):
    """What an alert says that can turn out to be wrong."""

    COUNTRY = "country"
    HARM = "harm"
    PRESENTATION = "presentation"
    ROUTE_OF_SALE = "route_of_sale"
    DOSE = "dose"
    FIRST_SIGHTING = "first_sighting"
    CONFIRMATION = "confirmation"


class PersonRole(Word):
    """What a person may decide: a reviewer for a country, a duty officer at any hour, the central desk for all."""

    REVIEWER = "reviewer"
    DUTY_OFFICER = "duty_officer"
    CENTRAL_DESK = "central_desk"


class Turn(Word):
    """What may happen next and would raise the level of a case."""

    ANOTHER_COUNTRY = "another_country"
    ANOTHER_EVENT = "another_event"
    HOSPITALISED = "hospitalised"
    IN_DANGER = "in_danger"
    CONFIRMED_DEATH = "confirmed_death"
    SOLD_AT_A_DISTANCE = "sold_at_a_distance"
    BULK = "bulk"
    DISGUISED = "disguised"
    CONFIRMED_BY_LABORATORY = "confirmed_by_laboratory"


class Scope(Word):
    """Union: more than one country, or may be; else national (after Art. 19 of Regulation (EU) 2022/2371)."""

    UNION = "union"
    NATIONAL = "national"


class Audience(Word):
    """Which readers an alert is for at all, before handling and filters."""

    GENERAL = "general"
    PRECURSOR = "precursor"


_UNION = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU_COUNTRIES = frozenset(_UNION.split())
REPORTING_COUNTRIES = EU_COUNTRIES | {"NO", "TR"}
