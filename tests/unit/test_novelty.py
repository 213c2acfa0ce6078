"""First in the Union, first in a country: by event time, of settled findings, where history is loaded."""

from datetime import timedelta

import pytest

from alerts.facts import Facts
from schemas.vocabularies import AlertKind, Change, Novelty, Statement
from tests.unit.deciding import (
    UNLISTED,
    Desk,
    Document,
    component,
    days,
    report,
    retracted,
    revised,
)


def facts(*documents: Document, loaded: tuple[str, ...] = (), name: str | None = None, day: int | None = None) -> Facts:
    return Desk(loaded).tell(*documents).facts(name, day=day)


def test_what_no_catalogue_knows_is_first_in_the_union() -> None:
    assert facts(report("a", component("new", smiles=UNLISTED))).union_first
    assert not facts(report("a", "3-MMC")).union_first


def test_a_third_country_is_not_the_union() -> None:
    assert not facts(report("a", component("new", smiles=UNLISTED), country="CH", lab="ch-x")).union_first


def test_a_second_finding_within_ninety_days_of_the_first_does_not_undo_it() -> None:
    told = [report(name, component("new", smiles=UNLISTED), day=day) for name, day in (("a", 0), ("b", 20))]
    assert facts(*told).union_first


def test_late_history_takes_the_first_sighting_away() -> None:
    new = component("new", smiles=UNLISTED)
    assert not facts(report("b", new, day=200), report("a", new, status="archival")).union_first


def test_a_date_that_is_not_known_moves_no_first_sighting() -> None:
    desk = Desk().tell(report("a", component("new", smiles=UNLISTED), event_date={"precision": "unknown"}))
    assert not desk.facts().union_first and desk.files()[0].sightings == {}


@pytest.mark.parametrize(
    "provisional",
    [
        component("new", smiles=UNLISTED, identification="presumptive"),
        component("new", smiles=UNLISTED, methods=["ftir_portable"]),
        component("new", smiles=UNLISTED, isomer_status="isomer_group"),
        component("new", smiles=UNLISTED, isomer_status="unresolved"),
        component("bromazolam", smiles=UNLISTED),
    ],
    ids=["presumptive", "portable only", "isomer group", "isomer unresolved", "identifiers disagree"],
)
def test_provisional_findings_write_no_first_sighting(provisional: Document) -> None:
    desk = Desk(("SI",)).tell(report("a", provisional))
    assert desk.files()[0].sightings == {}
    assert not desk.facts().union_first and not desk.facts().country_first


def test_first_in_a_country_is_said_only_where_its_history_is_loaded() -> None:
    assert facts(report("a", "3-MMC"), loaded=("SI",)).country_first
    assert not facts(report("a", "3-MMC"), loaded=("FI",)).country_first
    assert not facts(report("a", "3-MMC")).country_first


def test_first_in_a_country_is_not_said_of_what_its_history_has() -> None:
    old = report("h", "3-MMC", status="archival")
    assert not facts(old, report("a", "3-MMC", day=300), loaded=("SI",)).country_first


def test_first_sightings_are_for_new_substances_and_precursors_only() -> None:
    assert not facts(report("a", "MDMA", sample={"mis_sold": True}), loaded=("SI",)).country_first
    assert facts(report("a", component("APAAN", role="precursor")), loaded=("SI",)).country_first


def test_a_late_report_of_an_earlier_event_corrects_the_first_and_makes_no_second_one() -> None:
    new = component("new", smiles=UNLISTED)
    late = report("b", new, day=-40, lab="fi-example", country="FI", told_after=timedelta(days=60))
    desk = Desk().tell(report("a", new), late)
    kinds = [kind for kind, _ in desk.story]
    assert kinds == [AlertKind.RAISED, AlertKind.UPDATED]
    (correction,) = desk.messages[-1].corrections
    assert (correction.what, correction.was, correction.now) == (
        Statement.FIRST_SIGHTING,
        f"SI {days(0)}",
        f"FI {days(-40)}",
    )
    assert desk.messages[0].novelty is Novelty.NEW_TO_UNION


def test_a_corrected_date_moves_the_first_sighting_and_is_told_as_a_correction() -> None:
    first = report("a", component("new", smiles=UNLISTED))
    moved = revised(first, event_date={"value": days(-5), "precision": "day"})
    desk = Desk().tell(first, moved)
    assert desk.changes[-1] == (Change.CORRECTED,)
    assert [(one.was, one.now) for one in desk.messages[-1].corrections] == [(f"SI {days(0)}", f"SI {days(-5)}")]


def test_when_the_first_report_is_taken_back_the_next_one_is_the_first() -> None:
    first, second = (
        report(lab, component("new", smiles=UNLISTED), day=day, lab=f"{lab}-example", country=lab.upper())
        for lab, day in (("si", 0), ("fi", 20))
    )
    desk = Desk().tell(first, second, retracted(first, hours=24 * 30))
    assert [kind for kind, _ in desk.story][-1] is AlertKind.UPDATED
    found = {one.what: (one.was, one.now) for one in desk.messages[-1].corrections}
    assert found[Statement.FIRST_SIGHTING] == (f"SI {days(0)}", f"FI {days(20)}")


def test_history_that_comes_later_corrects_the_first_with_the_next_report() -> None:
    new = component("new", smiles=UNLISTED)
    old = report("h", new, day=-300, status="archival", told_after=timedelta(days=310))
    desk = Desk().tell(report("a", new), old)
    assert len(desk.messages) == 1
    desk.tell(report("b", new, day=15))
    assert desk.messages[-1].corrections[0].now == f"SI {days(-300)}"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (component("a name that nobody knows"), Novelty.POSSIBLY_NEW_TO_UNION),
        (component("unknown nitazene"), Novelty.POSSIBLY_NEW_TO_UNION),
        (component("bromazolam", smiles=UNLISTED), Novelty.POSSIBLY_NEW_TO_UNION),
        (component("new", smiles=UNLISTED, identification="presumptive"), Novelty.POSSIBLY_NEW_TO_UNION),
        (component("2-, 3- or 4-methylmethcathinone"), Novelty.UNKNOWN),
        (component("7-, 8- or 9-examplezene"), Novelty.POSSIBLY_NEW_TO_UNION),
        (component("new", smiles=UNLISTED), Novelty.NEW_TO_UNION),
    ],
    ids=["name only", "unidentified", "conflict", "presumptive", "a member is known", "no member is known", "settled"],
)
def test_what_is_not_settled_is_possibly_new_unless_something_it_may_be_is_known(
    found: Document, expected: Novelty
) -> None:
    assert facts(report("a", found)).novelty == expected


def test_a_third_country_does_not_make_it_known_and_a_reporting_one_later_is_the_first() -> None:
    new = component("new", smiles=UNLISTED)
    desk = Desk().tell(report("a", new, country="CH", lab="ch-x"), report("b", new, day=200))
    assert desk.facts(day=200).novelty == Novelty.NEW_TO_UNION
    assert Desk().tell(report("a", new, country="CH", lab="ch-x")).facts().novelty != Novelty.KNOWN


def test_a_claim_of_a_first_counts_for_nothing_by_itself() -> None:
    claimed = report("a", component("Examplezene", iupac="an example"), novelty_claim="union_first")
    assert facts(claimed).novelty == Novelty.POSSIBLY_NEW_TO_UNION and not facts(claimed).union_first
    known = report("a", component("3-MMC", cas="1246816-62-5"), novelty_claim="union_first")
    assert not facts(known).union_first
