"""Words of the classes that a rule fills in by their codes: `nitazene`, `other_potent_opioid`, `opioid`.

And what is named by its class alone, because nobody identified or analysed it.
"""

import re
from collections.abc import Callable
from typing import Final

from schemas.alert_events import SubstanceRef
from schemas.vocabularies import Category

SUBGROUP_WORD: Final = {
    "nitazene": "nitazene",
    "fentanyl": "fentanyl",
    "orphine": "orphine",
    "other_potent_opioid": "other potent opioid",
    "opiate": "opiate",
    "fentanyl_precursor": "fentanyl precursor",
    "lysergamide": "lysergamide",
    "nbome": "NBOMe",
    "barbiturate": "barbiturate",
    "sedative": "sedative",
    "antipsychotic": "antipsychotic",
    "opioid_antagonist": "opioid antagonist",
    "alpha2_agonist": "alpha-2 agonist",
    "gabaergic": "GABAergic substance",
    "cannabis": "cannabis",
    "phytocannabinoid": "phytocannabinoid",
    "kratom": "kratom",
    "tropane": "tropane alkaloid",
    "ghb": "GHB",
    "aminorex": "aminorex",
    "phenmetrazine": "phenmetrazine",
    "phenidate": "phenidate",
    "quinazolinone": "quinazolinone",
    "racetam": "racetam",
    "modafinil": "modafinil",
    "tianeptine": "tianeptine",
    "tramadol_type": "substance of the tramadol type",
    "phenylpiperidine": "phenylpiperidine",
    "diphenylheptanone": "diphenylheptanone",
    "mitragynine_type": "substance of the mitragynine type",
    "harmala": "harmala alkaloid",
    "iboga": "iboga alkaloid",
    "salvinorin": "salvinorin",
    "muscimol": "muscimol",
    "lysergic_acid": "lysergic acid",
    "indole": "indole",
    "propiophenone": "propiophenone",
    "ephedrine": "ephedrine",
    "chloroephedrine": "chloroephedrine",
    "glycidate": "glycidate",
    "haloketone": "haloketone",
    "nitropropene": "nitropropene",
    "p2p_ketone": "P2P ketone",
    "phenylacetic_acid": "phenylacetic acid",
    "phenylacetoacetate": "phenylacetoacetate",
    "phenylacetylmalonate": "phenylacetylmalonate",
    "piperidone": "piperidone",
    "safrole": "safrole",
    "acid_anhydride": "acid anhydride",
    "anthranilic_acid": "anthranilic acid",
}
"""Every subgroup of the catalogue and of its rules (a test compares)."""

CATEGORY: Final = {
    Category.SYNTHETIC_CANNABINOID: "A synthetic cannabinoid",
    Category.SEMI_SYNTHETIC_CANNABINOID: "A semi-synthetic cannabinoid",
    Category.CATHINONE: "A cathinone",
    Category.OPIOID: "An opioid",
    Category.BENZODIAZEPINE: "A benzodiazepine",
    Category.PHENETHYLAMINE: "A phenethylamine",
    Category.TRYPTAMINE: "A tryptamine",
    Category.ARYLCYCLOHEXYLAMINE: "An arylcyclohexylamine",
    Category.ARYLALKYLAMINE: "An arylalkylamine",
    Category.AMINOINDANE: "An aminoindane",
    Category.PIPERAZINE: "A piperazine",
    Category.PIPERIDINE_PYRROLIDINE: "A piperidine or pyrrolidine",
    Category.PLANT_EXTRACT: "A plant extract",
    Category.MEDICINE: "A medicine",
    Category.CLASSIC_DRUG: "A long-known drug",
    Category.PRECURSOR: "A drug precursor",
    Category.OTHER: "A substance of another class",
    Category.UNKNOWN: "A substance of unknown class",
}

UNIDENTIFIED: Final = "unidentified {what}"
NOT_ANALYSED: Final = "not analysed"
NOT_ANALYSED_SOLD_AS: Final = "not analysed, sold as {sold_as}"
_SOLD_AS: Final = NOT_ANALYSED_SOLD_AS.format(sold_as="")
"""How `alerts.statements` names what nobody could identify, and what nobody analysed."""

_CODES: Final = re.compile(rf"\b(?:{'|'.join(code for code in (*SUBGROUP_WORD, *Category) if '_' in code)})\b")


def word(code: str, say: Callable[[str], str]) -> str | None:
    """The word of a class in the language that `say` speaks, as it stands in brackets; None for what is none."""
    if code in SUBGROUP_WORD:
        return say(SUBGROUP_WORD[code])
    if code not in set(Category):
        return None
    told = say(CATEGORY[Category(code)])
    return told[0].lower() + told[1:]


def named(substance: SubstanceRef, say: Callable[..., str]) -> str:
    """The name of a substance; in the words of the language where it has none but what we call it."""
    if not substance.key.startswith("U:"):
        return substance.name
    if substance.name == NOT_ANALYSED:
        return say(NOT_ANALYSED)
    if substance.name.startswith(_SOLD_AS):
        return say(NOT_ANALYSED_SOLD_AS, sold_as=substance.name.removeprefix(_SOLD_AS))
    what = word(substance.subgroup or substance.category.value, say)
    return substance.name if what is None else say(UNIDENTIFIED, what=what)


def in_words(sentence: str) -> str:
    """A sentence of a rule in English, with words for the codes that a reader would stumble over."""
    return _CODES.sub(lambda found: word(found[0], str) or found[0], sentence)
