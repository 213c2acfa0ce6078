"""The shipped catalogue proves itself: every fact that can be recomputed is, and no name means two substances."""

from collections import Counter

import pytest
from rdkit import Chem

from alerts import chemistry
from alerts.catalogue import POTENT_OPIOIDS, Entry, load
from alerts.classification import DESIGNER_FAMILIES, unnamed
from alerts.identity import is_cas
from alerts.names import strict_key
from schemas.vocabularies import Category, SubstanceFlag, SubstanceKind
from tests.unit.reported import CATALOGUE

ENTRIES = list(CATALOGUE.entries.values())


def named(name: str) -> Entry:
    (key,) = CATALOGUE.by_name(strict_key(name))
    entry = CATALOGUE.entry(key)
    assert entry is not None
    return entry


def test_every_key_recomputes_from_its_structure() -> None:
    for entry in ENTRIES:
        if entry.smiles is None:
            assert entry.key == f"N:{strict_key(entry.name)}", entry.name
            continue
        structure = chemistry.read_smiles(entry.smiles)
        assert isinstance(structure, chemistry.Structure), entry.name
        (parent,) = structure.parents
        assert (f"S:{parent.block}", parent.inchikey) == (entry.key, entry.inchikey), entry.name


def test_every_salt_key_belongs_to_one_substance_and_is_no_substance_itself() -> None:
    counted = Counter(block for entry in ENTRIES for block in entry.salt_keys)
    assert set(counted.values()) == {1}
    assert not any(CATALOGUE.entry(f"S:{block}") for block in counted)


@pytest.mark.parametrize("name", ["Fentanyl", "MDMA", "Brorphine", "Isotonitazene", "3-MMC"])
def test_the_hydrochloride_of_a_drug_is_among_its_salts(name: str) -> None:
    entry = named(name)
    salt = Chem.MolToInchiKey(Chem.MolFromSmiles(f"{entry.smiles}.Cl"))  # type: ignore[no-untyped-call]
    assert CATALOGUE.by_salt(salt[:14]) == entry.key


def test_every_cas_number_has_a_right_check_digit_and_one_owner() -> None:
    for entry in ENTRIES:
        for cas in entry.cas:
            assert is_cas(cas), (entry.name, cas)
            assert CATALOGUE.by_cas(cas) == {entry.key}, (entry.name, cas)


def test_no_strict_name_means_two_substances() -> None:
    ambiguous = [
        (entry.name, name) for entry in ENTRIES for name in entry.names if len(CATALOGUE.by_name(strict_key(name))) != 1
    ]
    assert ambiguous == []


def test_a_brand_or_street_name_promises_a_listed_substance_or_none() -> None:
    assert {key for key in CATALOGUE.street_names.values() if key} <= set(CATALOGUE.entries)
    for name, key in CATALOGUE.street_names.items():
        assert CATALOGUE.by_name(name) <= {key}, name


def test_what_an_entry_points_to_exists() -> None:
    words = {"*"} | {f"class:{word}" for entry in ENTRIES for word in (entry.category.value, entry.subgroup) if word}
    for entry in ENTRIES:
        pointers = entry.usual_cut_of | entry.by_product_of | ({entry.metabolite_of} if entry.metabolite_of else set())
        assert all(pointer in words or CATALOGUE.entry(pointer) for pointer in pointers), entry.name


def test_every_potent_opioid_is_watch_listed_and_nothing_else_is() -> None:
    assert [entry.name for entry in ENTRIES if entry.watch_listed != (entry.subgroup in POTENT_OPIOIDS)] == []
    assert sum(entry.watch_listed for entry in ENTRIES) > 150


def test_a_potent_opioid_is_an_opioid_and_a_drug() -> None:
    for entry in ENTRIES:
        if entry.watch_listed:
            assert entry.category is Category.OPIOID, entry.name
            assert entry.kind in (SubstanceKind.NPS, SubstanceKind.MEDICINE), entry.name


