"""The two kinds of model everything here is made of: closed for what we write, lenient never."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: immutable, closed (an unknown field is an error), compared by content."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)
