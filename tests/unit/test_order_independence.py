"""The same reports in any order, repeated, or cut into batches differently give the same findings, facts and levels.

What may depend on the order, and is left out here:
- case ids, alert numbers and messages: they follow arrival, and are tested by replay of the same order;
- `RETRACTED` and `MOVED` cases in which nothing is left: whether somebody was told before a retraction depends on what
  came first; whatever is still reported stands in the last case of its chain, and that is compared;
- the list of sources behind a message: the latest twenty, in the order of arrival;
- whether an alert expired or was closed meanwhile: cases go on counting, whatever became of their alerts. Reports
  arrive minutes or days apart, so that alerts expire in between in one order and not in the other.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from alerts.anchors import facts_of
from alerts.cases import Case, CaseFile, Filed
from alerts.counting import recount
from alerts.effects import Effects
from alerts.errors import Missing
from alerts.memory import Memory
from alerts.pipeline import fold, read
from alerts.readings import Reading
from schemas.rejections import Rejection
from schemas.vocabularies import CaseState, Tense
from tests.unit.deciding import (
    UNLISTED,
    Document,
    component,
    death,
    decoded,
    harm,
    report,
    retracted,
    revised,
    setting,
    strip,
)

SETTING = setting(loaded=("SI", "FI"))
LABS = ("si-example", "fi-example", "eu-example")
COUNTRIES = ("SI", "FI", "HR", "CH")
REGIONS = {"SI": ("SI03", "SI04"), "FI": ("FI1B", "FI1C"), "HR": ("HR05",), "CH": ("CH01",)}

PINK: Document = {"colour": "pink", "shape": "skull"}
SOLD = {
    "protonitazene": [component("protonitazene", methods=["gc_ms", "nmr"], standard="yes")],
    "fentanyl": [component("fentanyl")],
    "3-MMC": [component("3-MMC")],
    "bromazolam": [component("bromazolam")],
    "MDMA": [component("MDMA", amount={"value": 216, "unit": "mg", "per": "unit"})],
    "unlisted": [component("new cathinone", smiles=UNLISTED)],
    "in conflict": [component("fentanyl", inchikey="SJHUJFHOXYDSJY-UHFFFAOYSA-N")],
    "isomer open": [component("new cathinone", smiles=UNLISTED, isomer_status="isomer_group")],
    "strip": [strip()],
    "mixture": [component("heroin"), component("protonitazene", role="adulterant"), component("bromazolam")],
    "nothing": [],
}
SAMPLES: tuple[Document, ...] = (
    {},
    {"sold_as": "diazepam", "presentation": "fake_medicine", "physical_form": "tablet", "appearance": PINK},
    {"sold_as": "cocaine", "distribution": ["street"]},
    {"sold_as": "ecstasy", "physical_form": "tablet", "appearance": PINK, "distribution": ["online"]},
    {"quantity": {"value": 1200, "unit": "g"}, "appearance": PINK},
    {"quantity": {"value": 1200, "unit": "g"}, "appearance": PINK},
)
HARMS: tuple[Document | None, ...] = (
    None,
    None,
    None,
    harm("moderate"),
    harm("hospitalised", exposure="probable", case_count=2),
    harm("life_threatening", exposure="suspected"),
    death(),
    death(exposure="suspected"),
)


Trial = tuple[list[Document], list[Document], int, timedelta]


@st.composite
def reports(draw: st.DrawFn, number: int) -> Document:
    """One report: dates over two years, most of them near one of a few days."""
    substance = draw(st.sampled_from(sorted(SOLD)))
    country = draw(st.sampled_from(COUNTRIES))
    lab = draw(st.sampled_from(LABS))
    precision = draw(st.sampled_from(("day", "day", "day", "day", "month", "year", "unknown")))
    day = draw(st.sampled_from((0, 30, 200, 400, 700))) + draw(st.integers(0, 40))
    document = report(
        f"e{number}", day=day, lab=lab, country=country, told_after=timedelta(days=draw(st.integers(1, 9)))
    )
    changes: Document = {
        "components": list[JsonValue](copy.deepcopy(SOLD[substance])),
        "event_date": _date(document, precision),
        "region": draw(st.sampled_from((None, *REGIONS[country]))),
        "status": draw(st.sampled_from(("actual", "actual", "actual", "actual", "archival", "exercise"))),
        "reporter": {"lab": lab, "role": "forensic_lab", "case_ref": f"EX-{draw(st.integers(0, 6))}"},
        "sample": {"physical_form": "powder", **draw(st.sampled_from(SAMPLES))},
    }
    if draw(st.integers(0, 3)) == 0:
        changes["linked_refs"] = [{"org": draw(st.sampled_from(LABS)), "ref": f"EX-{draw(st.integers(0, 6))}"}]
    found = draw(st.sampled_from(HARMS))
    if found is not None:
        changes["harm"] = found
    if substance == "nothing":
        changes["report_type"] = "adverse_event"
    return document | changes


def _date(document: Document, precision: str) -> JsonValue:
    given_date = document["event_date"]
    assert isinstance(given_date, dict)
    value = str(given_date["value"])
    cut = {"day": value, "month": value[:7], "year": value[:4], "unknown": None}[precision]
    return {"value": cut, "precision": precision}


@st.composite
def histories(draw: st.DrawFn) -> list[list[Document]]:
    """Events, each with its revisions in order: amended to what another report says, or retracted, or not at all."""
    found: list[list[Document]] = []
    for number in range(draw(st.integers(2, 12))):
        first = draw(reports(number))
        revisions = [first]
        for revision in range(2, 2 + draw(st.sampled_from((0, 0, 0, 1, 2)))):
            revisions.append(_next(draw, first, revision, number))
        found.append(revisions)
    return found


def _next(draw: st.DrawFn, first: Document, revision: int, number: int) -> Document:
    if draw(st.booleans()):
        return retracted(first, revision=revision, hours=revision)
    other = draw(reports(number))
    kept = {name: first[name] for name in ("event_id", "reporter")}
    return revised(other | kept, revision=revision, hours=revision)


@dataclass(frozen=True)
class Arrival:
    """One order: the reports as they arrive."""

    readings: tuple[Reading, ...]

    @classmethod
    def of(cls, documents: Sequence[Document], gap: timedelta) -> "Arrival":
        start = datetime(2029, 1, 1, tzinfo=UTC)
        return cls(tuple(_reading(document, start + gap * n) for n, document in enumerate(documents)))


def _reading(document: Document, at: datetime) -> Reading:
    found = decoded(document)
    return read(found, laboratory=found.detection.reporter.lab, at=at, setting=SETTING)


def _valid_order(draw: st.DrawFn, history: list[list[Document]]) -> list[Document]:
    """Any order in which the first revision of an event comes before its others, with some reports repeated."""
    order = draw(
        st.permutations([(event, n) for event, revisions in enumerate(history) for n in range(len(revisions))])
    )
    first = {event: order.index((event, 0)) for event in range(len(history))}
    placed = sorted(order, key=lambda one: (max(order.index(one), first[one[0]]), one[1] > 0))
    repeated = draw(st.lists(st.sampled_from(placed), max_size=3))
    return [history[event][n] for event, n in (*placed, *repeated)]


@st.composite
def arrivals(draw: st.DrawFn) -> Trial:
    """A history by event and revision, the same in another order, the size of a batch, and the time between reports."""
    history = draw(histories())
    reference = [document for revisions in history for document in revisions]
    gap = draw(st.sampled_from((timedelta(minutes=1), timedelta(minutes=1), timedelta(days=2), timedelta(days=40))))
    return reference, _valid_order(draw, history), draw(st.integers(1, 5)), gap


def _folded(documents: Sequence[Document], gap: timedelta = timedelta(minutes=1)) -> Memory:
    memory, effects = Memory(complete=True), Effects()
    for reading in Arrival.of(documents, gap).readings:
        found = fold(reading, memory, effects, SETTING)
        assert not isinstance(found, Rejection), found
    return memory


def _folded_in_batches(documents: Sequence[Document], size: int, gap: timedelta) -> Memory:
    """As the worker does: each batch begins with days and grades only; reports are recalled when they are missing."""
    whole = Memory(complete=True)
    readings = Arrival.of(documents, gap).readings
    for start in range(0, len(readings), size):
        whole = _batch(whole, readings[start : start + size])
    return whole


def _batch(whole: Memory, batch: Sequence[Reading]) -> Memory:
    asked: frozenset[str] = frozenset()
    while True:
        memory = _recalled(whole, batch, asked)
        effects = Effects()
        try:
            for reading in batch:
                fold(reading, memory, effects, SETTING)
        except Missing as missing:
            assert not missing.keys <= asked
            asked |= missing.keys
            continue
        return _recorded(whole, memory)


def _recalled(whole: Memory, batch: Sequence[Reading], asked: frozenset[str]) -> Memory:
    known = copy.deepcopy(whole)
    known.complete = False
    for reading in batch:
        for evidence in reading.said.evidence:
            key = (evidence.ledger, evidence.case_key)
            known.files.setdefault(key, CaseFile(ledger=key[0], key=key[1], filed={}))
    for file in known.files.values():
        file.added, file.removed = [], set()
        ended = file.current is None and file.next_ordinal
        if not ended and file.key not in asked:
            file.filed, file.ended = None, {}
    return known


def _recorded(whole: Memory, memory: Memory) -> Memory:
    """What the database holds after the batch: reports and ended cases that were not recalled are still there."""
    for key, file in memory.files.items():
        before = whole.files.get(key)
        if file.filed is None:
            file.filed = dict(before.filed or {}) if before else {}
            file.filed |= {item.evidence.report: item for item in file.added}
            file.ended = (before.ended if before else {}) | file.ended
    memory.complete = True
    return memory


@dataclass(frozen=True)
class Outcome:
    """What may not depend on the order, of one case."""

    ledger: str
    key: str
    computed: int
    subject: object
    findings: object
    days: object
    grades: object
    facts: object
    summary: object


def _outcomes(memory: Memory) -> list[Outcome]:
    found = [_outcome(file, case) for file in memory.files.values() for case in file.cases() if case.live_days]
    return sorted(found, key=lambda outcome: (outcome.ledger, outcome.key, str(outcome.findings)))


def _outcome(file: CaseFile, case: Case) -> Outcome:
    context = SETTING.context
    return Outcome(
        ledger=case.ledger.value,
        key=case.key,
        computed=int(case.computed),
        subject=case.subject,
        findings=sorted(str(item.evidence.report) for item in file.reports().values() if _stands_in(case, item)),
        days=dict(sorted(case.days.items())),
        grades=dict(sorted(case.grades.items())),
        facts=[facts_of(case, anchor, file.sightings, context) for anchor in sorted(case.live_days)],
        summary=case.summary.model_copy(update={"sources": ()}),
    )


def _stands_in(case: Case, item: Filed) -> bool:
    """Whether a finding belongs to this case. History belongs to the key: which of its cases holds it says nothing."""
    return item.case == case.id and item.evidence.tense is not Tense.ARCHIVAL


def _sightings(memory: Memory) -> dict[tuple[Tense, str], dict[str, object]]:
    return {key: dict(sorted(file.sightings.items())) for key, file in memory.files.items() if file.sightings}


def _recounted(memory: Memory) -> Memory:
    again = copy.deepcopy(memory)
    for file in again.files.values():
        recount(file, SETTING.context)
    return again


def _alike(one: Memory, other: Memory) -> None:
    assert _outcomes(one) == _outcomes(other)
    assert _sightings(one) == _sightings(other)


def _check(case: Trial) -> None:
    reference, order, size, gap = case
    expected, found = _folded(reference), _folded(order, gap)
    _alike(found, expected)
    _alike(_recounted(found), found)
    _alike(_folded_in_batches(order, size, gap), found)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(arrivals())
def test_order_repetition_and_batches_change_no_finding_fact_or_level(
    case: Trial,
) -> None:
    _check(case)


@pytest.mark.long
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(arrivals())
def test_order_repetition_and_batches_change_nothing_in_thousands_of_histories(
    case: Trial,
) -> None:
    _check(case)


def test_the_comparison_sees_a_difference() -> None:
    one = _folded([report("a", "protonitazene"), report("b", "protonitazene", day=3)])
    other = _folded([report("a", "protonitazene"), report("b", "protonitazene", day=4)])
    with pytest.raises(AssertionError):
        _alike(one, other)


def test_the_check_of_counting_afresh_sees_a_case_that_was_counted_wrongly() -> None:
    memory = _folded([report("a", "protonitazene"), report("b", "protonitazene", day=3)])
    (file,) = memory.files.values()
    assert file.current is not None
    file.current.days = {place: replace(cell, live=5) for place, cell in file.current.days.items()}
    with pytest.raises(AssertionError):
        _alike(_recounted(memory), memory)


def test_a_withdrawn_case_is_left_out_only_when_nothing_is_reported_in_it() -> None:
    first = report("a", "protonitazene")
    memory = _folded([first, retracted(first)])
    (file,) = memory.files.values()
    assert [case.state for case in file.cases()] == [CaseState.RETRACTED]
    assert _outcomes(memory) == []
