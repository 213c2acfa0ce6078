"""Why a message comes again, or to somebody else: nobody has acknowledged it."""

from dataclasses import dataclass

from notifiers.wording import phrases
from notifiers.wording.grammar import distinct
from notifiers.wording.tongue import Tongue
from schemas.deliveries import Role


@dataclass(frozen=True)
class Reminder:
    """As what its reader gets it; for the desk, which authorities stay silent."""

    role: Role
    silent: tuple[str, ...] = ()


def reminded(reminder: Reminder, t: Tongue) -> str:
    """The sentence that stands first."""
    who = t.joined(distinct(reminder.silent, limit=120)) or t.say(phrases.REMINDER_NOBODY)
    return t.say(phrases.REMINDER[reminder.role], who=who)
