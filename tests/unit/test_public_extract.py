"""The public reads only what a closed list allows, in coarse places and counts of five or more: a planted word each."""

import json

import pytest
from pydantic import JsonValue

from alerts.evidence import Evidence
from alerts.public_extract import FEW, Leak, NotPublic, PublicExtract, at_least_five, check, coarse, extract
from schemas.alert_events import AlertEvent
from tests.unit.deciding import Desk, Document, component, death, harm, report, said, strip

PLANTED = "Zanzibarquux"
OPEN: Document = {"handling": "CLEAR", "public_consent": {"given": True}}


def reported(event: str = "a", /, **changes: JsonValue) -> Document:
    made = report(event, component("metonitazene"), sample={"sold_as": "heroin"}) | OPEN | {"region": "SI041"}
    return made | changes


def told(*documents: Document) -> AlertEvent:
    return Desk().tell(*documents).messages[-1]


def public(*documents: Document) -> PublicExtract:
    made = extract(told(*documents), ("SI041", "SI04"))
    assert isinstance(made, PublicExtract), made
    return made


BANNED: dict[str, Document] = {
    "case reference": {"reporter": {"lab": "si-example", "role": "forensic_lab", "case_ref": PLANTED}},
    "linked reference": {"linked_refs": [{"org": "europol", "ref": PLANTED}]},
    "free text": {"free_text": {"en": PLANTED}},
    "measure": {"measures": [{"kind": "health", "code": "x", "status": "done", "text": PLANTED}]},
    "who consented": {"public_consent": {"given": True, "by": PLANTED}},
    "sign": {"harm": harm("hospitalised", signs=[PLANTED])},
    "age": {"harm": harm("hospitalised", age_band="20-29")},
    "sex": {"harm": harm("hospitalised", sex="female")},
    "place": {"region": "SI041"},
    "laboratory": {"reporter": {"lab": "si-example", "role": "forensic_lab", "case_ref": "EX-x"}},
    "day": {},
}
WORDS = {"age": "20-29", "sex": "female", "place": "SI041", "laboratory": "si-example", "day": "2026-03-02"}


@pytest.mark.parametrize("where", sorted(BANNED))
def test_nothing_banned_stands_in_the_extract(where: str) -> None:
    made = public(reported(**BANNED[where]))
    assert WORDS.get(where, PLANTED).lower() not in made.model_dump_json().lower()


def evidence() -> tuple[Evidence, ...]:
    return tuple(said(reported(**BANNED["case reference"])).values())


@pytest.mark.parametrize(
    "leak", ["si-example", "SI041", "2026-03-02", PLANTED, "jane.roe@example.org", "0101006500006"]
)
def test_the_last_look_stops_bytes_that_say_it_all_the_same(leak: str) -> None:
    event = told(reported(**BANNED["case reference"]))
    made = public(reported())
    check(made.model_dump_json().encode(), event, evidence())
    with pytest.raises(Leak):
        check(made.model_copy(update={"sold_as": (f"heroin {leak}",)}).model_dump_json().encode(), event, evidence())


def test_counts_below_five_are_not_said() -> None:
    assert [at_least_five(count) for count in (0, 1, 4, 5, 12)] == ["none", FEW, FEW, "5", "12"]
    made = public(reported(harm=death(case_count=2)))
    assert (made.events, made.deaths) == (FEW, FEW)
    assert "2" not in json.dumps([made.events, made.deaths])


def test_places_are_no_finer_than_nuts_2_and_times_no_finer_than_a_month() -> None:
    made = public(reported())
    assert made.places == ("SI04",) and made.month == "2026-03" and coarse("DE300") == "DE30"


@pytest.mark.parametrize(
    ("documents", "reason"),
    [
        ([reported(public_consent={"given": False})], NotPublic.CONSENT),
        ([reported(use_conditions="ask first")], NotPublic.CONDITIONS),
        ([reported(handling="RED")], NotPublic.HANDLING),
        ([reported(components=[strip("protonitazene")])], NotPublic.CONFIDENCE),
        ([reported(status="exercise")], NotPublic.NOT_REAL),
        ([reported(components=[component("bromazolam")], sample={"physical_form": "powder"})], NotPublic.LEVEL),
    ],
)
def test_each_barrier_is_named(documents: list[Document], reason: NotPublic) -> None:
    messages = Desk().tell(*documents).messages
    made = extract(messages[-1]) if messages else (NotPublic.LEVEL,)
    assert isinstance(made, tuple) and reason in made


def test_one_provider_who_did_not_consent_is_enough_also_one_who_came_after_the_last_message() -> None:
    desk = Desk().tell(reported(), reported("b", public_consent={"given": False}))
    event, now = desk.messages[-1], desk.case().summary
    assert event.public_consent and not now.public_consent
    assert extract(event, (), now) == (NotPublic.CONSENT,)
