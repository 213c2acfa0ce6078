"""The draft of a formal notification has every letter of Art. 13(2), what each still lacks, and the time limits."""

import json
from datetime import date

from alerts.notification import Basis, Draft, draft
from alerts.time_limits import Step, clocks
from schemas.decoding import Decoded, decode_bytes
from schemas.detections import Detection
from tests.unit.deciding import UNLISTED, Desk, Document, component, harm, report
from tocsin.case_papers import page


def detection(document: Document) -> Detection:
    found = decode_bytes(json.dumps(document).encode(), laboratory=None)
    assert isinstance(found, Decoded), found
    return found.detection


def drafted(*documents: Document, conditions: tuple[str, ...] = ()) -> Draft:
    case = Desk().tell(*documents).case()
    return draft(
        Basis(
            case=case.id,
            alert="TOC-A-2026-0001",
            subject=case.subject,
            first_in_union=case.grade is not None and "I2-UNION-FIRST" in {rule.id for rule in case.grade.fired},
            decided_on=date(2026, 3, 3),
            today=date(2026, 3, 3),
            handling="AMBER",
            conditions=conditions,
            reports=tuple(map(detection, documents)),
        )
    )


NEW = report("a", component("new cathinone", smiles=UNLISTED, methods=["gc_ms", "nmr"], standard="yes"))


def test_every_letter_is_there_in_order_and_says_what_is_known_or_missing() -> None:
    made = drafted(NEW)
    assert [item.letter for item in made.items] == list("abcdefghij")
    assert all(item.known or item.missing for item in made.items)
    assert made.first_in_union and made.missing == sum(len(item.missing) for item in made.items) > 10


def test_what_a_report_says_is_no_longer_missing() -> None:
    poor, rich = drafted(NEW), drafted(NEW | {"region": "SI04", "harm": harm("hospitalised"), "risks": ["violence"]})
    gone = {line for item in poor.items for line in item.missing} - {
        line for item in rich.items for line in item.missing
    }
    assert {"region (NUTS)", "severity", "outcome", "risks"} <= gone
    (methods,) = [item for item in rich.items if item.letter == "e"]
    assert "techniques: gc ms, nmr" in methods.known and "compared with a reference standard" in methods.known


def test_ages_sexes_and_case_references_stay_with_the_laboratory() -> None:
    made = drafted(NEW | {"harm": harm("hospitalised", age_band="20-29", sex="female")})
    assert not any(word in made.model_dump_json() for word in ("20-29", "female", "EX-a"))


def test_the_time_limits_follow_each_other_in_two_five_and_six_weeks() -> None:
    told, report_, request, assessment = clocks(date(2026, 1, 5), {}, date(2026, 1, 5))
    assert told.due == date(2026, 1, 5)
    assert (report_.weeks, request.weeks, assessment.weeks) == (5, 2, 6)
    assert (report_.due, request.due, assessment.due) == (date(2026, 2, 9), date(2026, 2, 23), date(2026, 4, 6))


def test_a_time_limit_runs_from_the_day_of_the_step_before_and_only_then_can_be_overdue() -> None:
    opened, late = date(2026, 1, 5), date(2027, 1, 1)
    assert [(clock.runs, clock.overdue) for clock in clocks(opened, {}, late)] == [(True, True), *[(False, False)] * 3]
    done = {Step.INFORMATION: date(2026, 1, 6), Step.REQUEST: date(2026, 2, 1)}
    told, report_, request, _ = clocks(opened, done, date(2026, 3, 8))
    assert (told.done, told.overdue) == (date(2026, 1, 6), False)
    assert (report_.since, report_.due) == (date(2026, 2, 1), date(2026, 3, 8))
    assert report_.runs and not report_.overdue
    assert clocks(opened, done, date(2026, 3, 9))[1].overdue and not request.runs


def test_the_page_shows_all_of_it_and_nothing_in_it_can_run() -> None:
    made = drafted(NEW, conditions=("<script>alert(1)</script>",))
    shown = page(made)
    assert "<script" not in shown and "&lt;script&gt;" in shown
    assert all(f"({item.letter}) {item.heading}" in shown for item in made.items)
    assert "Art. 10" in shown and "TLP:AMBER" in shown
