"""A flat CSV says the same as JSON, or names its line and column."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from schemas.decoding import Decoded, decode_bytes
from schemas.publish import EXAMPLES
from tests.contract.test_validate import tocsin_validate
from tocsin.report_files import Unreadable, lines
from tocsin.report_tables import MOST_FAULTS, TableFault, is_table, rows

UUID = "0190f3d2-7a1c-7c11-9d0e-6f6b0a1d2c3e"
VALID = sorted((EXAMPLES / "detection" / "valid").glob("*.json"))
TABLES = sorted(EXAMPLES.glob("detection/valid/*.csv"))

Cell = str | int | float | bool


def table(*lines_of_cells: Sequence[Cell], delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(lines_of_cells)
    return text.getvalue().encode()


def reports(content: bytes) -> list[object]:
    return [json.loads(row.value) for row in rows(content)]


def faults(content: bytes) -> list[str]:
    with pytest.raises(TableFault) as caught:
        rows(content)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("example", VALID, ids=lambda path: path.stem)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_every_example_survives_as_a_row(example: Path, delimiter: str) -> None:
    cells = dict(_flat(json.loads(example.read_bytes())))
    (row,) = rows(table(list(cells), list(cells.values()), delimiter=delimiter))
    as_json = decode_bytes(example.read_bytes(), laboratory=None)
    as_row = decode_bytes(row.value, laboratory=None)
    assert isinstance(as_json, Decoded) and isinstance(as_row, Decoded)
    assert as_row.detection == as_json.detection


@pytest.mark.parametrize("example", TABLES, ids=lambda path: path.stem)
def test_an_example_table_is_accepted_whole(example: Path) -> None:
    done = tocsin_validate("--lab", "si-example", example)
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 reports checked" in done.stderr


def test_numbers_truth_and_words_have_their_types_and_empty_cells_are_left_out() -> None:
    header = ["event_id", "revision", "sample.quantity.value", "public_consent.given", "risks", "sample.sold_as"]
    assert reports(table(header, [UUID, "2", "1e-3", "TRUE", "organised_crime | trafficking_route", " "])) == [
        {
            "event_id": UUID,
            "revision": 2,
            "sample": {"quantity": {"value": 0.001}},
            "public_consent": {"given": True},
            "risks": ["organised_crime", "trafficking_route"],
        }
    ]


@pytest.mark.parametrize(("cell", "value"), [("true", True), ("False", False), ("unknown", "unknown")])
def test_mis_sold_is_true_false_or_unknown(cell: str, value: object) -> None:
    assert reports(table(["event_id", "sample.mis_sold"], [UUID, cell])) == [
        {"event_id": UUID, "sample": {"mis_sold": value}}
    ]


def test_text_that_looks_like_a_number_stays_text() -> None:
    assert reports(table(["event_id", "reporter.case_ref"], [UUID, "007"])) == [
        {"event_id": UUID, "reporter": {"case_ref": "007"}}
    ]


def test_a_component_left_out_leaves_no_hole() -> None:
    header = ["event_id", "components.0.name_reported", "components.1.name_reported", "components.10.name_reported"]
    assert reports(table(header, [UUID, "", "second", "last"])) == [
        {"event_id": UUID, "components": [{"name_reported": "second"}, {"name_reported": "last"}]}
    ]


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        (["event_id", "revison"], [UUID, "1"], "line 1, column 2: 'revison' is no field of a report; did you mean rev"),
        (["event_id", "sample.colour"], [UUID, "blue"], "line 1, column 2: 'sample.colour' is no field of a report;"),
        (["event_id", "sample"], [UUID, "x"], "line 1, column 2: sample is made of parts; name them, such as sample.p"),
        (
            ["event_id", "components"],
            [UUID, "x"],
            "line 1, column 2: components is made of parts; name them, such as comp",
        ),
        (["event_id", ""], [UUID, "x"], "line 1, column 2: '' is no field of a report;"),
        (["event_id", "risks", "risks.0"], [UUID, "", ""], "line 1, column 3: risks.0 says the same as risks; keep"),
        (["event_id", "event_id"], [UUID, UUID], "line 1, column 2: event_id says the same as event_id; keep one"),
        (["revision"], ["1"], "line 1: there is no column event_id; give every report its own UUID, for ever."),
        (["event_id", "revision"], ["", "1"], "line 2, column event_id: it is empty; give every report its own UUID"),
        (["event_id", "revision"], [UUID, "one"], "line 2, column revision: 'one' is not a whole number."),
        (["event_id", "revision"], [UUID, "1.0"], "line 2, column revision: '1.0' is not a whole number."),
        (
            ["event_id", "sample.quantity.value"],
            [UUID, "7,5"],
            "line 2, column sample.quantity.value: '7,5' is not",
        ),
        (
            ["event_id", "sample.quantity.value"],
            [UUID, "1e999"],
            "line 2, column sample.quantity.value: '1e999' is",
        ),
        (["event_id", "sample.quantity.value"], [UUID, "NaN"], "line 2, column sample.quantity.value: 'NaN' is not a"),
        (["event_id", "public_consent.given"], [UUID, "yes"], "line 2, column public_consent.given: 'yes' is not true"),
        (["event_id", "country"], [UUID, "SI", "x"], "line 2: 3 cells under 2 columns; quote a cell that holds a del"),
    ],
)
def test_a_fault_names_its_line_and_column(header: list[str], row: list[str], said: str) -> None:
    (fault,) = faults(table(header, row))
    assert fault.startswith(said)


def test_all_faults_are_told_at_once_and_endless_ones_are_counted() -> None:
    told = faults(table(["event_id", "revision"], *([UUID, "x"] for _ in range(MOST_FAULTS + 5))))
    assert len(told) == MOST_FAULTS + 1
    assert told[-1] == "and 5 more; mend these first."


def test_lines_are_counted_over_cells_of_several_lines() -> None:
    header = ["event_id", "free_text.en", "revision"]
    content = table(header, [UUID, "one\ntwo\nthree", 1], ["", "", ""], [UUID, "four", 2])
    assert [row.number for row in rows(content)] == [2, 6]
    assert faults(table(header, [UUID, "one\ntwo", 1], [UUID, "", "x"]))[0].startswith("line 4, column revision")


def test_what_is_not_utf8_or_not_quoted_is_told() -> None:
    header = table(["event_id", "free_text.en"])
    assert faults(header + f"{UUID},gr\xfcn\n".encode("latin-1")) == ["line 2: not UTF-8; save the table as CSV UTF-8."]
    assert faults(header + f'{UUID},"open\n'.encode())[0].startswith("line 2: the quotes do not match")


def test_a_byte_order_mark_of_a_spreadsheet_is_no_part_of_the_first_column() -> None:
    content = b"\xef\xbb\xbf" + table(["event_id", "revision"], [UUID, 1], delimiter=";")
    assert is_table(content)
    assert reports(content) == [{"event_id": UUID, "revision": 1}]


def test_a_table_is_known_by_its_content_or_its_name(tmp_path: Path) -> None:
    content = table(["country", "event_id"], ["SI", UUID])
    for name in ("reports.txt", "reports.csv", "REPORTS.CSV"):
        (tmp_path / name).write_bytes(content)
        assert [line.number for line in lines(tmp_path / name)] == [2]
    (tmp_path / "other.csv").write_bytes(table(["country"], ["SI"]))
    with pytest.raises(Unreadable, match=r"other\.csv, line 1: there is no column event_id"):
        list(lines(tmp_path / "other.csv"))


def test_json_that_speaks_of_an_event_id_is_no_table() -> None:
    assert not is_table(b'{"event_id": "x", "a": 1}')
    assert not is_table(b'[{"a": 1, "event_id": "x"}]')
    assert not is_table(b"report;SI\n1;2")


def test_a_faulty_table_exits_with_two_and_every_fault_is_a_line(tmp_path: Path) -> None:
    file = tmp_path / "faulty.csv"
    file.write_bytes(table(["event_id", "revision"], [UUID, "x"], ["", "1"]))
    done = tocsin_validate(file)
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if str(file) in line] == [
        f"tocsin: {file}, line 2, column revision: 'x' is not a whole number.",
        f"tocsin: {file}, line 3, column event_id: it is empty; give every report its own UUID, for ever.",
    ]


def test_what_a_row_lacks_is_told_as_for_json(tmp_path: Path) -> None:
    file = tmp_path / "short.csv"
    file.write_bytes(table(["event_id", "revision"], [UUID, 0]))
    done = tocsin_validate(file)
    assert done.returncode == 1
    assert f"{file}:2: invalid /revision" in done.stdout


def _flat(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Cell]]:
    """Dotted name and cell of everything in a report; lists of words in one cell."""
    match value:
        case dict():
            for name, one in value.items():
                yield from _flat(one, (*path, name))
        case list() if value and all(isinstance(one, str) for one in value):
            yield ".".join(path), "|".join(value)
        case list():
            for index, one in enumerate(value):
                yield from _flat(one, (*path, str(index)))
        case str() | int() | float():
            yield ".".join(path), value
