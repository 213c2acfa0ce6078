"""Structures that no laboratory means: for the tests of what chemistry refuses, and the bench of the worst of them."""

from itertools import combinations, pairwise
from typing import Final

PEPTIDE: Final = "N[C@@H](C)C(=O)"


def graph(edges: list[tuple[int, int]], atom: str) -> str:
    """SMILES of atoms bound as the edges say: all atoms apart, each bond a ring closure."""
    numbers = {edge: f"%({number})" for number, edge in enumerate(edges, 1)}
    atoms = sorted({end for edge in edges for end in edge})
    return ".".join(atom + "".join(numbers[edge] for edge in edges if one in edge) for one in atoms)


def complete(size: int, atom: str) -> str:
    """Every atom bound to every other."""
    return graph(list(combinations(range(size), 2)), atom)


def prism(size: int, atom: str) -> str:
    """Two rings of that size, one above the other."""
    rings = [[*range(size), 0], [*range(size, 2 * size), size]]
    return graph([edge for ring in rings for edge in pairwise(ring)] + [(at, at + size) for at in range(size)], atom)


REFUSED: Final = {
    "100 kB of carbon": "C" * 100_000,
    "100 kB of ring bonds": "C1" * 50_000,
    "100 kB of brackets": "[" * 100_000,
    "50,000 fragments": "C." * 50_000 + "C",
    "deep branches": "C(" * 450,
    "opening brackets": "[" * 900,
    "unclosed brackets": "C[C@@H](" * 100,
    "any atom": "*",
    "an R group": "[*:1]c1ccccc1",
    "a polymer": "*CC(*)c1ccccc1",
    "a reaction": "CC>>CO",
    "too many atoms": "C" * 999,
    "400 fragments": "C." * 400 + "C",
    "a huge peptide": PEPTIDE * 100,
    "51 rings": "C1CC1" * 51,
    "80 iron atoms in a prism": prism(40, "[Fe]"),
    "12 uranium atoms, all bound": complete(12, "[U]"),
    "no such element": "[Xx]",
    "five bonds": "C(C)(C)(C)(C)C",
    "a carbon with nine hydrogens": "[CH9]",
    "an endless charge": "[C+99999999999999]",
    "an endless isotope": "[99999999999999C]",
    "aromatic without a formula": "c1cccc1",
    "ring never closed": "C1CCCC",
    "a bond to itself": "C11",
    "a null byte": "C\x00C",
    "a null byte at the end": "CCO\x00",
    "another script": "СС",
    "right to left": "C\u202eOC",
    "spaces": "C C |$R1$|",
    "a query": "[#6,#7]~[!H0]",
    "nothing": "",
}
"""SMILES that give no key."""

ODD: Final = {
    "a methyl radical": "[CH3]",
    "a carbene": "[CH2]",
    "carbon with its isotope": "[13CH3][13CH2]O",
    "deuterium everywhere": "[2H]C([2H])([2H])C([2H])([2H])O[2H]",
    "cisplatin": "N[Pt](N)(Cl)Cl",
    "ferrocene": "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1",
    "zinc bound to carbon": "CC[Zn]CC",
    "buckminsterfullerene": (
        "c12c3c4c5c1c1c6c7c2c2c8c3c3c9c4c4c%10c5c5c1c1c6c6c%11c7c2c2c7c8c3c3c8c9c4c4c9c%10c5c5c1c1c6c6c%11c2c2c7c3c3c8c4"
        "c4c9c5c1c1c6c2c3c41"
    ),
    "a peptide of thirty": PEPTIDE * 30 + "O",
    "nine uranium atoms, all bound": complete(9, "[U]"),
    "ten iron atoms, all bound": complete(10, "[Fe]"),
    "a prism of 32": prism(16, "[U]"),
    "a chain of zinc": "C[Zn]" * 90 + "C",
    "a chain of magnesium": "O[Mg]" * 90 + "O",
    "salt without substance": "[Na+].[Cl-]." * 90 + "C",
    "charges": "C[N+](C)(C)C([O-])" * 20 + "C",
    "double bonds only": "C" + "=C" * 150,
    "a long polyene": "C/C=C/" * 60 + "C",
    "tautomers": "OC(=N)" * 45 + "C",
    "nine fentanyls and methane": "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1." * 9 + "C",
}
"""SMILES that are chemistry of a kind: whatever comes of them, it comes soon and as a value."""

INCHIS_OF_A_CRASH: Final = (
    "InChI=1S/C24H31N3O2/c28-24(25-22-18-10-16-9-17(12-18)13-19(22)11-16)23-20-3-1-2-4-21(20)27(26-23)14-15-5-7-29-8-6-15"
    "/h12*4,15-19,22H,5-14H2,(H,25,28)",
    "InChI=1S/C20H22ClN3O/c1-14(15-6-8-16(21)9-7-15)23-12-10-17(11-13-23)24-19-5-3-2-4-18(19)2C-20(24)25"
    "/h2-9,14,17H,10-13H2,1H3,(H,22,25)",
    "InChI=1S/C16H13ClN2O/c17-12*-7-5-11(6-8-12)16/c20)14-4-2-1-3-13(14)15-18-9-10-19(15)16/h1-8,20HH2,9-10H2",
    "InChI=1S/C10H15NO/c1-11(2)8-7-9-3-5-10(12)6-4-9/h3-6,12H,7-8H2,1-2H3,7-8H2,1-2H3,7-8H2,1-2H3",
)
"""Of 330,000 tampered InChIs these were being read by RDKit 2026.9.1 when it ended the process (memory overwritten)."""

REFUSED_INCHIS: Final = (
    *INCHIS_OF_A_CRASH,
    "InChI=1S/C99999999H4",
    "InChI=1S/" + "C" * 2000,
    "InChI=1S/C300H602/c1-2",
    "InChI=1S/ClH.Na999/h1H;/q;+1/p-1",
    "InChI=1S/2Cl256H.Fe/h2*1H;/q;;+2/p-2",
    "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3/p",
    "InChI=1S/C2H6O/c1-2-3-3/h3H,2H2,1H3",
    "InChI=1S/C2H6O/c1-2-4/h3H,2H2,1H3",
    "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H9",
    "InChI=1S/C2H6O/h3H,2H2,1H3/c1-2-3",
    "InChI=1S/",
    "InChI=1S/*",
    "InChI=1/CH4/h1H4",
    "InChI=1S/CH4/h1H4\x00",
    "x",
)
