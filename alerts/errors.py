"""What can go wrong while deciding.

TocsinError
├── RuleError      a rule file that must not be used
├── Missing        the memory lacks the evidence of some cases: recall it and decide again
└── Undecidable    what a person wants cannot be decided about this case as it is
"""


class TocsinError(Exception):
    """Every error of ours; its text says what happened, where, and what to do."""


class RuleError(TocsinError):
    """A rule file cannot be used: the text names file, line and what is allowed."""


class Missing(TocsinError):
    """Deciding needs all evidence of these case keys; nothing has been decided yet."""

    def __init__(self, keys: frozenset[str]) -> None:
        super().__init__(f"the evidence of {len(keys)} cases must be recalled before deciding")
        self.keys = keys


class Undecidable(TocsinError):
    """A person's decision does not fit the case as it stands; nothing was changed. The text says why."""
