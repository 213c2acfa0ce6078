"""The two kinds of model everything here is made of: closed for what we write, lenient never."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer

T = TypeVar("T")

SortedSet = Annotated[frozenset[T], PlainSerializer(sorted, return_type=list[T])]
"""A set that is written in one order, so that the same value always makes the same bytes (P4)."""


class Frozen(BaseModel):
    """A value: immutable, closed (an unknown field is an error), compared by content."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)

    @classmethod
    def trusted(cls, **values: object) -> Self:
        """The same value without the check: of parts that were checked, or made here, in exactly their types.

        For the few that are made anew for each report: 2 us instead of 10. `tests/unit/test_trusted.py` checks them.
        """
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", {**_template(cls), **values})
        object.__setattr__(made, "__pydantic_fields_set__", set(values))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


@cache
def _template(model: type[Frozen]) -> Mapping[str, object]:
    """All fields in their order, with their defaults: what is frozen may share them."""
    return {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
