"""Which case a finding joins, what qualifies, and what one real-world event is."""

from datetime import timedelta

import pytest
from pydantic import JsonValue

from alerts.cases import Case
from schemas.vocabularies import AlertKind, CaseState, Level, Tense
from tests.unit.deciding import (
    UNLISTED,
    Desk,
    Document,
    component,
    harm,
    key_of,
    report,
    retracted,
    revised,
    said,
    street,
    strip,
)

PILL: Document = {"physical_form": "tablet", "appearance": {"colour": "pink", "shape": "skull"}}
STRONG = component("MDMA", amount={"value": 216, "unit": "mg", "per": "unit"})


def key(name: str, *components: Document | str, sample: Document | None = None, **changes: JsonValue) -> str:
    """The case key of a report about one substance."""
    (evidence,) = said(report(name, *components, sample=sample) | changes).values()
    return evidence.case_key


def names(*components: Document | str, **changes: JsonValue) -> set[str]:
    """The substances of a report that qualify."""
    return set(said(report("q", *components) | changes))


def sold(as_: str, **more: JsonValue) -> Document:
    return {"physical_form": "powder", "sold_as": as_, **more}


# Keys


def test_a_new_substance_is_one_case_whatever_it_looks_like_and_wherever_it_is() -> None:
    assert key("a", "3-MMC", sample=PILL) == key("b", "3-MMC", country="FI") == key_of("3-MMC")


def test_a_classic_drug_is_a_case_per_product() -> None:
    pink = key("a", STRONG, sample=PILL)
    blue = key("b", STRONG, sample={**PILL, "appearance": {"colour": "blue", "shape": "skull"}})
    assert pink != blue and pink.startswith(key_of("MDMA")) and "SI" not in pink.split("|")
    assert key("c", STRONG, sample=PILL, country="FI") == pink


def test_words_of_appearance_are_normalised() -> None:
    said_so: Document = {"physical_form": "tablet", "appearance": {"colour": "Grey", "shape": "ROUND"}}
    or_so: Document = {"physical_form": "tablet", "appearance": {"colour": "gray", "shape": "round"}}
    assert key("a", STRONG, sample=said_so) == key("b", STRONG, sample=or_so)


@pytest.mark.parametrize("appearance", [{}, {"colour": "pink"}, {"mass_mg": 300}, {"colour": "pink", "shape": " . "}])
def test_with_fewer_than_two_features_the_case_is_substance_form_and_country(appearance: Document) -> None:
    sample: Document = {"physical_form": "tablet", "appearance": appearance}
    assert key("a", STRONG, sample=sample) == f"{key_of('MDMA')}|tablet|SI"


@pytest.mark.parametrize("medicine", ["fentanyl", "oxycodone", "alprazolam", "xylazine"])
def test_a_medicine_is_a_case_per_product(medicine: str) -> None:
    assert key("a", medicine, sample=sold("cocaine")) == f"{key_of(medicine)}|powder|SI"


@pytest.mark.parametrize("new", ["3-MMC", "bromazolam", "protonitazene", "mephedrone"])
def test_what_is_put_under_control_later_stays_a_new_substance(new: str) -> None:
    assert key("a", new, sample=PILL) == key_of(new)


def test_unidentified_findings_of_one_class_and_country_share_a_case() -> None:
    assert key("a", strip()) == key("b", strip("unknown nitazene")) == "U:nitazene:SI"
    assert key("a", strip(), country="FI") == "U:nitazene:FI"


def test_unanalysed_adverse_events_share_a_case_by_country_region_and_words_of_sale() -> None:
    def event(sample: Document | None = None, **changes: JsonValue) -> str:
        return key("e", sample=sample, report_type="adverse_event", harm=harm("hospitalised"), **changes)

    assert event(sold("Ecstasy"), region="SI04") == event(sold("ecstasy"), region="SI04")
    assert event(sold("ecstasy"), region="SI04") != event(sold("ecstasy"), region="SI03")
    assert event(sold("ecstasy")) != event(sold("cocaine"))
    assert event().endswith(":SI:-:-")


def test_an_unanalysed_event_counts_as_unidentified() -> None:
    desk = Desk().tell(report("a", report_type="adverse_event", harm=harm("hospitalised")))
    assert desk.facts().unidentified and desk.facts().qualifying


# What qualifies


def test_a_substance_sold_as_itself_does_not_qualify() -> None:
    assert names("cocaine", sample=sold("cocaine")) == set()
    assert names("MDMA", sample=sold("ecstasy")) == set()


