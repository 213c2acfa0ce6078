"""Advice and questions follow class and facts; naloxone is for opioids; each sentence has its source."""

import pytest
from pydantic import JsonValue

from alerts.responses import Circumstance, circumstances, responses
from schemas.vocabularies import Audience
from tests.unit.deciding import UNLISTED, Desk, Document, component, harm, report

NALOXONE = "naloxone available"


def advised(*components: Document | str, sample: Document | None = None, **changes: JsonValue) -> str:
    desk = Desk().tell(report("a", *components, sample=sample) | changes)
    case = max(desk.cases(), key=lambda one: one.computed)
    advice, questions = responses().chosen(circumstances(case))
    return " ".join((*advice, *questions))


def test_every_sentence_has_a_source_that_is_named() -> None:
    found = responses()
    assert all(sentence.source in found.sources for sentence in (*found.advice, *found.questions))
    assert {sentence.source for sentence in (*found.advice, *found.questions)} == set(found.sources)


@pytest.mark.parametrize("name", ["metonitazene", "fluorofentanyl", "brorphine"])
def test_naloxone_is_advised_for_potent_opioids(name: str) -> None:
    assert NALOXONE in advised(name)


def test_it_may_need_repeating_for_nitazenes_only() -> None:
    assert "may need repeating" in advised("metonitazene") and "may need repeating" not in advised("brorphine")


def test_it_is_not_advised_for_xylazine_alone() -> None:
    said = advised("xylazine", sample={"sold_as": "diazepam"})
    assert NALOXONE not in said and "does not reverse xylazine" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("3-MMC", "overheating"),
        ("1P-LSD", "calm place"),
        ("deschloroketamine", "loss of movement"),
        ("ADB-BUTINACA", "seizures"),
        ("bromazolam", "long sedation"),
    ],
)
def test_each_class_has_its_own_advice(name: str, words: str) -> None:
    assert words in advised(name)


def test_what_no_catalogue_has_is_treated_by_signs() -> None:
    assert "effects in people are not known" in advised(component("new cathinone", smiles=UNLISTED))


def test_harm_and_sale_at_a_distance_ask_and_advise_more() -> None:
    said = advised("metonitazene", sample={"distribution": ["online"]}, harm=harm("hospitalised"))
    assert "offers on the internet" in said and "confirmed analytically" in said and "doses of naloxone" in said


def test_a_precursor_with_a_finished_drug_is_a_production_site_for_a_restricted_audience() -> None:
    desk = Desk().tell(
        report("a", component("BMK methyl glycidate", role="precursor"), component("amphetamine"))
        | {"report_type": "seizure", "sample": {"physical_form": "powder", "quantity": {"value": 5, "unit": "kg"}}}
    )
    (event,) = [one for one in desk.messages if one.audience is Audience.PRECURSOR]
    assert any("production site" in line for line in event.advice)
    assert any("drug precursors" in line for line in event.advice)


def test_every_circumstance_is_said_something_about() -> None:
    found = responses()
    assert {sentence.when for sentence in (*found.advice, *found.questions)} == set(Circumstance)
