"""What single decisions cost, in this process: the facts and grade of a hot case, reading a report, names, structures.

Held against decoding one report, which is the least that any reader of these messages does.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from statistics import median
from typing import Final, TypeVar

from alerts import catalogue
from alerts.anchors import facts_of
from alerts.cases import Case, Context
from alerts.chemistry import read_smiles
from alerts.effects import Effects
from alerts.grading import Grading
from alerts.identity import named_keys
from alerts.memory import Memory
from alerts.pipeline import Setting, fold, read
from alerts.readings import Reading
from alerts.rulebook import european
from schemas.decoding import Decoded, decode_bytes
from schemas.vocabularies import Confidence
from tests.bench.figures import Figure
from tests.bench.reports import Report, laboratories, reports
from tocsin.demo.history import facts

REPORTS: Final = 1_500
ROUNDS: Final = 100
BATCH: Final = 500

Value = TypeVar("Value")
Say = Callable[[str], None]


def deciding(*, runs: int, now: datetime, say: Say) -> list[Figure]:
    """Microseconds of each step, milliseconds of the loading."""
    messages = reports(REPORTS, until=now, by=laboratories("deciding"))
    setting = Setting(catalogue=catalogue.load(), grading=Grading(european()))
    readings = _readings(messages, setting)
    case, sightings = _hottest(readings, setting)
    decode = tuple(
        _timed(lambda one: decode_bytes(one.value, laboratory=one.laboratory), messages) for _ in range(runs)
    )
    structures = list(dict.fromkeys(row.smiles for row in facts() if row.smiles))
    names = sorted({row.name_as_reported for row in facts()})

    def read_again(one: Reading) -> Reading:
        return read(one.decoded, laboratory=one.laboratory, at=one.at, setting=setting)

    steps = {
        f"facts and grade of a case with {len(case.days)} places and days": [
            _grading(case, sightings, setting) for _ in range(runs)
        ],
        f"a touched case of a batch of {BATCH}, graded by all rules": [
            _touched(readings, setting) for _ in range(runs)
        ],
        "what a report says: identity and evidence": [_timed(read_again, readings[-ROUNDS:]) for _ in range(runs)],
        "a substance by its name": [
            _timed(lambda name: named_keys(name, setting.catalogue), names[:ROUNDS]) for _ in range(runs)
        ],
        "a structure not seen before": [
            _timed(read_smiles, structures[number * ROUNDS : (number + 1) * ROUNDS]) for number in range(runs)
        ],
    }
    say(f"one report decodes in {median(decode):.0f} µs")
    loading = tuple(_timed(lambda _: catalogue.load(), range(1)) / 1000 for _ in range(runs))
    return [
        *(
            Figure(name=name, unit="µs", runs=tuple(took), baseline_name="decoding a report", baseline=decode)
            for name, took in steps.items()
        ),
        Figure(name="loading the catalogue", unit="ms", runs=loading),
    ]


def _readings(messages: Sequence[Report], setting: Setting) -> list[Reading]:
    decoded = [(one, decode_bytes(one.value, laboratory=one.laboratory)) for one in messages]
    return [
        read(known, laboratory=one.laboratory, at=known.detection.reported_at, setting=setting)
        for one, known in decoded
        if isinstance(known, Decoded)
    ]


def _hottest(readings: Sequence[Reading], setting: Setting) -> tuple[Case, Mapping[str, date]]:
    """The case with the most days after all reports, and the sightings of its substance."""
    memory, effects = Memory(complete=True), Effects()
    for reading in readings:
        fold(reading, memory, effects, setting)
    cases = [(file.current, file.sightings) for file in memory.files.values() if file.current is not None]
    return max(cases, key=lambda item: len(item[0].days))


def _grading(case: Case, sightings: Mapping[str, date], setting: Setting) -> float:
    """At each of its last days, with rules that have graded nothing before: no grade is found ready."""
    grading = Grading(setting.grading.book)
    context = Context(grading=grading)

    def grade(anchor: date) -> None:
        grading.grade(facts_of(case, anchor, sightings, context), confidence=Confidence.B, anchor=anchor)

    return _timed(grade, sorted(case.live_days)[-ROUNDS:])


def _touched(readings: Sequence[Reading], setting: Setting) -> float:
    """Each anchor that the last reports touched, as the worker grades it: windows added up, no grade found ready."""
    memory, effects = Memory(complete=True), Effects()
    for reading in readings[:-BATCH]:
        fold(reading, memory, effects, setting)
    for file in memory.files.values():
        for case in file.cases():
            case.touched_grades.clear()
    for reading in readings[-BATCH:]:
        fold(reading, memory, effects, setting)
    grading = Grading(setting.grading.book)
    context = Context(grading=grading)

    def grade(touched: tuple[Case, Mapping[str, date]]) -> None:
        case, sightings = touched
        for anchor in case.touched_grades:
            grading.grade(facts_of(case, anchor, sightings, context), confidence=Confidence.B, anchor=anchor)

    return _timed(
        grade,
        [(case, file.sightings) for file in memory.files.values() for case in file.cases() if case.touched_grades],
    )


def _timed(step: Callable[[Value], object], inputs: Sequence[Value]) -> float:
    """Microseconds of a step: the median over the inputs."""
    times = []
    for one in inputs:
        begin = time.perf_counter()
        step(one)
        times.append((time.perf_counter() - begin) * 1e6)
    return median(times)
