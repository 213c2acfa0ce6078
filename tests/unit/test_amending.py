"""What messages say of things that changed: what was wrong, what was withdrawn, what a person decided."""

from datetime import UTC, datetime

import pytest

from notifiers.purposes import Content, purpose_of
from notifiers.wording import Wording, compose
from schemas.alert_events import AlertEvent, Correction, OverrideRef
from schemas.vocabularies import AlertKind, Change, Level, Statement
from tests.speaking import URGENT

OVERRIDE = OverrideRef(
    level=Level.L2,
    by="si-example-reviewer",
    reason="known to the services",
    since=datetime(2026, 11, 24, 8, tzinfo=UTC),
    until=datetime(2026, 12, 1, 8, tzinfo=UTC),
)


def said(**changes: object) -> Wording:
    event = AlertEvent.model_validate(dict(URGENT) | {"kind": AlertKind.UPDATED} | changes)
    return compose(event, purpose=purpose_of(event.kind), content=Content.FULL)


@pytest.mark.parametrize(
    ("correction", "sentence"),
    [
        (Correction(what=Statement.COUNTRY, was="FI"), "That it was found in Finland was wrong."),
        (
            Correction(what=Statement.COUNTRY, was="FI", now="NL"),
            "It was found in the Netherlands; that it was found in Finland was wrong.",
        ),
        (
            Correction(what=Statement.HARM, was="death", now="minor"),
            "The worst harm known is: minor harm. What was told (death) was wrong.",
        ),
        (
            Correction(what=Statement.PRESENTATION, was="fake_medicine"),
            "That it is presented as a fake medicine was wrong.",
        ),
        (Correction(what=Statement.ROUTE_OF_SALE, was="online"), "That it is sold through online was wrong."),
        (
            Correction(what=Statement.DOSE, was="extreme", now="high"),
            "The highest dose known is high; what was told (extreme) was wrong.",
        ),
        (
            Correction(what=Statement.CONFIRMATION, was="confirmed", now="provisional"),
            "It is provisional; that it was confirmed was wrong.",
        ),
    ],
)  # fmt: skip
def test_a_correction_says_what_was_wrong(correction: Correction, sentence: str) -> None:
    assert sentence in said(changes=(Change.CORRECTED,), corrections=(correction,)).changed


def test_every_statement_can_be_corrected_in_words() -> None:
    for what in Statement:
        assert len(said(corrections=(Correction(what=what, was="unheard of", now="also"),)).changed) == 4


def test_a_withdrawal_names_each_report_and_what_remains() -> None:
    changed = said(changes=(Change.PARTLY_WITHDRAWN,), withdrawn=URGENT.sources[:8]).changed
    assert changed.count("Withdrawn: the report of 22 November 2026 from Slovenia.") == 6
    assert "2 earlier reports were withdrawn too." in changed
    assert changed[-1].startswith("What remains: 11 separate events in Slovenia, Estonia, Germany and Austria")
    assert changed[-1].endswith("which alone give L4.")


def test_no_laboratory_is_named_by_a_withdrawal() -> None:
    assert not any("example-lab" in line for line in said(withdrawn=URGENT.sources).changed)


def test_an_override_stands_before_all_other_notices_with_who_why_and_until_when() -> None:
    notice = said(level=Level.L2, override=OVERRIDE).notices[0]
    assert notice == (
        "L2 was set by si-example-reviewer until 1 December 2026, 08:00 UTC, whatever the rules give (L4). "
        "Reason given: known to the services"
    )


@pytest.mark.parametrize("kind", [kind for kind in AlertKind if kind is not AlertKind.RAISED])
def test_whoever_decided_is_named_with_the_reason(kind: AlertKind) -> None:
    wording = said(kind=kind, decided_by="si-example-reviewer", reason="seen by the laboratory")
    assert "Reason given by si-example-reviewer: seen by the laboratory" in (*wording.lead, *wording.changed)


def test_a_level_below_what_the_reports_give_says_so() -> None:
    assert "The present reports alone would give L4." in said(kind=AlertKind.DOWNGRADED, level=Level.L1).serious
