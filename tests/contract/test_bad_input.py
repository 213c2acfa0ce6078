"""What bad input gets: one test per row of the table, for all that needs no memory."""

import json

import pytest

from schemas.decoding import Decoded, decode
from schemas.rejections import Rejection
from schemas.vocabularies import RejectionReason as Reason
from tests.contract.reports import ABSENT, Report, bent, good, record


def refusal(report: Report | bytes | None, **headers: bytes) -> Rejection:
    verdict = decode(record(report, **headers), laboratory="si-example")
    assert isinstance(verdict, Rejection)
    return verdict


def accepted(report: Report | bytes, **headers: bytes) -> Decoded:
    verdict = decode(record(report, **headers), laboratory="si-example")
    assert isinstance(verdict, Decoded), verdict
    return verdict


def pointers(rejection: Rejection) -> list[str]:
    return [problem.pointer for problem in rejection.problems]


UNDECODABLE = {
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": json.dumps(good()).encode("utf-16"),
    "not JSON": b"schema_version: 1.0",
    "a comma too many": b'{"a": 1,}',
    "cut off": json.dumps(good()).encode()[:-5],
    "two reports in one": json.dumps(good()).encode() * 2,
    "NaN": b'{"revision": NaN}',
    "Infinity": b'{"revision": -Infinity}',
    "duplicate keys": b'{"revision": 1, "revision": 2}',
    "duplicate keys by escape": b'{"revision": 1, "\\u0072evision": 2}',
    "nested too deep": b'{"a":' * 33 + b"1" + b"}" * 33,
    "a million brackets": b"[" * 1_000_000,
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(good()).encode(),
}


@pytest.mark.parametrize("value", UNDECODABLE.values(), ids=UNDECODABLE.keys())
def test_what_is_not_strict_json_is_undecodable(value: bytes) -> None:
    assert refusal(value).reason is Reason.UNDECODABLE


def test_brackets_inside_texts_are_not_nesting() -> None:
    assert accepted(bent(use_conditions='[{"' * 200)).detection.use_conditions == '[{"' * 200


def test_thirty_two_levels_are_read() -> None:
    assert refusal(b"[" * 32 + b"]" * 32).reason is Reason.INVALID


@pytest.mark.parametrize("value", [None, b"", b" \n"], ids=["tombstone", "no bytes", "blank"])
def test_an_empty_value_is_empty(value: bytes | None) -> None:
    assert refusal(value).reason is Reason.EMPTY


def test_one_mebibyte_is_read_and_one_byte_more_is_too_large() -> None:
    report = json.dumps(good()).encode()
    assert isinstance(accepted(report + b" " * (1024 * 1024 - len(report))), Decoded)
    rejection = refusal(report + b" " * (1024 * 1024 - len(report) + 1))
    assert rejection.reason is Reason.TOO_LARGE
    assert "1,048,577 bytes" in rejection.problems[0].sentence


INVALID: dict[str, tuple[Report, str]] = {
    "field missing": (bent(handling=ABSENT), "/handling"),
    "unknown field": (bent(sample__weight=3), "/sample/weight"),
    "unknown field with a slash": (bent(**{"purity/%": 3}), "/purity~1%"),
    "wrong type": (bent(revision="1"), "/revision"),
    "not an integer": (bent(sample__n_units=1.5), "/sample/n_units"),
    "a boolean is not a number": (bent(revision=True), "/revision"),
    "word not in the list": (bent(components__0__methods=["gc_ms", "magic"]), "/components/0/methods/1"),
    "naive time": (bent(reported_at="2021-01-20T09:30:00"), "/reported_at"),
    "time without a zone by a space": (bent(reported_at="2021-01-20 09:30:00Z"), "/reported_at"),
    "epoch as text": (bent(reported_at="1611135000"), "/reported_at"),
    "no such day": (bent(event_date={"value": "2021-02-30", "precision": "day"}), "/event_date"),
    "precision finer than the date": (bent(event_date={"value": "2021", "precision": "day"}), "/event_date"),
    "event after the report": (bent(event_date__value="2021-01-23"), "/event_date/value"),
    "region outside the country": (bent(region="DE21"), "/region"),
    "region finer than NUTS 3": (bent(region="SI0412"), "/region"),
    "Greece is EL in NUTS": (bent(country="GR", region="GR30"), "/region"),
    "empty components on a seizure": (bent(report_type="seizure", components=[]), "/components"),
    "seizure without amount": (bent(report_type="seizure", sample__n_units=ABSENT), "/sample/quantity"),
    "sample without form": (bent(sample__physical_form=ABSENT), "/sample/physical_form"),
    "blood without matrix": (bent(report_type="biological_sample"), "/matrix"),
    "harm without exposure": (bent(harm={"outcome": "death", "severity": "unknown"}), "/harm/exposure"),
    "death with none_known": (
        bent(harm={"outcome": "none_known", "severity": "unknown", "exposure": "confirmed", "signs": ["death"]}),
        "/harm/outcome",
    ),
    "first finding without structure": (
        bent(novelty_claim="union_first", components__0__inchikey=ABSENT),
        "/novelty_claim",
    ),
    "not a JSON object": ({}, "/schema_version"),
}


