"""The table of keys: what must never merge, and what must."""

import itertools

import pytest

from alerts import chemistry
from alerts.identity import Rung
from tests.unit.reported import FENTANYL, HEROIN, MEPHEDRONE, identities, identity, key_of, reported

DIFFERENT = {
    "2-, 3- and 4-MMC and buphedrone": [
        "CNC(C)C(=O)c1ccccc1C",
        "CNC(C)C(=O)c1cccc(C)c1",
        MEPHEDRONE,
        "CCC(NC)C(=O)c1ccccc1",
    ],
    "isotonitazene and protonitazene": [
        "CC(C)Oc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1",
        "CCCOc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1",
    ],
    "5- and 6-nitro isomers of metonitazene": [
        "COc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1",
        "COc1ccc(Cc2nc3ccc([N+](=O)[O-])cc3n2CCN(CC)CC)cc1",
    ],
    "delta-8-THC, delta-9-THC and CBD": [
        "CCCCCc1cc(O)c2c(c1)OC(C)(C)C1CC=C(C)CC21",
        "CCCCCc1cc(O)c2c(c1)OC(C)(C)C1CCC(C)=CC21",
        "CCCCCc1cc(O)c(C2C=C(C)CCC2C(=C)C)c(O)c1",
    ],
    "cathinones and their isomers with the ketone moved": [MEPHEDRONE, "CC(=O)C(NC)c1ccc(C)cc1"],
    "BMK and propiophenone": ["CC(=O)Cc1ccccc1", "CCC(=O)c1ccccc1"],
}

SAME = {
    "base, hydrochloride and 2:1 sulfate": [
        MEPHEDRONE,
        f"{MEPHEDRONE}.Cl",
        "C[NH2+]C(C)C(=O)c1ccc(C)cc1.[Cl-]",
        f"{MEPHEDRONE}.{MEPHEDRONE}.OS(=O)(=O)O",
    ],
    "acid and sodium salt": ["OCCCC(=O)O", "OCCCC(=O)[O-].[Na+]", "OCCCC(=O)O[Na]"],
    "both ways to draw a nitro group": [
        "CCOc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1",
        "CCOc1ccc(Cc2nc3cc(N(=O)=O)ccc3n2CCN(CC)CC)cc1",
    ],
    "fentanyl and fentanyl-d5": [FENTANYL, "CCC(=O)N(c1c([2H])c([2H])c([2H])c([2H])c1[2H])C1CCN(CCc2ccccc2)CC1"],
    "fentanyl and its citrate": [FENTANYL, f"{FENTANYL}.OC(=O)CC(O)(C(=O)O)CC(=O)O"],
    "dextromethorphan and levomethorphan": [
        "COc1ccc2c(c1)[C@]13CCCC[C@@H]1[C@H](C2)N(C)CC3",
        "COc1ccc2c(c1)[C@@]13CCCC[C@H]1[C@@H](C2)N(C)CC3",
    ],
    "ephedrine and pseudoephedrine": ["CN[C@@H](C)[C@H](O)c1ccccc1", "CN[C@@H](C)[C@@H](O)c1ccccc1"],
    "9R-HHC and 9S-HHC": [
        "CCCCCc1cc(O)c2c(c1)OC(C)(C)[C@@H]1CC[C@@H](C)C[C@@H]21",
        "CCCCCc1cc(O)c2c(c1)OC(C)(C)[C@@H]1CC[C@H](C)C[C@@H]21",
    ],
    "R- and S-methadone": [
        "CCC(=O)C(C[C@@H](C)N(C)C)(c1ccccc1)c1ccccc1",
        "CCC(=O)C(C[C@H](C)N(C)C)(c1ccccc1)c1ccccc1",
    ],
    "cis- and trans-4,4'-DMAR": [
        "C[C@@H]1N=C(N)O[C@@H]1c1ccc(C)cc1",
        "C[C@@H]1N=C(N)O[C@H]1c1ccc(C)cc1",
    ],
    "LSD and iso-LSD": [
        "CCN(CC)C(=O)[C@@H]1C=C2c3cccc4[nH]cc(c34)C[C@H]2N(C)C1",
        "CCN(CC)C(=O)[C@H]1C=C2c3cccc4[nH]cc(c34)C[C@H]2N(C)C1",
    ],
    "the two tautomers in which brorphine is drawn": [
        "CC(c1ccc(Br)cc1)N1CCC(n2c(=O)[nH]c3ccccc32)CC1",
        "CC(c1ccc(Br)cc1)N1CCC(n2c(O)nc3ccccc32)CC1",
    ],
}


