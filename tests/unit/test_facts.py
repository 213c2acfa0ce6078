"""Each definition of the facts, at its borders: what a rule may ask about one case on one day."""

import pytest

from alerts.evidence import Mark
from alerts.facts import Facts
from schemas.vocabularies import Presentation
from tests.unit.deciding import (
    UNLISTED,
    Desk,
    Document,
    component,
    days,
    death,
    harm,
    report,
    said,
    strip,
)


def facts(*documents: Document, loaded: tuple[str, ...] = (), name: str | None = None, day: int | None = None) -> Facts:
    return Desk(loaded).tell(*documents).facts(name, day=day)


def only(document: Document) -> frozenset[Mark]:
    """The marks of a report that speaks to one case."""
    (evidence,) = said(document).values()
    return evidence.marks


# Potent opioid


@pytest.mark.parametrize(
    "name", ["protonitazene", "metonitazene", "carfentanil", "brorphine", "AP-237", "MT-45", "W-18", "U-47700"]
)
def test_nitazenes_fentanyls_orphines_and_the_named_others_are_potent_opioids(name: str) -> None:
    assert facts(report("a", name)).potent_opioid


@pytest.mark.parametrize("name", ["heroin", "oxycodone", "tramadol", "tianeptine", "morphine", "bromazolam", "3-MMC"])
def test_heroin_opiates_tramadol_and_tianeptine_are_not(name: str) -> None:
    assert not facts(report("a", name, sample={"sold_as": "cocaine"})).potent_opioid


def test_an_unidentified_nitazene_is_a_potent_opioid() -> None:
    assert facts(report("a", strip())).potent_opioid


# Bulk and user level


@pytest.mark.parametrize(
    ("name", "grams", "bulk"),
    [("protonitazene", 9.9, False), ("protonitazene", 10, True), ("3-MMC", 999.9, False), ("3-MMC", 1000, True)],
)
def test_bulk_begins_at_ten_grams_of_a_potent_opioid_and_at_a_kilogram_of_anything_else(
    name: str, grams: float, bulk: bool
) -> None:
    assert facts(report("a", name, sample={"quantity": {"value": grams, "unit": "g"}})).bulk is bulk


@pytest.mark.parametrize(("unit", "value"), [("kg", 1), ("mg", 1_000_000), ("t", 0.001)])
def test_bulk_is_the_same_in_any_unit_of_mass(unit: str, value: float) -> None:
    assert facts(report("a", "3-MMC", sample={"quantity": {"value": value, "unit": unit}})).bulk


@pytest.mark.parametrize(
    ("sample", "user_level"),
    [
        ({}, True),
        ({"n_units": 10}, True),
        ({"n_units": 11}, False),
        ({"quantity": {"value": 999, "unit": "g"}}, True),
        ({"quantity": {"value": 1, "unit": "kg"}}, False),
        ({"presentation": "consumer_product"}, False),
        ({"presentation": "fake_medicine"}, True),
    ],
)
def test_user_level_is_below_bulk_at_most_ten_units_and_no_consumer_product(sample: Document, user_level: bool) -> None:
    assert (Mark.USER_LEVEL in only(report("a", "3-MMC", sample=sample))) is user_level


# Local origin


@pytest.mark.parametrize("place", ["street", "event", "retail", "prison"])
def test_origin_is_local_where_the_distribution_says_only_street_event_retail_or_prison(place: str) -> None:
    assert facts(report("a", "3-MMC", sample={"distribution": [place]})).local_user_events == 1


@pytest.mark.parametrize(
    "sample",
    [
        {},
        {"distribution": ["unknown"]},
        {"distribution": ["online"]},
        {"distribution": ["border"]},
        {"distribution": ["street", "social_media"]},
        {"distribution": ["production_site"]},
    ],
)
def test_origin_is_not_local_when_it_is_not_said_or_anything_else_is(sample: Document) -> None:
    assert facts(report("a", "3-MMC", sample=sample)).local_user_events == 0


def test_a_street_and_an_unknown_origin_together_are_not_known_to_be_local() -> None:
    assert facts(report("a", "3-MMC", sample={"distribution": ["street", "unknown"]})).local_user_events == 0


# Newly affected countries


