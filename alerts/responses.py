"""What is advised and what is asked back, chosen by class and facts from `data/responses.yaml`."""

from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml

from alerts.cases import Case
from alerts.evidence import Mark
from alerts.harm import HarmRank
from schemas.base import Frozen
from schemas.vocabularies import Category, Presentation


class Circumstance(StrEnum):
    """What a sentence of the file may depend on."""

    ALWAYS = "always"
    POTENT_OPIOID = "potent_opioid"
    NITAZENE = "nitazene"
    SEDATIVE_MIXTURE = "sedative_mixture"
    DISGUISED = "disguised"
    CONSUMER_PRODUCT = "consumer_product"
    HIGH_DOSE = "high_dose"
    SYNTHETIC_CANNABINOID = "synthetic_cannabinoid"
    BENZODIAZEPINE = "benzodiazepine"
    PRECURSOR = "precursor"
    UNIDENTIFIED = "unidentified"
    HARM = "harm"


class _Sentence(Frozen):
    when: Circumstance
    says: str


class Responses(Frozen):
    """The file: sentences in the order they are shown."""

    advice: tuple[_Sentence, ...]
    questions: tuple[_Sentence, ...]

    def chosen(self, circumstances: frozenset[Circumstance]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Advice and questions that apply."""
        advice = tuple(sentence.says for sentence in self.advice if sentence.when in circumstances)
        return advice, tuple(sentence.says for sentence in self.questions if sentence.when in circumstances)


@cache
def responses() -> Responses:
    """The shipped sentences, read once."""
    text = (Path(__file__).parent / "data" / "responses.yaml").read_text(encoding="utf-8")
    return Responses.model_validate(yaml.safe_load(text))


def circumstances(case: Case) -> frozenset[Circumstance]:
    """What holds for a case."""
    subject, summary = case.subject, case.summary
    cannabinoids = (Category.SYNTHETIC_CANNABINOID, Category.SEMI_SYNTHETIC_CANNABINOID)
    mixture = any(Mark.MIXTURE in cell.marks for cell in case.days.values())
    consumer = Presentation.CONSUMER_PRODUCT in summary.presentations
    found = {
        Circumstance.ALWAYS: True,
        Circumstance.POTENT_OPIOID: subject.potent_opioid,
        Circumstance.NITAZENE: subject.subgroup == "nitazene",
        Circumstance.SEDATIVE_MIXTURE: mixture,
        Circumstance.DISGUISED: summary.mis_sold or Presentation.FAKE_MEDICINE in summary.presentations,
        Circumstance.CONSUMER_PRODUCT: consumer,
        Circumstance.HIGH_DOSE: summary.dose_band > 0,
        Circumstance.SYNTHETIC_CANNABINOID: subject.category in cannabinoids,
        Circumstance.BENZODIAZEPINE: subject.category is Category.BENZODIAZEPINE,
        Circumstance.PRECURSOR: subject.precursor,
        Circumstance.UNIDENTIFIED: subject.unidentified,
        Circumstance.HARM: summary.harm > HarmRank.NONE,
    }
    return frozenset(circumstance for circumstance, holds in found.items() if holds)
