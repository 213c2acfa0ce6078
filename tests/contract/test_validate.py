"""`tocsin validate` as a person meets it: the command, its words, its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.reports import Report, bent, good
from tocsin.report_files import Unreadable, lines


def tocsin_validate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tocsin", "validate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def written(path: Path, *reports: Report, indent: int | None = None) -> Path:
    path.write_text("\n".join(json.dumps(report, indent=indent) for report in reports), encoding="utf-8")
    return path


def test_good_reports_exit_with_zero_and_say_nothing_on_stdout(tmp_path: Path) -> None:
    done = tocsin_validate(written(tmp_path / "good.jsonl", good(), good()))
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 reports checked, 0 would be refused" in done.stderr


def test_each_problem_is_told_with_file_line_field_and_sentence(tmp_path: Path) -> None:
    file = written(tmp_path / "mixed.jsonl", good(), bent(region="DE21", revision=0))
    done = tocsin_validate(file)
    assert done.returncode == 1
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == [f"{file}:2", f"{file}:2"]
    assert "/region" in done.stdout
    assert "/revision" in done.stdout
    assert "Traceback" not in done.stderr


def test_json_names_every_refusal_for_machines(tmp_path: Path) -> None:
    file = written(tmp_path / "mixed.jsonl", bent(handling="amber"), bent(sample__sold_as="oxy\u200bcodone"))
    done = tocsin_validate(file, "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert (answer["reports"], answer["valid"]) == (2, 1)
    assert answer["refused"][0]["line"] == 1
    assert answer["refused"][0]["problems"][0]["pointer"] == "/handling"
    assert answer["notes"][0]["line"] == 2


def test_a_file_that_cannot_be_read_exits_with_two_and_the_others_are_still_checked(tmp_path: Path) -> None:
    done = tocsin_validate(tmp_path / "absent.json", tmp_path, written(tmp_path / "bad.json", bent(revision=0)))
    assert done.returncode == 2
    assert "absent.json cannot be read" in done.stderr
    assert "/revision" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_empty_file_is_told_to_be_empty(tmp_path: Path) -> None:
    done = tocsin_validate(written(tmp_path / "empty.jsonl"))
    assert done.returncode == 1
    assert "empty" in done.stdout


def test_another_laboratory_is_refused_when_one_is_named(tmp_path: Path) -> None:
    file = written(tmp_path / "good.json", good())
    assert tocsin_validate("--lab", "si-example", file).returncode == 0
    assert tocsin_validate("--lab", "fi-example", file).returncode == 1


ONE = json.dumps(good())
FORMS = {
    "one line": (ONE, [1]),
    "JSON Lines": (f"{ONE}\n{ONE}\n", [1, 2]),
    "JSON Lines with blank lines": (f"\n{ONE}\n\n\r\n{ONE}", [2, 5]),
    "one object over many lines": (json.dumps(good(), indent=2), [1]),
    "objects over many lines, one after another": (json.dumps(good(), indent=2) + "\n" + ONE, [1, 52]),
    "a list": (json.dumps([good(), good()]), [1, 1]),
    "a list over many lines": (json.dumps([good(), good()], indent=2), [2, 53]),
    "JSON Lines whose first is cut off": (ONE[:40] + "\n" + ONE, [1, 2]),
    "JSON Lines whose first is wrong": ('{"a":1,}\n' + ONE, [1, 2]),
    "no JSON at all": ("report;SI\n1;2", [1, 2]),
    "an object cut off": (json.dumps(good(), indent=2)[:-30], [1]),
}


@pytest.mark.parametrize(("text", "numbers"), FORMS.values(), ids=FORMS.keys())
def test_the_form_of_a_file_is_told_by_its_content(tmp_path: Path, text: str, numbers: list[int]) -> None:
    file = tmp_path / "reports.txt"
    file.write_bytes(text.encode())
    assert [line.number for line in lines(file)] == numbers


def test_the_bytes_of_a_report_come_through_untouched(tmp_path: Path) -> None:
    file = tmp_path / "reports.json"
    file.write_bytes(b'[\n{"a": 1, "a": "\xff"},\n {"b": 1e400}\n]')
    assert [line.value for line in lines(file)] == [b'{"a": 1, "a": "\xff"}', b'{"b": 1e400}']


def test_a_hundred_thousand_brackets_are_one_broken_report(tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_bytes(b"[" * 100_000)
    assert len(list(lines(file))) == 1


def test_a_file_that_is_not_there_names_itself(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="absent"):
        list(lines(tmp_path / "absent"))
