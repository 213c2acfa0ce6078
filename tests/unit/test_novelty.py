"""First in the Union, first in a country: by event time, of settled findings, where history is loaded."""

import pytest

from alerts.facts import Facts
from tests.unit.deciding import (
    UNLISTED,
    Desk,
    Document,
    component,
    report,
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