@pytest.mark.parametrize(
    ("components", "sample", "qualify"),
    [
        (["3-MMC"], sold("3-MMC"), {"3-MMC"}),
        (["fentanyl"], sold("fentanyl"), {"Fentanyl"}),
        (["cocaine"], sold("ketamine"), {"Cocaine"}),
        (["cocaine", component("strychnine", role="adulterant")], sold("cocaine"), {"Strychnine"}),
        (["MDMA", component("caffeine", role="cutting_agent")], sold("ecstasy"), set()),
        (["cocaine", component("phenacetin", role="adulterant")], sold("cocaine"), set()),
        ([component("PMK ethyl glycidate", role="precursor")], sold("unknown"), {"PMK ethyl glycidate"}),
        ([strip()], sold("heroin"), None),
    ],
)
def test_what_qualifies(components: list[Document | str], sample: Document, qualify: set[str] | None) -> None:
    found = names(*components, sample=sample)
    assert (
        len(found) == 1 if qualify is None else {name.casefold() for name in found} == {n.casefold() for n in qualify}
    )


def test_a_usual_dose_does_not_qualify_and_a_high_one_does() -> None:
    usual = component("MDMA", amount={"value": 100, "unit": "mg", "per": "unit"})
    assert names(usual, sample=PILL) == set()
    assert names(STRONG, sample=PILL) == {"MDMA"}


def test_what_does_not_qualify_is_recorded_and_opens_no_case() -> None:
    desk = Desk().tell(report("a", "cocaine", component("caffeine", role="cutting_agent"), sample=sold("cocaine")))
    assert desk.result.reports.applied == 1 and desk.cases() == [] and desk.story == []
    assert [entry.case_keys for entry in desk.simulation.effects.recorded] == [(None, None)]


def test_a_metabolite_opens_no_case() -> None:
    urine: Document = {"report_type": "biological_sample", "matrix": "urine"}
    assert names(component("acetyl norfentanyl", role="metabolite"), **urine) == set()
    assert names(component("protonitazene", role="metabolite"), **urine) == set()


def test_several_names_of_one_substance_are_one_finding() -> None:
    (evidence,) = said(report("a", "3-MMC", component("3-methylmethcathinone", methods=["nmr"]))).values()
    assert evidence.subject.name == "3-MMC"


# Unidentified findings and their 28 days


def states(*documents: Document) -> list[tuple[CaseState, int]]:
    found: list[Case] = Desk().tell(*documents).cases()
    return sorted((case.state, case.summary.events) for case in found)


@pytest.mark.parametrize(("apart", "number"), [(28, 1), (29, 2)])
def test_unidentified_findings_share_a_case_while_each_is_within_28_days_of_another(apart: int, number: int) -> None:
    assert len(states(report("a", strip()), report("b", strip(), day=apart))) == number


def test_the_older_case_is_closed_by_machine() -> None:
    desk = Desk().tell(report("a", strip()), report("b", strip(), day=40))
    assert [(case.state, max(case.live_days).day) for case in desk.cases()] == [
        (CaseState.CLOSED, 2),
        (CaseState.OPEN, 11),
    ]
    assert [kind for kind, _ in desk.story] == [AlertKind.RAISED, AlertKind.EXPIRED, AlertKind.RAISED]


def test_a_chain_of_findings_is_one_case_however_long() -> None:
    assert states(*(report(f"n{n}", strip(), day=25 * n) for n in range(5))) == [(CaseState.OPEN, 5)]


def test_a_late_finding_joins_the_older_case_it_belongs_to() -> None:
    told = [report("a", strip()), report("b", strip(), day=60), report("c", strip(), day=5)]
    assert states(*told) == [(CaseState.CLOSED, 2), (CaseState.OPEN, 1)]


def test_a_second_strip_in_the_country_within_28_days_is_the_same_case_and_no_new_alert() -> None:
    desk = Desk().tell(report("a", strip(), sample=sold("heroin")), report("b", strip(), day=2, sample=sold("heroin")))
    assert desk.case().summary.events == 2 and len(desk.messages) == 1


def test_a_second_strip_after_the_first_expired_is_the_same_case_and_told_again() -> None:
    desk = Desk().tell(report("a", strip(), sample=sold("heroin")), report("b", strip(), day=20, sample=sold("heroin")))
    assert desk.case().summary.events == 2
    assert [kind for kind, _ in desk.story] == [AlertKind.RAISED, AlertKind.EXPIRED, AlertKind.UPDATED]
    assert len({message.number for message in desk.messages}) == 1


# Revisions


def test_an_amendment_moves_the_finding_to_the_case_it_belongs_to() -> None:
    first = report("a", "3-MMC")
    desk = Desk().tell(first, report("b", "3-MMC"), revised(first, components=[component("bromazolam")]))
    assert {case.subject.name: case.summary.events for case in desk.cases()} == {"3-MMC": 1, "Bromazolam": 1}


