"""Everything a decision wants written down or said; nothing here has happened yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import Field, JsonValue

from alerts.deduplication import Standing
from alerts.evidence import Named
from schemas.alert_events import AlertEvent
from schemas.base import Frozen
from schemas.decoding import Decoded
from schemas.records import Coordinates
from schemas.vocabularies import Level


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A report that was accepted, with each component's identity and the case key it joined (None: recorded only)."""

    laboratory: str
    at: datetime
    decoded: Decoded
    standing: Standing
    named: tuple[Named, ...]
    case_keys: tuple[str | None, ...]
    catalogue: str
    source: Coordinates | None = None


class LogEntry(Frozen):
    """One line of the case log: what happened to a case, why, and what it was before and after.

    `stands`: whether the report now stands in the case. `joined` are other reports that came to it from a case of the
    same key, or by a person's word, as `laboratory/event_id`; `left` are those that a person sent away. `was` and
    `became` hold what else changed of the case, and nothing when nothing did. From these lines alone a case can be
    rebuilt (`rebuilding`).
    """

    case_id: str
    at: datetime
    actor: str
    action: str
    reason: str
    laboratory: str | None = None
    event_id: UUID | None = None
    revision: int | None = None
    before: Level | None = None
    after: Level | None = None
    rules: tuple[str, ...] = ()
    rule_set: str = ""
    stands: bool | None = None
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    was: Mapping[str, JsonValue] = Field(default_factory=dict)
    became: Mapping[str, JsonValue] = Field(default_factory=dict)


@dataclass
class Effects:
    """What a batch, a timer or a person caused, in order. `waiting` revisions came before their event; `resumed` ones
    waited and were applied."""

    recorded: list[Recorded] = field(default_factory=list)
    waiting: list[Recorded] = field(default_factory=list)
    resumed: list[Recorded] = field(default_factory=list)
    events: list[AlertEvent] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
