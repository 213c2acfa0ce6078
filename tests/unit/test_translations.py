"""Every official language says everything, keeps what must be kept, and admits that it awaits a native reader."""

import csv
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import alerts
from notifiers.purposes import Content, purpose_of
from notifiers.rendering import mail_body, render_webhook
from notifiers.wording import compose, phrases
from notifiers.wording.classes import SUBGROUP_WORD
from notifiers.wording.tongue import AWAITS, FOLDER, Counted, tongue
from schemas.languages import ENGLISH, LANGUAGES
from tests.speaking import CANCELLED, EXERCISE, RED, URGENT
from tocsin import translations

DATA = Path(alerts.__file__).parent / "data"
OTHERS = [code for code in LANGUAGES if code != ENGLISH]


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_says_every_sentence_with_its_places_and_fixed_terms(code: str) -> None:
    assert list(translations.problems(code)) == []


def test_the_check_finds_what_is_missing_or_broken() -> None:
    """The guard itself: a catalogue with a hole, a lost place and a lost term is not whole."""
    catalogue = translations.template()
    assert not any(message.string for message in catalogue if message.id and isinstance(message.id, str))
    found = translations.read("sl")
    for message in found:
        if message.id == phrases.REVISION:
            message.string = "različica"
    broken = [what for message in found if message.id for what in translations._faults(message)]
    assert any("places differ" in what for what in broken)


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_awaits_a_native_reader_and_the_mail_says_so(code: str) -> None:
    with (FOLDER / f"{code}.po").open("rb") as file:
        assert AWAITS in read_po(file).header_comment
    said = compose(URGENT, purpose=purpose_of(URGENT.kind), content=Content.FULL, language=code)
    assert tongue(code).say(phrases.UNREVIEWED) in said.footer


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_kind_of_message_can_be_written_in_it(code: str) -> None:
    for event in (URGENT, CANCELLED, EXERCISE, RED):
        for content in Content:
            body = mail_body(event, purpose=purpose_of(event.kind), content=content, language=code)
            assert f'lang="{code}"' in body.html
            assert "{" not in body.subject + body.text
            assert body.subject.startswith("EXERCISE") == (event is EXERCISE)
            assert b'"language":"' + code.encode() + b'"' in render_webhook(event, content=content, language=code)


@pytest.mark.parametrize("code", OTHERS)
def test_no_english_sentence_is_left_where_the_words_are_ours(code: str) -> None:
    t = tongue(code)
    for sentence in (phrases.LOWER_NOW, phrases.REPLY, phrases.NOWHERE, *phrases.LEVEL_MEANING.values()):
        assert t.say(sentence) != sentence


@pytest.mark.parametrize("code", LANGUAGES)
def test_numbers_dates_and_counts_follow_the_language(code: str) -> None:
    t = tongue(code)
    forms = {t.count(Counted(*phrases.EVENTS), n) for n in (0, 1, 2, 3, 5, 11, 21, 101)}
    assert all(any(character.isdigit() for character in form) or form for form in forms)
    assert "2026" in t.dated(date(2026, 2, 12))
    assert "UTC" in t.instant(datetime(2026, 2, 12, 8, 14, tzinfo=UTC))
    assert t.country("SI") != "SI"


def test_a_place_of_a_rule_is_filled_with_the_number_as_the_language_writes_it() -> None:
    said = tongue("de").retold("an extreme dose of 216.5 mg in one unit")
    assert "216,5" in said
    assert "extreme dose" not in said


POTENT = "a potent opioid ({}): small amounts can stop breathing"


@pytest.mark.parametrize("code", OTHERS)
def test_the_word_of_a_class_is_in_the_language_too(code: str) -> None:
    t = tongue(code)
    for group in ("nitazene", "fentanyl", "orphine", "other_potent_opioid"):
        assert f"({t.say(SUBGROUP_WORD[group])})" in t.retold(POTENT.format(group))
    assert "other" not in t.retold(POTENT.format("other_potent_opioid"))
    assert t.retold(POTENT.format("benzodiazepine")) != POTENT.format("benzodiazepine")


def test_the_words_of_classes_read_as_words() -> None:
    assert "(Nitazen)" in tongue("de").retold(POTENT.format("nitazene"))
    assert "(nitazène)" in tongue("fr").retold(POTENT.format("nitazene"))
    assert "(benzodiazepina)" in tongue("es").retold(POTENT.format("benzodiazepine")).replace("una ", "")
    assert tongue(ENGLISH).retold(POTENT.format("other_potent_opioid")) == POTENT.format("other potent opioid")
    assert tongue(ENGLISH).retold(POTENT.format("nitazene")) == POTENT.format("nitazene")


def test_every_subgroup_of_the_catalogue_has_a_word() -> None:
    """Those of its list, of the rules of its structures, and of its words for classes."""
    listed = {row["subgroup"] for name in ("substances", "class_words") for row in _rows(f"{name}.csv")}
    ruled = set(re.findall(r"^ *subgroup: (\w+)$", (DATA / "class_rules.yaml").read_text("utf-8"), re.MULTILINE))
    assert len(ruled) > 30
    assert (listed | ruled) - {""} == set(SUBGROUP_WORD)


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_no_catalogue_knows_stays_english() -> None:
    assert tongue("sl").retold("A rule of the site's own, 3 times.") == "A rule of the site's own, 3 times."


def test_a_language_that_is_none_is_english() -> None:
    assert tongue("xx").code == ENGLISH
