"""How an alert is said: coded facts in, cleaned sentences out, the same for every channel."""

from notifiers.wording.compose import Band, Wording, compose, headline, mark_of
from notifiers.wording.facts import Fact

__all__ = ["Band", "Fact", "Wording", "compose", "headline", "mark_of"]
