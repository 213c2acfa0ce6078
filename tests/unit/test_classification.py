"""Classes: the catalogue first, an empty field is no answer, then structure, then the end of the name."""

from dataclasses import replace

import pytest

from alerts.catalogue import POTENT_OPIOIDS
from alerts.chemistry import matching
from alerts.classification import UNCLASSED, classify, of_name_ending, of_structure, rules, unnamed
from schemas.vocabularies import Category
from tests.unit.reported import CAFFEINE, CATALOGUE, FENTANYL, MEPHEDRONE

BRORPHINE = CATALOGUE.entries["S:CNOFBGYRMCBVLO"]
STRUCTURES = [
    ("CCOc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1", Category.OPIOID, "nitazene"),
    (FENTANYL, Category.OPIOID, "fentanyl"),
    ("CC(c1ccc(Br)cc1)N1CCC(n2c(=O)[nH]c3ccccc32)CC1", Category.OPIOID, "orphine"),
    ("CC(c1ccc(Br)cc1)N1CCC(n2c(O)nc3ccccc32)CC1", Category.OPIOID, "orphine"),
    ("CN(C)C1CCCCC1N(C)C(=O)c1ccc(Cl)c(Cl)c1", Category.OPIOID, "other_potent_opioid"),
    ("CCCC(=O)N1CCN(CC=Cc2ccccc2)CC1", Category.OPIOID, "other_potent_opioid"),
    ("CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5", Category.OPIOID, "opiate"),
    ("CCN(c1ccccc1)C1CCN(CCc2ccccc2)CC1", Category.OPIOID, "fentanyl_precursor"),
    (MEPHEDRONE, Category.CATHINONE, None),
    ("Cc1nnc2n1-c1ccc(Br)cc1C(c1ccccc1)=NC2", Category.BENZODIAZEPINE, None),
    ("CCCCCn1nc(C(=O)NC(C(=O)OC)C(C)(C)C)c2ccccc21", Category.SYNTHETIC_CANNABINOID, None),
    ("CCCCCc1cc(O)c2c(c1)OC(C)(C)C1CCC(C)CC21", Category.SEMI_SYNTHETIC_CANNABINOID, None),
    ("COc1cc(CCNCc2ccccc2OC)c(OC)cc1I", Category.PHENETHYLAMINE, "nbome"),
    ("CCC(=O)n1cc2c3c(cccc31)C1=CC(C(=O)N(CC)CC)CN(C)C1C2", Category.TRYPTAMINE, "lysergamide"),
    ("COC(=O)C1(C)OC1c1ccccc1", Category.PRECURSOR, "glycidate"),
    (CAFFEINE, Category.OTHER, None),
]


@pytest.mark.parametrize(("smiles", "category", "subgroup"), STRUCTURES)
def test_structures_fall_into_their_class(smiles: str, category: Category, subgroup: str | None) -> None:
    found = of_structure(smiles)
    assert (found.category, found.subgroup) == (category, subgroup)


def test_an_empty_subgroup_of_the_catalogue_is_filled_by_the_rules() -> None:
    found = classify(replace(BRORPHINE, subgroup=None), name="Brorphine", smiles=None)
    assert (found.category, found.subgroup, found.rule) == (Category.OPIOID, "orphine", "OP-ORPH")


def test_what_the_catalogue_says_is_not_overruled() -> None:
    found = classify(replace(BRORPHINE, subgroup="opiate"), name="Brorphine", smiles=BRORPHINE.smiles)
    assert (found.subgroup, found.rule) == ("opiate", None)


def test_all_rules_that_match_are_kept_and_the_first_one_decides() -> None:
    found = of_structure("COc1cc(CCNCc2ccccc2OC)c(OC)cc1I")
    assert found.rule == "PEA-NBOME"
    assert found.matched == ("PEA-NBOME", "PEA")


@pytest.mark.parametrize(
    ("name", "subgroup"),
    [
        ("hexonitazene", "nitazene"),
        ("N-pyrrolidino protonitazepyne", "nitazene"),
        ("butonitazepipne", "nitazene"),
        ("para-cyano-fentanyl", "fentanyl"),
        ("loxofentanil HCl", "fentanyl"),
        ("chlorobrorphine", "orphine"),
        ("dichlorphine", "orphine"),
    ],
)
def test_the_end_of_a_name_gives_the_hazard(name: str, subgroup: str) -> None:
    found = of_name_ending(name)
    assert found is not None and found.subgroup == subgroup


@pytest.mark.parametrize("name", ["norfentanyl", "despropionyl fluorofentanyl", "nitazenix", "caffeine", ""])
def test_other_names_give_none(name: str) -> None:
    found = of_name_ending(name)
    assert found is None or found.subgroup not in POTENT_OPIOIDS


def test_no_rule_takes_a_harmless_listed_substance_for_a_potent_opioid() -> None:
    harmless = [entry for entry in CATALOGUE.entries.values() if entry.smiles and entry.category is not Category.OPIOID]
    wrong = [entry.name for entry in harmless if of_structure(entry.smiles or "").subgroup in POTENT_OPIOIDS]
    assert wrong == []


def test_the_rules_agree_with_the_catalogue_about_drug_classes() -> None:
    drugs = [entry for entry in CATALOGUE.entries.values() if entry.smiles and entry.kind == "nps"]
    agreed = sum(of_structure(entry.smiles or "").category is entry.category for entry in drugs)
    assert agreed / len(drugs) > 0.94


def test_every_rule_has_one_id_a_sentence_and_patterns_that_compile() -> None:
    table = rules()
    ids = [rule.id for rule in table.rules] + [ending.id for ending in table.endings]
    assert len(ids) == len(set(ids))
    assert all(rule.says and rule.include for rule in table.rules)
    matching("CCO", [rule.pattern for rule in table.rules])


def test_what_matches_nothing_is_other() -> None:
    assert of_structure("CCO") is UNCLASSED
    assert classify(None, name="an unheard name", smiles=None) is UNCLASSED


@pytest.mark.parametrize("name", ["fentanyl", "MDMA", "4-MMC", "no-such-drug-7", "heroin (unknown purity)"])
def test_a_text_that_names_a_substance_is_not_a_class(name: str) -> None:
    assert unnamed(name) is None