def test_a_corrected_date_changes_the_facts() -> None:
    first = report("a", "3-MMC", day=20)
    moved = revised(first, event_date={"value": "2026-03-02", "precision": "day"})
    desk = Desk().tell(first, report("b", "3-MMC", day=30), moved)
    assert desk.facts().events_28d == 1


def test_a_revision_that_comes_late_changes_nothing() -> None:
    first = report("a", "3-MMC")
    third, second = revised(first, revision=3, country="FI"), revised(first, revision=2, components=[component("MDMA")])
    desk = Desk().tell(first, third, second)
    assert desk.case().summary.countries == {"FI": 1} and desk.result.reports.applied == 3


def test_a_retraction_that_comes_late_changes_nothing() -> None:
    first = report("a", "protonitazene")
    desk = Desk().tell(first, revised(first, revision=3), retracted(first))
    assert desk.case().state is CaseState.OPEN and [kind for kind, _ in desk.story] == [AlertKind.RAISED]


def test_other_content_under_a_known_revision_is_refused_and_changes_nothing() -> None:
    first = report("a", "3-MMC")
    desk = Desk().tell(first, first | {"country": "FI"})
    assert desk.rejections == ["conflicting_revision"] and desk.case().summary.countries == {"SI": 1}


@pytest.mark.parametrize("action", ["amend", "confirm", "retract"])
def test_a_revision_of_an_event_nobody_knows_is_an_orphan(action: str) -> None:
    desk = Desk().tell(revised(report("a", "3-MMC"), action=action))
    assert desk.rejections == ["orphan_revision"] and desk.cases() == []


@pytest.mark.parametrize("action", ["amend", "confirm", "retract"])
def test_the_event_of_another_laboratory_is_not_changed(action: str) -> None:
    first = report("a", "3-MMC")
    other: JsonValue = {"lab": "fi-example", "role": "forensic_lab", "case_ref": "EX-9"}
    desk = Desk().tell(first, revised(first, action=action, reporter=other))
    assert desk.rejections == ["not_the_owner"] and desk.case().summary.events == 1


def test_two_laboratories_may_use_one_event_id() -> None:
    first = report("a", "3-MMC")
    other: JsonValue = {"lab": "fi-example", "role": "forensic_lab", "case_ref": "EX-9"}
    assert Desk().tell(first, first | {"reporter": other}).case().summary.events == 2


def test_a_duplicate_is_counted_and_is_no_error() -> None:
    first = report("a", "3-MMC")
    desk = Desk().tell(first, first, first)
    assert (desk.result.reports.applied, desk.result.reports.duplicates, desk.rejections) == (1, 2, [])
    assert desk.case().summary.events == 1


def test_a_confirmation_with_better_techniques_is_one_finding() -> None:
    first = report("a", strip("protonitazene"))
    better: list[JsonValue] = [component("protonitazene", methods=["gc_ms", "nmr"], standard="yes")]
    desk = Desk().tell(first, revised(first, action="confirm", components=better))
    assert desk.case().summary.events == 1 and desk.score()[3] == "A"


def test_a_report_that_moves_from_exercise_to_actual_leaves_the_exercise() -> None:
    first = report("a", "protonitazene", status="exercise")
    desk = Desk().tell(first, revised(first, status="actual"))
    assert desk.case(ledger=Tense.EXERCISE).computed is Level.L0 and desk.case().computed is Level.L3


def test_a_later_report_that_settles_the_substance_grades_earlier_days_anew() -> None:
    told = [
        report("h", component("new", smiles=UNLISTED), status="archival"),
        report("a", component("bromazolam", smiles=UNLISTED), day=5),
        report("b", component("new", smiles=UNLISTED), day=20),
    ]
    grades = Desk().tell(*told).case().grades
    assert all("I2-UNION-FIRST" in {rule.id for rule in grade.fired} for grade in grades.values())
    assert grades == Desk().tell(told[0], told[2], told[1]).case().grades


def test_words_that_differ_in_capitals_only_have_one_order() -> None:
    words = [report(word, "3-MMC", sample=sold(word)) for word in ("Crystal", "crystal", "CRYSTAL")]
    assert Desk().tell(*words).case().summary.sold_as == ("CRYSTAL", "Crystal", "crystal")


# Findings that are told late


def test_an_old_event_told_today_stands_in_its_own_time() -> None:
    late = report("a", "3-MMC", told_after=timedelta(days=300))
    desk = Desk().tell(report("b", "3-MMC", day=250, sample=street()), late)
    assert desk.facts(day=250).events_28d == 1 and desk.facts(day=250).has_baseline
