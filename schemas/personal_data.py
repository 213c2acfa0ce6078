"""Finds what could name a person in a text: addresses, telephone and identity numbers, dates of birth, coordinates.

National identity numbers count only with their check digits right, telephone numbers only as people write them, so
that a chemical name, a CAS number or an InChIKey is none. What was found is told by its kind and place, never repeated.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

MASK: Final = "[removed]"


class PersonalKind(StrEnum):
    """The classes of `personal_data`."""

    EMAIL = "e-mail address"
    TELEPHONE = "telephone number"
    IDENTITY_NUMBER = "national identity number"
    BIRTH_DATE = "date of birth"
    STREET_ADDRESS = "street address"
    COORDINATES = "coordinates"


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of the text and what it is."""

    kind: PersonalKind
    start: int
    end: int


@lru_cache(maxsize=8192)
def find(text: str) -> tuple[Found, ...]:
    """Every stretch, in order, none inside another. Cheap for a text with neither digits nor an @."""
    if not _WORTH_A_LOOK.search(text):
        return ()
    kept: list[Found] = []
    for found in sorted(_all(text), key=lambda one: (one.start, -one.end)):
        if not kept or found.start >= kept[-1].end:
            kept.append(found)
    return tuple(kept)


def masked(text: str) -> str:
    """The text without them: for logs, dead letters that are shown, feedback."""
    parts, last = list[str](), 0
    for found in find(text):
        parts += [text[last : found.start], MASK]
        last = found.end
    return "".join([*parts, text[last:]]) if parts else text


def masked_bytes(raw: bytes) -> bytes:
    """The same of bytes as they came, whatever they are; letters and signs that JSON escaped are read as such."""
    text = raw.decode("utf-8", "surrogateescape")
    if masked(plain := _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)) == plain:
        return raw
    return masked(plain).encode("utf-8", "surrogateescape")


_ESCAPED: Final = re.compile(r"\\u00(?!22|5c|5C|7f|7F)([2-7][0-9a-fA-F])")
"""An escaped sign of ASCII, but for the quotation mark and the backslash itself."""

