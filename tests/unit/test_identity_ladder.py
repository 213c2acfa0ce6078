"""The ladder: which identifier decides, what happens when they disagree, and what a report without any becomes."""

from dataclasses import replace

import pytest

from alerts.catalogue import Catalogue
from alerts.identity import Identity, Rung, identify, is_cas
from schemas.detections import Component
from schemas.vocabularies import Category, ComponentRole, IsomerStatus, SubstanceKind
from tests.unit.reported import CAFFEINE, CATALOGUE, FENTANYL, HEROIN, identities, identity, reported

BRORPHINE_KEY = "CNOFBGYRMCBVLO-UHFFFAOYSA-N"
FENTANYL_CITRATE_KEY = "IVLVTNPOHDFFCJ-UHFFFAOYSA-N"
NOWHERE_KEY = "AAAAAAAAAAAAAA-UHFFFAOYSA-N"


def test_an_inchikey_decides_before_everything_else() -> None:
    found = identity(reported("brorphine", inchikey=BRORPHINE_KEY))
    assert (found.key, found.rung, found.rungs) == ("S:CNOFBGYRMCBVLO", Rung.R1, (Rung.R1, Rung.R5))
    assert (found.subgroup, found.kind, found.provisional) == ("orphine", SubstanceKind.NPS, False)


def test_the_inchikey_of_a_salt_is_that_of_its_substance() -> None:
    found = identity(reported("fentanyl citrate", inchikey=FENTANYL_CITRATE_KEY))
    assert (found.name, found.rung, found.conflict) == ("Fentanyl", Rung.R1, False)


def test_an_inchi_reads_as_the_structure_it_stands_for() -> None:
    inchi = "InChI=1S/C8H10N4O2/c1-10-4-9-6-5(10)7(13)12(3)8(14)11(6)2/h4H,1-3H3"
    found = identity(reported(inchi=inchi))
    assert (found.name, found.rung) == ("Caffeine", Rung.R2)


def test_a_structure_decides_before_number_and_name() -> None:
    found = identity(reported("fentanyl", smiles=FENTANYL, cas="437-38-7"))
    assert (found.rung, found.rungs) == (Rung.R3, (Rung.R3, Rung.R4, Rung.R5))
    assert not found.conflict


@pytest.mark.parametrize(("cas", "resolves"), [("437-38-7", True), ("437-38-6", False), ("50-00-0", False)])
def test_a_cas_number_counts_only_when_its_digit_is_right_and_the_catalogue_knows_it(cas: str, resolves: bool) -> None:
    found = identity(reported("no such name", cas=cas))
    assert (found.rung is Rung.R4) is resolves
    assert resolves or "CAS number is not used" in found.why


def test_a_digit_test_alone_would_accept_numbers_of_nothing() -> None:
    assert is_cas("50-00-0")
    assert not any(map(is_cas, ["", "-", "50-00-1", "50-0-0", "x50-00-0", "5٠-00-0", "50-00-0-1"]))


def test_disagreeing_identifiers_are_flagged_and_the_structure_decides() -> None:
    found = identity(reported("isotonitazene", smiles=CAFFEINE))
    assert (found.name, found.conflict, found.provisional) == ("Caffeine", True, True)
    assert "disagree" in found.why


def test_a_structure_that_holds_more_than_the_inchikey_is_not_shrunk_to_it() -> None:
    both = identities(reported(inchikey="GVGLGOZIDCSQPN-PVHGPHFFSA-N", smiles=f"{HEROIN}.{FENTANYL}"))
    assert {one.name for one in both} == {"Heroin", "Fentanyl"}
    assert all(one.conflict for one in both)


def test_an_unlisted_inchikey_is_a_substance_and_takes_its_class_from_the_structure() -> None:
    hexonitazene = "CCCCCCOc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1"
    found = identity(reported("a new one", smiles=hexonitazene))
    assert found.entry is None
    assert found.key.startswith("S:")
    assert (found.subgroup, found.class_rule, found.kind) == ("nitazene", "OP-NIT", SubstanceKind.NPS)
    assert "matched the nitazene core" in found.why


def test_an_unlisted_inchikey_alone_takes_its_class_from_the_name() -> None:
    found = identity(reported("hexonitazene", inchikey=NOWHERE_KEY))
    assert (found.key, found.subgroup, found.class_rule) == ("S:AAAAAAAAAAAAAA", "nitazene", "NAME-NIT")


def test_an_unlisted_inchikey_with_a_listed_name_keeps_the_hazard_of_the_name() -> None:
    found = identity(reported("U-47700", inchikey=NOWHERE_KEY))
    assert (found.entry, found.subgroup, found.conflict) == (None, "other_potent_opioid", True)


def test_a_name_with_salt_and_remark_is_the_substance() -> None:
    for name in ("Fentanyl HCl", "fentanyl citrate", "FENTANYL (trace)", "fentanyl hydrochloride salt"):
        assert identity(reported(name)).name == "Fentanyl"


def test_a_name_nobody_knows_is_a_provisional_substance_of_its_own() -> None:
    found = identity(reported("N,N-dimethyletonitazene"))
    assert (found.key, found.rung, found.provisional) == ("N:nndimethyletonitazene", Rung.R6, True)
    assert (found.subgroup, found.kind, found.entry) == ("nitazene", SubstanceKind.NPS, None)


