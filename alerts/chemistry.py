"""Reads structures: the salt-free, isotope-free, neutral parents of a SMILES or InChI, and the patterns they match.

The only module that knows RDKit. Whatever comes in, a value with a reason comes out: no exception, no endless work.
A call into RDKit cannot be interrupted, so what could take long is refused from its text, before RDKit sees it; the
worst found that passes took 0.05 s, a usual structure takes 0.4 ms (`python -m tests.bench.structures`).
"""

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import Descriptors, RegistrationHash, rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.MolStandardize import rdMolStandardize

from alerts.inchis import without_isotopes

LONGEST_TEXT = 2000
MOST_ATOMS = 300
MOST_RINGS = 50
MOST_SCREENED_RINGS = 12
REMEMBERED = 20_000
LIKENESS_BITS = 2048

_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_PRINTABLE = re.compile(r"[!-~]+")
_ATOM = re.compile(r"\[[^\]]*\]?|Br|Cl|[BCNOPSFIbcnops]")
_IN_BRACKETS = re.compile(r"\[[^\]]*\]?")
_RING_BOND = re.compile(r"%\(\d+\)|%\d\d|\d")
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


@dataclass(frozen=True)
class Shelf:
    """Structures to compare others with, and their formulas; keys and fingerprints are in one order."""

    keys: tuple[str, ...]
    fingerprints: tuple[DataStructs.ExplicitBitVect, ...]
    formulas: frozenset[str]


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


def _too_large(smiles: str) -> str | None:
    """Counted in the text: the time that RDKit takes grows steeply with atoms and rings."""
    if len(_ATOM.findall(smiles)) > MOST_ATOMS:
        return f"it has more than {MOST_ATOMS} atoms"
    if len(_RING_BOND.findall(_IN_BRACKETS.sub("", smiles))) > 2 * MOST_RINGS:
        return f"it has more than {MOST_RINGS} rings"
    return None


def read_inchi(inchi: str) -> Structure | Unreadable:
    """The same for a standard InChI, by way of its structure, so that salts and mixtures are seen."""
    text = inchi.strip()
    doubt = _doubt(text)
    if doubt:
        return Unreadable(doubt)
    checked = without_isotopes(text, most_atoms=MOST_ATOMS, most_rings=MOST_RINGS)
    if checked is None:
        return Unreadable(f"it is not a whole standard InChI of at most {MOST_ATOMS} atoms")
    return _read_inchi(checked)


def _doubt(text: str) -> str | None:
    if not text:
        return "it is empty"
    if len(text) > LONGEST_TEXT:
        return f"it is longer than {LONGEST_TEXT} characters"
    return None if _PRINTABLE.fullmatch(text) else "it has spaces, control characters or letters beyond ASCII"


@lru_cache(maxsize=REMEMBERED)
def _read_smiles(text: str) -> Structure | Unreadable:
    too_large = _too_large(text)
    if too_large:
        return Unreadable(too_large)
    with rdBase.BlockLogs():
        try:
            return _structure(Chem.MolFromSmiles(text), one_piece="." not in text)
        except (ValueError, RuntimeError) as error:
            return Unreadable(f"the chemistry library refuses it ({type(error).__name__})")


@lru_cache(maxsize=REMEMBERED)
def _read_inchi(text: str) -> Structure | Unreadable:
    with rdBase.BlockLogs():
        try:
            found = _structure(Chem.MolFromInchi(text), one_piece=False)  # type: ignore[no-untyped-call]
            stated = Chem.InchiToInchiKey(text)  # type: ignore[no-untyped-call]
        except (ValueError, RuntimeError) as error:
            return Unreadable(f"the chemistry library refuses it ({type(error).__name__})")
    if isinstance(found, Structure) and found.as_drawn[:14] != str(stated)[:14]:
        return Unreadable("the structure that is read from it is another one")
    return found


def _structure(drawn: Chem.Mol | None, *, one_piece: bool) -> Structure | Unreadable:
    if drawn is None:
        return Unreadable("it is not valid")
    if not 0 < drawn.GetNumAtoms() <= MOST_ATOMS:
        return Unreadable(f"it has no atoms or more than {MOST_ATOMS}")
    plain = _without_isotopes(drawn)
    parents = _parents([plain] if one_piece and plain is drawn else list(Chem.GetMolFrags(plain, asMols=True)))
    if not parents:
        return Unreadable("nothing but salts and solvents is left of it")
    same = Chem.MolToSmiles(drawn) == parents[0].smiles  # an InChIKey costs five times as much as a SMILES
    return Structure(parents, parents[0].inchikey if same else _inchikey(drawn))


