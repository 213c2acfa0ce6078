"""Hostile chemistry: it costs little, it gets a reason, it never ends the process, and it merges nothing.

Without the check of InChIs (`alerts/inchis.py`) the test that tampers with them ends the test run sooner or later: five
times in 330,000. Of 55,000 tampered and invented ones that passed the check none did.
"""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rdkit import Chem

from alerts import chemistry, classification, likeness
from alerts.chemistry import Structure, Unreadable
from alerts.inchis import without_isotopes
from tests.hostile import ODD, REFUSED, REFUSED_INCHIS
from tests.unit.reported import CATALOGUE, identities, identity, reported

ROOT = Path(__file__).parents[2]
SECONDS_OF_CPU = 60
"""For all of the odd ones together, which take one: a structure that never ends is stopped by the kernel."""

DRAWN = [entry for entry in CATALOGUE.entries.values() if entry.smiles]
INCHIS = [str(Chem.MolToInchi(Chem.MolFromSmiles(entry.smiles))) for entry in DRAWN[::7]]  # type: ignore[no-untyped-call]
ELEMENTS = ["C", "N", "O", "S", "P", "c", "n", "[nH]", "[U]", "[Fe]", "[Zn]", "[O-]", "[N+]", "[C@H]", "[2H]", "[CH]"]
BONDS = ["", "", "", "-", "=", "#", "/", "\\", "~", "->", ".", ":"]
LAYERS = [
    "/",
    "/c",
    "/h",
    "/q",
    "/p",
    "/b",
    "/t",
    "/m",
    "/s",
    "/i",
    "(",
    ")",
    ",",
    "-",
    "+",
    ";",
    "H",
    "2*",
    "1",
    "9",
    "C",
]


def of_its_own(program: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program that the kernel stops after so many seconds of CPU."""
    limited = f"import resource as r; r.setrlimit(r.RLIMIT_CPU, ({SECONDS_OF_CPU}, {SECONDS_OF_CPU}))\n{program}"
    command = [sys.executable, "-c", limited]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("smiles", REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_structure_of_a_substance_is_refused_with_a_reason(smiles: str) -> None:
    found = chemistry.read_smiles(smiles)
    assert isinstance(found, Unreadable)
    assert found.reason and len(found.reason) < 100


@pytest.mark.parametrize("inchi", REFUSED_INCHIS, ids=range(len(REFUSED_INCHIS)))
def test_an_inchi_that_does_not_add_up_is_refused_with_a_reason(inchi: str) -> None:
    found = chemistry.read_inchi(inchi)
    assert isinstance(found, Unreadable) and found.reason


def test_odd_chemistry_goes_the_whole_way_in_a_process_that_lives_and_ends() -> None:
    """Key, class, likeness, tautomers: in another process, with a limit of CPU."""
    program = (
        "from tests.hostile import ODD, REFUSED\n"
        "from tests.unit.reported import identities, reported\n"
        "reportable = [one for one in REFUSED.values() if 0 < len(one) < 4000 and one.isprintable()]\n"
        "print([len(identities(reported(smiles=one))) for one in (*ODD.values(), *reportable)])"
    )
    ran = of_its_own(program)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.count(",") > len(ODD)


@pytest.mark.parametrize("smiles", ODD.values(), ids=list(ODD))
def test_odd_chemistry_never_gets_the_key_of_a_listed_substance(smiles: str) -> None:
    keys = {one.key for one in identities(reported(smiles=smiles)) if one.entry is not None}
    assert keys <= {"S:LFQSCWFLJHTTHZ", "S:PJMPHNIQZUBGLI", "S:XEYBRNLFEZDVAW"}, "ethanol and fentanyl are in them"


def test_a_refused_structure_says_so_on_the_finding_and_the_name_decides() -> None:
    found = identity(reported("caffeine", smiles=REFUSED["a huge peptide"]))
    assert found.name == "Caffeine"
    assert "the SMILES is not used: it has more than" in found.why


def test_a_refused_structure_without_a_known_name_keeps_a_key_of_its_name() -> None:
    found = identity(reported("an unheard peptide", smiles=REFUSED["a huge peptide"]))
    assert (found.key, found.provisional) == ("N:anunheardpeptide", True)


def test_every_inchi_of_the_catalogue_adds_up_and_reads_as_its_substance() -> None:
    for entry, inchi in zip(DRAWN[::7], INCHIS, strict=True):
        found = chemistry.read_inchi(inchi)
        assert isinstance(found, Structure), (entry.name, inchi, found)
        assert entry.key in {f"S:{parent.block}" for parent in found.parents}


def test_the_isotopes_of_an_inchi_are_no_part_of_the_substance() -> None:
    labelled = "InChI=1S/CH4O/c1-2/h2H,1H3/i1D3"
    assert without_isotopes(labelled, most_atoms=9, most_rings=9) == "InChI=1S/CH4O/c1-2/h2H,1H3"


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
@example(0)
def test_random_graphs_of_odd_atoms_come_back_as_values(seed: int) -> None:
    smiles = random_smiles(random.Random(seed))
    found = chemistry.read_smiles(smiles)
    for parent in found.parents if isinstance(found, Structure) else ():
        assert chemistry.is_inchikey(parent.inchikey)
        classification.of_structure(parent.smiles)
        likeness.nearest(parent.smiles, CATALOGUE)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(INCHIS), st.integers(0, 2**32))
def test_an_inchi_that_was_tampered_with_comes_back_as_a_value(inchi: str, seed: int) -> None:
    found = chemistry.read_inchi(tampered(inchi, random.Random(seed)))
    assert isinstance(found, Unreadable) or all(chemistry.is_inchikey(one.inchikey) for one in found.parents)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_any_text_comes_back_as_a_value(text: str) -> None:
    for found in (chemistry.read_smiles(text), chemistry.read_inchi(text), chemistry.read_inchi(f"InChI=1S/{text}")):
        assert isinstance(found, Unreadable) or found.parents


def random_smiles(chance: random.Random) -> str:
    """Atoms in a row, with branches, and ring bonds opened and closed anywhere."""
    marks = [str(number) for number in range(1, 10)] * 2 + ["("] * 4 + [")"] * 4
    words = []
    for _ in range(chance.randint(1, 60)):
        words += [chance.choice(BONDS), chance.choice(ELEMENTS)]
        if chance.random() < 0.4:
            words.append(chance.choice(marks))
    text = "".join(words)
    return text + ")" * (text.count("(") - text.count(")"))


def tampered(inchi: str, chance: random.Random) -> str:
    """One to three places of it put in, left out or exchanged."""
    for _ in range(chance.randint(1, 3)):
        at, length = chance.randint(9, len(inchi)), chance.choice((0, 0, 1, 3))
        inchi = inchi[:at] + chance.choice(["", *LAYERS]) + inchi[at + length :]
    return inchi