@pytest.mark.parametrize(
    ("name", "subgroup"),
    [
        ("Brorphine", "orphine"),
        ("Cychlorphine", "orphine"),
        ("Isotonitazene", "nitazene"),
        ("Carfentanil", "fentanyl"),
        ("U-47700", "other_potent_opioid"),
        ("AP-237", "other_potent_opioid"),
        ("MT-45", "other_potent_opioid"),
        ("W-18", "other_potent_opioid"),
    ],
)
def test_potent_opioids_stand_in_their_subgroup(name: str, subgroup: str) -> None:
    assert named(name).subgroup == subgroup


@pytest.mark.parametrize("name", ["Heroin", "Morphine", "Codeine", "Tramadol", "Tianeptine", "4-ANPP", "Norfentanyl"])
def test_opiates_and_fentanyl_precursors_are_not_on_the_watch_list(name: str) -> None:
    assert not named(name).watch_listed


CLASSIC = {
    "Heroin", "Morphine", "Opium", "Cocaine", "Amphetamine", "Methamphetamine", "MDMA", "MDA", "MDEA", "LSD",
    "Psilocybin", "Psilocin", "DMT", "Mescaline", "THC", "Ketamine", "GHB", "GBL", "1,4-Butanediol",
}  # fmt: skip


def test_the_classic_drugs_are_exactly_those_of_the_list() -> None:
    assert {entry.name for entry in ENTRIES if entry.kind is SubstanceKind.CLASSIC} == CLASSIC


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("fentanyl", "oxycodone", "alprazolam", "diazepam", "xylazine", "medetomidine"), SubstanceKind.MEDICINE),
        (("isotonitazene", "bromazolam", "3-MMC", "HHC", "carfentanil", "etizolam"), SubstanceKind.NPS),
        (("caffeine", "paracetamol", "mannitol", "talc"), SubstanceKind.CUTTING_AGENT),
        (("6-MAM", "acetylcodeine", "noscapine", "benzoylecgonine"), SubstanceKind.BY_PRODUCT),
        (("BMK", "PMK ethyl glycidate", "MAPA", "ephedrine", "4-ANPP"), SubstanceKind.PRECURSOR),
    ],
)
def test_kinds_follow_the_grading(names: tuple[str, ...], kind: SubstanceKind) -> None:
    assert {name: named(name).kind for name in names} == dict.fromkeys(names, kind)


def test_eu_listed_precursors_carry_their_category_and_designer_ones_their_family() -> None:
    assert (named("BMK").precursor_category, named("Acetic anhydride").precursor_category) == ("1", "2A")
    families = {entry.precursor_family for entry in ENTRIES if entry.precursor_family}
    assert families == DESIGNER_FAMILIES
    assert all(entry.kind is SubstanceKind.PRECURSOR for entry in ENTRIES if entry.precursor_family)


USUAL = [
    ("caffeine", "cocaine"), ("paracetamol", "cocaine"), ("phenacetin", "cocaine"), ("levamisole", "cocaine"),
    ("lidocaine", "cocaine"), ("benzoylecgonine", "cocaine"), ("caffeine", "heroin"), ("paracetamol", "heroin"),
    ("noscapine", "heroin"), ("papaverine", "heroin"), ("acetylcodeine", "heroin"), ("6-MAM", "heroin"),
    ("caffeine", "amphetamine"), ("mannitol", "3-MMC"), ("lactose", "heroin"), ("microcrystalline cellulose", "MDMA"),
    ("4-ANPP", "carfentanil"), ("cannabidiol", "cannabis"),
]  # fmt: skip
UNUSUAL = [
    ("fentanyl", "heroin"), ("xylazine", "heroin"), ("medetomidine", "fentanyl"), ("isotonitazene", "heroin"),
    ("PMMA", "MDMA"), ("levamisole", "heroin"), ("clenbuterol", "heroin"), ("strychnine", "heroin"),
    ("quetiapine", "diazepam"), ("noscapine", "cocaine"), ("arsenic", "heroin"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "sold_as"), USUAL)
