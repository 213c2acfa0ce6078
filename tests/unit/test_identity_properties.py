"""What must hold whatever is drawn, written or sent: same key for every drawing, no merge by likeness, no crash."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rdkit import Chem

from alerts import chemistry
from alerts.catalogue import Entry
from alerts.chemistry import Structure
from alerts.identity import Rung
from alerts.names import strict_key
from schemas.vocabularies import SubstanceKind
from tests.unit.reported import CATALOGUE, identities, identity, key_of, reported

DRAWN = [entry for entry in CATALOGUE.entries.values() if entry.smiles]
DRUGS = [entry for entry in DRAWN if entry.kind is SubstanceKind.NPS and "." not in (entry.smiles or "")]
NAMED = [name for entry in CATALOGUE.entries.values() for name in entry.names]
SALTS = ["Cl", "Br", "[Na+].[Cl-]", "OS(=O)(=O)O", "O", "OC(=O)C=CC(=O)O", "Cl.O", "CS(=O)(=O)O"]
entries: st.SearchStrategy[Entry] = st.sampled_from(DRUGS)


def drawings(smiles: str, seed: int) -> str:
    """The same structure written from another atom."""
    molecule = Chem.MolFromSmiles(smiles)
    order = list(range(molecule.GetNumAtoms()))
    random.Random(seed).shuffle(order)
    return str(Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(DRAWN), st.integers(0, 2**32))
def test_the_key_does_not_depend_on_how_the_structure_is_written(entry: Entry, seed: int) -> None:
    assert key_of(drawings(entry.smiles or "", seed)) == entry.key


@settings(max_examples=150, deadline=None)
@given(entries, st.sampled_from(SALTS))
def test_the_key_does_not_depend_on_the_salt(entry: Entry, salt: str) -> None:
    assert [one.key for one in identities(reported(smiles=f"{entry.smiles}.{salt}"))] == [entry.key]


SUBSTITUENTS = ["C", "F", "Cl", "Br", "OC", "C(F)(F)F", "[N+](=O)[O-]", "CC", "O", "N", "SC"]
ONE_RING = [
    "CNC(C)C(=O)c1{}{}{}cc1",
    "CC(N)Cc1{}{}{}cc1",
    "CCC(=O)N(c1{}{}{}cc1)C1CCN(CCc2ccccc2)CC1",
    "CCCCCn1cc(C(=O)c2{}{}{}cc2)c2ccccc12",
    "CNC1(c2{}{}{}cc2)CCCCC1=O",
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ONE_RING), st.sampled_from(SUBSTITUENTS))
def test_positional_isomers_are_different_substances(frame: str, substituent: str) -> None:
    places = [["c"] * 3 for _ in range(3)]
    for place, atoms in enumerate(places):
        atoms[place] = f"c({substituent})"
    assert len({key_of(frame.format(*atoms)) for atoms in places}) == 3


@given(st.sampled_from(["C1CC", "[Xx]", "C" * 5000, "*", "CC(C)(C)(C)C"]))
def test_a_failure_is_remembered_with_its_reason(smiles: str) -> None:
    first, second = chemistry.read_smiles(smiles), chemistry.read_smiles(smiles)
    assert isinstance(first, chemistry.Unreadable) and first == second and first.reason


@settings(max_examples=100, deadline=None)
@given(st.lists(entries, min_size=1, max_size=4, unique_by=lambda entry: entry.key))
def test_a_mixture_never_shrinks(members: Sequence[Entry]) -> None:
    mixed = ".".join(entry.smiles or "" for entry in members)
    if len(mixed) <= chemistry.LONGEST_TEXT:
        assert {one.key for one in identities(reported(smiles=mixed))} == {entry.key for entry in members}


@settings(max_examples=300)
@given(st.text(max_size=80) | st.sampled_from(NAMED) | st.from_regex(r"(or\.?tho|meta|para|sulph|am|[0-9 ,'-]){1,6}"))
@example("or.tho chloro")
@example("sul.phate of am.phetamine")
def test_the_name_key_is_stable_and_plain(name: str) -> None:
    key = strict_key(name)
    assert strict_key(key) == key
    assert all(mark in "abcdefghijklmnopqrstuvwxyz0123456789'" for mark in key)


def _ends_as_in_another_language(key: str, substance: str) -> bool:
    """`cathinona` is `cathinone`: nothing but a last vowel differs."""
    entry = CATALOGUE.entry(substance)
    assert entry is not None
    return any(key.rstrip("aeo") == strict_key(name).rstrip("aeo") for name in (entry.name, *entry.synonyms))


@settings(max_examples=300)
@given(st.sampled_from(NAMED), st.integers(0, 200), st.sampled_from("abcdefgh123456789'"))
def test_a_name_one_letter_away_is_resolved_only_if_it_is_a_name_itself(name: str, place: int, letter: str) -> None:
    key = strict_key(name)
    at = place % len(key)
    neighbour = key[:at] + letter + key[at + 1 :]
    found = identity(reported(neighbour))
    if found.rung is Rung.R5:
        assert CATALOGUE.by_name(neighbour) == {found.key} or _ends_as_in_another_language(neighbour, found.key)


HOSTILE = {
    "100 kB of carbon": "C" * 100_000,
    "deep branches": "C(" * 450,
    "opening brackets": "[" * 900,
    "unclosed brackets": "C[C@@H](" * 100,
    "any atom": "*",
    "an R group": "[*:1]c1ccccc1",
    "a reaction": "CC>>CO",
    "too many atoms": "C" * 999,
    "a thousand fragments": "C." * 400 + "C",
    "no such element": "[Xx]",
    "five bonds": "C(C)(C)(C)(C)C",
    "ring never closed": "C1CCCC",
    "a null byte": "C\x00C",
    "another script": "СС",
    "spaces": "C C |$R1$|",
    "nothing": "",
}


@pytest.mark.parametrize("smiles", HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_structure_is_refused_with_a_reason(smiles: str) -> None:
    found = chemistry.read_smiles(smiles)
    assert isinstance(found, chemistry.Unreadable)
    assert found.reason and len(found.reason) < 100


@pytest.mark.parametrize(
    "inchi", ["InChI=1S/C99999999H4", "InChI=1S/" + "C" * 2000, "InChI=1S/", "InChI=1/CH4/h1H4", "x"]
)
def test_a_hostile_inchi_is_refused_with_a_reason(inchi: str) -> None:
    assert isinstance(chemistry.read_inchi(inchi), chemistry.Unreadable)


def test_a_refused_structure_falls_to_the_name_and_says_so() -> None:
    found = identity(reported("caffeine", smiles="C(" * 450))
    assert (found.name, found.rung) == ("Caffeine", Rung.R5)
    assert "the SMILES is not used" in found.why


@settings(max_examples=300, deadline=None)
@given(st.text("CNOPSFIBrclnos()[]=#-+@/\\123%.H*", max_size=60))
def test_whatever_is_drawn_comes_back_as_a_value(smiles: str) -> None:
    found = chemistry.read_smiles(smiles)
    assert isinstance(found, chemistry.Unreadable) or all(map(chemistry.is_inchikey, _keys(found)))


@settings(max_examples=150, deadline=None)
@given(st.text("CHNO0123456789/chbtmsipq()-,;?+.", max_size=60))
def test_whatever_is_sent_as_inchi_comes_back_as_a_value(layers: str) -> None:
    found = chemistry.read_inchi(f"InChI=1S/{layers}")
    assert isinstance(found, chemistry.Unreadable) or all(map(chemistry.is_inchikey, _keys(found)))


def _keys(structure: Structure) -> list[str]:
    return [parent.inchikey for parent in structure.parents]
