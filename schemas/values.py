"""The kinds of value a report is made of: identifiers, text, times, numbers, each with the sentence of its refusal."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from schemas.characters import name_of, shown, suspicious
from schemas.places import COUNTRIES, is_region
from schemas.units import AMOUNT_PATTERN, QUANTITY_PATTERN

EARLIEST_YEAR: Final = 1900
LATEST_YEAR: Final = 2199

_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_NAIVE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INSTANT_PATTERN: Final = f"^{_INSTANT.pattern}$"
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def refusal(sentence: str) -> PydanticCustomError:
    """An error of ours: the sentence goes to the laboratory as it is."""
    return PydanticCustomError("tocsin", "{sentence}", {"sentence": sentence})


def _visible(text: str) -> str:
    if suspicious(text):
        raise refusal(f"must not hold invisible or control characters ({name_of(text)}); send plain characters only")
    return text


def _trimmed(text: str) -> str:
    if text != text.strip():
        raise refusal("must not begin or end with a space")
    return _visible(text)


def _readable(text: str) -> str:
    if not text.strip():
        raise refusal("is empty; leave the field out when there is nothing to say")
    return text


def matching(pattern: str, sentence: str) -> AfterValidator:
    """A check of the whole string against a pattern; the sentence says what is expected."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(_visible(text)) is None:
            raise refusal(f"{sentence}; found {shown(text)}")
        return text

    return AfterValidator(check)


def schema(**keywords: object) -> WithJsonSchema:
    """The JSON Schema to publish for a value."""
    published: JsonSchemaValue = dict(keywords)
    return WithJsonSchema(published)


def _identifier(limit: int) -> tuple[StringConstraints, AfterValidator, WithJsonSchema]:
    hidden = r"\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    pattern = rf"^(?!\s)(?!.*\s$)[^{hidden}]+$"
    return (
        StringConstraints(min_length=1, max_length=limit),
        AfterValidator(_trimmed),
        schema(type="string", minLength=1, maxLength=limit, pattern=pattern),
    )


_ID, _ID_CHECK, _ID_SCHEMA = _identifier(64)
Identifier = Annotated[str, _ID, _ID_CHECK, _ID_SCHEMA]
"""A reference or a code of at most 64 visible characters."""

_CHEM, _CHEM_CHECK, _CHEM_SCHEMA = _identifier(4000)
ChemicalText = Annotated[str, _CHEM, _CHEM_CHECK, _CHEM_SCHEMA]
"""SMILES or InChI: not parsed here."""

LABORATORY_PATTERN: Final = "[a-z0-9]+(-[a-z0-9]+)*"
LaboratoryId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    matching(LABORATORY_PATTERN, "must be a laboratory id: small letters, digits and single hyphens, like si-example"),
    schema(type="string", minLength=1, maxLength=64, pattern=f"^{LABORATORY_PATTERN}$"),
]
VERSION_PATTERN: Final = "1\\.(0|[1-9][0-9]{0,3})"
SchemaVersion = Annotated[
    str,
    matching(VERSION_PATTERN, "must be a version of this format, like 1.0"),
    schema(type="string", pattern=f"^{VERSION_PATTERN}$"),
]
InChIKey = Annotated[
    str,
    matching("[A-Z]{14}-[A-Z]{10}-[A-Z]", "must be an InChIKey: 14, 10 and 1 capital letters with hyphens between"),
    schema(type="string", pattern="^[A-Z]{14}-[A-Z]{10}-[A-Z]$"),
]
CasNumber = Annotated[
    str,
    matching("[0-9]{2,7}-[0-9]{2}-[0-9]", "must be a CAS registry number like 2244737-98-0"),
    schema(type="string", pattern="^[0-9]{2,7}-[0-9]{2}-[0-9]$"),
]
Sha256 = Annotated[
    str,
    matching("[0-9a-f]{64}", "must be a SHA-256 as 64 small hexadecimal digits"),
    schema(type="string", pattern="^[0-9a-f]{64}$"),
]
ImageUri = Annotated[
    str,
    StringConstraints(max_length=2000),
    matching(r"https?://[^\s<>\"']+", "must be a web address beginning with https://"),
    schema(type="string", maxLength=2000, pattern="^https?://[^\\s<>\"']+$"),
]
LANGUAGE_PATTERN: Final = "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
Language = Annotated[
    str,
    matching(LANGUAGE_PATTERN, "must be a language code like sl or en"),
    schema(type="string", pattern=LANGUAGE_PATTERN),
]


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise refusal(f"must be an ISO 3166-1 code of two capital letters (Greece is GR); found {shown(code)}")
    return code