@pytest.mark.parametrize("structures", DIFFERENT.values(), ids=list(DIFFERENT))
def test_different_substances_never_share_a_key(structures: list[str]) -> None:
    keys = [key_of(smiles) for smiles in structures]
    assert all(first != second for first, second in itertools.combinations(keys, 2))


@pytest.mark.parametrize("structures", SAME.values(), ids=list(SAME))
def test_forms_of_one_substance_share_its_key(structures: list[str]) -> None:
    assert len({key_of(smiles) for smiles in structures}) == 1


@pytest.mark.parametrize(
    ("name", "enol"),
    [
        ("MAPA", "COC(=O)C(=C(C)O)c1ccccc1"),
        ("APAAN", "CC(O)=C(C#N)c1ccccc1"),
        ("BMK", "CC(O)=Cc1ccccc1"),
    ],
)
def test_a_tautomer_of_a_listed_substance_is_that_substance_by_the_tautomer_rung(name: str, enol: str) -> None:
    found = chemistry.read_smiles(enol)
    assert isinstance(found, chemistry.Structure)
    listed = identity(reported(name))
    drawn = identity(reported(name, smiles=enol))
    assert found.parents[0].block != listed.key[2:], "the InChIKey alone does not join them"
    assert (drawn.key, drawn.rung, drawn.conflict) == (listed.key, Rung.R3B, False)


def test_an_unlisted_structure_that_is_no_tautomer_of_a_listed_one_keeps_its_own_key() -> None:
    found = identity(reported(smiles="CCCCCCOc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1"))
    assert (found.rung, found.entry) == (Rung.R3, None)


def test_stereoisomers_share_the_key_and_keep_their_own_variant() -> None:
    quinine = identity(reported(smiles="C=C[C@H]1C[N@@]2CC[C@H]1C[C@H]2[C@H](O)c1ccnc2ccc(OC)cc12"))
    quinidine = identity(reported(smiles="C=C[C@H]1C[N@@]2CC[C@H]1C[C@@H]2[C@@H](O)c1ccnc2ccc(OC)cc12"))
    assert quinine.key == quinidine.key
    assert (quinine.name, quinidine.name) == ("Quinine", "Quinidine")
    assert quinine.variant != quinidine.variant


def test_a_labelled_standard_is_the_variant_of_the_drug_itself() -> None:
    labelled = identity(reported(smiles="CCC(=O)N(c1c([2H])c([2H])c([2H])c([2H])c1[2H])C1CCN(CCc2ccccc2)CC1"))
    assert labelled.variant == identity(reported(smiles=FENTANYL)).variant


def test_heroin_and_fentanyl_in_one_structure_are_two_findings() -> None:
    both = identities(reported("heroin", smiles=f"{HEROIN}.Cl.{FENTANYL}"))
    assert [(one.name, one.conflict) for one in both] == [("Heroin", False), ("Fentanyl", False)]


@pytest.mark.parametrize("smiles", [" ", "*c1ccccc1", "white powder", "C1CC"])
def test_what_is_no_structure_gives_a_reason_and_no_key(smiles: str) -> None:
    found = chemistry.read_smiles(smiles)
    assert isinstance(found, chemistry.Unreadable)
    assert found.reason


def test_a_placeholder_atom_is_named_as_the_reason() -> None:
    found = chemistry.read_smiles("*c1ccccc1.CCO")
    assert isinstance(found, chemistry.Unreadable) and "one definite structure" in found.reason


def test_salts_alone_are_no_substance_but_a_single_solvent_is_itself() -> None:
    assert isinstance(chemistry.read_smiles("[Na+].[Cl-]"), chemistry.Unreadable)
    assert identity(reported("water", smiles="O")).name == "Water"


def test_an_acid_that_is_also_a_counter_ion_stays_when_it_is_all_there_is() -> None:
    assert identity(reported(smiles="[Na+].O=C([O-])c1ccccc1")).name == "Benzoic acid"