def test_a_country_is_newly_affected_with_an_event_in_ninety_days_and_none_in_the_year_before_them() -> None:
    told = [report("a", "3-MMC"), report("b", "3-MMC", day=89, country="FI", lab="fi-example")]
    assert facts(*told).new_countries == 2


def test_ninety_days_include_the_anchor_and_end_before_the_ninetieth_day_back() -> None:
    told = [report("a", "3-MMC"), report("b", "3-MMC", day=90, country="FI", lab="fi-example")]
    assert facts(*told).new_countries == 1


@pytest.mark.parametrize(("earlier", "new"), [(90, 0), (454, 0), (455, 1)])
def test_an_event_in_the_twelve_months_before_the_ninety_days_makes_a_country_known(earlier: int, new: int) -> None:
    told = [report("a", "3-MMC", status="archival"), report("b", "3-MMC", day=earlier)]
    assert facts(*told).new_countries == new


def test_third_countries_count_as_affected_too() -> None:
    told = [report("a", "3-MMC"), report("b", "3-MMC", day=1, country="CH", lab="ch-example")]
    assert facts(*told).new_countries == 2


def test_confirmed_harm_needs_confirmed_exposure_and_hospital_or_death() -> None:
    def with_harm(second: Document) -> int:
        first = report("a", "3-MMC", harm=harm("hospitalised"))
        return facts(first, report("b", "3-MMC", day=1, country="FI", lab="fi-x", harm=second)).new_countries_with_harm

    assert with_harm(death()) == 2
    assert with_harm(harm("hospitalised")) == 2
    assert with_harm(harm("hospitalised", exposure="probable")) == 1
    assert with_harm(harm("moderate")) == 1


# Harm


def test_harm_to_which_the_substance_did_not_contribute_is_no_harm() -> None:
    found = facts(report("a", "3-MMC", harm=death(causality="not_contributory")))
    assert not found.death_confirmed and not found.hospitalised_any and found.deaths == 0


@pytest.mark.parametrize(
    ("exposure", "likely", "confirmed"),
    [("confirmed", True, True), ("probable", True, False), ("suspected", False, False)],
)
def test_a_death_counts_by_how_sure_the_exposure_is(exposure: str, likely: bool, confirmed: bool) -> None:
    found = facts(report("a", "3-MMC", harm=death(exposure=exposure)))
    assert (found.hospitalised_any, found.hospitalised_likely, found.death_confirmed) == (True, likely, confirmed)


@pytest.mark.parametrize(("later", "seen"), [(89, True), (90, False)])
def test_harm_is_looked_for_in_ninety_days(later: int, seen: bool) -> None:
    told = [report("a", "3-MMC", harm=harm("hospitalised")), report("b", "3-MMC", day=later)]
    assert facts(*told).hospitalised_any is seen


@pytest.mark.parametrize(("later", "together"), [(13, 3), (14, 2)])
def test_severe_cases_are_linked_within_fourteen_days(later: int, together: int) -> None:
    bad = harm("life_threatening", exposure="suspected")
    told = [report("a", "3-MMC", region="SI03", harm=bad)]
    told += [report(name, "3-MMC", region="SI03", day=later, harm=bad) for name in "bc"]
    assert facts(*told).severe_in_region == together


def test_severe_cases_are_counted_per_region_and_add_up_patients() -> None:
    bad = harm("life_threatening", case_count=2)
    told = [report("a", "3-MMC", region="SI03", harm=bad), report("b", "3-MMC", region="SI04", harm=death())]
    assert facts(*told).severe_in_region == 2


def test_a_case_count_adds_patients_and_deaths_but_never_events() -> None:
    found = facts(report("a", "3-MMC", harm=death(case_count=4)))
    assert (found.deaths, found.severe_in_region, found.events_28d) == (4, 4, 1)


def test_two_reports_of_one_patient_are_one_patient() -> None:
    link: Document = {"org": "si-example", "ref": "EX-a"}
    told = [
        report("a", "3-MMC", harm=death()),
        report("b", "3-MMC", lab="si-hospital", linked_refs=[link], harm=death()),
    ]
    assert facts(*told).deaths == 1


# The substance


def test_effects_are_known_where_the_catalogue_has_the_substance() -> None:
    assert facts(report("a", "3-MMC")).effects_known
    assert not facts(report("a", component("new", smiles=UNLISTED))).effects_known
    assert not facts(report("a", "a name nobody knows")).effects_known


