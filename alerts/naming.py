"""Decides which listed substances a name may mean: as written, else without what is no part of it, else by its parts.

Every step asks for an exact listed name; none weighs likeness. More than one answer is ambiguous and resolves nothing.
"""

import re
from collections.abc import Iterator

from alerts.catalogue import Catalogue, Entry
from alerts.chemistry import Pattern, formula, matching
from alerts.classification import class_inside, hedged
from alerts.names import bracketed, ends_in_a_word, plain, salt_words, strict_key, without_remark

_NOBODY: frozenset[str] = frozenset()
_SHORTEST_GLUED = 4

_AMOUNT = re.compile(
    r"[\s(\[,:~≈<>=]+(?:approx\.?|ca\.?|about|>|<|≥|≤)?\s*\d+(?:[.,]\d+)?\s*"
    r"(?:%|percent|mg|mcg|ug|µg|μg|g|ml|mg/ml|iu)(?:\s*(?:pure|purity|w/w|wt|base|per \w+))*\s*[)\]]*\s*$",
    re.IGNORECASE,
)
_FIRST_REMARK = re.compile(
    r"^(?:traces? (?:amounts? )?(?:of )?|major:|minor:|mainly |mostly |confirmed |pure )", re.IGNORECASE
)
_LAST_REMARK = re.compile(
    r"[\s,;:–-]+(?:traces?|trace amounts?|minor|major|confirmed|powder|crystals?|tablets?)\s*$", re.IGNORECASE
)
_SALT_FIRST = re.compile(
    r"^(?:chlorhydrate|clorhidrato|cloridrato|hydrochlorure|hidrocloruro|bromhydrate|bromhidrato|bromidrato|sulfate"
    r"|sulfato|solfato|citrate|citrato|tartrate|tartrato|fumarate|fumarato|base)\s+(?:de\s+|d['’]|di\s+|da\s+|of\s+)",
    re.IGNORECASE,
)
_ISOTOPES = re.compile(r"(?<!vitamin)(?:-|\s*\()d[1-9][0-9]?\)?\s*$", re.IGNORECASE)
_HAND = re.compile(
    r"^(?:\(\s*(?:[+±-]|\+/-|[0-9rsezdl',\s]{1,12}|dl|rac|racemic|cis|trans)\s*\)\s*-?\s*"
    r"|(?:[rsezdl]|dl|d,l|rac|cis|trans|racemic|levo|dextro)[-\s]+(?=\S{4})|±\s*-?\s*)",
    re.IGNORECASE,
)
_GLUED = re.compile(
    r"(?:(?:mono|di)?(?:hydrochlorid|hydrobromid|hydroklorid|hidroklorid|chlorhydrat)e?|(?:hemi)?sul[fp]h?ate?|citrate?"
    r"|fumarate?|tartrate?|hcl|hbr|base)$"
)
_MAY_BE_ESTER = re.compile(r"(?:sul(?:f|ph)|sol?fat|szulfa|siarczan|phosph|fosfa|succin|maleat|fumarat|lactat|lattat)")
_PHOSPHATE = re.compile(r"phosph|fosfa")
_BASE = Pattern(("[#7;!$(N-C=[O,S]);!$(N-S=O);!$([N+](=O)[O-])]",))
_ALCOHOL = Pattern(("[OX2H]-[#6;!$(C=O)]", "NC(=N)N"))
_PHOSPHATES = frozenset({"Codeine", "Dihydrocodeine", "Morphine", "Hydroxychloroquine"})
"""Alcohols whose phosphate is a salt; of others it is an ester: psilocin phosphate is psilocybin."""
_OR = re.compile(r"\s*/\s*|,\s+(?:or\s+)?|\s+or\s+|\s+and/or\s+|\s+oder\s+|\s+ou\s+", re.IGNORECASE)
_SAYS_OR = re.compile(r"/|\s(?:or|oder|ou)\s", re.IGNORECASE)
_RELATED_WORDS = (
    "metabolite metabolites precursor precursors impurity impurities byproduct byproducts product products adduct "
    "mixture mix mixed blend isomer isomers homolog homologue homologs intermediate artefact artifact degradant "
    "degradation pyrolysis dimer substitute fake without non with and plus contains containing mit und et avec "
    "con instead absent free acid ester amide oxide lactam glucuronide equivalent spectrum unconfirmed"
)
_RELATED = frozenset(_RELATED_WORDS.split())
"""Words beside a name that make it another substance, several, or none."""
_SAYS_NOTHING_WORDS = (
    "wet dry base salt trace traces minor major main powder crystal crystals crystalline tablet tablets pill "
    "liquid oil oily resin blotter capsule capsules sample active component components substance drug racemic "
    "racemate enantiomer white brown beige blue pink yellow green grey gray red black tan purple orange high low "
    "purity strong weak pure street brand name generic inn synthetic opioid stimulant the as in a of"
)
_SAYS_NOTHING = frozenset(_SAYS_NOTHING_WORDS.split())


def named_keys(name: str, catalogue: Catalogue) -> frozenset[str]:
    """The keys of the substances that a name may mean, none when it is not known.

    >>> from alerts.catalogue import load
    >>> [len(named_keys(text, load())) for text in ("Fentanyl HCl", "(S)-Ketamin 85 %", "Ketamine (deschloro)")]
    [1, 1, 0]
    """
    found = catalogue.by_name(strict_key(name))
    return _salts(salt_words(name), found, catalogue) if found else _otherwise(name, catalogue)


