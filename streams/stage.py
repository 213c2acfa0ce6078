"""What a stage of the stream promises: records in, one fate for each, everything it writes in the one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from schemas.feedback import ReportFeedback
from schemas.records import Record
from schemas.rejections import Rejection


@dataclass(frozen=True, slots=True)
class Applied:
    """It changed something, or is kept until it can. `told` is what its laboratory is told, of this report first."""

    told: tuple[ReportFeedback, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Known already, with the same content; changes nothing."""

    told: tuple[ReportFeedback, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Dead:
    """Refused for ever: becomes a dead letter with this reason."""

    rejection: Rejection


Fate = Applied | Duplicate | Dead


class Again(Exception):
    """What was prepared no longer fits what was found under the locks: roll back, prepare anew, retry."""


Prepared = TypeVar("Prepared")
"""One record, decoded and identified: whatever the stage needs between its two steps."""


class Stage(Protocol[Prepared]):
    """Decides about records. Deterministic: the same records over the same rows have the same fates and writes.

    Records come in the order of their partitions' offsets, may belong to several partitions, and come again after a
    rollback. A refusal is a `Dead`, never an exception; an exception is a fault of ours, and the guard looks for the
    record that causes it by halving the batch.
    """

    def prepare(self, records: Sequence[Record]) -> Sequence[Prepared]:
        """One `Prepared` per record, same order, each depending on its own record only. Before the transaction."""
        ...

    def apply(self, connection: Connection, prepared: Sequence[Prepared]) -> Sequence[Fate]:
        """One fate per item, same order; writes its rows and outbox events on `connection`, commits nothing.

        The positions are locked already; what of the batch was applied before is left out. May raise `Again`.
        """
        ...