_WORTH_A_LOOK: Final = re.compile(r"[@\d]")
_EMAIL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PHONE: Final = re.compile(
    r"(?<![\w.,/+-])(?:(?:\+|00)[1-9]\d{0,2}(?:[ ./-]?\(?0?\)?[ ./-]?\d{1,4}){2,6}"
    r"|\(0\d{1,5}\)[ /-]?\d{2,4}(?:[ /-]?\d{2,4}){1,4})(?![\w])"
)
_CALLED: Final = re.compile(
    r"(?:tel|tél|phone|telefon\w*|telefoon|mobile?|mobil|gsm|handy|puh|tlf|τηλ|тел)\W{0,3}\+?\(?\d[\d ()./-]{5,18}\d",
    re.IGNORECASE,
)
_DATE: Final = (
    r"(?:\d{1,2}[./-] ?\d{1,2}[./-] ?(?:19|20)\d{2}|(?:19|20)\d{2}-\d{2}-\d{2}|\d{1,2}\.? ?\w{3,12} (?:19|20)\d{2})"
)
_BORN: Final = re.compile(
    r"(?:\bborn\b|\bdate of birth\b|\bd\.?o\.?b\b|\bgeb(?:oren|\.)?|\brojen\w*|\bdatum rojstva|\bn[ée]e? le|\bfødt"
    r"|\bfödd|\bsyntynyt|\bnacid[oa]|\bnat[oa] il|\bur\.|\burodzon\w*|\bnaroz\w*|\bszületett|\bné en|\bgimęs"
    rf"|\bdzim\w*|\bsünd\w*|\bγεν\w*)\W{{0,4}}(?:on |am |dne |el |il |den )?{_DATE}",
    re.IGNORECASE,
)
_HOUSE: Final = r" \d{1,4} ?[a-zA-Z]?(?!\w|[.,]\d| ?(?:mg|g|ml|µg|%))"
_STREET: Final = re.compile(
    r"(?<!\w)(?:(?:[A-ZÀ-Ž][\w'.-]+ ){0,3}[A-ZÀ-Ž][\w'-]*(?:strasse|straße|str\.|gasse|weg|platz|allee|straat|laan"
    rf"|plein|gata|gatan|vägen|veien|gade|vej|katu|tie|utca){_HOUSE}"
    r"|(?:ulica|ul\.|cesta|via|viale|piazza|rue|avenue|boulevard|calle|avenida|rua|strada|ulice|gatve|iela|tänav)"
    rf" (?:[\w'.-]+ ){{0,3}}[\w'.-]+,?{_HOUSE}"
    r"|\d{1,4} (?:[A-Z][\w'-]+ ){1,3}(?:Street|Road|Avenue|Lane|Drive|Square|Close|Terrace)\b"
    r"|[A-ZČŠŽĆĐ][\wčšžćđ]+(?: [\wčšžćđ]+){0,2} (?:ulica|cesta|trg|pot|ulice|náměstí|utca|út) \d{1,4}[a-z]?(?!\w))",
)
_DEGREES: Final = re.compile(
    r"(?<![\w.])[-+]?(?:[1-8]?\d(?:\.\d{4,8})|90\.0{4,8})\s?°?\s?[NS]?\s*[, ]\s*"
    r"[-+]?(?:1[0-7]\d|\d{1,2})(?:\.\d{4,8})\s?°?\s?[EWO]?(?![\w.])"
)
_SEXAGESIMAL: Final = re.compile(r"\d{1,3}\s?°\s?\d{1,2}\s?['′]\s?(?:\d{1,2}(?:\.\d+)?\s?[\"″]\s?)?[NSEWO]\b")
_NUMBER: Final = re.compile(
    r"(?<![\w./+-])(?:[XYZ]\d{7}-?[A-Z]|[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]"
    r"|[12] \d\d \d\d \d[\dAB] \d{3} \d{3} \d\d"
    r"|\d{6} \d{5}|\d{4} \d{6}|\d{6}[-/+A]\d{3}[0-9A-Y]|\d{6}[-/+]\d{4}|\d{6}/\d{3,4}|\d{8}[-+]\d{4}|\d{6}-\d{5}"
    r"|\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}|\d{7,15}-?[A-W]{0,2})(?![\w./+-]*\w)"
)
_NINE: Final = re.compile(
    r"(?:\bbsn|\bburgerservicenummer|\bsofi\w*|\bnif|\bcontribuinte)\W{0,4}(?:n[ro.º°]*\W{0,2})?(?P<number>\d{9})(?!\w)",
    re.IGNORECASE,
)
"""Numbers without a date in them, a chance number in eleven of which is right, count only behind their name."""


def _all(text: str) -> Iterator[Found]:
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if kind is not PersonalKind.TELEPHONE or _is_telephone(match):
                yield Found(kind, match.start(), match.end())
    for match in _NUMBER.finditer(text):
        if is_identity_number(match.group()):
            yield Found(PersonalKind.IDENTITY_NUMBER, match.start(), match.end())
    for match in _NINE.finditer(text):
        number = match["number"]
        if _netherlands(number) or _portugal(number):
            yield Found(PersonalKind.IDENTITY_NUMBER, match.start("number"), match.end("number"))


_PATTERNS: Final = (
    (PersonalKind.EMAIL, _EMAIL),
    (PersonalKind.TELEPHONE, _PHONE),
    (PersonalKind.TELEPHONE, _CALLED),
    (PersonalKind.BIRTH_DATE, _BORN),
    (PersonalKind.STREET_ADDRESS, _STREET),
    (PersonalKind.COORDINATES, _DEGREES),
    (PersonalKind.COORDINATES, _SEXAGESIMAL),
)


def _is_telephone(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match.group())
    return 7 <= len(digits) <= 15 and len(set(digits)) > 2


# National identity numbers


def is_identity_number(text: str) -> bool:
    """Whether it has the shape and the check digits of an identity number of a country that reports."""
    compact = re.sub(r"[ ./-]", "", text.upper())
    return any(re.fullmatch(shape, compact) and holds(compact) for shape, holds in _NUMBERS)


