"""The strict name key: what it makes equal, and what it must keep apart."""

import pytest

from alerts.names import isomers, keys_of, strict_key, without_remark

EQUAL = [
    ("MDMA hydrochloride", "mdma"),
    ("MDMA HCl", "MDMA base"),
    ("Fentanyl citrate salt", "fentanyl"),
    ("amphetamine sulphate", "Amfetamine sulfate"),
    ("Δ9-THC", "delta-9-THC"),
    ("α‑PVP", "alpha-PVP"),
    ("para-fluorofentanyl", "p-fluorofentanyl"),
    ("parafluorofentanyl", "p fluoro fentanyl"),
    ("3′-methylfentanyl", "3'-methylfentanyl"),
    ("3-methyl\u200bfentanyl", "3-Methylfentanyl"),
    ("Éthylone", "ethylone"),
    ("4_MMC", "4-MMC"),
    ("ＭＤＭＡ", "MDMA"),
]

APART = [
    ("3-methylfentanyl", "3'-methylfentanyl"),
    ("3-methylfentanyl", "m-methylfentanyl"),
    ("2-MMC", "3-MMC"),
    ("sodium sulfate", "sodium"),
    ("calcium phosphate", "calcium sulfate"),
    ("THC", "THC acetate"),
    ("testosterone", "testosterone propionate"),
    ("paracetamol", "pcetamol"),
    ("metamizole", "mmizole"),
]


@pytest.mark.parametrize(("first", "second"), EQUAL)
def test_spellings_of_one_name_have_one_key(first: str, second: str) -> None:
    assert strict_key(first) == strict_key(second)


@pytest.mark.parametrize(("first", "second"), APART)
def test_names_of_different_substances_stay_apart(first: str, second: str) -> None:
    assert strict_key(first) != strict_key(second)


def test_the_whole_name_is_tried_before_its_parts() -> None:
    assert list(keys_of("Oxycodone (OxyContin)")) == [{"oxycodoneoxycontin"}, {"oxycodone", "oxycontin"}]


def test_an_inverted_name_is_tried_the_right_way_round() -> None:
    assert {"6monoacetylmorphine"} in keys_of("Morphine, 6-monoacetyl")


def test_only_a_remark_is_cut_from_an_unknown_name() -> None:
    assert without_remark("THCJD (as labelled)") == "THCJD"
    assert without_remark("nitazene (new member)") == "nitazene (new member)"


@pytest.mark.parametrize("name", ["2,5-DMA", "4-MMC", "3,4-methylenedioxy-PV9", "5-MeO-DMT", "2-FDCK or ketamine"])
def test_positions_that_belong_to_one_substance_are_no_group(name: str) -> None:
    assert isomers(name) == ()