def _parents(fragments: Sequence[Chem.Mol]) -> tuple[Parent, ...]:
    """The fragments that are substances, each once, in the order of their keys.

    RDKit's own chooser of the largest fragment is not used: of heroin and fentanyl it keeps fentanyl only.
    """
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
    """The molecule itself where there is nothing to take away."""
    plain = molecule
    if any(atom.GetIsotope() for atom in molecule.GetAtoms()):
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


@lru_cache(maxsize=REMEMBERED)
def tautomer_key(smiles: str) -> str | None:
    """The same for all tautomers and stereoisomers of a parent, so that a keto form and its enol are one substance.

    16 hexadecimal digits of RDKit's tautomer hash (version 2, without stereo): 2 ms; `None` for what cannot be read.
    """
    molecule = _parent_drawn(smiles)
    if molecule is None:
        return None
    own = Chem.Mol(molecule)  # the hash changes what it is given
    layer, _ = RegistrationHash.GetNoStereoLayers(own, enable_tautomer_hash_v2=True)  # type: ignore[no-untyped-call]
    return hashlib.sha256(str(layer).encode()).hexdigest()[:16]


def formula(smiles: str) -> str | None:
    """The molecular formula of a parent."""
    molecule = _parent_drawn(smiles)
    return None if molecule is None else str(rdMolDescriptors.CalcMolFormula(molecule))


@lru_cache(maxsize=8)
def _parent_drawn(smiles: str) -> Chem.Mol | None:
    """Remembered for a moment: class, likeness and tautomers are asked for one after the other."""
    with rdBase.BlockLogs():
        molecule = None if _doubt(smiles) or _too_large(smiles) else Chem.MolFromSmiles(smiles)
    return molecule if molecule is not None and 0 < molecule.GetNumAtoms() <= MOST_ATOMS else None


def matching(smiles: str, patterns: Sequence[Pattern]) -> tuple[bool, ...]:
    """For each pattern, whether the structure matches it; none does when it cannot be read."""
    molecule = _parent_drawn(smiles)
    if molecule is None:
        return tuple(False for _ in patterns)
    mass, marks = Descriptors.MolWt(molecule), _marks(molecule)  # type: ignore[attr-defined]
    return tuple(
        (pattern.max_mass is None or mass <= pattern.max_mass)
        and _any_matches(molecule, marks, pattern.include)
        and not _any_matches(molecule, marks, pattern.exclude)
        for pattern in patterns
    )


def _any_matches(molecule: Chem.Mol, marks: int, patterns: Sequence[str]) -> bool:
    """Marks rule out three patterns of four, for a third of the time."""
    queries = map(_query, patterns)
    return any(wanted & marks == wanted and molecule.HasSubstructMatch(query) for query, wanted in queries)


def _marks(molecule: Chem.Mol) -> int:
    """RDKit's screen for substructures: what matches has all marks of its pattern.

    Ten metal atoms all bound to each other took 1.8 s here, so what is so dense has every mark instead.
    """
    if molecule.GetNumBonds() - molecule.GetNumAtoms() >= MOST_SCREENED_RINGS:
        return -1
    fingerprint = Chem.PatternFingerprint(molecule, fpSize=LIKENESS_BITS)
    return int.from_bytes(DataStructs.BitVectToBinaryText(fingerprint), "little")


@cache
def _query(smarts: str) -> tuple[Chem.Mol, int]:
    query = Chem.MolFromSmarts(smarts)
    if query is None:
        raise ValueError(f"not a SMARTS pattern: {smarts}")
    return query, _marks(query)


def shelf(structures: Mapping[str, str]) -> Shelf:
    """Those of the structures (SMILES by key) that can be read."""
    readable = {}
    formulas = set()
    for key in sorted(structures):
        fingerprint = _fingerprint(structures[key])
        if fingerprint is not None:
            readable[key] = fingerprint
            formulas.add(formula(structures[key]) or "")
    return Shelf(tuple(readable), tuple(readable.values()), frozenset(formulas))


def nearest(smiles: str, among: Shelf, *, without: str | None = None) -> tuple[str, float] | None:
    """The key of the most alike structure and its Tanimoto likeness from 0 to 1; of equals the first key."""
    fingerprint = _fingerprint(smiles)
    if fingerprint is None or not among.keys:
        return None
    scores = DataStructs.BulkTanimotoSimilarity(fingerprint, among.fingerprints)
    if without is not None and without in among.keys:
        scores[among.keys.index(without)] = 0.0
    best = max(scores)
    return among.keys[scores.index(best)], float(best)


@lru_cache(maxsize=REMEMBERED)
def _fingerprint(smiles: str) -> DataStructs.ExplicitBitVect | None:
    molecule = _parent_drawn(smiles)
    return None if molecule is None else _morgan().GetFingerprint(molecule)


@cache
def _morgan() -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=LIKENESS_BITS)