# Mis-sold


@pytest.mark.parametrize(
    ("found", "sample", "mis_sold"),
    [
        ("fentanyl", {"sold_as": "cocaine"}, True),
        ("cocaine", {"sold_as": "cocaine"}, False),
        ("bromazolam", {"sold_as": "diazepam"}, True),
        ("bromazolam", {"sold_as": "diazepam", "mis_sold": False}, True),
        ("3-MMC", {"sold_as": "3-MMC", "mis_sold": True}, False),
        ("3-MMC", {"sold_as": "something nobody knows", "mis_sold": True}, True),
        ("3-MMC", {"mis_sold": True}, True),
        ("3-MMC", {"mis_sold": "unknown"}, False),
        ("3-MMC", {"sold_as": "something nobody knows"}, False),
        ("bromazolam", {"sold_as": "benzodiazepine"}, False),
    ],
)
def test_mis_sold_goes_by_the_substance_promised_else_by_the_word_of_the_laboratory(
    found: str, sample: Document, mis_sold: bool
) -> None:
    evidence = said(report("a", found, sample=sample)).values()
    assert any(Mark.MIS_SOLD in item.marks for item in evidence) is mis_sold


def test_a_low_risk_ingredient_of_what_was_promised_is_not_mis_sale() -> None:
    cut = component("caffeine", role="cutting_agent")
    assert said(report("a", "cocaine", cut, sample={"sold_as": "cocaine"})) == {}


# Unexpected, doses, mixtures


def test_a_usual_cut_is_expected_and_the_same_substance_elsewhere_is_not() -> None:
    levamisole = component("levamisole", role="adulterant")
    assert said(report("a", "cocaine", levamisole, sample={"sold_as": "cocaine"})) == {}
    found = said(report("a", "MDMA", levamisole, sample={"sold_as": "ecstasy"}))
    assert Mark.UNEXPECTED_TOXIC in found["Levamisole"].marks


def test_without_words_of_sale_the_main_actives_stand_for_them() -> None:
    levamisole = component("levamisole", role="adulterant")
    assert said(report("a", "cocaine", levamisole)) == {}
    assert Mark.UNEXPECTED_TOXIC in said(report("a", "MDMA", levamisole))["Levamisole"].marks


def test_what_acts_acutely_or_with_delay_is_marked_so_when_unexpected() -> None:
    found = said(report("a", "MDMA", component("PMMA", role="adulterant"), sample={"sold_as": "ecstasy"}))
    assert Mark.UNEXPECTED_ACUTE in found["PMMA"].marks


@pytest.mark.parametrize(
    ("name", "value", "unit", "high", "extreme"),
    [
        ("MDMA", 120, "mg", False, False),
        ("MDMA", 120.1, "mg", True, False),
        ("MDMA", 200, "mg", True, False),
        ("MDMA", 200.1, "mg", True, True),
        ("LSD", 150, "ug", False, False),
        ("LSD", 151, "ug", True, False),
        ("LSD", 250, "ug", True, False),
        ("LSD", 251, "ug", True, True),
        ("MDMA", 0.201, "g", True, True),
    ],
)
def test_dose_bands_are_those_of_the_swiss_grid(name: str, value: float, unit: str, high: bool, extreme: bool) -> None:
    amount: Document = {"value": value, "unit": unit, "per": "unit"}
    found = facts(report("a", component(name, amount=amount), sample={"mis_sold": True}))
    assert (found.dose_high, found.dose_extreme) == (high, extreme)


def test_a_mass_fraction_and_the_mass_of_the_unit_make_a_dose() -> None:
    amount: Document = {"value": 50, "unit": "%", "per": "percent_w_w"}
    sample: Document = {"physical_form": "tablet", "appearance": {"mass_mg": 500}}
    assert facts(report("a", component("MDMA", amount=amount), sample=sample)).max_dose_mg == 250


def test_a_concentration_is_no_dose() -> None:
    amount: Document = {"value": 300, "unit": "mg/mL"}
    assert not facts(report("a", component("MDMA", amount=amount), sample={"mis_sold": True})).dose_high


@pytest.mark.parametrize("sedative", ["bromazolam", "diazepam", "xylazine", "medetomidine"])
def test_an_opioid_with_a_benzodiazepine_xylazine_or_medetomidine_is_a_dangerous_mixture(sedative: str) -> None:
    found = said(report("a", "heroin", component(sedative, role="adulterant"), sample={"sold_as": "heroin"}))
    assert all(Mark.MIXTURE in item.marks for item in found.values()) and found


