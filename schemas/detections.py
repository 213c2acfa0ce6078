"""What a laboratory sends: one revision of one event. Format 1.0; Art. 13(2)(a)–(j) of Regulation (EU) 2023/1322.

Only what every report can know is required; the rest is left out when unknown. `schemas/contradictions.py` holds
the rules that look at two fields at once.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Frozen
from schemas.conditions import CONDITIONS
from schemas.contradictions import contradictions
from schemas.values import (
    EVENT_ID_RULES,
    LANGUAGE_PATTERN,
    AmountUnit,
    CasNumber,
    ChemicalText,
    Country,
    Day,
    Identifier,
    ImageUri,
    InChIKey,
    Instant,
    LaboratoryId,
    Language,
    Positive,
    QuantityUnit,
    Region,
    SchemaVersion,
    Sha256,
    prose,
    refusal,
    schema,
    text,
    whole,
)
from schemas.vocabularies import (
    Action,
    AgeBand,
    AmountBasis,
    AmountPer,
    AntidoteResponse,
    Causality,
    ComponentRole,
    DatePrecision,
    Distribution,
    Exposure,
    Handling,
    Identification,
    Intent,
    IsomerStatus,
    Matrix,
    MeasureKind,
    MeasureStatus,
    Method,
    NoveltyClaim,
    Outcome,
    PhysicalForm,
    Presentation,
    ReferenceStandard,
    ReporterRole,
    ReportType,
    Route,
    Severity,
    Sex,
    SocialRisk,
    Tense,
)

SCHEMA_VERSION: Final = "1.0"

Line = Annotated[str, *text(300)]
ShortLine = Annotated[str, *text(100)]
Prose2000 = Annotated[str, *prose(2000)]
Prose4000 = Annotated[str, *prose(4000)]


FreeText = Annotated[
    Mapping[Language, Prose4000],
    schema(
        type="object",
        additionalProperties=False,
        patternProperties={LANGUAGE_PATTERN: {"type": "string", "minLength": 1, "maxLength": 4000, "pattern": r"\S"}},
    ),
]
"""Language code → what the laboratory wants to say besides."""


class Reporter(Frozen):
    """Who reports. `case_ref` is pseudonymous and unique per laboratory."""

    lab: LaboratoryId
    role: ReporterRole
    case_ref: Identifier


class LinkedRef(Frozen):
    """Another body's reference for the same seizure or patient."""

    org: Identifier
    ref: Identifier


class EventDate(Frozen):
    """When it happened: `2024-12-03` (day), `2024-12` (month), `2024` (year), nothing for unknown.

    A finer value under a coarser precision is taken at its precision.
    """

    value: Annotated[
        str | None,
        schema(anyOf=[{"type": "string", "pattern": "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"}, {"type": "null"}]),
    ] = None
    precision: DatePrecision

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        needed = {DatePrecision.DAY: 10, DatePrecision.MONTH: 7, DatePrecision.YEAR: 4, DatePrecision.UNKNOWN: 0}
        if self.precision is DatePrecision.UNKNOWN:
            if self.value is not None:
                raise refusal("has precision unknown but names a date; give the precision of the date or leave it out")
            return self
        if self.value is None or len(self.value) < needed[self.precision]:
            raise refusal(f"has precision {self.precision} but its value does not name a {self.precision}")
        if _calendar_day(self.value) is None:
            raise refusal("must have a value that is a date of the calendar like 2021-01-11, 2021-01 or 2021")
        return self

    @property
    def first_day(self) -> date | None:
        """The earliest day it can have been; None when unknown."""
        start = _calendar_day(self.value) if self.value else None
        match self.precision:
            case DatePrecision.YEAR if start:
                return date(start.year, 1, 1)
            case DatePrecision.MONTH if start:
                return date(start.year, start.month, 1)
            case _:
                return start

    @property
    def last_day(self) -> date | None:
        """The latest day it can have been; None when unknown. Not clipped to the reporting time."""
        first = self.first_day
        match self.precision:
            case DatePrecision.YEAR if first:
                return date(first.year, 12, 31)
            case DatePrecision.MONTH if first:
                return date(first.year + first.month // 12, first.month % 12 + 1, 1) - timedelta(days=1)
            case _:
                return first


@lru_cache(maxsize=4096)
def _calendar_day(value: str) -> date | None:
    """The first day of `2024`, `2024-12` or `2024-12-03`; None when it is none of these."""
    parts = value.split("-")
    widths = [len(part) for part in parts]
    if widths not in ([4], [4, 2], [4, 2, 2]) or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    year, month, day = [int(part) for part in parts] + [1] * (3 - len(parts))
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2199 else None


class Amount(Frozen):
    """How much of the substance: value and UCUM unit, as base or salt, per unit, per ml or as a mass fraction."""

    value: Positive
    unit: AmountUnit
    basis: AmountBasis | None = None
    per: AmountPer | None = None


class Component(Frozen):
    """One substance as the laboratory names it, with how it was found."""

    name_reported: Line
    smiles: ChemicalText | None = None
    inchi: ChemicalText | None = None
    inchikey: InChIKey | None = None
    cas: CasNumber | None = None
    iupac: Annotated[str, *text(1000)] | None = None
    formula: ShortLine | None = None
    isomer_status: IsomerStatus | None = None
    role: ComponentRole
    amount: Amount | None = None
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]
    reference_standard: ReferenceStandard
    identification: Identification


