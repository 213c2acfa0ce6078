"""A rule file is refused with file, line and what is allowed; a rule that fails while running stops no other."""

from pathlib import Path

import pytest

from alerts.errors import RuleError
from alerts.grading import Grading
from alerts.rulebook import EUROPEAN, read
from schemas.vocabularies import Confidence
from tests.unit.deciding import DAY, GRADING, Desk, report

SHIPPED = EUROPEAN.read_text(encoding="utf-8")
MIS_SOLD = '    says: "sold as another substance than it is"\n'


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def bent(old: str, new: str) -> str:
    assert SHIPPED.count(old) >= 1
    return SHIPPED.replace(old, new, 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "theirs.yaml"


def refusal(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RuleError) as refused:
        Grading(read(file))
    return str(refused.value)


def test_the_shipped_rules_are_accepted_and_named_by_their_digest() -> None:
    assert GRADING.book.rules.name == "european"
    assert len(GRADING.book.digest) == 64


def test_every_rule_knows_its_line() -> None:
    rules = GRADING.book.rules
    for rule in (*rules.impact, *rules.spread, *rules.confidence, *rules.overrides):
        assert f"id: {rule.id}" in SHIPPED.splitlines()[GRADING.book.lines[rule.id] - 1]


def test_an_unknown_fact_is_refused_with_file_line_rule_and_the_known_ones(file: Path) -> None:
    text = bent("when: mis_sold\n", "when: mis_soled\n")
    said = refusal(file, text)
    assert said.startswith(f"theirs.yaml:{line_of(text, 'I2-MIS-SOLD')}: rule I2-MIS-SOLD")
    assert "mis_soled" in said and "mis_sold," in said


def test_a_question_that_is_not_yes_or_no_is_refused(file: Path) -> None:
    said = refusal(file, bent("when: mis_sold\n", "when: new_countries + 1\n"))
    assert f"theirs.yaml:{line_of(SHIPPED, 'I2-MIS-SOLD')}: rule I2-MIS-SOLD must be a yes-or-no question" in said


def test_facts_of_different_kinds_are_not_compared(file: Path) -> None:
    assert "theirs.yaml:" in refusal(file, bent("when: mis_sold\n", "when: mis_sold == 3\n"))


def test_a_duplicate_id_is_refused_at_its_second_line(file: Path) -> None:
    text = bent("id: I2-DOSE", "id: I2-MIS-SOLD")
    second = line_of(SHIPPED, "id: I2-DOSE")
    assert refusal(file, text).startswith(f"theirs.yaml:{second}: the rule id I2-MIS-SOLD is used twice")


def test_a_missing_sentence_is_refused_at_its_rule(file: Path) -> None:
    said = refusal(file, bent(MIS_SOLD, ""))
    assert said.startswith(f"theirs.yaml:{line_of(SHIPPED, 'I2-MIS-SOLD')}: ") and "says" in said


@pytest.mark.parametrize("says", ["sold {subgrup}", "sold {", "sold }", "sold {subgroup.x}", "sold {}", "{subgroup:d}"])
def test_a_sentence_that_could_not_be_filled_in_is_refused_at_its_rule(file: Path, says: str) -> None:
    said = refusal(file, bent(MIS_SOLD, f'    says: "{says}"\n'))
    assert said.startswith(f"theirs.yaml:{line_of(SHIPPED, 'I2-MIS-SOLD')}: ")


def test_a_confidence_that_does_not_always_answer_is_refused_with_its_line(file: Path) -> None:
    said = refusal(file, bent('    when: "true"\n', "    when: reference_standard\n"))
    assert said.startswith(f"theirs.yaml:{line_of(SHIPPED, 'id: C-B')}: ")


def test_a_spread_without_a_last_resort_is_refused_with_its_line(file: Path) -> None:
    said = refusal(file, bent("    otherwise: true", "    when: bulk #"))
    assert said.startswith(f"theirs.yaml:{line_of(SHIPPED, 'spread:')}: ")


def test_an_override_that_says_nothing_or_two_things_is_refused_with_its_line(file: Path) -> None:
    line = line_of(SHIPPED, "id: O-UNANALYSED-DEATHS")
    for wrong in ("", "    level: 3\n    at_most: 1\n"):
        assert refusal(file, bent("    level: 3\n", wrong)).startswith(f"theirs.yaml:{line}: ")


def test_a_table_of_levels_with_a_hole_is_refused_with_its_line(file: Path) -> None:
    said = refusal(file, bent("  - [0, 1, 2, 2, 2]\n", "  - [0, 1, 2, 2]\n"))
    assert said.startswith(f"theirs.yaml:{line_of(SHIPPED, '[0, 1, 2, 2, 2]')}: ")


def test_what_is_not_yaml_or_empty_or_unknown_is_refused_naming_the_file(file: Path) -> None:
    assert refusal(file, SHIPPED.replace("impact:\n", "impact: [\n", 1)).startswith("theirs.yaml:")
    assert refusal(file, "").startswith("theirs.yaml:")
    assert "surprise" in refusal(file, SHIPPED + "surprise: 1\n")


def test_a_rule_that_fails_while_running_does_not_hold_and_the_others_still_decide(file: Path) -> None:
    file.write_text(
        bent("when: mis_sold\n", "when: deaths / new_countries > 0 || mis_sold && false\n"), encoding="utf-8"
    )
    facts = Desk().tell(report("a", "protonitazene")).facts()._replace(new_countries=0)
    grade = Grading(read(file)).grade(facts, confidence=Confidence.B, anchor=DAY)
    assert (grade.impact, grade.spread, int(grade.level)) == (3, 2, 3)
    failed = next(rule for rule in grade.fired if rule.id == "I2-MIS-SOLD")
    assert failed.score == "error" and "zero" in failed.says


def test_a_spread_rule_that_fails_never_leaves_a_case_without_spread(file: Path) -> None:
    file.write_text(bent("when: bulk\n", "when: 1 / (events_28d - events_28d) > 0\n"), encoding="utf-8")
    facts = Desk().tell(report("a", "protonitazene")).facts()
    grade = Grading(read(file)).grade(facts, confidence=Confidence.B, anchor=DAY)
    assert grade.spread == 2 and {"P2-UNKNOWN", "P3-BULK"} <= {rule.id for rule in grade.fired}