def test_two_sedatives_or_an_opioid_alone_are_none() -> None:
    for names in (("bromazolam", "xylazine"), ("heroin", "cocaine")):
        found = said(report("a", *names, sample={"sold_as": "MDMA"}))
        assert found and not any(Mark.MIXTURE in item.marks for item in found.values())


def test_mixture_unexpected_and_dose_rules_apply_to_products_only() -> None:
    amount: Document = {"value": 216, "unit": "mg", "per": "unit"}
    parts = [component("protonitazene"), component("bromazolam", role="adulterant"), component("MDMA", amount=amount)]
    found = said(report("a", *parts, report_type="biological_sample", matrix="blood"))
    ruled = {Mark.MIXTURE, Mark.DOSE_HIGH, Mark.UNEXPECTED_ACUTE, Mark.UNEXPECTED_LOW_RISK}
    assert found and not any(ruled & item.marks for item in found.values())


def test_a_fake_medicine_and_a_consumer_product_are_told_apart() -> None:
    for presentation in (Presentation.FAKE_MEDICINE, Presentation.CONSUMER_PRODUCT):
        found = facts(report("a", "protonitazene", sample={"presentation": presentation.value}))
        assert found.fake_medicine is (presentation is Presentation.FAKE_MEDICINE)
        assert found.consumer_product is (presentation is Presentation.CONSUMER_PRODUCT)


# Baseline


def history(*when: int) -> list[Document]:
    return [report(f"h{day}", "3-MMC", day=day, status="archival") for day in when]


@pytest.mark.parametrize(("first", "has"), [(0, True), (1, False)])
def test_there_is_no_baseline_until_the_first_event_is_sixty_days_old(first: int, has: bool) -> None:
    assert facts(*history(first), report("a", "3-MMC", day=60)).has_baseline is has


def test_the_baseline_is_the_events_of_the_year_before_the_28_days_divided_by_twelve() -> None:
    anchor = 500
    inside = history(anchor - 28, anchor - 392)
    outside = history(anchor - 27, anchor - 393)
    assert facts(*inside, *outside, report("a", "3-MMC", day=anchor)).baseline_mean == 2 / 12


@pytest.mark.parametrize(("later", "events"), [(27, 2), (28, 1)])
def test_events_are_counted_over_28_days_that_include_the_anchor(later: int, events: int) -> None:
    assert facts(report("a", "3-MMC"), report("b", "3-MMC", day=later)).events_28d == events


def test_history_counts_as_events_but_never_as_an_anchor() -> None:
    desk = Desk().tell(report("a", "3-MMC", day=5), *history(0, 10))
    assert desk.facts().events_28d == 2
    assert {day.isoformat() for day in desk.case().live_days} == {days(5)}


# Dates


@pytest.mark.parametrize(
    ("value", "precision", "day"),
    [
        ("2026-01-15", "day", "2026-01-15"),
        ("2026-01", "month", "2026-01-31"),
        ("2025", "year", "2025-12-31"),
        ("2026-03", "month", "2026-03-03"),
        ("2026", "year", "2026-03-03"),
        (None, "unknown", "2026-03-03"),
    ],
)
def test_a_date_stands_on_its_last_day_clipped_to_the_day_of_the_report(
    value: str | None, precision: str, day: str
) -> None:
    document = report("a", "3-MMC", event_date={"value": value, "precision": precision})
    (evidence,) = said(document).values()
    assert evidence.day.isoformat() == day
    assert evidence.dated is (precision != "unknown")


# Counted above the mean


def test_with_a_baseline_only_events_above_its_mean_count_as_independent() -> None:
    past = history(*range(15, 375, 15))
    found = facts(*past, report("a", "3-MMC", day=400), report("b", "3-MMC", day=401))
    assert (found.events_country_28d, found.baseline_mean, found.independent_events) == (2, 2.0, 0.0)


def test_without_a_baseline_all_events_of_a_country_count() -> None:
    told = [report("a", "3-MMC"), report("b", "3-MMC"), report("c", "3-MMC", country="FI", lab="fi-example")]
    assert facts(*told).independent_events == 2.0
