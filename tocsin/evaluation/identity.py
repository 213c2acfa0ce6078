"""Evaluates names on a file from outside the repository."""

from pathlib import Path

from tocsin.errors import Refusal
from tocsin.evaluation.outcome import Evaluation


def evaluate(path: Path) -> Evaluation:
    """Not there yet."""
    raise Refusal(f"{path} is not evaluated: this evaluation does not exist yet.")
