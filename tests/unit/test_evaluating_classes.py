"""`tocsin evaluate classes` and `tocsin evaluate stream`: what they count, and when they say no."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.reported import CAFFEINE, CATALOGUE, FENTANYL, HEROIN, MEPHEDRONE
from tocsin.commands.evaluate import app
from tocsin.evaluation import classes, stream
from tocsin.evaluation.tables import WrongTable

FENTANYL_INCHIKEY = "PJMPHNIQZUBGLI-UHFFFAOYSA-N"
FENTANYL_CITRATE = "IVLVTNPOHDFFCJ-UHFFFAOYSA-N"
MEPHEDRONE_INCHIKEY = "YELGFTGWJGBAQU-UHFFFAOYSA-N"
CAFFEINE_INCHIKEY = "RYYVLZVUVIJVGH-UHFFFAOYSA-N"
CLASSES = "name,smiles,inchikey,category,subclass"
REPORTS = "date,country,name_as_reported,smiles,inchikey"


def table(directory: Path, header: str, *rows: str) -> Path:
    """A CSV file of these rows."""
    path = directory / "given.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_class_is_right_by_the_structure_and_not_by_the_catalogue_or_the_name(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        CLASSES,
        f"whatever,{FENTANYL},{FENTANYL_INCHIKEY},opioids,fentanyl",
        f"a fentanyl by name,{MEPHEDRONE},{MEPHEDRONE_INCHIKEY},cathinones,",
        f"caffeine,{CAFFEINE},{CAFFEINE_INCHIKEY},tryptamines,",
    )
    found = classes.evaluate(path)
    assert [(row.category, row.substances, row.right) for row in found.by_class] == [
        ("cathinones", 1, 1),
        ("opioids", 1, 1),
        ("tryptamines", 1, 0),
    ]
    assert found.accuracy == pytest.approx(2 / 3)
    assert [(one.line, one.found) for one in found.wrong] == [(4, "other")]
    assert (found.subgroups, found.subgroup_accuracy, found.holds) == (1, 1.0, True)


def test_the_own_entry_is_withheld_from_the_suggestion(tmp_path: Path) -> None:
    path = table(tmp_path, CLASSES, f"fentanyl,{FENTANYL},{FENTANYL_INCHIKEY},cathinones,")
    (wrong,) = classes.evaluate(path).wrong
    assert "likeness 1.00" not in wrong.nearest and "analogue of" in wrong.nearest


def test_a_hazard_that_is_missed_or_invented_is_told(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        CLASSES,
        f"mephedrone,{MEPHEDRONE},{MEPHEDRONE_INCHIKEY},opioids,nitazene",
        f"fentanyl,{FENTANYL},{FENTANYL_INCHIKEY},other,",
    )
    assert [one.line for one in classes.evaluate(path).wrong_hazards] == [2, 3]


def test_a_row_without_a_structure_is_told_and_asked_by_its_name(tmp_path: Path) -> None:
    path = table(tmp_path, CLASSES, "hexonitazene,,,opioids,nitazene", "rubbish,C1CC,,cathinones,")
    found = classes.evaluate(path)
    assert found.accuracy == 0.5
    assert [line.split(":")[0] for line in found.unreadable] == ["line 2", "line 3"]


def test_rows_of_one_key_that_state_different_inchikeys_are_a_wrong_merge(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        CLASSES,
        f"fentanyl,{FENTANYL},{FENTANYL_INCHIKEY},opioids,",
        f"not fentanyl,{FENTANYL},{CAFFEINE_INCHIKEY},opioids,",
    )
    found = classes.evaluate(path)
    assert [merge.lines for merge in found.wrong_merges] == [(2, 3)]
    assert CliRunner().invoke(app, ["classes", "--substances", str(path)]).exit_code == 1


def test_classes_that_are_not_known_here_are_left_out_and_told(tmp_path: Path) -> None:
    path = table(tmp_path, CLASSES, f"a,{FENTANYL},,opioid,", f"b,{CAFFEINE},,xanthines,")
    found = classes.evaluate(path)
    assert (found.substances, found.unknown_classes) == (1, ("xanthines (1 rows)",))
    with pytest.raises(WrongTable, match="no row has a category"):
        classes.evaluate(table(tmp_path, CLASSES, f"b,{CAFFEINE},,xanthines,"))


def test_reports_of_one_substance_are_one_by_whatever_they_state(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        REPORTS,
        f"2024-01-01,SI,fentanyl,{FENTANYL},{FENTANYL_INCHIKEY}",
        f"2024-01-02,SI,fentanyl citrate,,{FENTANYL_CITRATE}",
        f"2024-01-03,SI,Duragesic powder,{FENTANYL}.Cl,",
        f"2024-01-04,SI,4-MMC,,{MEPHEDRONE_INCHIKEY}",
        "2024-01-05,SI,caffeine,,",
        "2024-01-06,SI,unknown powder,,",
    )
    found = stream.evaluate(path)
    assert (found.reports, found.substances) == (6, 3)
    assert (found.by_smiles, found.by_inchikey_only, found.by_name_only) == (1, 1, 1)
    assert [one.names for one in found.under_several_names] == [("Duragesic powder", "fentanyl citrate")]
    assert (found.unidentified, found.holds) == ((7,), True)


def test_a_mixture_counts_for_each_of_its_substances(tmp_path: Path) -> None:
    found = stream.evaluate(table(tmp_path, REPORTS, f"2024-01-01,SI,brown powder,{HEROIN}.{FENTANYL},"))
    assert (found.substances, found.mixtures, found.holds) == (2, (2,), True)


def test_identifiers_that_disagree_are_told_and_are_no_merge(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        REPORTS,
        f"2024-01-01,SI,powder,{CAFFEINE},{FENTANYL_INCHIKEY}",
        f"2024-01-02,SI,powder,{FENTANYL},",
    )
    found = stream.evaluate(path)
    assert (found.conflicts, found.wrong_merges) == ((2,), ())


def test_reports_with_different_inchikeys_under_one_key_are_a_wrong_merge(tmp_path: Path) -> None:
    """Nothing of ours does this: the judge is asked about rows that were merged by hand."""
    path = table(tmp_path, REPORTS, f"2024-01-01,SI,fentanyl,{FENTANYL},", f"2024-01-02,SI,powder,,{CAFFEINE_INCHIKEY}")
    first, second = stream.read_rows(path, CATALOGUE)
    merged = {"S:PJMPHNIQZUBGLI": [first, second]}
    (wrong,) = stream.wrong_merges(merged, CATALOGUE)
    assert (wrong.lines, wrong.stated) == ((2, 3), (CAFFEINE_INCHIKEY[:14],))


@pytest.mark.parametrize(("command", "option"), [("classes", "--substances"), ("stream", "--reports")])
def test_missing_columns_are_named(tmp_path: Path, command: str, option: str) -> None:
    path = table(tmp_path, "name,formula", "a,b")
    ran = CliRunner().invoke(app, [command, option, str(path)])
    assert isinstance(ran.exception, WrongTable)
    assert "no column" in str(ran.exception) and "smiles" in str(ran.exception)


def test_the_answer_for_machines_is_json(tmp_path: Path) -> None:
    path = table(tmp_path, REPORTS, f"2024-01-01,SI,fentanyl,{FENTANYL},{FENTANYL_INCHIKEY}")
    ran = CliRunner().invoke(app, ["stream", "--reports", str(path), "--json"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["substances"] == 1
