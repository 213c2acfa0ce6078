"""The two kinds of model everything here is made of: closed for what we write, lenient never."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer

T = TypeVar("T")

SortedSet = Annotated[frozenset[T], PlainSerializer(sorted, return_type=list[T])]
"""A set that is written in one order, so that the same value always makes the same bytes (P4)."""


class Frozen(BaseModel):
    """A value: immutable, closed (an unknown field is an error), compared by content."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)
