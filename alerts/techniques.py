"""How surely one finding was made: its techniques, and the confidence the rules give it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from alerts.language import Language
from alerts.rulebook import Rulebook
from schemas.alert_events import FiredRule
from schemas.detections import Component
from schemas.vocabularies import Confidence, Method, ReferenceStandard

FAMILIES = {
    Method.GC_MS: "mass spectrometry",
    Method.LC_MS_MS: "mass spectrometry",
    Method.HRMS: "mass spectrometry",
    Method.NMR: "nuclear magnetic resonance",
    Method.FTIR: "infrared",
    Method.GC_IR: "infrared",
    Method.RAMAN: "Raman",
    Method.UV: "ultraviolet or chromatography alone",
    Method.HPLC: "ultraviolet or chromatography alone",
}
"""Laboratory techniques by the physics they rest on; two of one family are one witness."""

PRESUMPTIVE = frozenset(
    {Method.STRIP, Method.IMMUNOASSAY, Method.COLOUR_TEST, Method.FTIR_PORTABLE, Method.RAMAN_PORTABLE}
)


@dataclass(frozen=True, slots=True)
class Techniques:
    """The facts that confidence rules may ask about."""

    analysed: bool
    presumptive_only: bool
    technique_families: int
    reference_standard: bool

    @classmethod
    def of(cls, components: Iterable[Component]) -> "Techniques":
        """Of all components that name one substance; of none, for what nobody analysed."""
        parts = tuple(components)
        methods = {method for part in parts for method in part.methods}
        return cls(
            analysed=bool(parts),
            presumptive_only=bool(methods) and methods <= PRESUMPTIVE,
            technique_families=len({FAMILIES[method] for method in methods if method in FAMILIES}),
            reference_standard=any(part.reference_standard is ReferenceStandard.YES for part in parts),
        )


class Certainty:
    """The confidence rules of a rule book, compiled; the first that holds gives the confidence."""

    def __init__(self, book: Rulebook) -> None:
        language = Language(Techniques)
        self.rules = book.rules
        self._compiled = [
            (language.compile(rule.id, rule.when, book.where(rule.id)), rule.gives) for rule in book.rules.confidence
        ]
        self._language = language
        self.confidence = lru_cache(maxsize=256)(self._confidence)
        self._sentences = {confidence: self._sentence(confidence) for _, confidence in self._compiled}

    def _confidence(self, techniques: Techniques) -> Confidence:
        values = {name: getattr(techniques, name) for name in Techniques.__dataclass_fields__}
        activation = self._language.activation(values)
        return next(gives for program, gives in self._compiled if program.holds(activation))

    def sentence(self, confidence: Confidence) -> FiredRule:
        """The first rule that gives this confidence, as it is shown."""
        return self._sentences[confidence]

    def _sentence(self, confidence: Confidence) -> FiredRule:
        rule = next(rule for rule in self.rules.confidence if rule.gives is confidence)
        return FiredRule(id=rule.id, axis="confidence", score=confidence.value, says=rule.says)
