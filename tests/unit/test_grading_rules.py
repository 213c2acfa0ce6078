"""Every rule at its border, every cell of the table of levels, every row of confidence, and what overrides them."""

from collections.abc import Mapping
from typing import Any

import pytest

from alerts.grading import Grade
from alerts.techniques import Techniques
from schemas.vocabularies import Confidence, Level
from tests.unit.deciding import DAY, GRADING, Desk, Document, component, death, decoded, harm, report, said, strip

Known = Mapping[str, bool | int | float]
NOTHING = Desk().tell(report("a", "3-MMC")).facts()
IMPACT: dict[int, Known] = {
    0: {},
    1: {"unexpected_low_risk": True},
    2: {"mis_sold": True},
    3: {"potent_opioid": True},
    4: {"death_confirmed": True},
}
SPREAD: dict[int, Known] = {
    0: {"has_baseline": True, "baseline_mean": 1.0, "events_28d": 1, "new_countries": 0},
    1: {"local_user_events": 1},
    2: {},
    3: {"remote_sale": True},
    4: {"new_countries": 3},
}
LEVELS = (
    (0, 0, 0, 0, 0),
    (0, 0, 1, 1, 2),
    (0, 1, 2, 2, 2),
    (0, 2, 3, 3, 4),
    (0, 3, 3, 4, 4),
)


def graded(*known: Known, confidence: Confidence = Confidence.B) -> Grade:
    """The grade of a case of which nothing else is known."""
    values: dict[str, Any] = {}
    for part in known:
        values |= part
    return GRADING.grade(NOTHING._replace(**values), confidence=confidence, anchor=DAY)


def fired(*known: Known) -> set[str]:
    return {rule.id for rule in graded(*known).fired}


# The table


@pytest.mark.parametrize(("impact", "spread"), [(i, p) for i in range(5) for p in range(5)])
def test_each_cell_of_the_table_of_levels(impact: int, spread: int) -> None:
    grade = graded(IMPACT[impact], SPREAD[spread])
    assert (grade.impact, grade.spread, grade.level) == (impact, spread, LEVELS[impact][spread])


def test_the_highest_impact_and_spread_win_and_every_rule_that_fired_is_kept() -> None:
    grade = graded({"potent_opioid": True, "mis_sold": True, "remote_sale": True, "new_countries": 2})
    ids = {rule.id for rule in grade.fired}
    assert {"I3-OPIOID", "I2-MIS-SOLD", "P3-REMOTE", "P3-COUNTRIES"} <= ids and "P2-UNKNOWN" not in ids


# Impact


@pytest.mark.parametrize(
    ("known", "impact"),
    [
        ({"death_confirmed": True}, 4),
        ({"death_confirmed": True, "qualifying": False}, 0),
        ({"severe_in_region": 3}, 4),
        ({"severe_in_region": 2}, 0),
        ({"potent_opioid": True, "mis_sold": True, "hospitalised_any": True}, 4),
        ({"potent_opioid": True, "fake_medicine": True, "hospitalised_any": True}, 4),
        ({"potent_opioid": True, "consumer_product": True, "hospitalised_any": True}, 4),
        ({"potent_opioid": True, "hospitalised_any": True}, 3),
        ({"potent_opioid": True, "mis_sold": True}, 3),
        ({"mis_sold": True, "hospitalised_any": True}, 2),
        ({"hospitalised_likely": True}, 3),
        ({"hospitalised_any": True}, 0),
        ({"dose_extreme": True}, 3),
        ({"dose_high": True}, 2),
        ({"unexpected_acute": True}, 3),
        ({"dangerous_mixture": True}, 3),
        ({"union_first": True}, 2),
        ({"nps": True, "effects_known": False}, 2),
        ({"nps": False, "effects_known": False}, 0),
        ({"mis_sold": True}, 2),
        ({"unexpected_toxic": True}, 2),
        ({"precursor": True}, 0),
        ({"precursor": True, "designer_precursor": True}, 2),
        ({"precursor": True, "bulk": True}, 2),
        ({"bulk": True}, 0),
        ({"unexpected_low_risk": True}, 1),
        ({"unexpected_by_product": True}, 1),
        ({"country_first": True}, 1),
        ({}, 0),
    ],
)
def test_each_impact_rule(known: Known, impact: int) -> None:
    assert graded(known).impact == impact


# Spread


