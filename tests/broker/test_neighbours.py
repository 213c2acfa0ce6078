"""A large case is changed by the reports near the change alone, and is then what all of its reports make of it."""

from collections.abc import Sequence
from datetime import date

import pytest
from sqlalchemy import Engine, text

from alerts.counting import recount
from schemas.vocabularies import Tense
from storage import memory as recalling
from storage.memory import Kept, Known, Recalled, Wanted
from storage.near import FEW
from streams.assess import Assess
from tests.broker.test_memory import BEGIN, LABORATORIES, SETTING, assess, records, report

SUBSTANCE = "bromazolam"
REGIONS = {"si-example": ("SI031", None), "fi-example": ("FI1B1", "FI1C1"), "de-example": (None, "DE300")}
Message = dict[str, object]


def told(number: int, *changes: Message) -> Message:
    """One of many reports of forty days, of three laboratories and two regions each."""
    laboratory = tuple(LABORATORIES)[number % 3]
    region = REGIONS[laboratory][number % 2]
    made = report(number * 4, SUBSTANCE, laboratory=laboratory) | ({"region": region} if region else {})
    if number % 7 == 0:
        made["sample"] = {
            "physical_form": "tablet",
            "sold_as": "diazepam",
            "mis_sold": True,
            "distribution": ["online"],
        }
    return made | {name: value for change in changes for name, value in change.items()}


def again(number: int, *changes: Message, action: str = "amend") -> Message:
    """Its second revision."""
    return told(number, {"revision": 2, "action": action}, *changes)


MANY = [told(number) for number in range(FEW + 40)]
LINKED: Message = {"linked_refs": [{"org": "fi-example", "ref": f"EX-{4 * 61}"}]}
DEATH: Message = {"harm": {"outcome": "death", "severity": "life_threatening", "exposure": "confirmed"}}
EARLIER: Message = {"event_date": {"value": (BEGIN.date()).replace(day=9).isoformat(), "precision": "day"}}
LATER = len(MANY)


@pytest.fixture
def process(engine: Engine) -> Assess:
    """A process that has taken in a large case."""
    process = assess()
    with engine.begin() as connection:
        process.apply(connection, process.prepare(records(MANY)))
    return process


def say(engine: Engine, process: Assess, batch: Sequence[Message]) -> None:
    """A batch of its own."""
    with engine.begin() as connection:
        process.apply(connection, process.prepare(records(batch)))


def stored(engine: Engine) -> Recalled:
    with engine.begin() as connection:
        (key,) = connection.execute(text("SELECT DISTINCT case_key FROM cases")).scalars()
        wanted = Wanted(looked_at={(Tense.ACTUAL, key): date.max}, longest=0)
        return recalling.recall(connection, wanted, Known(), whole=frozenset({key}), kept=Kept())


def is_what_its_reports_make_of_it(engine: Engine) -> bool:
    (file,) = stored(engine).memory.files.values()
    (anew,) = stored(engine).memory.files.values()
    recount(anew, SETTING.context)
    (case,), (expected,) = list(file.cases()), list(anew.cases())
    assert (case.days, case.grades) == (expected.days, expected.grades)
    assert (case.subject, case.first_event, file.sightings) == (expected.subject, expected.first_event, anew.sightings)
    left_out = {"sources": ()}
    assert case.summary.model_copy(update=left_out) == expected.summary.model_copy(update=left_out)
    return True


CHANGES: dict[str, list[Message]] = {
    "amended in words": [again(50, {"free_text": {"en": "Analysed again."}})],
    "amended to worse harm": [again(50, DEATH)],
    "moved to another day": [again(70, EARLIER)],
    "moved to another region": [again(71, {"region": "FI1B1"})],
    "sold as something else": [again(77, {"sample": {"physical_form": "powder", "distribution": ["street"]}})],
    "retracted": [again(90, action="retract")],
    "a second report of an event": [told(LATER, LINKED)],
    "a second report of an event, from an earlier day": [told(LATER, LINKED, EARLIER)],
    "told and retracted at once": [told(LATER, LINKED), again(LATER, action="retract")],
    "two of one event, and the first of them taken back": [
        told(LATER, {"linked_refs": [{"org": "si-example", "ref": f"EX-{4 * (LATER + 3)}"}]}),
        told(LATER + 3),
        again(LATER, action="retract"),
    ],
    "a link that parts again": [told(LATER, LINKED, EARLIER), again(LATER, EARLIER)],
    "a link moved to another event": [
        told(LATER, LINKED),
        again(LATER, {"linked_refs": [{"org": "fi-example", "ref": f"EX-{4 * 100}"}]}),
    ],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_large_case_leaves_what_all_its_reports_make_of_it(
    engine: Engine, process: Assess, change: str
) -> None:
    for process_ in (process, assess()) if len(CHANGES[change]) > 1 else (process,):
        for one in CHANGES[change]:
            say(engine, process_, [one])
    assert is_what_its_reports_make_of_it(engine)


def test_all_changes_in_one_batch_leave_the_same(engine: Engine, process: Assess) -> None:
    names = ("amended to worse harm", "moved to another day", "retracted", "sold as something else")
    say(engine, assess(), [CHANGES[name][0] for name in names] + CHANGES["a link that parts again"])
    assert is_what_its_reports_make_of_it(engine)


def test_the_first_event_taken_back_leaves_the_same(engine: Engine, process: Assess) -> None:
    say(engine, process, [again(0, action="retract")])
    assert is_what_its_reports_make_of_it(engine)
