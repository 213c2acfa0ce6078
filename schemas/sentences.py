"""Turns what pydantic found wrong into sentences for a laboratory: what, where, what to do."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic_core import ErrorDetails

from schemas.characters import shown
from schemas.rejections import Problem

_NEEDS: Final = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number that a computer can hold",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "datetime_from_date_parsing": "must be an instant of the calendar like 2021-01-20T09:30:00Z",
    "datetime_parsing": "must be an instant of the calendar like 2021-01-20T09:30:00Z",
    "date_parsing": "must be a date of the calendar like 2021-01-11",
    "date_from_datetime_parsing": "must be a date of the calendar like 2021-01-11",
    "string_unicode": "must be plain text without half characters (lone surrogates)",
}


def pointer(location: Sequence[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a place in a document."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def dotted(location: Sequence[str | int]) -> str:
    """The same place as people write it: `components[0].methods`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "the report"


def problem(error: ErrorDetails) -> Problem:
    """One finding of pydantic as a pointer and a sentence of ours."""
    location = tuple(part for part in error["loc"] if part != "[key]")
    return Problem(pointer=visible(pointer(location)), sentence=visible(f"{dotted(location)} {_predicate(error)}."))


def visible(text: str) -> str:
    """A sentence or pointer with nothing hidden in it, even where it repeats a field name from outside."""
    return shown(text, limit=600)[1:-1]


def _predicate(error: ErrorDetails) -> str:
    context: Mapping[str, object] = error.get("ctx", {})
    kind, found = error["type"], shown(error["input"])
    match kind:
        case "tocsin":
            return str(context["sentence"])
        case "missing":
            return "is missing; every report needs it" if len(error["loc"]) == 1 else "is missing; it is needed here"
        case "extra_forbidden":
            return "is not a field of this format; correct the name or leave it out"
        case "enum" | "literal_error":
            return f"must be one of {_words(context)}; found {found}"
        case "string_too_long":
            return f"must have at most {context['max_length']} characters; shorten it"
        case "string_too_short":
            return "is empty; leave the field out when there is nothing to say"
        case "too_short":
            return "is empty; name at least one"
        case "greater_than_equal" | "greater_than":
            return f"must be {'at least' if 'ge' in context else 'more than'} {_bound(context)}; found {found}"
        case "less_than_equal" | "less_than":
            return f"must be at most {_bound(context)}; found {found}"
        case _:
            return f"{_NEEDS.get(kind, 'is not of the right kind')}; found {found}"


def _words(context: Mapping[str, object]) -> str:
    return str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")


def _bound(context: Mapping[str, object]) -> str:
    values = [context[name] for name in ("ge", "gt", "le", "lt") if name in context]
    return f"{values[0]:g}" if isinstance(values[0], int | float) else str(values[0])