class Appearance(Frozen):
    """What the product looks like."""

    colour: ShortLine | None = None
    shape: ShortLine | None = None
    logo: ShortLine | None = None
    imprint: ShortLine | None = None
    mass_mg: Positive | None = None
    dimensions: ShortLine | None = None
    image_uri: ImageUri | None = None
    image_sha256: Sha256 | None = None


class Quantity(Frozen):
    """How much was found in all."""

    value: Positive
    unit: QuantityUnit


def _known_or_nothing(value: object) -> object:
    return None if value == "unknown" else value


MisSold = Annotated[
    StrictBool | None,
    BeforeValidator(_known_or_nothing),
    schema(enum=[True, False, "unknown", None]),
]
"""`true`, `false` or `unknown`; None stands for unknown."""


class Sample(Frozen):
    """The product: what it is, how it was presented and sold."""

    physical_form: PhysicalForm | None = None
    appearance: Appearance | None = None
    quantity: Quantity | None = None
    n_units: Annotated[int, whole(10**12)] | None = None
    presentation: Presentation | None = None
    sold_as: Line | None = None
    mis_sold: MisSold = None
    distribution: tuple[Distribution, ...] = ()


class ExposureRoutes(Frozen):
    """How it was taken, and whether on purpose."""

    route: tuple[Route, ...] = ()
    intent: Intent | None = None


class Harm(Frozen):
    """What it did to people. Age and sex never leave the authority view."""

    outcome: Outcome
    severity: Severity
    exposure: Exposure
    causality: Causality | None = None
    case_count: Annotated[int, whole(10**6)] | None = None
    age_band: AgeBand | None = None
    sex: Sex | None = None
    signs: tuple[Identifier, ...] = ()
    antidote_response: AntidoteResponse | None = None


class Measure(Frozen):
    """What was done or is planned about it."""

    kind: MeasureKind
    code: Identifier | None = None
    status: MeasureStatus
    text: Prose2000 | None = None


class PublicConsent(Frozen):
    """Whether the provider agrees that the public may hear of it, and who said so."""

    given: StrictBool = False
    by: Line | None = None


class Detection(Frozen, json_schema_extra=CONDITIONS):
    """One report: one sample, seizure, patient or product. Attribute names are those of the message."""

    schema_version: SchemaVersion
    event_id: Annotated[UUID, *EVENT_ID_RULES]
    revision: Annotated[int, whole(2**31 - 1)]
    action: Action
    status: Tense
    report_type: ReportType
    reporter: Reporter
    linked_refs: tuple[LinkedRef, ...] = ()
    reported_at: Instant
    event_date: EventDate
    sampled_at: Day | None = None
    analysed_at: Day | None = None
    country: Country
    region: Region | None = None
    components: tuple[Component, ...] = ()
    sample: Sample | None = None
    exposure: ExposureRoutes | None = None
    matrix: Matrix | None = None
    harm: Harm | None = None
    risks: tuple[SocialRisk, ...] = ()
    measures: tuple[Measure, ...] = ()
    novelty_claim: NoveltyClaim = NoveltyClaim.NONE
    handling: Handling
    public_consent: PublicConsent
    use_conditions: Prose2000 | None = None
    free_text: FreeText = Field(default_factory=dict)

    @model_validator(mode="after")
    def _free_of_contradictions(self) -> Self:
        found = contradictions(self)
        if found:
            raise PydanticCustomError("contradictions", "{problems}", {"problems": found})
        return self
