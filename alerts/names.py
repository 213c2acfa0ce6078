"""Turns a name as a laboratory wrote it into the strict key under which names are compared.

Fuzzy matching is not here on purpose: 496 pairs of different substances are one edit apart (2-MMC and 3-MMC),
so a name either has the key of a known one or it is a name we do not know.
"""

import re
import unicodedata

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－_"), "-")
_PRIMES = dict.fromkeys(map(ord, "′‵’‘ʹʼ`´＇ʻ"), "'")
_DOUBLE_PRIMES = dict.fromkeys(map(ord, "″‶”“ʺ"), "''")
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"), "")
_GREEK_NAMES = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
)  # fmt: skip
_GREEK = {ord(letter): word for letter, word in zip("αβγδεζηθικλμνξοπρσςτυφχψω", _GREEK_NAMES, strict=True)}
_SIGNS = _DASHES | _PRIMES | _DOUBLE_PRIMES | _UNSEEN

# Words of salts and bases. Esters share some of them (acetate, benzoate, propionate): those are left alone.
_SALT = re.compile(
    r"[\s\-,(\[]+(?:(?:mono|di|hemi)?hydrochloride|(?:di)?hcl|(?:mono|di)?hydrobromide|hbr|hydroiodide|hydrate"
    r"|(?:mono|sesqui)hydrate|(?:hemi|bi)?sul(?:f|ph)ate|(?:bi|hydrogen)?tartrate|(?:di)?citrate"
    r"|(?:hemi)?fumarate|(?:di)?maleate|(?:hemi)?succinate|(?:di)?phosphate|oxalate|mesylate|besylate|tosylate"
    r"|perchlorate|lactate|salt|sodium|potassium|calcium|free[\s\-]?base|base)[\s)\]]*$"
)
_METALS = re.compile(
    r"(?:sodium|potassium|calcium|magnesium|zinc|aluminium|aluminum|ammonium|iron|ferrous|ferric|copper|cupric"
    r"|lead|barium|lithium|manganese|bismuth|silver|dibasic|monobasic|hydrogen|di|mono|tri|[^a-z0-9])*"
)
_RING_WORDS = (
    (re.compile(r"(?<![a-z])ortho(?=[^a-z0-9']|fluor|chlor|brom|iod|methyl|methox|hydrox|nitro)"), "o"),
    (re.compile(r"(?<![a-z])meta(?=[^a-z0-9']|fluor|chlor|brom|iod|methyl|methox|hydrox|nitro)"), "m"),
    (re.compile(r"(?<![a-z])para(?=[^a-z0-9']|fluor|chlor|brom|iod|methyl|methox|hydrox|nitro)"), "p"),
)
_REWRITTEN = ("ortho", "meta", "para", "sulph", "amphetamine")
_NOT_KEPT = re.compile(r"[^a-z0-9']+")
_REMARKS = frozenset(
    {"trace", "traces", "minor", "major", "aslabelled", "aslabeled", "tentative", "probable", "confirmed"}
)
_POSITIONS = re.compile(r"((?:[2-9]-?\s*,\s*)*[2-9]-?\s*(?:,?\s*or\s+|/\s*)[2-9])-\s*(\S.*)", re.DOTALL)
_TRAILING_BRACKETS = re.compile(r"^(.*\S)\s*[(\[]([^()\[\]]+)[)\]]\s*$", re.DOTALL)


def plain(text: str) -> str:
    """Lower-case text with one kind of dash and prime, Greek letters as words and no accents."""
    if text.isascii():
        return text.replace("_", "-").replace("`", "'").lower()
    signs = unicodedata.normalize("NFKC", text).translate(_SIGNS).casefold().translate(_GREEK)
    bare = "".join(mark for mark in unicodedata.normalize("NFD", signs) if not unicodedata.combining(mark))
    return bare.translate(_GREEK)


def strict_key(text: str) -> str:
    """The strict name key of `identity.md` 2: `[a-z0-9']` only, stable under a second application.

    >>> strict_key("para-Fluorofentanyl HCl"), strict_key("Δ9-THC"), strict_key("Sodium Sulfate")
    ('pfluorofentanyl', 'delta9thc', 'sodiumsulfate')
    """
    key = _once(plain(text))
    while any(word in key for word in _REWRITTEN):
        again = _once(key)
        if again == key:
            break
        key = again
    return key


def _once(text: str) -> str:
    rest = _without_salt(_without_salt(text))
    for word, letter in _RING_WORDS:
        rest = word.sub(letter, rest)
    rest = rest.replace("sulph", "sulf").replace("amphetamine", "amfetamine")
    return _NOT_KEPT.sub("", rest)


def _without_salt(text: str) -> str:
    """Without one trailing salt word, unless only a metal would be left: sodium sulfate is not GHB."""
    found = _SALT.search(text)
    if found is None:
        return text
    rest = text[: found.start()]
    return text if _METALS.fullmatch(rest) else rest


def keys_of(text: str) -> tuple[frozenset[str], ...]:
    """Keys under which a name may be known: the whole name first, then its parts, for when the whole is unknown.

    >>> keys_of("Oxycodone (OxyContin)")[1] == {"oxycodone", "oxycontin"}
    True
    """
    steps = [{strict_key(text)}]
    bracketed = _TRAILING_BRACKETS.match(text)
    if bracketed:
        steps.append({strict_key(bracketed[1]), strict_key(bracketed[2])})
    first, comma, last = text.partition(", ")
    if comma and ", " not in last:
        steps.append({strict_key(f"{last} {first}")})
    return tuple(frozenset(step - {""}) for step in steps)


def without_remark(text: str) -> str:
    """A name without a trailing remark that is no part of it: "(trace)", "(as labelled)"."""
    bracketed = _TRAILING_BRACKETS.match(text)
    return bracketed[1].strip() if bracketed and strict_key(bracketed[2]) in _REMARKS else text.strip()


def isomers(text: str) -> tuple[str, ...]:
    """The members of a group that a name spells out, none when it names one substance.

    >>> isomers("2-, 3- or 4-fluoroamphetamine"), isomers("5- or 6-MAPB"), isomers("2,5-DMA")
    (('2-fluoroamphetamine', '3-fluoroamphetamine', '4-fluoroamphetamine'), ('5-MAPB', '6-MAPB'), ())
    """
    group = _POSITIONS.match(text.strip())
    if group is None:
        return ()
    return tuple(f"{position}-{group[2]}" for position in re.findall(r"[2-9]", group[1]))