@pytest.mark.parametrize(("report", "pointer"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_report_is_told_where(report: Report, pointer: str) -> None:
    rejection = refusal(report)
    assert rejection.reason is Reason.INVALID
    assert pointer in pointers(rejection)


def test_a_conditional_field_is_not_refused_where_it_is_not_asked_for() -> None:
    detection = accepted(bent(matrix="blood", report_type="environmental")).detection
    assert detection.matrix == "blood"


@pytest.mark.parametrize("value", [b"[]", b"null", b"12", b'"report"'])
def test_json_that_is_no_object_is_invalid(value: bytes) -> None:
    assert pointers(refusal(value)) == [""]


def test_every_problem_is_told_at_once_also_those_between_fields() -> None:
    report = bent(
        report_type="seizure", components=[], region="DE21", reported_at="2021-01-20T09:30:00", revision=0, extra=1
    )
    report["sample"] = {}
    assert set(pointers(refusal(report))) == {
        "/components",
        "/region",
        "/reported_at",
        "/revision",
        "/extra",
        "/sample/physical_form",
        "/sample/quantity",
    }


def test_sentences_speak_to_a_laboratory_and_repeat_no_more_than_a_glimpse_of_what_was_sent() -> None:
    rejection = refusal(bent(action="x" * 5000, revision=10**12, handling={"a": 1}, sample__n_units=[]))
    for problem in rejection.problems:
        assert problem.sentence.endswith(".")
        assert "pydantic" not in problem.sentence
        assert len(problem.sentence) < 250


def test_ten_thousand_problems_are_told_as_a_hundred_and_a_count() -> None:
    rejection = refusal({**good(), **{f"x{number}": 1 for number in range(10_000)}})
    assert len(rejection.problems) == 101
    assert "9,900 more problems" in rejection.problems[-1].sentence


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "-1e400", "1e999999999", "1" + "0" * 5000])
def test_a_number_beyond_all_bounds_is_refused_where_it_stands(number: str) -> None:
    value = json.dumps(bent(sample__n_units=77)).replace("77", number).encode()
    assert pointers(refusal(value)) == ["/sample/n_units"]


def test_a_report_from_more_than_ten_minutes_ahead_is_invalid() -> None:
    assert isinstance(accepted(bent(reported_at="2021-01-20T09:40:00Z")), Decoded)
    assert pointers(refusal(bent(reported_at="2021-01-20T09:40:01Z"))) == ["/reported_at"]
    assert pointers(refusal(bent(reported_at="2021-01-20T09:40:01+00:00"))) == ["/reported_at"]


def test_a_newer_minor_is_accepted_and_its_unknown_fields_are_kept_counted_and_ignored() -> None:
    decoded = accepted(bent(schema_version="1.7", purity=80, sample__weight=3, components__0__peak=[1]))
    assert decoded.ignored_fields == 3
    assert [note.partition(":")[0] for note in decoded.notes] == ["/components/0/peak", "/sample/weight", "/purity"]
    assert json.loads(decoded.content)["sample"]["weight"] == 3
    assert decoded.detection.schema_version == "1.7"


