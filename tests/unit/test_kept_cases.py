"""What a worker keeps of the cases it wrote is bounded, by cases and by their days."""

from datetime import date, timedelta

from alerts.cases import Case
from alerts.days import Cell, Place
from alerts.evidence import Subject
from schemas.vocabularies import Tense
from storage.memory import Kept

DAY = date(2026, 3, 1)


def _case(name: str, days: int) -> Case:
    places = [Place(DAY - timedelta(days=number), "SI", "") for number in range(days)]
    subject = Subject.trusted(key=name)
    return Case(id=name, ledger=Tense.ACTUAL, key=name, ordinal=0, subject=subject, days=dict.fromkeys(places, Cell()))


def _kept(*sizes: int, most: int = 100, most_days: int = 100) -> list[str]:
    kept = Kept(most=most, most_days=most_days)
    for number, days in enumerate(sizes):
        kept.put(_case(str(number), days), "1", DAY)
        kept.forget_oldest()
    return [name for name in map(str, range(len(sizes))) if kept.take(name, "1", DAY)]


def test_the_oldest_cases_go_first_when_there_are_too_many() -> None:
    assert _kept(1, 1, 1, 1, most=2) == ["2", "3"]


def test_the_oldest_cases_go_first_when_their_days_are_too_many() -> None:
    assert _kept(60, 30, 50, 10) == ["1", "2", "3"]


def test_a_case_with_more_days_than_all_may_have_is_kept_alone() -> None:
    assert _kept(10, 500) == ["1"]


def test_days_of_cases_that_were_taken_away_do_not_count() -> None:
    kept = Kept(most_days=100)
    for number in range(5):
        for name, days in ((f"a{number}", 60), (f"b{number}", 40)):
            kept.put(_case(name, days), "1", DAY)
            kept.forget_oldest()
        assert kept.take(f"a{number}", "1", DAY) and kept.take(f"b{number}", "1", DAY)
