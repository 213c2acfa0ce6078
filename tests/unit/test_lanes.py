"""Lanes: one slow destination or one flood leaves room for the others."""

from hypothesis import given, settings
from hypothesis import strategies as st

from notifiers.lanes import Limits, admit
from storage.ledger import Due

LIMITS = Limits()


def due(
    number: int, *, destination: str | None = None, alert: str | None = None, priority: int = 2, lane: str | None = None
) -> Due:
    return Due(
        delivery_id=f"d{number}",
        alert_id=alert or f"a{number}",
        destination=destination or f"to{number}",
        priority=priority,
        epoch=1,
        lane=lane or destination or f"to{number}",
        circuit=lane or destination or f"to{number}",
    )


def test_at_most_four_go_to_one_destination_at_a_time() -> None:
    admitted = admit([due(number, destination="slow") for number in range(10)], [], LIMITS)
    assert len(admitted) == 4
    assert admit([due(11, destination="slow"), due(12)], admitted, LIMITS) == (due(12),)


def test_what_has_not_answered_yet_holds_one_place() -> None:
    several = [due(number, destination="new") for number in range(10)]
    admitted = admit(several, [], LIMITS, answering=())
    assert admitted == (several[0],)
    assert admit(several, admitted, LIMITS, answering=()) == ()
    assert len(admit(several, [], LIMITS, answering={several[0].circuit})) == LIMITS.per_destination


def test_addresses_of_one_domain_share_a_lane() -> None:
    admitted = admit([due(number, lane="slow.example.org") for number in range(10)], [], LIMITS)
    assert len(admitted) == LIMITS.per_lane
    assert admit([due(11, lane="slow.example.org"), due(12)], admitted, LIMITS) == (due(12),)


def test_one_of_an_alert_and_destination_at_a_time() -> None:
    first, second = (due(number, destination="one", alert="same") for number in (1, 2))
    assert admit([first, second], [], LIMITS) == (first,)
    assert admit([second], [first], LIMITS) == ()


def test_a_flood_of_l4_leaves_a_tenth_to_the_rest() -> None:
    flood = admit([due(number, priority=0) for number in range(500)], [], LIMITS)
    assert len(flood) == 115
    rest = admit([due(1000 + number) for number in range(500)], flood, LIMITS)
    assert len(rest) == 13


def test_a_flood_of_the_rest_leaves_a_tenth_to_l4() -> None:
    flood = admit([due(number) for number in range(500)], [], LIMITS)
    assert len(flood) == 115
    assert admit([due(1000, priority=1)], flood, LIMITS) == ()
    assert len(admit([due(1000, priority=0)], flood, LIMITS)) == 1


@settings(max_examples=100, deadline=None)
@given(
    waiting=st.lists(
        st.builds(
            due,
            st.integers(0, 10_000),
            destination=st.sampled_from(["a", "b", "c", None]),
            priority=st.sampled_from([0, 1, 2]),
        ),
        max_size=60,
        unique_by=lambda each: each.delivery_id,
    ),
    in_flight=st.integers(1, 20),
)
def test_no_limit_is_ever_passed(waiting: list[Due], in_flight: int) -> None:
    admitted = admit(waiting, [], Limits(in_flight=in_flight, per_destination=2))
    assert len(admitted) <= in_flight
    assert all(sum(each.destination == name for each in admitted) <= 2 for name in ("a", "b", "c"))
    assert list(admitted) == [each for each in waiting if each in admitted]
