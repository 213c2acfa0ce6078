"""Who is told: subscribers, where they can be reached, what they asked for; and the file they are imported from."""

import re
from hashlib import sha256
from typing import Final, Self

from pydantic import Field, field_validator, model_validator

from schemas.base import Frozen
from schemas.deliveries import Channel, Ground, Role, SubscriberKind
from schemas.digests import DigestWish
from schemas.duty import DutyWindow
from schemas.languages import LANGUAGES
from schemas.quiet_hours import QuietHours
from schemas.securing import Security, Smime
from schemas.vocabularies import Category, Handling, Level

ALL: Final = "*"
"""In a selection: everything. An empty selection selects nothing (P5)."""

LONGEST_FILTER: Final = 500

SLUG: Final = r"^[a-z0-9][a-z0-9-]{0,62}$"
MAILBOX: Final = re.compile(r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$")
WEB_ADDRESS: Final = re.compile(r"^https?://[A-Za-z0-9.\[\]:-]+(?:/[\x21-\x7e]*)?$")
STATUTORY_KINDS: Final = frozenset({SubscriberKind.AUTHORITY, SubscriberKind.FOCAL_POINT})

Selection = frozenset[str]


def selects(selection: Selection, candidates: frozenset[str]) -> bool:
    """Whether any of the candidates was chosen, or everything was."""
    return ALL in selection or bool(selection & candidates)


class Destination(Frozen):
    """One address on one channel. The address is part of its id: a changed address is another destination."""

    id: str
    subscriber: str
    name: str
    channel: Channel
    address: str
    language: str = "en"
    clearance: Handling | None
    accepts_conditions: bool = False
    accepts_exercises: bool = False
    precursors: bool = False
    recording: bool = False
    active: bool = True
    suppressed: str | None = None
    confirmed: bool = True
    """False for a webhook that has not answered its challenge yet."""
    role: Role = Role.CONTACT
    on_duty: tuple[DutyWindow, ...] = ()


class Subscription(Frozen):
    """What a subscriber gets at some of their destinations, and on which ground."""

    id: str
    ground: Ground
    countries: Selection = frozenset()
    classes: Selection = frozenset()
    substances: Selection = frozenset()
    min_level: Level = Level.L2
    quiet_hours: QuietHours | None = None
    filter: str | None = None
    digest: DigestWish | None = None


class Recipient(Frozen):
    """A destination with everything that planning must know about it. Inactive subscriptions are left out."""

    destination: Destination
    country: str | None
    subscriptions: tuple[Subscription, ...]

    @property
    def statutory(self) -> bool:
        return any(subscription.ground is Ground.STATUTORY for subscription in self.subscriptions)


class DestinationEntry(Frozen):
    """A destination as the file gives it; what is left out takes the default of the subscriber's ground."""

    name: str = Field(pattern=SLUG)
    channel: Channel
    address: str = Field(max_length=2000)
    secret: str | None = Field(default=None, pattern=r"^wh(sec|sk)_[A-Za-z0-9+/]{32,88}={0,2}$", repr=False)
    language: str = Field(default="en", pattern="^[a-z]{2}$")
    clearance: Handling | None = None
    accepts_conditions: bool | None = None
    accepts_exercises: bool = False
    precursors: bool | None = None
    recording: bool = False
    active: bool = True
    role: Role = Role.CONTACT
    on_duty: tuple[DutyWindow, ...] = ()
    security: Security = Security()

    @field_validator("language")
    @classmethod
    def _spoken(cls, value: str) -> str:
        if value not in LANGUAGES:
            raise ValueError(f"{value!r} is none of the languages {' '.join(LANGUAGES)}")
        return value

    @model_validator(mode="after")
    def _address_fits_channel(self) -> Self:
        shape = MAILBOX if self.channel is Channel.EMAIL else WEB_ADDRESS
        if not shape.fullmatch(self.address):
            raise ValueError(f"{self.address!r} is not one {self.channel} address")
        if self.channel is Channel.WEBHOOK and self.secret is None:
            raise ValueError("a webhook needs a secret, whsec_ and 24 to 64 bytes as base64")
        return self

    @model_validator(mode="after")
    def _security_fits_channel(self) -> Self:
        mail = self.security.smime is not Smime.NONE or self.security.certificate is not None
        web = self.security.bearer is not None or self.security.client_certificate is not None
        if (mail and self.channel is Channel.WEBHOOK) or (web and self.channel is Channel.EMAIL):
            raise ValueError("smime and certificate are for mail, bearer and client_certificate for webhooks")
        return self


class SubscriptionEntry(Frozen):
    """A subscription as the file gives it. `destinations` left out means all of the subscriber's."""

    name: str = Field(pattern=SLUG)
    ground: Ground
    countries: Selection | None = None
    classes: Selection | None = None
    substances: Selection | None = None
    min_level: Level | None = None
    quiet_hours: QuietHours | None = None
    filter: str | None = Field(default=None, min_length=1, max_length=LONGEST_FILTER)
    digest: DigestWish | None = None
    destinations: tuple[str, ...] | None = None

    @field_validator("min_level", mode="before")
    @classmethod
    def _level_by_code(cls, value: object) -> object:
        return Level[value] if isinstance(value, str) and value in Level.__members__ else value

    @field_validator("countries")
    @classmethod
    def _country_codes(cls, value: Selection | None) -> Selection | None:
        wrong = sorted(code for code in value or () if code != ALL and not re.fullmatch("[A-Z]{2}", code))
        if wrong:
            raise ValueError(f"{wrong[0]!r} is not a country: two capital letters (ISO 3166-1), or '*' for all")
        return value

    @model_validator(mode="after")
    def _statutory_is_not_filtered(self) -> Self:
        narrowed = (self.classes, self.substances, self.filter, self.quiet_hours)
        if self.ground is Ground.STATUTORY and (any(narrowed) or self.min_level is not None):
            raise ValueError(
                "a statutory subscription takes no classes, substances, min_level, filter or quiet_hours: "
                "it cannot be filtered or delayed"
            )
        return self


class SubscriberEntry(Frozen):
    """A subscriber as the file gives it. `example` marks bodies that do not exist."""

    id: str = Field(pattern=SLUG)
    name: str = Field(min_length=1, max_length=200)
    country: str | None = Field(default=None, pattern="^[A-Z]{2}$")
    kind: SubscriberKind
    example: bool = False
    active: bool = True
    destinations: tuple[DestinationEntry, ...] = Field(min_length=1)
    subscriptions: tuple[SubscriptionEntry, ...] = ()

    @model_validator(mode="after")
    def _names_are_known_and_unique(self) -> Self:
        names = [destination.name for destination in self.destinations]
        for subscription in self.subscriptions:
            for wanted in subscription.destinations or ():
                if wanted not in names:
                    raise ValueError(f"subscription {subscription.name!r} names the unknown destination {wanted!r}")
        for kind, found in (("destination", names), ("subscription", [each.name for each in self.subscriptions])):
            if len(set(found)) < len(found):
                raise ValueError(f"two entries of one subscriber have the same {kind} name")
        return self

    @model_validator(mode="after")
    def _roles_belong_to_authorities(self) -> Self:
        roles = {each.role for each in self.destinations}
        if self.kind not in STATUTORY_KINDS and roles != {Role.CONTACT}:
            raise ValueError(f"{self.kind} has contacts only: deputies, duty and desk are of authorities")
        if any(each.ground is Ground.STATUTORY for each in self.subscriptions) and not roles & {
            Role.CONTACT,
            Role.DESK,
        }:
            raise ValueError("an authority needs a contact, or nobody would be told before it is too late")
        return self

    @model_validator(mode="after")
    def _only_authorities_are_statutory(self) -> Self:
        if self.kind not in STATUTORY_KINDS and any(each.ground is Ground.STATUTORY for each in self.subscriptions):
            raise ValueError(f"{self.kind} cannot hold a statutory subscription: only authorities and focal points")
        return self


class SubscriberFile(Frozen):
    """The file of `tocsin subscriber add`."""

    subscribers: tuple[SubscriberEntry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _subscribers_once(self) -> Self:
        ids = [entry.id for entry in self.subscribers]
        if len(set(ids)) < len(ids):
            raise ValueError("two subscribers have the same id")
        return self


def destination_id(subscriber: str, channel: Channel, address: str) -> str:
    """32 hexadecimal digits: the same subscriber, channel and address are the same destination for ever."""
    return sha256("\x1f".join((subscriber, channel, address)).encode()).hexdigest()[:32]


CLASSES: Final = frozenset(category.value for category in Category)
