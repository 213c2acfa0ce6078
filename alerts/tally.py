"""How many reports of a case said each thing: so that one report can be taken out without asking all the others.

Lists of words and doses have no end, so that only those are counted that can be shown: once there are too many, the
first words and the largest doses. One that was left out can come back only by counting afresh.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256

from alerts.evidence import Evidence, Mark, Subject
from schemas.vocabularies import Distribution

MOST_WORDS = 12
MOST_COUNTED = 48
"""Different words of one kind that are counted before only those are that are shown."""
WORDS = ("sold_as", "appearance", "others", "dose")


class Unknown(Exception):
    """What is left without a report cannot be told from the tally: count afresh."""


def said_by(report: Evidence) -> list[str]:
    """Everything a report adds one to, each thing once."""
    said = [
        f"country:{report.country}",
        f"harm:{int(report.harm)}:{report.exposure.value if report.exposure else ''}",
        f"handling:{report.handling.value}",
        f"dose_band:{dose_band(report)}",
        f"subject:{subject_mark(report.subject)}",
        f"condition:{report.use_conditions}" if report.use_conditions else "free",
    ]
    given = (("form", report.form), ("presentation", report.presentation))
    words = (("sold_as", report.sold_as), ("appearance", report.appearance))
    said += [f"{kind}:{value.value}" for kind, value in given if value]
    said += [f"distribution:{route.value}" for route in report.distribution if route is not Distribution.UNKNOWN]
    said += [f"{kind}:{text}" for kind, text in words if text]
    said += {f"others:{name}" for name in report.others}
    if report.dose_mg:
        said.append(f"dose:{report.dose_mg!r}")
    yes = (
        ("mis_sold", Mark.MIS_SOLD in report.marks),
        ("precursor", Mark.PRECURSOR_REPORT in report.marks),
        ("private", not report.public_consent),
        ("sure", not report.subject.conflict),
    )
    return said + [name for name, holds in yes if holds]


def count_in(counted: dict[str, int], said: Iterable[str]) -> None:
    """One more report said this."""
    for key in said:
        if key in counted:
            counted[key] += 1
            continue
        kind, _, word = key.partition(":")
        if f"more:{kind}" in counted and not _shown(kind, word, counted):
            continue
        counted[key] = 1
        if kind in WORDS:
            _bound(counted, kind)


def take_out(counted: dict[str, int], said: Iterable[str]) -> None:
    """One report less said this. Raises Unknown when something that was left out would come forward."""
    for key in said:
        if key not in counted:
            continue
        counted[key] -= 1
        if not counted[key]:
            del counted[key]
            if f"more:{key.partition(':')[0]}" in counted:
                raise Unknown


def bounded(counted: Mapping[str, int]) -> dict[str, int]:
    """Of all that was counted at once."""
    kept = dict(counted)
    for kind in WORDS:
        _bound(kept, kind)
    return kept


def first_words(words: Sequence[str]) -> tuple[str, ...]:
    """The first of all these words."""
    return tuple(sorted(words, key=_order)[:MOST_WORDS])


def dose_band(report: Evidence) -> int:
    """0 usual or unknown, 1 high, 2 extreme."""
    return 2 if Mark.DOSE_EXTREME in report.marks else int(Mark.DOSE_HIGH in report.marks)


@lru_cache(maxsize=8192)
def subject_mark(subject: Subject) -> str:
    """Short, and the same for what says the same of a substance, sure or in conflict."""
    return sha256(subject.model_dump_json(exclude={"conflict"}).encode()).hexdigest()[:12]


def _order(word: str) -> tuple[str, str]:
    return (word.casefold(), word)


def _words(counted: Mapping[str, int], kind: str) -> list[str]:
    start = f"{kind}:"
    return [key[len(start) :] for key in counted if key.startswith(start)]


def _kept(kind: str, words: Sequence[str]) -> Sequence[str]:
    return sorted(words, key=float)[-MOST_WORDS:] if kind == "dose" else first_words(words)


def _shown(kind: str, word: str, counted: Mapping[str, int]) -> bool:
    """Whether a new word stands among those that are shown."""
    return word in _kept(kind, [*_words(counted, kind), word])


def _bound(counted: dict[str, int], kind: str) -> None:
    words = _words(counted, kind)
    if len(words) <= (MOST_WORDS if f"more:{kind}" in counted else MOST_COUNTED):
        return
    counted[f"more:{kind}"] = 1
    for word in set(words) - set(_kept(kind, words)):
        del counted[f"{kind}:{word}"]
