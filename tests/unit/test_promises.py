"""What the sold-as words promise."""

import pytest

from alerts.identity import resolve_class, resolve_name
from schemas.vocabularies import Category
from tests.unit.reported import CATALOGUE


@pytest.mark.parametrize(
    ("text", "substance"),
    [
        ("oxycodone", "Oxycodone"),
        ("oxycodone (OxyContin 80 mg)", "Oxycodone"),
        ("oxycodone (OxyContin 80 mg, Polish pack)", "Oxycodone"),
        ("M30", "Oxycodone"),
        ("Xanax", "Alprazolam"),
        ("alprazolam (Xanax), diazepam (street Valium)", "Alprazolam"),
        ("alprazolam (Xanax/Tafil)", "Alprazolam"),
        ("Street valium", "Diazepam"),
        ("Diazepam 10mg", "Diazepam"),
        ("ecstasy (Blue Punisher)", "MDMA"),
        ("speed", "Amphetamine"),
        ("coke", "Cocaine"),
        ("street heroin", "Heroin"),
        ("buprenorphine (Subutex 8 mg)", "Buprenorphine"),
        ("cocaine, MDMA", "Cocaine"),
        ("magic mushrooms", "Psilocybin"),
        ("THC vape", "THC"),
        ("cannabis", "THC"),
        ("HHC sweets", "HHC"),
        ("tusi (2C-B)", "2C-B"),
    ],
)
def test_a_name_a_brand_or_a_street_name_promises_a_substance(text: str, substance: str) -> None:
    found = resolve_name(text, CATALOGUE)
    assert found is not None and found.name == substance


@pytest.mark.parametrize(
    "text",
    [
        "tusi",
        "pink cocaine",
        "benzodiazepine",
        "unknown",
        "alprazolam prodrug, 1 mg pellets",
        "product declared not for consumption",
        "sweets, legal cannabis products",
        "THCJD gummies (cannabis-like sweets)",
        "amino acid",
        "",
    ],
)
def test_a_mixture_a_class_or_nothing_promises_none(text: str) -> None:
    assert resolve_name(text, CATALOGUE) is None


@pytest.mark.parametrize(
    ("text", "category", "subgroup"),
    [
        ("benzodiazepine", Category.BENZODIAZEPINE, None),
        ("street benzos", Category.BENZODIAZEPINE, None),
        ("nitazene", Category.OPIOID, "nitazene"),
        ("opioid painkillers", Category.OPIOID, None),
        ("THCJD gummies (cannabis-like sweets)", Category.CLASSIC_DRUG, "cannabis"),
        ("Spice", Category.SYNTHETIC_CANNABINOID, None),
    ],
)
def test_class_words_promise_a_class(text: str, category: Category, subgroup: str | None) -> None:
    found = resolve_class(text)
    assert found is not None and (found.category, found.subgroup) == (category, subgroup)


@pytest.mark.parametrize("text", ["oxycodone", "fentanyl", "blue tablets", ""])
def test_other_words_promise_no_class(text: str) -> None:
    assert resolve_class(text) is None
