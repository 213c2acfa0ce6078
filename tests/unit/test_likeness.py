"""The most alike listed structure is a suggestion: it has words and a score, and never gives a hazard."""

import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from alerts import chemistry, likeness
from alerts.catalogue import POTENT_OPIOIDS
from alerts.classification import rules
from schemas.alert_events import SubstanceRef
from tests.unit.deciding import Desk, component, report, street
from tests.unit.reported import CATALOGUE, FENTANYL, identity, reported

HEXONITAZENE = "CCCCCCOc1ccc(Cc2nc3cc([N+](=O)[O-])ccc3n2CCN(CC)CC)cc1"
CARBOCYCLE_OF_FENTANYL = "CCC(=O)N(c1ccccc1)C1CCC(CCc2ccccc2)CC1"
FENTANYL_KEY = "S:PJMPHNIQZUBGLI"


@pytest.mark.parametrize(
    ("score", "close", "words"),
    [
        (0.6, True, "close analogue of Fentanyl, likeness 0.60"),
        (0.59, False, "related to Fentanyl (weak), likeness 0.59"),
        (0.4, False, "related to Fentanyl (weak), likeness 0.40"),
    ],
)
def test_the_words_follow_the_score(score: float, close: bool, words: str) -> None:
    entry = CATALOGUE.entries[FENTANYL_KEY]
    found = likeness.Neighbour(
        key=entry.key, name=entry.name, category=entry.category, subgroup=entry.subgroup, score=score
    )
    assert (found.close, found.says) == (close, words)


def test_a_listed_structure_is_nearest_to_itself_unless_it_is_withheld() -> None:
    itself, other = likeness.nearest(FENTANYL, CATALOGUE), likeness.nearest(FENTANYL, CATALOGUE, without=FENTANYL_KEY)
    assert itself is not None and (itself.key, itself.score) == (FENTANYL_KEY, 1.0)
    assert other is not None and other.key != FENTANYL_KEY and other.score < 1


def test_the_score_is_tanimoto_of_morgan_fingerprints() -> None:
    found = likeness.nearest(HEXONITAZENE, CATALOGUE)
    assert found is not None
    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    drawn = [HEXONITAZENE, CATALOGUE.entries[found.key].smiles or ""]
    one, other = (morgan.GetFingerprint(Chem.MolFromSmiles(smiles)) for smiles in drawn)
    assert found.score == round(DataStructs.TanimotoSimilarity(one, other), 4)


def test_an_unlisted_structure_tells_its_neighbour_on_the_finding() -> None:
    found = identity(reported("a new one", smiles=HEXONITAZENE))
    assert found.nearest is not None and found.nearest.close
    assert found.nearest.says in found.why
    assert found.class_hits == ("OP-NIT", "OP-NIT-LAX")


def test_what_is_like_nothing_says_so() -> None:
    found = identity(reported("a new one", smiles="[Xe]"))
    assert found.nearest is None
    assert "no close analogue in the catalogue" in found.why


def test_a_listed_substance_needs_no_neighbour() -> None:
    found = identity(reported("fentanyl", smiles=FENTANYL))
    assert found.nearest is None and "analogue" not in found.why


def test_likeness_alone_raises_no_hazard() -> None:
    found = identity(reported("a new one", smiles=CARBOCYCLE_OF_FENTANYL))
    assert found.nearest is not None and found.nearest.close and found.nearest.subgroup in POTENT_OPIOIDS
    assert (found.subgroup, found.class_rule) == (None, None)


def test_a_structure_that_cannot_be_read_is_like_nothing() -> None:
    assert likeness.nearest("C" * 5000, CATALOGUE) is None
    assert chemistry.nearest(FENTANYL, chemistry.shelf({})) is None


def test_the_screen_before_matching_loses_no_match() -> None:
    patterns = [rule.pattern for rule in rules().rules]
    for entry in [entry for entry in CATALOGUE.entries.values() if entry.smiles][::5]:
        molecule = Chem.MolFromSmiles(entry.smiles)
        found = chemistry.matching(entry.smiles or "", [chemistry.Pattern(pattern.include) for pattern in patterns])
        plain = [any(molecule.HasSubstructMatch(Chem.MolFromSmarts(one)) for one in item.include) for item in patterns]
        assert list(found) == plain, entry.name


def test_the_rule_and_its_sentence_go_with_the_case_to_the_alert() -> None:
    said = told("a new one", smiles=HEXONITAZENE)
    assert (said.class_rule, said.class_because) == ("OP-NIT", "it matched the nitazene core")
    listed = told("fentanyl", smiles=FENTANYL)
    assert (listed.class_rule, listed.class_because) == (None, None)


def told(name: str, *, smiles: str) -> SubstanceRef:
    """What the alert about this structure says of the substance."""
    (message,) = Desk().tell(report("one", component(name, smiles=smiles), sample=street())).messages
    return message.substance
