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

# Words of salts and bases, in the languages of the laboratories. Esters share some words with salts (acetate, benzoate,
# propionate): those are left alone.
_HALIDES = (
    "hydrochloride hydrochlorid hydrochlorure hydrocloride chlorhydrate chlorhydrat clorhidrato hidrocloruro "
    "cloridrato hidroklorid hydroklorid hydrokloridi hidrochloridas hidrohlorids vesinikkloriid chlorowodorek "
    "hydrochloridum hcl hydrobromide hydrobromid bromhydrate bromhidrato bromidrato hidrobromid bromowodorek "
    "hydrobromidum hbr hydroiodide hydrojodid hydriodide"
)
_ACIDS = (
    "sulfate sulfat sulfato solfato szulfat sulfaatti sulfaat siarczan sulphate sulphat "
    "tartrate tartrat tartrato citrate citrat citrato fumarate fumarat fumarato maleate maleat maleato "
    "succinate succinat succinato phosphate phosphat fosfat fosfato oxalate oxalat oxalato mesylate mesilate mesilat "
    "mesilato besylate besilate besilat besilato tosylate tosilate tosilat perchlorate perchlorat lactate lactat "
    "lattato"
)
_OTHER_FORMS = (
    "hydrate hydrat monohydrate sesquihydrate salt salz sodium potassium calcium natrium kalium base freebase baza "
    "tromethamine"
)
_SALT_WORDS = frozenset(
    [
        *(front + word for word in _HALIDES.split() for front in ("", "mono", "di")),
        *(front + word for word in _ACIDS.split() for front in ("", "di", "hemi", "bi", "hydrogen", "sesqui")),
        *_OTHER_FORMS.split(),
    ]
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_BEFORE_SALT = " \t\n\r\f\v-,([.*·/"
_AFTER_SALT = " \t\n\r\f\v)]."
# No salt is stripped where nothing but this stands before it: sodium sulfate is not GHB, triethyl citrate is an ester.
_NO_DRUG = re.compile(
    r"(?:sodium|potassium|calcium|magnesium|zinc|aluminium|aluminum|ammonium|iron|ferrous|ferric|copper|cupric"
    r"|lead|barium|lithium|manganese|bismuth|silver|nickel|cobalt|strontium|titanium|chromium|chromic|natrium|kalium|dibasic|monobasic|tribasic"
    r"|hydrogen|dihydrogen|anhydrous|heavy|light|table|epsom|rock|bath|sea|uncertain|di|mono|tri|tetra|bis|tris"
    r"|(?:iso|tert|sec|neo|n)?(?:meth|eth|prop|but|am|pent|hex|hept|oct|dec|dodec|laur|cet|phen|benz|all|vin|cres)yl"
    r"|[^a-z0-9]|[0-9])*"
)
_RING_WORDS = re.compile(
    r"(?<![a-z])(?:(o)rtho|(m)eta|(p)ara)(?=[^a-z0-9']|fluor|chlor|brom|iod|methyl|methox|hydrox|nitro)"
)
_REWRITTEN = re.compile("ortho|meta|para|sulph|amphetamin")
_NOT_KEPT = re.compile(r"[^a-z0-9']+")
_REMARKS = frozenset(
    {"trace", "traces", "minor", "major", "aslabelled", "aslabeled", "tentative", "probable", "confirmed"}
)
_PLACE = re.compile(r"ortho|meta|para|delta-?[0-9]{1,2}|Δ-?[0-9]{1,2}|[2-9]'?(?![0-9])|[omp](?![a-z])", re.IGNORECASE)
_NEXT_PLACE = re.compile(r"-?\s*(?:,\s*(?:and/or\s|or\s|and\s)?|/-?|and/or\s|or\s)\s*", re.IGNORECASE)
_AFTER_PLACES = re.compile(r"-?\s*(?P<word>[a-z]{0,20})[\s-]*", re.IGNORECASE)
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
    while _REWRITTEN.search(key):
        again = _once(key)
        if again == key:
            break
        key = again
    return key


def _once(text: str) -> str:
    rest = _without_salt(text)
    if rest is not text:
        rest = _without_salt(rest)
    if _REWRITTEN.search(rest):
        rest = _RING_WORDS.sub(lambda found: found[found.lastindex or 0], rest)
        rest = rest.replace("sulph", "sulf").replace("amphetamin", "amfetamin")
    return rest if rest.isalnum() and rest.isascii() else _NOT_KEPT.sub("", rest)


def _without_salt(text: str) -> str:
    """Without one trailing salt word, unless it is the substance: sodium sulfate is not GHB."""
    bare = text.rstrip(_AFTER_SALT)
    before = bare.rstrip(_LETTERS)
    if bare[len(before) :] not in _SALT_WORDS or before[-1:] not in _BEFORE_SALT:
        return text
    rest = before.rstrip(_BEFORE_SALT)
    if bare.endswith("base") and rest.endswith(("free", "freie")):
        rest = rest.removesuffix("free").removesuffix("freie").rstrip(_BEFORE_SALT)
    return text if _NO_DRUG.fullmatch(rest) else rest


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


def salt_words(text: str) -> frozenset[str]:
    """The words that the strict key leaves out at the end of a name; an ester has some of them too."""
    found, rest = set(), plain(text)
    for _ in range(2):
        bare = rest.rstrip(_AFTER_SALT)
        shorter = _without_salt(rest)
        if shorter is rest:
            break
        found.add(bare[len(bare.rstrip(_LETTERS)) :])
        rest = shorter
    return frozenset(found)


def ends_in_a_word(text: str) -> bool:
    """Whether its last five signs are letters, so that its ending is that of a word: not vitamin E."""
    return text[-5:].isalpha() and len(text) >= 5


def bracketed(text: str) -> tuple[str, str] | None:
    """ "A (B)" as A and B; `None` where nothing is in brackets at the end, or nothing before them."""
    found = _TRAILING_BRACKETS.match(text)
    return (found[1].strip(), found[2].strip()) if found else None


def without_remark(text: str) -> str:
    """A name without a trailing remark that is no part of it: "(trace)", "(as labelled)"."""
    parts = bracketed(text)
    return parts[0] if parts and strict_key(parts[1]) in _REMARKS else text.strip()


def isomers(text: str) -> tuple[str, ...]:
    """The members of a group that a name spells out, none when it names one substance.

    >>> isomers("2-, 3- or 4-fluoroamphetamine"), isomers("5- or 6-MAPB"), isomers("2,5-DMA")
    (('2-fluoroamphetamine', '3-fluoroamphetamine', '4-fluoroamphetamine'), ('5-MAPB', '6-MAPB'), ())
    >>> isomers("Fluorofentanyl (ortho, meta or para)")
    ('ortho-Fluorofentanyl', 'meta-Fluorofentanyl', 'para-Fluorofentanyl')
    """
    bare = text.strip()
    places, rest = _alternatives(bare)
    if places:
        return _each(places, rest[1:].lstrip()) if rest.startswith("-") else ()
    parts = bracketed(bare)
    if parts is None:
        return ()
    places, rest = _alternatives(parts[1])
    inside = _AFTER_PLACES.fullmatch(rest.removesuffix("isomers").removesuffix("isomer"))
    if not places or inside is None:
        return ()
    starts = parts[0].lower().startswith(inside["word"].lower())
    return _each(places, parts[0] if starts else f"{inside['word']}{parts[0]}")


def _alternatives(text: str) -> tuple[tuple[str, ...], str]:
    """The places that a text begins with, joined by "or" or "/" at last, and what follows; no places otherwise."""
    places, at, joined = [], 0, ""
    while place := _PLACE.match(text, at):
        places.append(place[0])
        at = place.end()
        following = _NEXT_PLACE.match(text, at)
        if following is None or _PLACE.match(text, following.end()) is None:
            break
        joined, at = following[0].lower(), following.end()
    chosen = tuple(dict.fromkeys(places))
    return (chosen, text[at:]) if len(chosen) > 1 and ("or" in joined or "/" in joined) else ((), text)


def _each(places: tuple[str, ...], rest: str) -> tuple[str, ...]:
    return tuple(f"{place}-{rest}" for place in places) if rest else ()