def _weighted(digits: str, weights: Iterable[str | int]) -> int:
    return sum(int(digit) * int(weight) for digit, weight in zip(digits, weights, strict=False))


def _day(year: int, month: str | int, day: str | int) -> bool:
    try:
        date(year, int(month), int(day))
    except ValueError:
        return False
    return True


def _any_century(yy: str, month: str | int, day: str | int) -> bool:
    return any(_day(century + int(yy), month, day) for century in (1800, 1900, 2000))


def _jmbg(number: str) -> bool:
    """Slovenia EMŠO (and the former JMBG): day, month, year without its thousand, region, check by 11."""
    check = 11 - _weighted(number, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    year = int(number[4:7]) + (2000 if number[4] == "0" else 1000)
    return _day(year, number[2:4], number[:2]) and (0 if check == 11 else check) == int(number[12])


def _oib(number: str) -> bool:
    """Croatia OIB, Germany tax number: ISO 7064 MOD 11,10."""
    remainder = 10
    for digit in number[:10]:
        remainder = (remainder + int(digit)) % 10 or 10
        remainder = remainder * 2 % 11
    return (11 - remainder) % 10 == int(number[10])


def _bulgaria(number: str) -> bool:
    month = int(number[2:4]) % 20
    shape = _any_century(number[:2], month, number[4:6]) and int(number[2:4]) in (
        *range(1, 13),
        *range(21, 33),
        *range(41, 53),
    )
    return shape and _weighted(number, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(number[9])


def _czech(number: str) -> bool:
    month = int(number[2:4])
    month = next((month - off for off in (70, 50, 20, 0) if 1 <= month - off <= 12), 0)
    if not _any_century(number[:2], month, number[4:6]):
        return False
    return int(number[:9]) % 11 % 10 == int(number[9])


def _denmark(number: str) -> bool:
    return (
        _any_century(number[4:6], number[2:4], number[:2])
        and _weighted(number, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


def _baltic(number: str) -> bool:
    """Estonia and Lithuania: century and sex, date, serial, check by 11 with a second row of weights."""
    if number[0] not in "123456" or not _day(
        1800 + (int(number[0]) - 1) // 2 * 100 + int(number[1:3]), number[3:5], number[5:7]
    ):
        return False
    check = _weighted(number, "1234567891") % 11
    check = _weighted(number, "3456789123") % 11 % 10 if check == 10 else check
    return check == int(number[10])


def _latvia(number: str) -> bool:
    if not _any_century(number[4:6], number[2:4], number[:2]) and not number.startswith("32"):
        return False
    return (1101 - _weighted(number, (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11 == int(number[10])


def _finland(number: str) -> bool:
    letters = "0123456789ABCDEFHJKLMNPRSTUVWXY"
    digits = number[:6] + number[-4:-1]
    return _any_century(number[4:6], number[2:4], number[:2]) and letters[int(digits) % 31] == number[-1]


def _sweden(number: str) -> bool:
    ten = number[-10:]
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(ten))
    day = int(ten[4:6])
    return total % 10 == 0 and _any_century(ten[:2], ten[2:4], day - 60 if day > 60 else day)


def _norway(number: str) -> bool:
    day = int(number[:2]) - (40 if int(number[:2]) > 40 else 0)
    first, second = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
    checks = _weighted(number, first) % 11 == 0 and _weighted(number, second) % 11 == 0
    return checks and _any_century(number[4:6], number[2:4], day)


def _poland(number: str) -> bool:
    month = int(number[2:4])
    check = _weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    return check and _any_century(number[:2], month % 20, number[4:6])


def _romania(number: str) -> bool:
    check = _weighted(number, "279146358279") % 11
    return _any_century(number[1:3], number[3:5], number[5:7]) and check % 10 == int(number[12]) and number[0] != "0"


def _spain(number: str) -> bool:
    whole = number.replace("X", "0", 1).replace("Y", "1", 1).replace("Z", "2", 1) if number[0] in "XYZ" else number
    return whole[:8].isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(whole[:8]) % 23] == number[-1]


def _portugal(number: str) -> bool:
    check = 11 - _weighted(number, "98765432") % 11
    return (0 if check >= 10 else check) == int(number[8])


def _france(number: str) -> bool:
    base = number[:13].replace("2A", "19").replace("2B", "18")
    return base.isdigit() and number[0] in "12" and 97 - int(base) % 97 == int(number[13:])


def _italy(number: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    values = [int(sign) if sign.isdigit() else ord(sign) - 65 for sign in number[:15]]
    total = sum(odd[value] if place % 2 == 0 else value for place, value in enumerate(values))
    return chr(total % 26 + 65) == number[15]


def _belgium(number: str) -> bool:
    checks = {97 - int(number[:9]) % 97, 97 - int("2" + number[:9]) % 97}
    return int(number[9:]) in checks and _any_century(number[:2], number[2:4], number[4:6])


def _netherlands(number: str) -> bool:
    return _weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and number.strip("0") != ""


def _austria(number: str) -> bool:
    digits = number[:3] + number[4:]
    check = _weighted(digits, (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11
    return check == int(number[3]) and number[0] != "0" and _any_century(number[8:], number[6:8], number[4:6])


def _greece(number: str) -> bool:
    """AMKA: date, serial, check by Luhn."""
    total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(number))
    return total % 10 == 0 and _any_century(number[4:6], number[2:4], number[:2])


def _hungary(number: str) -> bool:
    check = sum(int(digit) * (place + 1) for place, digit in enumerate(number[:10])) % 11
    return check == int(number[10]) and number[0] in "12345678" and _any_century(number[1:3], number[3:5], number[5:7])


def _hungary_tax(number: str) -> bool:
    return sum(int(digit) * (place + 1) for place, digit in enumerate(number[:9])) % 11 == int(number[9])


def _ireland(number: str) -> bool:
    total = _weighted(number, "8765432") + (9 * (ord(number[8]) - 64) if len(number) > 8 else 0)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == number[7]


def _turkey(number: str) -> bool:
    digits = [int(digit) for digit in number]
    tenth = (sum(digits[0:9:2]) * 7 - sum(digits[1:8:2])) % 10
    return digits[0] != 0 and digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def _luxembourg(number: str) -> bool:
    """Date, serial, one check digit by Luhn and one by Verhoeff."""
    luhn = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(number[:12])) % 10
    dated = _day(int(number[:4]), number[4:6], number[6:8]) and 1880 <= int(number[:4]) <= 2100
    return dated and luhn == 0 and _verhoeff(number[:11] + number[12]) == 0


def _verhoeff(digits: str) -> int:
    """The check over the dihedral group of order ten; 0 when it holds."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[value]
        check = _dihedral(check, value)
    return check


def _dihedral(one: int, other: int) -> int:
    if one < 5:
        return (one + other) % 5 if other < 5 else (one + other - 5) % 5 + 5
    return (one - other) % 5 + 5 if other < 5 else (one - other) % 5


_Check = Callable[[str], bool]
_NUMBERS: Final[tuple[tuple[str, _Check], ...]] = (
    (r"\d{13}", _jmbg),
    (r"\d{11}", _oib),
    (r"\d{10}", _bulgaria),
    (r"\d{10}", _czech),
    (r"\d{10}", _denmark),
    (r"[1-6]\d{10}", _baltic),
    (r"\d{11}", _latvia),
    (r"\d{6}[A+]?\d{3}[0-9A-FHJ-NPR-Y]", _finland),
    (r"(?:\d{2})?\d{10}", _sweden),
    (r"\d{11}", _norway),
    (r"\d{11}", _poland),
    (r"[1-9]\d{12}", _romania),
    (r"(?:\d{8}|[XYZ]\d{7})[A-Z]", _spain),
    (r"[12]\d{4}(?:\d{2}|2[AB])\d{8}", _france),
    (r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]", _italy),
    (r"\d{11}", _belgium),
    (r"\d{10}", _austria),
    (r"\d{11}", _greece),
    (r"[1-8]\d{10}", _hungary),
    (r"8\d{9}", _hungary_tax),
    (r"\d{7}[A-W][A-I]?", _ireland),
    (r"[1-9]\d{10}", _turkey),
    (r"\d{13}", _luxembourg),
)
