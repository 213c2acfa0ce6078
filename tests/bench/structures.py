"""What chemistry costs: a structure never seen before, step by step, and the worst of those that are not refused.

`python -m tests.bench.structures` prints it. Structures are made, not listed: every run reads other ones. Time is that
of the processor, so that a busy machine tells the same.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from alerts import chemistry, classification, likeness
from alerts.catalogue import Catalogue, load
from alerts.chemistry import Structure
from tests.hostile import ODD

CHAINS = ["C", "CC", "CCC", "CCCC", "C(C)C", "CC(C)C", "CCCCC", "CCCCF", "CCCCCF", "CCC=C", "CCCC#N", "CC9CC9", "CCOC"]
NITAZENE = "O({0})c1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN({1}){2})cc1"
CATHINONE = "O=C(c1ccc(O{0})cc1)C({1})N(C){2}"
FENTANYL = "O=C({0})N(c1ccc(O{2})cc1)C1CCN(CCc2ccc(O{1})cc2)CC1"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Milliseconds of processor for one structure, on average, and for the dearest."""

    step: str
    mean: float
    most: float


def cold_structures(count: int) -> Iterator[str]:
    """So many SMILES of different substances of which hardly one is listed, each of some 30 atoms."""
    ends = list(product(CHAINS, CHAINS, CHAINS))
    made = (frame.format(*chains) for chains in ends for frame in (NITAZENE, CATHINONE, FENTANYL))
    return islice(made, count)


def cold(count: int = 1000) -> list[Cost]:
    """Key, class and likeness of structures that nobody has asked for yet, and all three together."""
    catalogue = load()
    likeness.nearest("C", catalogue)
    classification.of_structure("C")
    chemistry.read_smiles("C")
    steps: dict[str, list[float]] = {"key": [], "class": [], "likeness": []}
    for smiles in cold_structures(count):
        began = time.process_time()
        found = chemistry.read_smiles(smiles)
        read = time.process_time()
        parents = found.parents if isinstance(found, Structure) else ()
        for parent in parents:
            classification.of_structure(parent.smiles)
        classed = time.process_time()
        for parent in parents:
            likeness.nearest(parent.smiles, catalogue)
        compared = time.process_time()
        for step, seconds in zip(steps, (read - began, classed - read, compared - classed), strict=True):
            steps[step].append(seconds * 1000)
    together = [sum(parts) for parts in zip(*steps.values(), strict=True)]
    return [_cost(step, taken) for step, taken in (steps | {"key, class and likeness": together}).items()]


def worst() -> list[Cost]:
    """The odd structures that are read, one by one, the dearest first."""
    catalogue = load()
    likeness.nearest("C", catalogue)
    costs = [_cost(name, [_whole_way(smiles, catalogue)]) for name, smiles in ODD.items()]
    return sorted(costs, key=lambda one: -one.most)


def _whole_way(smiles: str, catalogue: Catalogue) -> float:
    """Milliseconds from the text to all that is asked of it."""
    began = time.process_time()
    found = chemistry.read_smiles(smiles)
    for parent in found.parents if isinstance(found, Structure) else ():
        classification.of_structure(parent.smiles)
        likeness.nearest(parent.smiles, catalogue)
        chemistry.tautomer_key(parent.smiles)
    return (time.process_time() - began) * 1000


def _cost(step: str, taken: Sequence[float]) -> Cost:
    return Cost(step=step, mean=sum(taken) / len(taken), most=max(taken))


def main() -> None:
    """Print both."""
    print("A structure never seen before, ms of processor (mean, most):")
    for one in cold():
        print(f"  {one.step:<26}{one.mean:>8.3f}{one.most:>9.3f}")
    print("The dearest of the odd ones:")
    for one in worst()[:6]:
        print(f"  {one.step:<26}{one.most:>8.1f}")


if __name__ == "__main__":
    main()
