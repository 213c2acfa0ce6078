"""The file of subscribers: what it refuses, and in which words; and that every reason has its own."""

from importlib import resources

import pytest

from notifiers.reasons import HOLDING, PLANNING, SENDING
from schemas.deliveries import DeliveryReason, HoldReason, OutcomeReason
from tocsin.commands.subscriber import read_text
from tocsin.errors import Refusal

GOOD = """
subscribers:
  - id: body
    name: Example body
    country: SI
    kind: authority
    destinations: [{name: desk, channel: email, address: desk@body.example.org}]
    subscriptions: [{name: duty, ground: statutory}]
"""


def test_the_shipped_examples_are_six_bodies_marked_as_examples() -> None:
    text = resources.files("tocsin.demo").joinpath("subscribers.yaml").read_text("utf-8")
    found = read_text(text, name="subscribers.yaml").subscribers
    assert len(found) == 6
    assert all(entry.example and entry.name.startswith("Example") for entry in found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("desk@body.example.org", '"a@example.org, b@example.org"'), "is not one email address"),
        (("desk@body.example.org", '"a@example.org\\nBcc: b@example.org"'), "is not one email address"),
        (("desk@body.example.org", '"desk@body.example.org\\n"'), "is not one email address"),
        (("email, address: desk@body.example.org", "webhook, address: https://x.example.org/"), "needs a secret"),
        (("kind: authority", "kind: voluntary"), "cannot hold a statutory subscription"),
        (("ground: statutory", "ground: statutory, classes: [opioid]"), "cannot be filtered"),
        (("ground: statutory", "ground: statutory, destinations: [desc]"), "unknown destination 'desc'"),
        (("ground: statutory", "ground: statutory, countries: [Slovenia]"), "two capital letters"),
        (("country: SI", "county: SI"), "/subscribers/0/county"),
        (("kind: authority", "kind: [authority"), "is not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_the_place_and_what_is_wrong(change: tuple[str, str], said: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(Refusal) as refusal:
        read_text(GOOD.replace(*change), name="file.yaml")
    assert said in str(refusal.value)
    assert "file.yaml" in str(refusal.value)


def test_every_reason_has_a_sentence() -> None:
    assert set(PLANNING) == set(DeliveryReason)
    assert set(SENDING) == set(OutcomeReason)
    assert set(HOLDING) == set(HoldReason)
