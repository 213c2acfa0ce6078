"""Which listed substance a name may mean: what is read through, and what must never be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.naming import named_keys
from alerts.proposals import MOST, candidates, one_edit_at_most
from schemas.vocabularies import SubstanceKind
from tests.unit.reported import CATALOGUE, identity, reported

READ = [
    ("Fentanyl HCl", "Fentanyl"),
    ("MDMA·HCl", "MDMA"),
    ("MDMA 78%", "MDMA"),
    ("Cocaine HCl (92 %)", "Cocaine"),
    ("Cocaine 85.5% purity", "Cocaine"),
    ("Valium 10 mg", "Diazepam"),
    ("Ketaminhydrochlorid", "Ketamine"),
    ("Amphetaminsulfat", "Amphetamine"),
    ("Chlorhydrate de cocaïne", "Cocaine"),
    ("clorhidrato de cocaína", "Cocaine"),
    ("Kokain", "Cocaine"),
    ("héroïne", "Heroin"),
    ("Metamfetamin", "Methamphetamine"),
    ("paracetamolo", "Paracetamol"),
    ("(+)-Amphetamine", "Amphetamine"),
    ("D,L-methamphetamine", "Methamphetamine"),
    ("Fentanyl-d5", "Fentanyl"),
    ("traces of MDMA", "MDMA"),
    ("Heroin (trace)", "Heroin"),
    ("Etizolam (blue tablet)", "Etizolam"),
    ("Cannabigerol (CBG)", "Cannabigerol"),
    ("Metonitazene (nitazene)", "Metonitazene"),
    ("Mephedrone (4-MMC; 4-methylmethcathinone)", "Mephedrone"),
    ("Morphine, 6-monoacetyl", "6-Monoacetylmorphine"),
    ("Citalopram or Escitalopram", "Citalopram"),
    ("Xanax", "Alprazolam"),
    ("codeine phosphate", "Codeine"),
    ("morphine sulphate", "Morphine"),
    ("triazolam", "Triazolam"),
    ("nordazepam", "Nordazepam"),
    ("lormetazepam", "Lormetazepam"),
    ("ketorolac tromethamine", "Ketorolac"),
]

NEVER = [
    "Heroin (not detected)",
    "Fentanyl (negative)",
    "Fentanyl (analogue)",
    "Mephedrone (isomer)",
    "Mephedrone (iso)",
    "isomephedrone (mephedrone)",
    "Ketamine (deschloro)",
    "Fentanyl (4-fluoro)",
    "THC (acid)",
    "THC-O (THC)",
    "MDMA (precursor)",
    "cocaine metabolite",
    "MDMA-like",
    "Heroin (with fentanyl)",
    "Heroin and fentanyl",
    "cocaine/heroin",
    "Vitamin D9",
    "triethyl phosphate",
    "dimethyl sulfate",
    "testosterone sulfate",
    "phosphate, creatine",
    "psilocin phosphate",
    "Percocet",
    "roofies",
    "MPPP",
    "Butylene glycol",
    "",
    "()",
    "/",
]


@pytest.mark.parametrize(("written", "meant"), READ, ids=[written for written, _ in READ])
def test_what_is_no_part_of_a_name_is_read_through(written: str, meant: str) -> None:
    found = named_keys(written, CATALOGUE)
    assert [CATALOGUE.entries[key].name for key in found] == [meant]


@pytest.mark.parametrize("written", NEVER)
def test_a_name_that_says_something_else_is_not_resolved(written: str) -> None:
    assert len(named_keys(written, CATALOGUE)) != 1


@pytest.mark.parametrize(
    ("written", "members"),
    [
        ("3-MMC or 4-MMC", {"3-MMC", "Mephedrone"}),
        ("2/3/4-FMC", {"2-FMC", "3-FMC", "4-Fluoromethcathinone"}),
        ("o-, m- or p-fluorofentanyl", {"ortho-Fluorofentanyl", "meta-Fluorofentanyl", "para-Fluorofentanyl"}),
        (
            "Fluorofentanyl (ortho, meta or para)",
            {"ortho-Fluorofentanyl", "meta-Fluorofentanyl", "para-Fluorofentanyl"},
        ),
        ("Fluoroamphetamine (2,3, or 4 fluoro)", {"2-Fluoroamphetamine", "3-Fluoroamphetamine", "4-Fluoroamphetamine"}),
    ],
)
def test_isomers_left_open_are_a_group_of_them(written: str, members: set[str]) -> None:
    found = identity(reported(written))
    keys = [next(iter(named_keys(name, CATALOGUE))) for name in members]
    assert found.key == "G:" + ",".join(sorted(keys))
    assert found.provisional


def test_alternatives_that_are_no_isomers_are_no_group() -> None:
    assert identity(reported("MDMA or MDA")).key.startswith("N:")


SALT_WORDS = [" HCl", " hydrochloride", " base", " (HCl)", " hydrobromide", " 80 %", " (trace)", ", 99% pure"]
DRUGS = [
    name
    for entry in CATALOGUE.entries.values()
    if entry.kind is SubstanceKind.NPS
    for name in entry.names
    if len(named_keys(name, CATALOGUE)) == 1
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(DRUGS), st.sampled_from(SALT_WORDS))
def test_a_salt_word_or_amount_never_makes_a_name_another_substance(name: str, added: str) -> None:
    assert named_keys(name + added, CATALOGUE) in (named_keys(name, CATALOGUE), frozenset())


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"([(\[/, .-]|or|and|[2-9om]-|fentanyl|mdma|HCl|%){1,12}", fullmatch=True))
def test_whatever_is_written_is_read_without_an_error(name: str) -> None:
    for key in named_keys(name, CATALOGUE):
        assert CATALOGUE.entry(key) is not None


def test_a_very_long_name_is_read_as_fast_as_any() -> None:
    for name in ("2-, " * 70, "(" * 300, "a/" * 150, "o-," * 99 + "x", "- " * 140 + "HCl"):
        assert named_keys(name, CATALOGUE) == frozenset()
        assert identity(reported(name.strip())).entry is None


# Candidates


def test_a_slip_of_one_letter_is_proposed_and_not_resolved() -> None:
    (first, *_) = candidates("Pregbalin", CATALOGUE)
    assert (first.name, first.distance) == ("Pregabalin", 1)
    assert named_keys("Pregbalin", CATALOGUE) == frozenset()


def test_short_names_one_letter_apart_are_not_even_proposed() -> None:
    assert "3-MMC" not in {one.name for one in candidates("5-MMC", CATALOGUE)}


def test_all_owners_of_a_shared_name_are_proposed_first() -> None:
    assert {one.name for one in candidates("MPPP", CATALOGUE)[:2]} == {"Desmethylprodine", "4'-methyl-α-PPP"}


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40) | st.sampled_from(DRUGS))
def test_candidates_are_few_different_and_sorted(name: str) -> None:
    found = candidates(name, CATALOGUE)
    assert len(found) <= MOST and len({one.key for one in found}) == len(found)
    assert list(found) == sorted(found)
    assert all(one.distance < 2 or one.ratio >= 90 for one in found)


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        ("abcdef", "abcdef", True),
        ("abcdef", "abdcef", True),
        ("abcdef", "abcde", True),
        ("abcdef", "xabcdef", True),
        ("abcdef", "abxdef", True),
        ("abcdef", "abcfed", False),
        ("abcdef", "badcef", False),
        ("abcdef", "abcd", False),
    ],
)
def test_one_edit_is_one_letter_more_less_or_other_or_two_swapped(first: str, second: str, near: bool) -> None:
    assert one_edit_at_most(first, second) is near
    assert one_edit_at_most(second, first) is near