def test_a_remark_is_no_part_of_an_unknown_name() -> None:
    assert identity(reported("THCJD (as labelled)")).key == identity(reported("THCJD")).key == "N:thcjd"


def test_a_listed_name_without_structure_is_settled() -> None:
    found = identity(reported("Talc"))
    assert (found.key, found.provisional, found.kind) == ("N:talc", False, SubstanceKind.CUTTING_AGENT)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("nitazene (strip positive)", "nitazene"),
        ("nitazene (member not stated)", "nitazene"),
        ("Nitazene", "nitazene"),
        ("unknown nitazene", "nitazene"),
        ("fentanyl analogue", "fentanyl"),
        ("Fentanyl or Analog", "fentanyl"),
        ("unidentified opioid", "opioid"),
        ("unknown benzodiazepine", "benzodiazepine"),
        ("synthetic cannabinoid", "synthetic_cannabinoid"),
        ("synthetic cannabinoids (unspecified)", "synthetic_cannabinoid"),
        ("semi-synthetic cannabinoid (not named)", "semi_synthetic_cannabinoid"),
        ("precursors of MDMA and amphetamine (not named)", "precursor"),
        ("unknown", "unknown"),
        ("No active component identified", "unknown"),
        ("pink cocaine mixture (not named)", "unknown"),
    ],
)
def test_a_finding_that_names_no_substance_is_unidentified(name: str, word: str) -> None:
    found = identity(reported(name), sample="EX-7")
    assert found.key == f"U:{word}:si-example:EX-7"
    assert (found.unidentified, found.provisional, found.kind, found.entry) == (True, True, None, None)


def test_two_unidentified_findings_are_never_the_same_substance() -> None:
    first, second = (identity(reported("unknown nitazene"), sample=sample) for sample in ("EX-1", "EX-2"))
    assert first.key != second.key


@pytest.mark.parametrize("name", ["fentanyl", "cathinone", "phenethylamine", "orphine", "ketamine"])
def test_a_substance_that_lends_its_name_to_a_class_is_still_the_substance(name: str) -> None:
    assert identity(reported(name)).rung is Rung.R5


def test_the_word_on_the_strip_does_not_hide_a_structure() -> None:
    assert identity(reported("nitazene (strip positive)", smiles=FENTANYL)).name == "Fentanyl"


def test_a_name_that_spells_out_isomers_is_a_group_of_them() -> None:
    found = identity(reported("2-, 3- or 4-MMC"))
    assert found.key == "G:S:PRGXFAWAMOFULD,S:QDNXSIYWHYGMCD,S:YELGFTGWJGBAQU"
    assert (found.category, found.provisional) == (Category.CATHINONE, True)


def test_a_name_of_two_substances_resolves_nothing_but_keeps_the_class_they_share() -> None:
    found = _with_shared_name(reported("MMC"))
    assert (found.key, found.rung, found.provisional) == ("N:mmc", Rung.R6, True)
    assert found.category is Category.CATHINONE
    assert "several substances have it" in found.why


def test_a_name_of_two_substances_is_a_group_where_the_report_says_isomers() -> None:
    found = _with_shared_name(reported("MMC", isomer_status=IsomerStatus.ISOMER_GROUP))
    assert found.key == "G:S:PRGXFAWAMOFULD,S:QDNXSIYWHYGMCD"


def _with_shared_name(component: Component) -> Identity:
    entries = {
        key: replace(CATALOGUE.entries[key], synonyms=("MMC",)) for key in ("S:PRGXFAWAMOFULD", "S:QDNXSIYWHYGMCD")
    }
    shared = Catalogue(version="test", entries=entries)
    (found,) = identify(component, laboratory="si-example", sample="EX-1", catalogue=shared)
    return found


def test_an_isomer_left_open_is_provisional_even_with_a_structure() -> None:
    drawn = reported("MMC", smiles="CNC(C)C(=O)c1cccc(C)c1", isomer_status=IsomerStatus.UNRESOLVED)
    assert identity(drawn).provisional


def test_a_metabolite_stands_for_its_parent_only_when_the_report_calls_it_one() -> None:
    metabolite = identity(reported("benzoylecgonine", role=ComponentRole.METABOLITE))
    product = identity(reported("benzoylecgonine"))
    assert (metabolite.name, product.name) == ("Cocaine", "Benzoylecgonine")


def test_a_precursor_carries_its_designer_family() -> None:
    found = identity(reported("a new ester", smiles="CCCCOC(=O)C1(C)OC1c1ccc2OCOc2c1"))
    assert (found.kind, found.precursor_family) == (SubstanceKind.PRECURSOR, "PR-GLY")


def test_every_identity_explains_itself_in_one_sentence() -> None:
    for component in (reported("unknown"), reported("caffeine"), reported(smiles=FENTANYL), reported("x", smiles="C(")):
        why = identity(component).why
        assert why.endswith(".") and why[0].isupper() and "\n" not in why


def test_no_name_of_the_catalogue_reads_as_unidentified_but_that_of_the_strip() -> None:
    unnamed = [entry.name for entry in CATALOGUE.entries.values() if identity(reported(entry.name)).rung is not Rung.R5]
    assert unnamed == ["Nitazene"]
