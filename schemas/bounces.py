"""What a mail that came back says became of ours."""

from enum import StrEnum


class Came(StrEnum):
    """`nothing`: it is an automatic reply, or words that we do not know."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    NOTHING = "nothing"
