"""Reads structures: the salt-free, isotope-free, neutral parents of a SMILES or InChI, and the patterns they match.

The only module that knows RDKit. Whatever comes in, a value with a reason comes out: no exception, no endless work.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors
from rdkit.Chem.MolStandardize import rdMolStandardize

LONGEST_TEXT = 1000
MOST_ATOMS = 200
REMEMBERED = 20_000

_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_PRINTABLE = re.compile(r"[!-~]+")
_HUGE_COUNT = re.compile(r"\d{4}")
_METALS = frozenset({"Li", "Na", "K", "Mg", "Ca", "Ba", "Zn", "Al", "Fe", "Cr", "Cu", "Mn"})


@dataclass(frozen=True)
class Parent:
    """One substance of a structure: canonical SMILES and full InChIKey, without salt, isotope and charge."""

    smiles: str
    inchikey: str

    @property
    def block(self) -> str:
        """The 14 letters that are the substance; the rest is the variant."""
        return self.inchikey[:14]


@dataclass(frozen=True)
class Structure:
    """What a structure says: its parents (more than one is a mixture) and the InChIKey of it as it was drawn."""

    parents: tuple[Parent, ...]
    as_drawn: str


@dataclass(frozen=True)
class Unreadable:
    """Why a structure gives no key; `reason` completes "the SMILES is not used: …"."""

    reason: str


@dataclass(frozen=True)
class Pattern:
    """A set of SMARTS: any of `include` and none of `exclude`, up to a molar mass in g/mol."""

    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    max_mass: float | None = None


def is_inchikey(text: str) -> bool:
    """Whether the text has the form of a standard InChIKey (nothing more can be told from it)."""
    return _INCHIKEY.fullmatch(text) is not None


def read_smiles(smiles: str) -> Structure | Unreadable:
    """The parents of a SMILES, or why there are none. Remembered: the second time costs a look-up."""
    text = smiles.strip()
    doubt = _doubt(text)
    if doubt is None and ("*" in text or ">" in text):
        doubt = "it does not stand for one definite structure"
    return Unreadable(doubt) if doubt else _read_smiles(text)


def read_inchi(inchi: str) -> Structure | Unreadable:
    """The same for a standard InChI, by way of its structure, so that salts and mixtures are seen."""
    text = inchi.strip()
    doubt = _doubt(text)
    if doubt is None and not text.startswith("InChI=1S/"):
        doubt = "it is not a standard InChI"
    if doubt is None and _HUGE_COUNT.search(text):
        doubt = f"it counts more than {MOST_ATOMS} atoms"
    return Unreadable(doubt) if doubt else _read_inchi(text)


def _doubt(text: str) -> str | None:
    if not text:
        return "it is empty"
    if len(text) > LONGEST_TEXT:
        return f"it is longer than {LONGEST_TEXT} characters"
    return None if _PRINTABLE.fullmatch(text) else "it has spaces, control characters or letters beyond ASCII"


@lru_cache(maxsize=REMEMBERED)
def _read_smiles(text: str) -> Structure | Unreadable:
    with rdBase.BlockLogs():
        try:
            return _structure(Chem.MolFromSmiles(text))
        except (ValueError, RuntimeError) as error:
            return Unreadable(f"the chemistry library refuses it ({type(error).__name__})")


@lru_cache(maxsize=REMEMBERED)
def _read_inchi(text: str) -> Structure | Unreadable:
    with rdBase.BlockLogs():
        try:
            return _structure(Chem.MolFromInchi(text))  # type: ignore[no-untyped-call]
        except (ValueError, RuntimeError) as error:
            return Unreadable(f"the chemistry library refuses it ({type(error).__name__})")


def _structure(drawn: Chem.Mol | None) -> Structure | Unreadable:
    if drawn is None:
        return Unreadable("it is not valid")
    if not 0 < drawn.GetNumAtoms() <= MOST_ATOMS:
        return Unreadable(f"it has no atoms or more than {MOST_ATOMS}")
    parents = _parents(drawn)
    if not parents:
        return Unreadable("nothing but salts and solvents is left of it")
    same = Chem.MolToSmiles(drawn) == parents[0].smiles  # an InChIKey costs five times as much as a SMILES
    return Structure(parents, parents[0].inchikey if same else _inchikey(drawn))


def _parents(drawn: Chem.Mol) -> tuple[Parent, ...]:
    """The fragments that are substances, each once, in the order of their keys.

    RDKit's own chooser of the largest fragment is not used: of heroin and fentanyl it keeps fentanyl only.
    """
    fragments = list(Chem.GetMolFrags(_without_isotopes(drawn), asMols=True))
    found = {parent.block: parent for parent in map(_parent, fragments) if parent}
    ions, acids_and_solvents = _dropped()
    kept = {block: parent for block, parent in found.items() if block not in ions}
    if not kept and len(fragments) == 1:
        kept = found
    kept = {block: parent for block, parent in kept.items() if block not in acids_and_solvents} or kept
    return tuple(kept[block] for block in sorted(kept))


def _parent(fragment: Chem.Mol) -> Parent | None:
    if fragment.GetNumAtoms() == 1 and fragment.GetAtomWithIdx(0).GetSymbol() in _METALS:
        return None
    neutral = _neutral(fragment)
    inchikey = _inchikey(neutral)
    return Parent(Chem.MolToSmiles(neutral), inchikey) if is_inchikey(inchikey) else None


def _without_isotopes(molecule: Chem.Mol) -> Chem.Mol:
    plain = Chem.Mol(molecule)
    for atom in plain.GetAtoms():
        atom.SetIsotope(0)
    plain = Chem.RemoveHs(plain)
    bound = any(atom.GetDegree() and atom.GetSymbol() in _METALS for atom in plain.GetAtoms())
    return rdMolStandardize.MetalDisconnector().Disconnect(plain) if bound else plain


def _neutral(fragment: Chem.Mol) -> Chem.Mol:
    charged = any(atom.GetFormalCharge() for atom in fragment.GetAtoms())
    return rdMolStandardize.Uncharger().uncharge(fragment) if charged else fragment


def _inchikey(molecule: Chem.Mol) -> str:
    return str(Chem.MolToInchiKey(molecule))  # type: ignore[no-untyped-call]


@cache
def _dropped() -> tuple[frozenset[str], frozenset[str]]:
    """First blocks of what is always dropped, and of what is dropped beside something else."""
    text = files("alerts").joinpath("data", "salts_and_solvents.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    blocks = {row["smiles"]: _inchikey(_neutral(Chem.MolFromSmiles(row["smiles"])))[:14] for row in rows}
    always = frozenset(blocks[row["smiles"]] for row in rows if row["dropped"] == "always")
    return always, frozenset(blocks.values()) - always


def matching(smiles: str, patterns: Sequence[Pattern]) -> tuple[bool, ...]:
    """For each pattern, whether the structure matches it; none does when it cannot be read."""
    with rdBase.BlockLogs():
        molecule = None if _doubt(smiles) else Chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumAtoms() > MOST_ATOMS:
        return tuple(False for _ in patterns)
    mass = Descriptors.MolWt(molecule)  # type: ignore[attr-defined]
    return tuple(_matches(molecule, mass, pattern) for pattern in patterns)


def _matches(molecule: Chem.Mol, mass: float, pattern: Pattern) -> bool:
    if pattern.max_mass is not None and mass > pattern.max_mass:
        return False
    if not any(molecule.HasSubstructMatch(_query(smarts)) for smarts in pattern.include):
        return False
    return not any(molecule.HasSubstructMatch(_query(smarts)) for smarts in pattern.exclude)


@cache
def _query(smarts: str) -> Chem.Mol:
    query = Chem.MolFromSmarts(smarts)
    if query is None:
        raise ValueError(f"not a SMARTS pattern: {smarts}")
    return query