def test_a_newer_minor_is_still_refused_for_what_is_wrong_with_its_known_fields() -> None:
    assert pointers(refusal(bent(schema_version="1.7", purity=80, region="DE21"))) == ["/region"]


@pytest.mark.parametrize("version", ["2.0", "2", "10.3", "2.0.1"])
def test_a_newer_major_is_an_unsupported_version(version: str) -> None:
    assert refusal(bent(schema_version=version)).reason is Reason.UNSUPPORTED_VERSION


@pytest.mark.parametrize("version", ["", "1", "1.0.0", "0.9", "1.٠", "one"])
def test_a_version_that_is_none_is_invalid(version: str) -> None:
    assert pointers(refusal(bent(schema_version=version))) == ["/schema_version"]


def test_a_reporter_that_is_not_the_laboratory_of_the_topic_is_a_mismatch() -> None:
    assert refusal(bent(reporter__lab="fi-example")).reason is Reason.REPORTER_MISMATCH


@pytest.mark.parametrize("source", [b"fi-example", b"/laboratories/fi-example", b"urn:tocsin:fi-example", b"\xff"])
def test_a_cloudevents_source_of_another_laboratory_is_a_mismatch(source: bytes) -> None:
    assert refusal(good(), ce_source=source).reason is Reason.REPORTER_MISMATCH


@pytest.mark.parametrize("source", [b"si-example", b"/laboratories/si-example", b"urn:tocsin:si-example", b""])
def test_a_cloudevents_source_of_the_same_laboratory_is_fine(source: bytes) -> None:
    assert isinstance(accepted(good(), ce_source=source), Decoded)


HIDDEN = {"bell": "\x07", "NUL": "\x00", "override": "\u202e", "zero width": "\u200b", "surrogate": "\ud800"}


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN.keys())
def test_hidden_characters_are_stripped_from_text_and_noted(character: str) -> None:
    decoded = accepted(bent(sample__sold_as=f"oxy{character}codone", free_text={"en": f"first\nsec{character}ond"}))
    assert decoded.detection.sample is not None
    assert decoded.detection.sample.sold_as == "oxycodone"
    assert decoded.detection.free_text["en"] == "first\nsecond"
    assert {note.partition(":")[0] for note in decoded.notes} == {"/sample/sold_as", "/free_text/en"}


def test_raw_hidden_characters_are_seen_as_well_as_escaped_ones() -> None:
    value = json.dumps(bent(sample__sold_as="oxy\u200bcodone"), ensure_ascii=False).encode()
    assert "/sample/sold_as" in accepted(value).notes[0]


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN.keys())
@pytest.mark.parametrize("field", ["reporter__case_ref", "reporter__lab", "components__0__inchikey", "event_id"])
def test_hidden_characters_are_refused_in_identifiers(field: str, character: str) -> None:
    rejection = refusal(bent(**{field: f"EX{character}1"}))
    assert rejection.reason is Reason.INVALID
    assert pointers(rejection) == ["/" + field.replace("__", "/")]


def test_a_text_of_nothing_but_hidden_characters_is_empty() -> None:
    assert pointers(refusal(bent(sample__sold_as="\u200b\u200b"))) == ["/sample/sold_as"]


def test_what_is_repeated_in_an_answer_can_always_be_encoded() -> None:
    rejection = refusal(bent(**{"x\ud800\x00": 1, "action": "\udfff"}))
    assert json.dumps([problem.model_dump() for problem in rejection.problems], ensure_ascii=False).encode()
    assert "\x00" not in "".join(pointers(rejection))


def test_the_same_content_in_other_bytes_has_the_same_digest_and_other_content_another() -> None:
    one, other = accepted(good()), accepted(json.dumps(good(), indent=3, sort_keys=True).encode())
    assert one.digest == other.digest
    assert accepted(bent(sample__n_units=3)).digest != one.digest