@pytest.mark.parametrize(
    ("known", "spread"),
    [
        ({"new_countries": 3}, 4),
        ({"new_countries": 2}, 3),
        ({"new_countries": 2, "new_countries_with_harm": 2}, 4),
        ({"new_countries": 2, "new_countries_with_harm": 1}, 3),
        ({"remote_sale": True}, 3),
        ({"bulk": True}, 3),
        ({"independent_events": 3.0, "events_28d": 3}, 3),
        ({"independent_events": 2.9, "events_28d": 3}, 2),
        ({"independent_events": 2.0, "events_28d": 2}, 2),
        ({"events_28d": 1, "local_user_events": 1}, 1),
        ({"events_28d": 2, "local_user_events": 1}, 2),
        ({"events_28d": 2, "local_user_events": 2}, 2),
        ({"events_28d": 1, "local_user_events": 0}, 2),
    ],
)
def test_each_spread_rule(known: Known, spread: int) -> None:
    assert graded(known).spread == spread


@pytest.mark.parametrize(
    ("events", "mean", "grows"),
    [(5, 1.0, True), (4, 1.0, False), (5, 1.67, False), (6, 2.0, True), (5, 0.0, True)],
)
def test_growth_needs_five_events_and_three_times_the_mean(events: int, mean: float, grows: bool) -> None:
    known: Known = {"has_baseline": True, "baseline_mean": mean, "events_28d": events, "new_countries": 1}
    assert ("P4-GROWTH" in fired(known)) is grows


def test_growth_is_not_seen_without_a_baseline() -> None:
    assert "P4-GROWTH" not in fired({"events_28d": 50, "independent_events": 50.0})


def test_p2_as_a_precaution_holds_only_where_no_other_rule_of_the_table_does() -> None:
    assert "P2-UNKNOWN" in fired()
    above: Known = {"independent_events": 2.0, "events_28d": 2}
    for known in (SPREAD[0], SPREAD[1], SPREAD[3], SPREAD[4], above):
        assert "P2-UNKNOWN" not in fired(known)


# The baseline, looked at first

BASELINE = SPREAD[0]


def test_within_its_baseline_no_other_spread_rule_is_looked_at_and_the_level_is_l0() -> None:
    grade = graded(IMPACT[4], BASELINE, {"remote_sale": True, "bulk": True})
    assert (grade.level, grade.spread) == (Level.L0, 0)
    assert [rule.id for rule in grade.fired if rule.axis == "spread"] == ["P0-BASELINE"]


@pytest.mark.parametrize(
    "lifts",
    [
        {"events_28d": 3},
        {"new_countries": 1},
        {"worse_harm": True},
        {"new_presentation": True},
        {"new_route": True},
        {"has_baseline": False},
    ],
)
def test_anything_new_lifts_a_case_out_of_its_baseline(lifts: Known) -> None:
    assert "P0-BASELINE" not in fired(BASELINE, lifts)


def months(count: int) -> list[Document]:
    return [report(f"m{n}", "3-MMC", day=30 * n, status="archival") for n in range(count)]


def test_a_case_at_its_baseline_counts_and_says_nothing() -> None:
    desk = Desk().tell(*months(12), report("a", "3-MMC", day=370))
    assert desk.fired() == {"P0-BASELINE", "C-B"} and desk.story == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"harm": harm("moderate")}, "worse harm"),
        ({"sample": {"physical_form": "powder", "presentation": "fake_medicine"}}, "new presentation"),
        ({"sample": {"physical_form": "powder", "distribution": ["retail"]}}, "new route"),
        ({"country": "FI", "reporter": {"lab": "si-example", "role": "forensic_lab", "case_ref": "x"}}, "new country"),
    ],
)
def test_worse_harm_a_new_presentation_route_or_country_is_not_the_baseline(change: Document, rule: str) -> None:
    desk = Desk().tell(*months(12), report("a", "3-MMC", day=370) | change)
    assert "P0-BASELINE" not in desk.fired(), rule


def test_the_third_event_of_a_month_in_a_baseline_of_one_is_above_it() -> None:
    three = [report(name, "3-MMC", day=370 + n) for n, name in enumerate("abc")]
    desk = Desk().tell(*months(12), *three)
    assert desk.facts().baseline_mean == pytest.approx(1, abs=0.1)
    assert "P0-BASELINE" not in {rule.id for rule in desk.case().grades[max(desk.case().live_days)].fired}


