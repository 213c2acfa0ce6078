"""What cannot be reached is left alone and asked now and then: a dead endpoint must not use up what others need."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from notifiers.outcomes import Outcome, OutcomeReason, Verdict
from storage.ledger import MAIL_CIRCUIT, Due

OPENS_AFTER: Final = 5
"""Transport failures in a row; any answer, a refusal too, begins anew."""

PROBES: Final = (5.0, 30.0, 120.0, 600.0, 1800.0)
MAIL_PROBES: Final = (2.0, 5.0, 15.0)
"""Seconds up to the next probe, after each that failed; the last for ever. Our own relay is asked sooner."""

TRANSPORT: Final = frozenset(
    {
        OutcomeReason.UNREACHABLE,
        OutcomeReason.TIMED_OUT,
        OutcomeReason.CONNECTION_LOST,
        OutcomeReason.TLS_FAILED,
    }
)
URGENT: Final = 0


@dataclass
class _Circuit:
    """One endpoint, or our relay: failures in a row, when it may be asked again, and which L4 had their one try."""

    failures: int = 0
    probes: int = 0
    probe_at: float = 0.0
    probing: str | None = None
    passed: set[str] = field(default_factory=set)

    @property
    def open(self) -> bool:
        return self.failures >= OPENS_AFTER


class Breaker:
    """Belongs to one courier. While a circuit is open, one probe at a time goes through, by schedule; and each L4
    once, at once."""

    def __init__(self, probes: Mapping[str, tuple[float, ...]] | None = None) -> None:
        self._probes = {MAIL_CIRCUIT: MAIL_PROBES} if probes is None else probes
        self._circuits: dict[str, _Circuit] = {}
        self._answering = {MAIL_CIRCUIT}

    def shut(self, now: float) -> frozenset[str]:
        """Circuits through which nothing but an L4 goes now."""
        return frozenset(name for name, one in self._circuits.items() if one.open and not self._may_probe(one, now))

    def passed(self) -> frozenset[str]:
        """L4 that had their try at once and wait for the probes like others."""
        return frozenset().union(*(one.passed for one in self._circuits.values() if one.open))

    @property
    def answering(self) -> Collection[str]:
        """Circuits whose last attempt had an answer, and our relay."""
        return self._answering

    def is_open(self, circuit: str) -> bool:
        """Whether it is left alone."""
        found = self._circuits.get(circuit)
        return found is not None and found.open

    def begin(self, wanted: Due, now: float) -> bool:
        """Whether this one may go now; if so, it counts as begun."""
        found = self._circuits.get(wanted.circuit)
        if found is None or not found.open:
            return True
        if wanted.priority == URGENT and wanted.delivery_id not in found.passed:
            found.passed.add(wanted.delivery_id)
            return True
        if not self._may_probe(found, now):
            return False
        found.probing = wanted.delivery_id
        return True

    def end(self, wanted: Due, outcome: Outcome | None, now: float) -> None:
        """What came of it; None when nothing was sent."""
        found = self._circuits.get(wanted.circuit)
        if found is not None and found.probing == wanted.delivery_id:
            found.probing = None
        if outcome is None:
            return
        if outcome.verdict is Verdict.ACCEPTED or outcome.reason not in TRANSPORT:
            self._circuits.pop(wanted.circuit, None)
            self._answering.add(wanted.circuit)
            return
        self._answering -= {wanted.circuit} - {MAIL_CIRCUIT}
        found = self._circuits.setdefault(wanted.circuit, _Circuit())
        found.failures += 1
        if found.open:
            waits = self._probes.get(wanted.circuit, PROBES)
            found.probe_at = now + waits[min(found.probes, len(waits) - 1)]
            found.probes += 1

    @staticmethod
    def _may_probe(found: _Circuit, now: float) -> bool:
        return found.probing is None and now >= found.probe_at
