"""Evaluating names on files from outside, explaining a substance, checking a catalogue file: as a person would."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alerts.catalogue import shipped
from tocsin.commands import catalogue, evaluate
from tocsin.errors import Refusal

MDMA, FENTANYL = "SHXWCVYOXRDMCX", "PJMPHNIQZUBGLI"


def evaluated(tmp_path: Path, text: str) -> Result:
    file = tmp_path / "names.csv"
    file.write_text(text, encoding="utf-8")
    return CliRunner().invoke(evaluate.app, ["identity", "--names", str(file), "--json"])


def explained(*arguments: str) -> Result:
    return CliRunner().invoke(catalogue.app, ["explain", *arguments])


def test_coverage_is_weighted_and_unidentified_names_stand_apart(tmp_path: Path) -> None:
    text = f"raw_name,count,connectivity\nMDMA HCl,90,{MDMA}\nzzyzxidone,10,\nunknown nitazene,50,\n"
    found = evaluated(tmp_path, text)
    told = json.loads(found.stdout)
    assert found.exit_code == 0
    assert (told["coverage_by_occurrences"], told["coverage_by_names"]) == (0.9, 0.5)
    assert told["verdicts"]["unidentified"] == {"names": 1, "occurrences": 50}
    assert [one["name"] for one in told["unresolved"]] == ["zzyzxidone"]


def test_a_name_resolved_to_another_substance_than_stated_is_wrong_and_the_exit_code_says_so(tmp_path: Path) -> None:
    found = evaluated(tmp_path, f"raw_name,count,connectivity\nMDMA,1,{FENTANYL}\n")
    (wrong,) = json.loads(found.stdout)["wrong"]
    assert (found.exit_code, wrong["line"], wrong["key"]) == (1, 2, f"S:{MDMA}")


def test_a_substance_read_out_of_what_is_stated_to_be_none_is_wrong(tmp_path: Path) -> None:
    assert evaluated(tmp_path, "raw_name,count,connectivity\nMDMA,1,UNIDENTIFIED\n").exit_code == 1


@pytest.mark.parametrize("stated", [f"{FENTANYL};{MDMA}", f"{MDMA}-UHFFFAOYSA-N", "ZHYFWGQRDXQBMP"])
def test_several_blocks_full_keys_and_salt_keys_count_as_stated(tmp_path: Path, stated: str) -> None:
    salts = next(row["salt_keys"] for row in shipped().substances if row["key"] == f"S:{MDMA}")
    stated = stated if stated != "ZHYFWGQRDXQBMP" else salts.split(";")[0]
    found = evaluated(tmp_path, f"raw_name,count,connectivity\nMDMA,1,{stated}\n")
    assert json.loads(found.stdout)["verdicts"]["right"]["names"] == 1


def test_without_a_count_the_columns_of_whole_numbers_are_added(tmp_path: Path) -> None:
    found = evaluated(tmp_path, f"raw_name,lab a,lab b,remark,connectivity\nMDMA,2,3,x,{MDMA}\n")
    assert json.loads(found.stdout)["all"] == {"names": 1, "occurrences": 5}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column raw_name"),
        ("raw_name,count\nMDMA,1\n", "no column connectivity"),
        ("raw_name,connectivity\nMDMA,\n", "no column count"),
        ("raw_name,count,connectivity\n", "no rows"),
        ("raw_name,count,connectivity\nMDMA,-1,\n", "line 2: count '-1'"),
        ("raw_name,count,connectivity\nMDMA,1,abc\n", "line 2: connectivity 'abc'"),
        ("raw_name,count,connectivity\n,1,\n", "line 2: raw_name"),
        ("raw_name,count,connectivity\nMDMA,1\n", "line 2: 2 cells"),
        ('raw_name,count,connectivity\n"MDMA,1,\n', "not CSV"),
    ],
)
def test_a_file_of_another_form_is_refused_with_line_and_column(tmp_path: Path, text: str, says: str) -> None:
    found = evaluated(tmp_path, text)
    assert isinstance(found.exception, Refusal) and says in str(found.exception)
    assert found.exception.exit_code == 2


def test_an_explanation_names_the_rung_and_the_substance() -> None:
    found = explained("Fentanyl HCl", "--json")
    told = json.loads(found.stdout)
    assert found.exit_code == 0
    assert (told["steps"][0]["rung"], told["substances"][0]["key"]) == ("R5", f"S:{FENTANYL}")
    assert told["substances"][0]["control_status"] == ["un1961_I"]


def test_a_conflict_is_told_with_both_answers() -> None:
    found = explained("--name", "fentanyl", "--cas", "58-08-2")
    assert "belongs to Caffeine" in found.stdout
    assert "matched exactly one substance, Fentanyl: conflict" in found.stdout


@pytest.mark.parametrize(
    ("asked", "rung"),
    [
        ("PJMPHNIQZUBGLI-UHFFFAOYSA-N", "R1"),
        ("InChI=1S/C8H10N4O2/c1-10-4-9-6-5(10)7(13)12(3)8(14)11(6)2/h4H,1-3H3", "R2"),
        ("CNC(C)C(=O)c1ccc(C)cc1", "R3"),
        ("CC(O)=C(C#N)c1ccccc1", "R3b"),
        ("437-38-7", "R4"),
        ("CBN", "R5"),
        ("437-38-6", None),
        ("unknown nitazene", None),
    ],
)
def test_what_is_asked_is_taken_for_the_identifier_it_is(asked: str, rung: str | None) -> None:
    found = explained(asked, "--json")
    (step,) = json.loads(found.stdout)["steps"]
    assert step["rung"] == rung
    assert found.exit_code == (0 if rung else 1)


def test_a_mixture_is_told_as_its_substances() -> None:
    found = explained("CNC(C)Cc1ccc2OCOc2c1.Cn1c(=O)c2c(ncn2C)n(C)c1=O", "--json")
    assert {one["name"] for one in json.loads(found.stdout)["substances"]} == {"MDMA", "Caffeine"}


def test_a_slip_gets_candidates_and_no_substance() -> None:
    found = explained("Pregbalin", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["candidates"][0].startswith("Pregabalin")


FAULTS = [
    ("name", "Fentanyl", "fentanyl"),
    ("cas", "437-38-6", "check digit"),
    ("inchikey", "AAAAAAAAAAAAAA-UHFFFAOYSA-N", "do not follow"),
    ("tautomer_key", "0000000000000000", "does not recompute"),
    ("flags", "lovely", "cannot be read"),
    ("category", "poison", "cannot be read"),
    ("subgroup", "nonsense", "no class rule"),
    ("watch_listed", "maybe", "write yes, no or nothing"),
    ("usual_cut_of", "S:AAAAAAAAAAAAAA", "points to"),
    ("precursor_family", "PR-XXX", "precursor family"),
    ("control_status", "un1999_I", "control status"),
    ("medicinal_use", "everything", "medicinal use"),
    ("ambiguous_names", "a name of one only", "marked as ambiguous"),
    ("provenance", "", "provenance"),
    ("salt_keys", "abc", "14 capital letters"),
    ("known_in_union_since", "1805-01-01", "before 1950"),
]


@pytest.mark.parametrize(("column", "value", "says"), FAULTS, ids=[column for column, _, _ in FAULTS])
def test_each_fault_of_a_catalogue_file_is_told_with_its_line(
    tmp_path: Path, column: str, value: str, says: str
) -> None:
    rows = [dict(row) for row in shipped().substances if row["name"] in ("Fentanyl", "MDMA", "Caffeine")]
    for row in rows:
        row |= {"usual_cut_of": "", "by_product_of": "", "metabolite_of": ""}
    rows[-1][column] = value
    file = tmp_path / "substances.csv"
    lines = [",".join(rows[0]), *(",".join(f'"{cell}"' for cell in row.values()) for row in rows)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = CliRunner().invoke(catalogue.app, ["check", str(file), "--json"])
    told = [one for one in json.loads(found.stdout)["problems"] if one["file"] == str(file)]
    assert found.exit_code == 1
    assert any(one["line"] == len(rows) + 1 and says in one["problem"].lower() for one in told), told


def test_the_shipped_catalogue_holds() -> None:
    found = CliRunner().invoke(catalogue.app, ["check", "--json"])
    assert (found.exit_code, json.loads(found.stdout)["problems"]) == (0, [])