def _salts(written: frozenset[str], found: frozenset[str], catalogue: Catalogue) -> frozenset[str]:
    """Without those of which the salt words make an ester: testosterone has no base, so its sulfate is no salt."""
    words = {word for word in written if _MAY_BE_ESTER.search(word)}
    if not words:
        return found
    entries = [(key, catalogue.entry(key)) for key in found]
    phosphate = any(_PHOSPHATE.search(word) for word in words)
    return frozenset(key for key, entry in entries if entry is None or _is_base(entry, phosphate=phosphate))


def _is_base(entry: Entry, *, phosphate: bool) -> bool:
    if entry.smiles is None:
        return True
    base, alcohol = matching(entry.smiles, (_BASE, _ALCOHOL))
    return base and not (phosphate and alcohol and entry.name not in _PHOSPHATES)


def alternatives(name: str) -> tuple[str, ...]:
    """The names between "or" and "/", none when there is only one."""
    parts = tuple(part.strip(" ,") for part in _OR.split(name)) if _SAYS_OR.search(name) else ()
    return parts if len(parts) > 1 and all(parts) else ()


def isomeric_names(name: str, catalogue: Catalogue) -> tuple[str, ...]:
    """The names in "3-MMC or 4-MMC" when they are isomers of each other; none in "cocaine/heroin"."""
    parts = () if hedged(name) else alternatives(name)
    found = [_peeled(part, catalogue) for part in parts]
    if any(len(keys) != 1 for keys in found):
        return ()
    entries = [catalogue.entry(key) for keys in found for key in keys]
    formulas = {formula(entry.smiles) if entry and entry.smiles else None for entry in entries}
    return parts if len(formulas) == 1 and None not in formulas else ()


def _otherwise(name: str, catalogue: Catalogue) -> frozenset[str]:
    text = without_remark(name)
    if not hedged(text):
        for read in (_peeled, _in_brackets, _inverted, _either):
            found = read(text, catalogue)
            if found:
                return found
    return _NOBODY


def _exactly(text: str, catalogue: Catalogue) -> frozenset[str]:
    """By the whole text: a listed name, a brand, an ending of another language, a salt written in one word with it."""
    key = strict_key(text)
    found = catalogue.by_name(key) or catalogue.by_brand(key)
    if not found and ends_in_a_word(text):
        found = catalogue.by_ending(key)
    if found:
        return _salts(salt_words(text), found, catalogue)
    glued = _GLUED.search(key)
    if glued is None or glued.start() < _SHORTEST_GLUED:
        return _NOBODY
    rest = key[: glued.start()]
    return _salts(frozenset((glued[0],)), catalogue.by_name(rest) or catalogue.by_ending(rest), catalogue)


def _peeled(text: str, catalogue: Catalogue) -> frozenset[str]:
    """Without amounts, remarks, isotopes and handedness, one after another: none of them makes another substance."""
    for form in _forms(text):
        found = _exactly(form, catalogue)
        if found:
            return found
    return _NOBODY


def _forms(text: str) -> Iterator[str]:
    yield text
    for peel in _PEELS:
        bare = peel.sub("", text).strip()
        if bare and bare != text:
            text = bare
            yield text


_PEELS = (_AMOUNT, _LAST_REMARK, _FIRST_REMARK, _SALT_FIRST, _ISOTOPES, _HAND)


def _in_brackets(text: str, catalogue: Catalogue) -> frozenset[str]:
    """ "A (B)": both when both are known; one of them only when the other cannot make it another substance."""
    parts = bracketed(text)
    if parts is None:
        return _NOBODY
    head, inside = parts
    of_head = _peeled(head, catalogue)
    if of_head and _is_its_class(inside, of_head, catalogue):
        return of_head
    of_inside = frozenset(key for part in re.split(r"[;,=]", inside) for key in _peeled(part.strip(), catalogue))
    if of_head and of_inside:
        return of_head | of_inside
    if of_head:
        return of_head if _adds_nothing(inside, head) else _NOBODY
    return of_inside if of_inside and _is_no_relative(head, inside) else _NOBODY


def _is_its_class(inside: str, found: frozenset[str], catalogue: Catalogue) -> bool:
    named = class_inside(inside)
    entries = [catalogue.entry(key) for key in found]
    return named is not None and all(entry is not None and entry.category is named.category for entry in entries)


def _adds_nothing(inside: str, head: str) -> bool:
    """Whether the words in brackets leave the substance as it is: remarks, or its initials."""
    words = re.findall(r"[^\W_]+", plain(inside))
    if all(word in _SAYS_NOTHING or word.isdigit() for word in words):
        return True
    if any(word in _RELATED for word in words):
        return False
    return _are_initials(inside, head)


def _are_initials(short: str, name: str) -> bool:
    if not (short.isalpha() and short.isupper() and len(short) >= 3) or short in ("ISO", "NOR", "DES"):
        return False
    letters = iter(plain(name))
    return plain(name)[:1] == short[0].lower() and all(mark in letters for mark in short.lower())


def _is_no_relative(head: str, inside: str) -> bool:
    """Whether an unknown name before a known one in brackets is not built upon it: not isomephedrone (mephedrone)."""
    words = re.findall(r"[^\W\d_]+", plain(head))
    if any(word in _RELATED for word in words):
        return False
    unknown, known = strict_key(head), strict_key(inside)
    return known not in unknown and unknown not in known


def _inverted(text: str, catalogue: Catalogue) -> frozenset[str]:
    first, comma, last = text.partition(", ")
    return _peeled(f"{last} {first}", catalogue) if comma and ", " not in last else _NOBODY


def _either(text: str, catalogue: Catalogue) -> frozenset[str]:
    """ "A or B" where both are the same substance."""
    found = {_peeled(part, catalogue) for part in alternatives(text)}
    return found.pop() if len(found) == 1 else _NOBODY
