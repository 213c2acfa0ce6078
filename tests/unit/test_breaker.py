"""The breaker: what cannot be reached is asked by schedule, an L4 once at once, and any answer ends it."""

from notifiers.breaker import MAIL_PROBES, OPENS_AFTER, PROBES, Breaker
from notifiers.outcomes import Outcome, OutcomeReason, Verdict
from storage.ledger import MAIL_CIRCUIT, Due

UNREACHABLE = Outcome(verdict=Verdict.DEFERRED, reason=OutcomeReason.UNREACHABLE)
REFUSED = Outcome(verdict=Verdict.DEFERRED, reason=OutcomeReason.SERVER_ERROR)
TAKEN = Outcome(verdict=Verdict.ACCEPTED, reason=OutcomeReason.ACCEPTED)


def due(number: int, *, circuit: str = "dead.example.org", priority: int = 2) -> Due:
    name = f"d{number}"
    return Due(
        delivery_id=name, alert_id=name, destination=name, priority=priority, epoch=1, lane=circuit, circuit=circuit
    )


def opened(circuit: str = "dead.example.org") -> Breaker:
    """Failed often enough, the last time at second 0."""
    breaker = Breaker()
    for number in range(OPENS_AFTER):
        assert breaker.begin(due(number, circuit=circuit), 0)
        breaker.end(due(number, circuit=circuit), UNREACHABLE, 0)
    return breaker


def test_five_failures_in_a_row_open_it_and_others_go_on() -> None:
    breaker = opened()
    assert breaker.shut(0) == {"dead.example.org"}
    assert not breaker.begin(due(9), 0)
    assert breaker.begin(due(10, circuit="well.example.org"), 0)


def test_a_refusal_is_an_answer_and_counts_anew() -> None:
    breaker = Breaker()
    for number in range(OPENS_AFTER - 1):
        breaker.end(due(number), UNREACHABLE, 0)
    breaker.end(due(7), REFUSED, 0)
    breaker.end(due(8), UNREACHABLE, 0)
    assert breaker.begin(due(9), 0)


def test_one_probe_at_a_time_by_schedule() -> None:
    breaker, now = opened(), 0.0
    for wait in (*PROBES, PROBES[-1]):
        assert not breaker.begin(due(20), now + wait - 0.1)
        now += wait
        assert breaker.shut(now) == frozenset()
        assert breaker.begin(due(20), now)
        assert breaker.shut(now) == {"dead.example.org"}
        assert not breaker.begin(due(21), now)
        breaker.end(due(20), UNREACHABLE, now)


def test_a_probe_that_arrives_closes_it() -> None:
    breaker = opened()
    assert breaker.begin(due(20), PROBES[0])
    breaker.end(due(20), TAKEN, PROBES[0])
    assert breaker.begin(due(21), PROBES[0])
    assert not breaker.is_open("dead.example.org")


def test_a_probe_that_was_never_sent_leaves_room_for_the_next() -> None:
    breaker = opened()
    assert breaker.begin(due(20), PROBES[0])
    breaker.end(due(20), None, PROBES[0])
    assert breaker.begin(due(21), PROBES[0])


def test_each_l4_has_one_try_at_once() -> None:
    breaker = opened()
    assert breaker.begin(due(30, priority=0), 0)
    breaker.end(due(30, priority=0), UNREACHABLE, 0)
    assert not breaker.begin(due(30, priority=0), 0.1)
    assert breaker.passed() == {"d30"}
    assert breaker.begin(due(31, priority=0), 0.1)
    assert not breaker.begin(due(32, priority=1), 0.1)


def test_our_own_relay_is_asked_sooner() -> None:
    breaker = opened(MAIL_CIRCUIT)
    assert breaker.begin(due(20, circuit=MAIL_CIRCUIT), MAIL_PROBES[0])
