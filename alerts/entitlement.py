"""Who may decide what: a reviewer for a case of their country alone, a duty officer what makes people safer at once,
the central desk for cases of any country. Public release belongs to the reviewers of the country (P7)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.vocabularies import PersonRole


class Act(StrEnum):
    """What a person decides."""

    CANCEL = "cancel"
    CLOSE = "close"
    REOPEN = "reopen"
    DOWNGRADE = "downgrade"
    OVERRIDE_UP = "override upwards"
    OVERRIDE_DOWN = "override downwards"
    RENEW = "renew"
    MERGE = "merge"
    SPLIT = "split"
    RELEASE = "release to the public"
    RELEASE_HELD = "release what is held"
    NOTIFY = "record a step of a notification"
    DISCLOSE = "decide what readers of a restricted alert are told"
    ACKNOWLEDGE = "acknowledge for an authority"
    ESCALATION = "set who is told when nobody acknowledges"


SAFER = frozenset({Act.REOPEN, Act.OVERRIDE_UP, Act.RENEW})
"""What keeps or raises a warning: nobody should have to wait for the right person."""

OF_ALL: Final = frozenset({Act.RELEASE_HELD, Act.ESCALATION})
"""What concerns every country: no reviewer decides it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who decides. Without a country: for all of them. An inactive one decides nothing."""

    id: str
    country: str | None
    roles: frozenset[PersonRole]
    active: bool = True


def refusal(person: Person | None, act: Act, countries: frozenset[str]) -> str | None:
    """Why a person may not decide this about a case of these countries; None when they may."""
    if person is None:
        return "is not registered: `tocsin person list` shows who may decide"
    if not person.active:
        return "may not decide any more"
    if act is Act.RELEASE:
        return _release(person, countries)
    if PersonRole.CENTRAL_DESK in person.roles:
        return None
    officer = PersonRole.DUTY_OFFICER in person.roles
    if officer and act is Act.RELEASE_HELD:
        return None
    concerned = person.country is None or person.country in countries
    if act in SAFER | {Act.ACKNOWLEDGE} and concerned and (officer or PersonRole.REVIEWER in person.roles):
        return None
    if act is Act.ACKNOWLEDGE:
        return _elsewhere(person, countries)
    if PersonRole.REVIEWER in person.roles and act not in OF_ALL:
        return None if countries <= {person.country} else _elsewhere(person, countries)
    return f"is {_roles(person)}, who may not {act}"


def _release(person: Person, countries: frozenset[str]) -> str | None:
    """`countries` is the one that it is released in."""
    if PersonRole.REVIEWER not in person.roles:
        return f"is {_roles(person)}: only a reviewer of the country releases to its public"
    return None if countries == {person.country} else _elsewhere(person, countries)


def _elsewhere(person: Person, countries: frozenset[str]) -> str:
    others = ", ".join(sorted(countries - {person.country or ""})) or "no country"
    return f"decides for {person.country or 'no country'} alone, and this concerns {others}: ask the central desk"


def _roles(person: Person) -> str:
    return " and ".join(sorted(role.replace("_", " ") for role in person.roles)) or "without a role"
