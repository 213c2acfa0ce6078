"""What is said to a person who cannot get what they asked for: one sentence and an exit code."""

from typing import ClassVar


class Refusal(Exception):
    """Its message says what happened, where, and what to do."""

    exit_code: ClassVar[int] = 1


class WrongSetting(Refusal):
    """Names each wrong setting, its value (masked when secret) and what is allowed."""

    exit_code = 2
