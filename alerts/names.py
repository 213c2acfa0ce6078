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
    "hydrate hydrat monohydrate sesquihydrate salt salz sodium potassium calcium natrium kalium base freebase baza"
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
_PLACE = r"(?:ortho|meta|para|delta-?[0-9]{1,2}|Δ-?[0-9]{1,2}|[2-9]'?|[omp](?![a-z]))"
_AND_PLACE = rf"(?:-?\s*(?:,\s*(?:and/or|or|and)?|/-?|\bor\b|\band/or\b)\s*{_PLACE})"
_LAST_PLACE = rf"(?:-?\s*(?:,?\s*(?:and/or|or)\s+|/\s*){_PLACE})"
_GROUP = re.compile(rf"(?P<places>{_PLACE}{_AND_PLACE}*?{_LAST_PLACE})-\s*(?P<rest>\S.*)", re.DOTALL | re.IGNORECASE)
_PLACES_ONLY = re.compile(
    rf"(?P<places>{_PLACE}{_AND_PLACE}*?{_LAST_PLACE})-?\s*(?P<word>[a-z]*?)[\s-]*(?:isomers?|position)?", re.IGNORECASE
)
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
    group = _GROUP.fullmatch(text.strip())
    if group is not None:
        return _each(group["places"], group["rest"].lstrip("- "))
    parts = bracketed(text)
    inside = _PLACES_ONLY.fullmatch(parts[1]) if parts else None
    if parts is None or inside is None:
        return ()
    word = inside["word"] or ""
    starts = parts[0].lower().startswith(word.lower())
    return _each(inside["places"], parts[0] if starts else f"{word}{parts[0]}")


def _each(places: str, rest: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(re.findall(_PLACE, places, re.IGNORECASE)))
    return tuple(f"{place}-{rest}" for place in found) if len(found) > 1 else ()