# Confidence


@pytest.mark.parametrize(
    ("methods", "standard", "confidence"),
    [
        (["gc_ms", "nmr"], "yes", "A"),
        (["gc_ms", "ftir"], "yes", "A"),
        (["hplc", "raman"], "yes", "A"),
        (["lc_ms_ms", "uv"], "yes", "A"),
        (["gc_ms", "strip", "nmr"], "yes", "A"),
        (["gc_ms", "nmr"], "no", "B"),
        (["gc_ms", "nmr"], "unknown", "B"),
        (["gc_ms", "lc_ms_ms", "hrms"], "yes", "B"),
        (["uv", "hplc"], "yes", "B"),
        (["gc_ms", "ftir_portable"], "yes", "B"),
        (["gc_ms", "other"], "yes", "B"),
        (["other"], "yes", "B"),
        (["strip"], "yes", "C"),
        (["immunoassay"], "no", "C"),
        (["colour_test", "strip"], "yes", "C"),
        (["ftir_portable", "raman_portable"], "yes", "C"),
        (["raman_portable"], "yes", "C"),
    ],
)
def test_each_row_of_confidence(methods: list[str], standard: str, confidence: str) -> None:
    (evidence,) = said(report("a", component("3-MMC", methods=methods, standard=standard))).values()
    assert evidence.confidence == confidence


def test_what_nobody_analysed_is_d() -> None:
    assert GRADING.certainty.confidence(Techniques.of(())) == "D"


def test_every_combination_of_techniques_has_exactly_one_confidence() -> None:
    found = {
        GRADING.certainty.confidence(Techniques(analysed, presumptive, families, standard))
        for analysed in (True, False)
        for presumptive in (True, False)
        for families in range(4)
        for standard in (True, False)
    }
    assert found == set(Confidence)


def test_a_case_has_the_best_confidence_of_the_findings_behind_its_grade() -> None:
    told = [report("a", strip("protonitazene")), report("b", component("protonitazene"), day=1)]
    desk = Desk().tell(*told)
    assert desk.score()[3] == "B" and not desk.case().provisional


def test_an_old_confirmation_does_not_lend_its_confidence_to_a_new_strip() -> None:
    told = [report("a", component("protonitazene")), report("b", strip("protonitazene"), day=90)]
    case = Desk().tell(*told).case()
    assert case.grades[max(case.live_days)].confidence is Confidence.C


def test_history_lends_no_confidence() -> None:
    old = report("h", component("protonitazene", methods=["gc_ms", "nmr"], standard="yes"), status="archival")
    assert Desk().tell(old, report("a", strip("protonitazene"), day=1)).score()[3] == "C"


# Unanalysed adverse events


def event(name: str, *, day: int = 0, happened: Document | None = None) -> Document:
    found = report(name, day=day, report_type="adverse_event", sample={"sold_as": "ecstasy"})
    return found | {"harm": happened or harm("hospitalised")}


@pytest.mark.parametrize("impact", range(5))
@pytest.mark.parametrize("spread", range(5))
def test_without_analysis_no_level_is_above_l1(impact: int, spread: int) -> None:
    grade = graded(IMPACT[impact], SPREAD[spread], confidence=Confidence.D)
    assert grade.level == min(LEVELS[impact][spread], 1)


def test_the_cap_is_part_of_the_computed_level_and_of_the_trace() -> None:
    desk = Desk().tell(event("a", happened=harm("life_threatening")))
    assert desk.score()[2:] == (Level.L1, "D")
    assert "O-UNANALYSED" in desk.fired() and desk.case().provisional


@pytest.mark.parametrize(("deaths", "level"), [(1, Level.L1), (2, Level.L3), (7, Level.L3)])
def test_two_linked_deaths_without_analysis_are_a_provisional_alert(deaths: int, level: Level) -> None:
    desk = Desk().tell(event("a", happened=death(case_count=deaths)))
    assert (desk.case().computed, desk.case().provisional) == (level, True)


def test_the_deaths_may_come_in_two_reports() -> None:
    desk = Desk().tell(event("a", happened=death()), event("b", day=3, happened=death()))
    assert desk.story[-1][1] is Level.L3


def test_the_report_of_an_unanalysed_event_has_no_components() -> None:
    assert decoded(event("a")).detection.components == ()
