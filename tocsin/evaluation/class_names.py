"""Which of our classes the class words of outside files mean; our own words mean themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.vocabularies import Category


@dataclass(frozen=True)
class Meant:
    """Categories that are right for a row, and subgroups where its second word says one; none: nothing is said."""

    categories: frozenset[Category]
    subgroups: frozenset[str] = frozenset()


_CANNABINOIDS: Final = frozenset({Category.SYNTHETIC_CANNABINOID, Category.SEMI_SYNTHETIC_CANNABINOID})
_CATEGORIES: Final[Mapping[str, frozenset[Category]]] = {
    "cannabinoids": _CANNABINOIDS,
    "cathinones": frozenset({Category.CATHINONE}),
    "opioids": frozenset({Category.OPIOID}),
    "benzodiazepines": frozenset({Category.BENZODIAZEPINE}),
    "phenethylamines": frozenset({Category.PHENETHYLAMINE}),
    "tryptamines": frozenset({Category.TRYPTAMINE}),
    "arylcyclohexylamines": frozenset({Category.ARYLCYCLOHEXYLAMINE}),
    "arylalkylamines": frozenset({Category.ARYLALKYLAMINE}),
    "aminoindanes": frozenset({Category.AMINOINDANE}),
    "piperazines": frozenset({Category.PIPERAZINE}),
    "piperidines_pyrrolidines": frozenset({Category.PIPERIDINE_PYRROLIDINE}),
    "plants": frozenset({Category.PLANT_EXTRACT}),
    "precursors": frozenset({Category.PRECURSOR}),
    "medicines": frozenset({Category.MEDICINE}),
    **{category.value: frozenset({category}) for category in Category},
}
_SUBGROUPS: Final[Mapping[str, frozenset[str]]] = {
    "fentanyl": frozenset({"fentanyl", "fentanyl_precursor"}),
    "nitazene": frozenset({"nitazene"}),
    "orphine": frozenset({"orphine"}),
    "utopioid": frozenset({"other_potent_opioid"}),
    "opiate": frozenset({"opiate"}),
    "nbome": frozenset({"nbome"}),
    "lysergamide": frozenset({"lysergamide"}),
    "barbiturate": frozenset({"barbiturate"}),
    "ghb": frozenset({"ghb"}),
    "alpha2-agonist": frozenset({"alpha2_agonist"}),
    "quinazolinone": frozenset({"quinazolinone"}),
    "aminorex": frozenset({"aminorex"}),
    "tropane": frozenset({"tropane"}),
}


def meant(category: str, subclass: str) -> Meant | None:
    """What two class words of a file stand for; None for a category that is not known here."""
    words = category.strip().lower().replace(" ", "_")
    categories = _CATEGORIES.get(words)
    if categories is None:
        return None
    return Meant(categories, _SUBGROUPS.get(subclass.strip().lower(), frozenset()))
