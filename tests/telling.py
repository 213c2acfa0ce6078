"""Alert events, recipients and ledgers for the tests of telling: one plain value each, changed by keyword."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.alert_events import (
    AlertEvent,
    CountryCount,
    FiredRule,
    Harm,
    Product,
    RuleSetRef,
    Source,
    SubstanceRef,
)
from schemas.deliveries import Channel, Ground, Role
from schemas.subscribers import Destination, Recipient, Subscription, destination_id
from schemas.vocabularies import (
    AlertKind,
    Audience,
    Category,
    Change,
    Confidence,
    Handling,
    Level,
    Scope,
    Tense,
)

NOON: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)


def alert_event(
    *,
    thread: str = "one",
    revision: int = 1,
    kind: AlertKind = AlertKind.RAISED,
    tense: Tense = Tense.ACTUAL,
    level: Level = Level.L3,
    countries: tuple[str, ...] = ("SI",),
    handling: Handling = Handling.AMBER,
    use_conditions: tuple[str, ...] = (),
    audience: Audience = Audience.GENERAL,
    decided_at: datetime = NOON,
    name: str = "protonitazene",
) -> AlertEvent:
    """An alert about a nitazene in Slovenia, AMBER, L3, unless said otherwise."""
    alert_id = sha256(thread.encode()).hexdigest()[:32]
    return AlertEvent(
        event_id=event_id(thread, revision),
        alert_id=alert_id,
        number=("EXERCISE-" if tense is Tense.EXERCISE else "") + "TOC-A-2026-0001",
        revision=revision,
        kind=kind,
        tense=tense,
        case_id=f"case-{thread}",
        decided_at=decided_at + timedelta(minutes=revision),
        changes=(Change.FIRST_LEVEL,),
        level=level,
        computed_level=level,
        impact=3,
        spread=2,
        confidence=Confidence.B,
        provisional=False,
        scope=Scope.NATIONAL,
        substance=SubstanceRef(key="S:SJHUJFHOXYDSJY", name=name, category=Category.OPIOID, subgroup="nitazene"),
        countries=tuple(CountryCount(country=code, events=1) for code in countries),
        product=Product(),
        harm=Harm(),
        events_28d=1,
        events_total=1,
        first_event=date(2026, 11, 20),
        last_event=date(2026, 11, 20),
        rules=(FiredRule(id="potent-opioid", axis="impact", score="3", says="A potent opioid was found."),),
        audience=audience,
        handling=handling,
        use_conditions=use_conditions,
        rule_set=RuleSetRef(name="european", version="1", digest="0" * 64),
        catalogue_version="1",
        sources=(
            Source(
                laboratory="si-example",
                event_id=event_id(thread, 0),
                revision=1,
                country="SI",
                event_date=date(2026, 11, 20),
                handling=handling,
            ),
        ),
    )


def event_id(thread: str, revision: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"{thread}/{revision}")


def subscription(
    name: str = "sub",
    *,
    ground: Ground = Ground.VOLUNTARY,
    countries: frozenset[str] = frozenset("*"),
    classes: frozenset[str] = frozenset("*"),
    substances: frozenset[str] = frozenset("*"),
    min_level: Level = Level.L2,
) -> Subscription:
    """A voluntary subscription to everything from L2 on, unless said otherwise."""
    return Subscription(
        id=name, ground=ground, countries=countries, classes=classes, substances=substances, min_level=min_level
    )


STATUTORY: Final = Subscription(id="statutory", ground=Ground.STATUTORY)


def recipient(
    *subscriptions: Subscription,
    name: str = "reader",
    country: str | None = "SI",
    channel: Channel = Channel.EMAIL,
    clearance: Handling | None = Handling.AMBER_STRICT,
    accepts_conditions: bool = True,
    accepts_exercises: bool = False,
    precursors: bool = False,
    recording: bool = False,
    active: bool = True,
    suppressed: str | None = None,
    role: Role = Role.CONTACT,
) -> Recipient:
    """An active destination cleared for AMBER+STRICT, unless said otherwise."""
    address = f"{name}@example.org" if channel is Channel.EMAIL else f"https://{name}.example.org/hook"
    return Recipient(
        destination=Destination(
            id=destination_id(name, channel, address),
            subscriber=name,
            name=channel.value,
            channel=channel,
            address=address,
            clearance=clearance,
            accepts_conditions=accepts_conditions,
            accepts_exercises=accepts_exercises,
            precursors=precursors,
            recording=recording,
            active=active,
            suppressed=suppressed,
            role=role,
        ),
        country=country,
        subscriptions=subscriptions,
    )
