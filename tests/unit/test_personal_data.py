"""What could name a person is found by class and never repeated; what laboratories write is not taken for it."""

import json
from typing import cast

import pytest

from alerts.catalogue import load
from schemas.decoding import Decoded, decode_bytes
from schemas.feedback import masked as masked_for_feedback
from schemas.personal_data import PersonalKind, find, is_identity_number, masked, masked_bytes
from schemas.rejections import Rejection
from schemas.vocabularies import RejectionReason
from tests.unit.deciding import Document, component, report

IDENTITY = {
    "AT": "1237 010180",
    "BE": "85.07.30-033.28",
    "BG": "7523169263",
    "CZ SK": "7103192745",
    "DE": "86095742719",
    "DK": "070761-4285",
    "EE": "37605030299",
    "ES": "54362315K",
    "ES, of a foreigner": "X2482300W",
    "FI": "131052-308T",
    "FR": "2 95 10 99 126 111 93",
    "GR": "01013099997",
    "HR": "69435151530",
    "HU": "8071592153",
    "IE": "6433435F",
    "IT": "RCCMNL83S18D969H",
    "LT": "33309240064",
    "LU": "1893120105732",
    "LV": "161175-19997",
    "NO": "151086 95088",
    "PL": "44051401359",
    "RO": "1800101221144",
    "SE": "811228-9874",
    "SI": "0101006500006",
    "TR": "17291716060",
}
"""Published specimens, one for each country whose numbers have check digits."""

OTHERS = {
    "write to jane.roe@example.org please": PersonalKind.EMAIL,
    "call +386 1 234 56 79": PersonalKind.TELEPHONE,
    "phone (01) 234 56 79": PersonalKind.TELEPHONE,
    "tel. 01 234 5679": PersonalKind.TELEPHONE,
    "male, born 12.3.1981, found": PersonalKind.BIRTH_DATE,
    "rojen 12. 3. 1981": PersonalKind.BIRTH_DATE,
    "DOB 1981-03-12": PersonalKind.BIRTH_DATE,
    "geb. 12.03.1981": PersonalKind.BIRTH_DATE,
    "found at Dunajska cesta 12": PersonalKind.STREET_ADDRESS,
    "in der Hauptstraße 5": PersonalKind.STREET_ADDRESS,
    "rue de la Paix 12": PersonalKind.STREET_ADDRESS,
    "12 Baker Street": PersonalKind.STREET_ADDRESS,
    "46.0569, 14.5058": PersonalKind.COORDINATES,
    "46°03'N 14°30'E": PersonalKind.COORDINATES,
    "BSN 111222333": PersonalKind.IDENTITY_NUMBER,
    "NIF: 123456789": PersonalKind.IDENTITY_NUMBER,
}
HARMLESS = (
    "N-(1-phenethylpiperidin-4-yl)-N-phenylpropanamide, CAS 437-38-7 and 2244737-98-0",
    "MDMA 216 mg, white, 8 mm x 4.5 mm, 120.5 mg, batch 2024-0012",
    "JWH-018, 25I-NBOMe, 1P-LSD, 4-AcO-DMT, AP-237, W-18, 2C-B, 5F-MDMB-PICA",
    "retention time 12.345; 13.456 min, m/z 337.2274",
    "seized on 2021-01-11 between 10:30 and 11:45, 3 of 12 tablets, event of 12.3.2021",
    "OxyContin 80 in street powder 20 mg, 10 x 50",
    "0190f3d2-7a1c-7c11-9d0e-6f6b0a1d2c3e",
    "detections-si-example, partition 0, offset 12345678",
)


@pytest.mark.parametrize("country", sorted(IDENTITY))
def test_identity_numbers_count_with_their_check_digits_right_and_not_otherwise(country: str) -> None:
    number = IDENTITY[country]
    assert is_identity_number(number)
    assert [found.kind for found in find(f"of {number}.")] == [PersonalKind.IDENTITY_NUMBER]
    last = max(place for place, sign in enumerate(number) if sign.isdigit())
    wrong = [f"{number[:last]}{digit}{number[last + 1 :]}" for digit in "0123456789" if digit != number[last]]
    assert sum(map(is_identity_number, wrong)) <= 4, "a wrong digit is mostly seen, whatever other country it fits"


@pytest.mark.parametrize("text", sorted(OTHERS))
def test_each_class_is_found_and_masked(text: str) -> None:
    assert next(found.kind for found in find(text)) is OTHERS[text]
    hidden = text[find(text)[0].start : find(text)[0].end]
    assert hidden not in masked(text) and hidden not in masked_for_feedback(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_laboratories_write_is_none(text: str) -> None:
    assert masked(text) == text


def test_no_name_of_the_catalogue_is_taken_for_a_person() -> None:
    names = [name for entry in load().entries.values() for name in (entry.name, *entry.synonyms)]
    assert len(names) > 3_000
    assert [name for name in names if find(name)] == []


def refusal(**changes: object) -> Rejection:
    found = decode_bytes(json.dumps(report("a", component("MDMA")) | changes).encode(), laboratory=None)
    assert isinstance(found, Rejection), found
    return found


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"free_text": {"en": "call +386 1 234 56 79"}}, "/free_text/en"),
        ({"use_conditions": "ask jane.roe@example.org"}, "/use_conditions"),
        ({"sample": {"physical_form": "powder", "sold_as": "44051401359"}}, "/sample/sold_as"),
        ({"components": [component("MDMA of jane.roe@example.org")]}, "/components/0/name_reported"),
        ({"public_consent": {"given": True, "by": "jane.roe@example.org"}}, "/public_consent/by"),
        (
            {"reporter": {"lab": "si-example", "role": "forensic_lab", "case_ref": "0101006500006"}},
            "/reporter/case_ref",
        ),
        ({"schema_version": "1.9", "note_of_the_future": "born 12.3.1981"}, "/note_of_the_future"),
    ],
)
def test_a_report_that_names_a_person_is_refused_with_the_place_and_without_the_words(
    changes: Document, pointer: str
) -> None:
    found = refusal(**changes)
    assert found.reason is RejectionReason.PERSONAL_DATA
    (problem,) = found.problems
    assert problem.pointer == pointer and "take it out" in problem.sentence
    for secret in ("234 56", "jane.roe", "44051401359", "0101006500006", "1981"):
        assert secret not in problem.sentence


def test_a_report_that_names_nobody_passes() -> None:
    assert isinstance(decode_bytes(json.dumps(cast("object", report("a", "MDMA"))).encode(), laboratory=None), Decoded)


def test_bytes_are_masked_whatever_they_are_and_left_alone_where_nothing_is_found() -> None:
    assert masked_bytes(b'{"a":"jane.roe@example.org \xff"}') == b'{"a":"[removed] \xff"}'
    assert masked_bytes(rb'{"a":"jane.roe\u0040example.org"}') == rb'{"a":"[removed]"}'
    untouched = rb'{"a":"\u0022 \u005c \u0041 \ud83d"}' + b"\xff"
    assert masked_bytes(untouched) == untouched
