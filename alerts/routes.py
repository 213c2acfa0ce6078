"""Where a person sent reports: all of one case key to another (merged), or single ones of it (split off).

A report sent to the key where it is was told apart: what another body describes alike is not the same event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from alerts.cases import FileKey, Report
from alerts.evidence import Evidence
from alerts.statements import Said

MOST_STEPS = 10
"""A merged case may be merged again; nobody joins so many that a circle could be meant."""


@dataclass(frozen=True, kw_only=True)
class Routes:
    """`version` changes with every decision. Single reports go before whole keys."""

    version: str = ""
    keys: Mapping[FileKey, str] = field(default_factory=dict)
    reports: Mapping[tuple[FileKey, Report], str] = field(default_factory=dict)

    def target(self, evidence: Evidence) -> str:
        """The key under which a report is filed now."""
        key = evidence.case_key
        for _ in range(MOST_STEPS):
            place = (evidence.ledger, key)
            sent = self.reports.get((place, evidence.report)) or self.keys.get(place)
            if sent is None or sent == key:
                break
            key = sent
        return key

    def apart(self, evidence: Evidence) -> bool:
        """Whether a person said that it is an event of its own."""
        return self.reports.get(((evidence.ledger, evidence.case_key), evidence.report)) == evidence.case_key


def told_apart(evidence: Evidence) -> Evidence:
    """The same, no twin of any other."""
    return evidence.model_copy(update={"twin": None})


def routed(said: Said, routes: Routes) -> Said:
    """What a report says, under the keys that people decided. Where two of them become one, its own key speaks."""
    if not routes.keys and not routes.reports:
        return said
    said = replace(said, evidence=tuple(told_apart(item) if routes.apart(item) else item for item in said.evidence))
    sent = {item.case_key: routes.target(item) for item in said.evidence}
    if all(key == target for key, target in sent.items()):
        return said
    found: dict[str, Evidence] = {}
    for item in sorted(said.evidence, key=lambda item: item.case_key != sent[item.case_key]):
        found.setdefault(sent[item.case_key], moved(item, sent[item.case_key]))
    keys = tuple(None if key is None else sent.get(key, key) for key in said.case_keys)
    return replace(said, evidence=tuple(found[key] for key in sorted(found)), case_keys=keys)


def moved(evidence: Evidence, key: str) -> Evidence:
    """The same under another key, remembering its own."""
    own = evidence.own_key or evidence.case_key
    return evidence.model_copy(update={"case_key": key, "own_key": None if own == key else own})
