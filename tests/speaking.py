"""A full alert event for the tests of words: every field is filled, so that nothing is said by leaving it out."""

from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Final
from uuid import UUID

from notifiers.email.relay import MailRelay
from schemas.alert_events import AlertEvent, CountryCount, FiredRule, Harm, Product, RuleSetRef, Source, SubstanceRef
from schemas.vocabularies import (
    AlertKind,
    Category,
    Change,
    Confidence,
    Distribution,
    Exposure,
    Handling,
    Level,
    PhysicalForm,
    Presentation,
    Scope,
    Severity,
    Tense,
)

SENT_AT: Final = datetime(2026, 11, 24, 8, 15, tzinfo=UTC)
DELIVERY_ID: Final = "0123456789abcdef" * 2

RELAY: Final = MailRelay(
    host="127.0.0.1",
    port=2525,
    tls="none",
    from_address="alerts@tocsin.example",
    reply_to="duty@tocsin.example",
    site="tocsin.example",
)

PRODUCT: Final = Product(
    forms=(PhysicalForm.TABLET,),
    presentations=(Presentation.FAKE_MEDICINE,),
    distributions=(Distribution.ONLINE, Distribution.STREET),
    sold_as=("oxycodone",),
    appearance=("green round tablet, imprint OC 80", "blue round tablet, imprint M 30"),
    mis_sold=True,
    max_dose_mg=3.2,
    other_substances=("bromazolam", "paracetamol"),
)

URGENT: Final = AlertEvent(
    event_id=UUID(int=7),
    alert_id="7f3a91c2" * 4,
    number="TOC-A-2026-0142",
    revision=3,
    kind=AlertKind.ESCALATED,
    tense=Tense.ACTUAL,
    case_id="case-example",
    decided_at=datetime(2026, 11, 24, 8, 14, tzinfo=UTC),
    changes=(Change.LEVEL_ROSE, Change.NEW_COUNTRY, Change.HARM_WORSE),
    references=("TOC-A-2026-0131",),
    level=Level.L4,
    computed_level=Level.L4,
    impact=4,
    spread=4,
    confidence=Confidence.A,
    provisional=False,
    scope=Scope.UNION,
    substance=SubstanceRef(
        key="S:ABCDEFGHIJKLMN",
        name="protonitazepyne",
        category=Category.OPIOID,
        subgroup="nitazene",
        inchikey="ABCDEFGHIJKLMN-UHFFFAOYSA-N",
        cas="119276-01-6",
    ),
    countries=(
        CountryCount(country="SI", events=3, newly_affected=True),
        CountryCount(country="EE", events=5),
        CountryCount(country="DE", events=2, newly_affected=True),
        CountryCount(country="AT", events=1, newly_affected=True),
    ),
    product=PRODUCT,
    harm=Harm(
        deaths=2,
        life_threatening=1,
        hospitalised=4,
        worst_severity=Severity.LIFE_THREATENING,
        exposure=Exposure.CONFIRMED,
    ),
    events_28d=9,
    events_total=11,
    first_event=date(2026, 10, 30),
    last_event=date(2026, 11, 22),
    rules=(
        FiredRule(
            id="impact-4-deceptive", axis="impact", score="4", says="A potent opioid was sold as a medicine, with harm."
        ),
        FiredRule(id="spread-4-new", axis="spread", score="4", says="3 countries were newly affected in 90 days."),
        FiredRule(id="confidence-a", axis="confidence", score="A", says="Two techniques of different families agree."),
    ),
    advice=("Tell emergency departments: naloxone may need repeating.", "Tell drug-checking services."),
    questions=("Report any death or poisoning with a tablet sold as oxycodone.",),
    reason=None,
    handling=Handling.AMBER,
    use_conditions=("Not for publication before the inquest ends.",),
    valid_until=datetime(2027, 2, 22, 8, 14, tzinfo=UTC),
    review_at=datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
    rule_set=RuleSetRef(name="european", version="1.0", digest="d" * 64),
    catalogue_version="2026-11",
    sources=tuple(
        Source(
            laboratory=f"example-lab-{number % 4}",
            event_id=UUID(int=number),
            revision=1,
            country="SI",
            event_date=date(2026, 11, 22),
            handling=Handling.AMBER,
        )
        for number in range(11)
    ),
)

PROVISIONAL: Final = URGENT.model_copy(
    update={
        "revision": 1,
        "kind": AlertKind.RAISED,
        "changes": (Change.FIRST_LEVEL,),
        "level": Level.L3,
        "computed_level": Level.L3,
        "confidence": Confidence.C,
        "provisional": True,
    }
)
CANCELLED: Final = URGENT.model_copy(
    update={
        "revision": 4,
        "kind": AlertKind.CANCELLED,
        "changes": (Change.WITHDRAWN,),
        "reason": "The reference standard was contaminated.",
    }
)
EXERCISE: Final = URGENT.model_copy(update={"tense": Tense.EXERCISE, "number": "EXERCISE-A-2026-0003"})
RED: Final = URGENT.model_copy(update={"handling": Handling.RED})


Outline = list[tuple[str, tuple[tuple[str, str | None], ...]]]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Outline = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", ()))

    def handle_data(self, data: str) -> None:
        if self.tags[-1][0] != "style":
            self.words.append(data)


def outline(html: str) -> Outline:
    """Every tag with its attributes, in order: what a page is, without what it says."""
    return _read(html).tags


def words(html: str) -> str:
    """Everything that a page says, white space collapsed, style sheets left out."""
    return " ".join(" ".join(_read(html).words).split())


def _read(html: str) -> _Reader:
    parser = _Reader()
    parser.feed(html)
    parser.close()
    return parser
