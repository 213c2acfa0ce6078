"""Figures of a courier: every reason has its label from the start, and no label can name a person or a substance."""

from prometheus_client import REGISTRY

from notifiers import metrics
from schemas.deliveries import Channel, DeliveryReason, DeliveryState, HoldReason, OutcomeReason


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_every_state_and_reason_exists_at_zero_before_anything_happened() -> None:
    for state in metrics.OF_PLANNING:
        for planned in DeliveryReason:
            assert value("tocsin_deliveries_total", state=state.value, reason=planned.value) is not None
    for state in metrics.OF_SENDING:
        for sent in OutcomeReason:
            assert value("tocsin_deliveries_total", state=state.value, reason=sent.value) is not None
    for hold in HoldReason:
        assert value("tocsin_events_held_total", reason=hold.value) is not None
    for channel in Channel:
        assert value("tocsin_send_seconds_count", channel=channel.value) is not None
        assert value("tocsin_report_to_accepted_seconds_count", channel=channel.value) is not None


def test_what_is_no_longer_open_goes_back_to_zero() -> None:
    metrics.show_open({(DeliveryState.PLANNED, Channel.EMAIL): 3})
    assert value("tocsin_deliveries_open", state="planned", channel="email") == 3
    metrics.show_open({})
    assert value("tocsin_deliveries_open", state="planned", channel="email") == 0