def test_usual_cuts_and_by_products_are_expected(found: str, sold_as: str) -> None:
    assert CATALOGUE.usual_with(named(found), of=named(sold_as))


@pytest.mark.parametrize(("found", "sold_as"), UNUSUAL)
def test_dangerous_company_is_never_usual(found: str, sold_as: str) -> None:
    assert not CATALOGUE.usual_with(named(found), of=named(sold_as))


def test_what_is_harmless_as_listed_carries_no_hazard() -> None:
    low_risk = [entry for entry in ENTRIES if entry.low_risk]
    assert {"Caffeine", "Paracetamol", "Lactose", "Talc"} <= {entry.name for entry in low_risk}
    assert all(not entry.flags and not entry.watch_listed for entry in low_risk)


def test_hazards_of_the_field_are_flagged() -> None:
    assert SubstanceFlag.ALPHA2_AGONIST in named("xylazine").flags
    assert {SubstanceFlag.ACUTE_RISK, SubstanceFlag.DELAYED_ONSET} <= named("PMMA").flags
    assert SubstanceFlag.SEDATIVE in named("diazepam").flags
    assert SubstanceFlag.TOXIC in named("strychnine").flags


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Epidiolex", "Cannabidiol"),
        ("cis-Tramadol", "Tramadol"),
        ("bk-MDMA", "Methylone"),
        ("p-FF", "para-Fluorofentanyl"),
        ("THCA-A", "Tetrahydrocannabinolic acid"),
        ("Hydrocodone (bitartrate)", "Hydrocodone"),
        ("4-MMC", "Mephedrone"),
        ("VX-809", "Lumacaftor"),
    ],
)
def test_an_alert_shows_the_common_name(written: str, shown: str) -> None:
    assert named(written).name == shown


def test_no_shown_name_is_a_remark_or_a_brand() -> None:
    for entry in ENTRIES:
        assert not any(mark in entry.name for mark in "®;") and entry.name == entry.name.strip(" -."), entry.name


def test_known_traps_of_the_sources_are_mended() -> None:
    assert named("Sodium sulfate").key == "N:sodiumsulfate"
    assert named("Methylone").key != named("MDMA").key
    assert "[nH]" in (named("Brorphine").smiles or ""), "drawn as the lactam"
    assert named("Ecgonine methyl ester").by_product_of == {named("Cocaine").key}
    assert named("Ecgonine methyl ester").key == "S:QIQNNBXHAYSQRY", "not 2,5-diethoxy-4-methoxyamphetamine, also EME"


def test_stereoisomers_with_names_of_their_own_share_a_listed_key() -> None:
    for split in CATALOGUE.variants:
        assert CATALOGUE.entry(split.key) is not None, split.name
        assert CATALOGUE.by_name(strict_key(split.name)) == {split.key}, split.name
    assert len({split.inchikey for split in CATALOGUE.variants}) == len(CATALOGUE.variants)
    for pair in (("mannitol", "sorbitol"), ("quinine", "quinidine"), ("levamisole", "tetramisole")):
        assert named(pair[0]).key == named(pair[1]).key
    assert named("ephedrine").key == named("pseudoephedrine").key


def test_every_entry_counts_as_known_unless_the_file_says_otherwise() -> None:
    assert all(entry.known_in_union and entry.effects_known for entry in ENTRIES)
    assert named("Brorphine").known_in_union_since is not None


def test_every_entry_says_where_it_comes_from() -> None:
    assert [entry.name for entry in ENTRIES if not entry.provenance] == []


def test_two_loads_are_the_same_version() -> None:
    assert load().version == CATALOGUE.version


def test_only_the_word_on_the_strip_is_both_a_class_and_a_listed_name() -> None:
    assert [entry.name for entry in ENTRIES if unnamed(entry.name)] == ["Nitazene"]