def _region(code: str) -> str:
    if not is_region(code):
        raise refusal(f"must be a NUTS 2 or NUTS 3 code (like SI04 or SI041), nothing finer; found {shown(code)}")
    return code


Country = Annotated[str, AfterValidator(_country), schema(type="string", enum=sorted(COUNTRIES))]
Region = Annotated[str, AfterValidator(_region), schema(type="string", pattern="^[A-Z]{2}[A-Z0-9]{2,3}$")]


def text(limit: int) -> tuple[StringConstraints, AfterValidator, WithJsonSchema]:
    """The parts of a line of text of at most `limit` characters that is not blank."""
    return (
        StringConstraints(min_length=1, max_length=limit),
        AfterValidator(lambda value: _visible(_readable(value))),
        schema(type="string", minLength=1, maxLength=limit, pattern=r"\S"),
    )


def prose(limit: int) -> tuple[StringConstraints, AfterValidator, WithJsonSchema]:
    """The parts of a text of several lines."""
    return (
        StringConstraints(min_length=1, max_length=limit),
        AfterValidator(lambda value: _prose(_readable(value))),
        schema(type="string", minLength=1, maxLength=limit, pattern=r"\S"),
    )


def _prose(value: str) -> str:
    _visible(value.replace("\n", " ").replace("\t", " ").replace("\r", " "))
    return value


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise refusal(f"must be an instant written as text, like 2021-01-20T09:30:00Z; found {shown(value)}")
    if _NAIVE.fullmatch(value):
        raise refusal(f"must say its time zone: add Z for UTC, like 2021-01-20T09:30:00Z; found {shown(value)}")
    if not _INSTANT.fullmatch(value):
        raise refusal(f"must be an instant like 2021-01-20T09:30:00Z; found {shown(value)}")
    return value


def _utc(value: datetime) -> datetime:
    if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
        raise refusal(f"must lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return value.astimezone(UTC)


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_utc),
    BeforeValidator(_instant),
    schema(type="string", format="date-time", pattern=INSTANT_PATTERN),
]
"""A moment with its time zone, kept in UTC."""


def _day(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise refusal(f"must be a date like 2021-01-11; found {shown(value)}")
    return value


def _plausible(value: date) -> date:
    if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
        raise refusal(f"must lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return value


Day = Annotated[
    date,
    AfterValidator(_plausible),
    BeforeValidator(_day),
    schema(type="string", format="date", pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
]


def _event_id(value: object) -> object:
    if isinstance(value, str) and not _UUID.fullmatch(value):
        raise refusal(f"must be a UUID like 0190f3d2-7a1c-7c11-9d0e-6f6b0a1d2c3e; found {shown(value)}")
    return value


EVENT_ID_RULES: Final = (
    BeforeValidator(_event_id),
    schema(type="string", format="uuid", pattern=f"^{_UUID.pattern}$"),
)

Positive = Annotated[float, Field(strict=True, gt=0, le=1e12, allow_inf_nan=False)]
"""A measured number above zero."""


def whole(limit: int) -> object:
    """The rule of a count of at least one; the bound keeps it inside the database's integers."""
    return Field(strict=True, ge=1, le=limit)


_UNIT_SENTENCE: Final = "must be a UCUM unit in its exact letters, such as ug, mg, g, kg, mL, % or {tablet}"
QuantityUnit = Annotated[
    str, matching(QUANTITY_PATTERN, _UNIT_SENTENCE), schema(type="string", pattern=QUANTITY_PATTERN)
]
AmountUnit = Annotated[str, matching(AMOUNT_PATTERN, _UNIT_SENTENCE), schema(type="string", pattern=AMOUNT_PATTERN)]
