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
    ("CNC(C)C(O)c1ccccc1", Category.PRECURSOR, "ephedrine"),
    ("CNC(C)C(O)c1ccc(C)cc1", Category.PHENETHYLAMINE, None),
    ("c1ccc(CCN2CCC(Nc3ccccc3)CC2)cc1", Category.PRECURSOR, "fentanyl_precursor"),
    ("Fc1ccc(NC2CCN(CCc3ccccc3)CC2)cc1", Category.OPIOID, "fentanyl_precursor"),
    ("CCCCCCn1ccc2ccccc21", Category.PRECURSOR, "indole"),
    ("CC(=O)C(NC)c1ccc(Cl)cc1", Category.CATHINONE, None),
    ("CC1(C)C(C(=O)c2cn(CCCC)c3ccccc23)C1(C)C", Category.SYNTHETIC_CANNABINOID, None),
    ("CCCCCn1cccc(NC(=O)C2CCCCC2)c1=O", Category.SYNTHETIC_CANNABINOID, None),
    ("NCCc1c2c(c(Cl)c3c1OCC3)OCC2", Category.PHENETHYLAMINE, None),
    ("CC(=O)N(CCc1cc(OC)c(Br)cc1OC)Cc1ccccc1OC", Category.PHENETHYLAMINE, "nbome"),
    ("COc1ccc2c3c([nH]c2c1)C(C)=NCC3", Category.PLANT_EXTRACT, "harmala"),
    ("CCC1CC2CC3C1N(C2)CCc1c3[nH]c2ccccc12", Category.PLANT_EXTRACT, "iboga"),
    ("C=C[C@@H]1CN2CCc3c([nH]c4cccc(OC)c34)[C@@H]2C[C@@H]1C(=COC)C(=O)OC", Category.PLANT_EXTRACT, "mitragynine_type"),
]
FAMILIES = [
    ("CCCOC(=O)C1(C)OC1c1ccc2OCOc2c1", "PR-GLY"),
    ("CCCOC(=O)C(C(C)=O)c1ccccc1", "PR-APAA"),
    ("CCCOC(=O)C(C(=O)Cc1ccccc1)C(=O)OCCC", "PR-MAL"),
    ("CCC(Br)C(=O)c1ccc(Cl)cc1", "PR-BKH"),
    ("CC(=Cc1ccc(OC)cc1)[N+](=O)[O-]", "PR-NIT"),
]


@pytest.mark.parametrize(("smiles", "category", "subgroup"), STRUCTURES)
def test_structures_fall_into_their_class(smiles: str, category: Category, subgroup: str | None) -> None:
    found = of_structure(smiles)
    assert (found.category, found.subgroup) == (category, subgroup)


@pytest.mark.parametrize(("smiles", "family"), FAMILIES)
def test_an_unlisted_member_of_a_designer_family_is_a_precursor_of_it(smiles: str, family: str) -> None:
    found = of_structure(smiles)
    assert (found.category, found.rule) == (Category.PRECURSOR, family)


@pytest.mark.parametrize("name", ["Kratom", "kratom powder (green)", "Salvia divinorum leaves", "dried Khat"])
def test_a_plant_is_a_class_by_name(name: str) -> None:
    found = classify(None, name=name, smiles=None)
    assert (found.category, found.rule) == (Category.PLANT_EXTRACT, "NAME-PLANT")


def test_a_plant_inside_another_word_is_none() -> None:
    assert classify(None, name="mitragynaline kratomoid", smiles=None) is UNCLASSED


def test_a_name_that_ends_like_a_potent_opioid_counts_against_another_class_of_its_structure() -> None:
    drawn = classify(None, name="hexonitazene", smiles="CNC(C)C(=O)c1ccc(CC)cc1")
    assert (drawn.subgroup, drawn.matched) == ("nitazene", ("NAME-NIT", "CATH"))
    assert "though it matched the cathinone core" in drawn.says


def test_a_structure_outdoes_any_other_name() -> None:
    found = classify(None, name="somethinazolam", smiles="CNC(C)C(=O)c1ccc(CC)cc1")
    assert (found.category, found.rule) == (Category.CATHINONE, "CATH")


def test_a_listed_substance_has_one_class_whether_drawn_or_named() -> None:
    for entry in CATALOGUE.entries.values():
        drawn = classify(entry, name=entry.name, smiles=entry.smiles)
        assert drawn == classify(entry, name=entry.name, smiles=None), entry.name


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
    assert agreed / len(drugs) > 0.97


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
