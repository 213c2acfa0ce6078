"""Who would be told of an event, who would not and why, and which country would hear nothing. Pure; sends nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from notifiers.planning import Policy, plan
from schemas.alert_events import AlertEvent
from schemas.deliveries import DeliveryReason, DeliveryState, Ground, Role
from schemas.plans import Hold, PlannedDelivery, Thread
from schemas.subscribers import Recipient
from schemas.vocabularies import REPORTING_COUNTRIES


@dataclass(frozen=True)
class Answer:
    """One destination and what planning says of it; `reason` is the last gate's where it is not told."""

    recipient: Recipient
    delivery: PlannedDelivery

    @property
    def told(self) -> bool:
        return self.delivery.state is DeliveryState.PLANNED

    @property
    def reason(self) -> DeliveryReason:
        return self.delivery.reason


@dataclass(frozen=True)
class WhoGets:
    """The answers for one event. `hold`: nobody, until a second person says so. `silent`: reporting countries without
    any destination that would be told; `unreached`: those without an authority that would be."""

    answers: tuple[Answer, ...]
    hold: Hold | None
    silent: tuple[str, ...]
    unreached: tuple[str, ...]


def who_gets(event: AlertEvent, recipients: Sequence[Recipient], *, policy: Policy, now: datetime) -> WhoGets:
    """As if the event were the first of its thread, told now."""
    unlimited = policy.model_copy(update={"blast_limit": len(recipients)})
    thread = Thread(alert_id=event.alert_id)
    limited = plan(event, recipients, thread=thread, policy=policy, now=now)
    made = plan(event, recipients, thread=thread, policy=unlimited, now=now)
    by_id = {one.destination.id: one for one in recipients}
    answers = tuple(Answer(by_id[one.destination], one) for one in made.deliveries)
    told = [answer.recipient for answer in answers if answer.told]
    return WhoGets(answers, limited.hold, _without(told), _without(one for one in told if _is_authority(one)))


def unreached(recipients: Iterable[Recipient]) -> tuple[str, ...]:
    """Reporting countries whose authorities could not be told of anything: no statutory contact of theirs is active,
    with an address that works and a clearance that can be read. Deputies and the like are told only when nobody
    acknowledges, and an archive reads nothing."""
    reachable = (
        one
        for one in recipients
        if _is_authority(one)
        and one.destination.role is Role.CONTACT
        and one.destination.active
        and one.destination.suppressed is None
        and one.destination.confirmed
        and one.destination.clearance is not None
        and not one.destination.recording
    )
    return _without(reachable)


def _is_authority(recipient: Recipient) -> bool:
    return any(each.ground is Ground.STATUTORY for each in recipient.subscriptions)


def _without(told: Iterable[Recipient]) -> tuple[str, ...]:
    return tuple(sorted(REPORTING_COUNTRIES - {one.country for one in told}))
