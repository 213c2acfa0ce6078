"""What is advised and what is asked back, chosen by class and facts from `data/responses.yaml`."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Self

import yaml
from pydantic import model_validator

from alerts.cases import Case
from alerts.evidence import REMOTE, Mark, Subject
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
    SEDATIVE_ALONE = "sedative_alone"
    ACUTE_UNEXPECTED = "acute_unexpected"
    TOXIC_ADULTERANT = "toxic_adulterant"
    STIMULANT = "stimulant"
    HALLUCINOGEN = "hallucinogen"
    DISSOCIATIVE = "dissociative"
    EFFECTS_UNKNOWN = "effects_unknown"
    REMOTE_SALE = "remote_sale"
    PRODUCTION_SITE = "production_site"


CANNABINOIDS = frozenset({Category.SYNTHETIC_CANNABINOID, Category.SEMI_SYNTHETIC_CANNABINOID})
STIMULANTS = frozenset({Category.CATHINONE, Category.AMINOINDANE, Category.PIPERIDINE_PYRROLIDINE})
SEDATIVES = frozenset({"xylazine", "medetomidine", "dexmedetomidine"})


class _Sentence(Frozen):
    when: Circumstance
    says: str
    source: str


class Responses(Frozen):
    """The file: sentences in the order they are shown, each with a source that is named in it."""

    sources: Mapping[str, str]
    advice: tuple[_Sentence, ...]
    questions: tuple[_Sentence, ...]

    @model_validator(mode="after")
    def _every_source_is_named(self) -> Self:
        unknown = {sentence.source for sentence in (*self.advice, *self.questions)} - set(self.sources)
        if unknown:
            raise ValueError(f"unknown sources: {', '.join(sorted(unknown))}; name them in `sources`")
        return self

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
    marks = frozenset[Mark]().union(*(cell.marks for cell in case.days.values()))
    found = {
        Circumstance.ALWAYS: True,
        Circumstance.DISGUISED: summary.mis_sold or Presentation.FAKE_MEDICINE in summary.presentations,
        Circumstance.CONSUMER_PRODUCT: Presentation.CONSUMER_PRODUCT in summary.presentations,
        Circumstance.HIGH_DOSE: summary.dose_band > 0,
        Circumstance.HARM: summary.harm > HarmRank.NONE,
        Circumstance.REMOTE_SALE: bool(summary.distributions & REMOTE),
        Circumstance.SEDATIVE_MIXTURE: Mark.MIXTURE in marks,
        Circumstance.ACUTE_UNEXPECTED: Mark.UNEXPECTED_ACUTE in marks,
        Circumstance.TOXIC_ADULTERANT: Mark.UNEXPECTED_TOXIC in marks,
        Circumstance.PRODUCTION_SITE: Mark.FINISHED_DRUG in marks,
        Circumstance.SEDATIVE_ALONE: subject.name.casefold() in SEDATIVES and Mark.MIXTURE not in marks,
    }
    of_class = _of_class(subject)
    return frozenset(circumstance for circumstance, holds in (found | of_class).items() if holds)


def _of_class(subject: Subject) -> dict[Circumstance, bool]:
    """What follows from the substance alone."""
    category, subgroup = subject.category, subject.subgroup
    return {
        Circumstance.POTENT_OPIOID: subject.potent_opioid,
        Circumstance.NITAZENE: subgroup == "nitazene",
        Circumstance.SYNTHETIC_CANNABINOID: category in CANNABINOIDS,
        Circumstance.BENZODIAZEPINE: category is Category.BENZODIAZEPINE,
        Circumstance.STIMULANT: category in STIMULANTS,
        Circumstance.HALLUCINOGEN: category is Category.TRYPTAMINE or subgroup in ("lysergamide", "nbome"),
        Circumstance.DISSOCIATIVE: category is Category.ARYLCYCLOHEXYLAMINE,
        Circumstance.EFFECTS_UNKNOWN: subject.nps and not subject.effects_known and not subject.unidentified,
        Circumstance.PRECURSOR: subject.precursor,
        Circumstance.UNIDENTIFIED: subject.unidentified,
    }
