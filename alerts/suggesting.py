"""What a person should look at: products that may be one though their words differ, reports that may be one event.

A suggestion changes nothing by itself. Reports of two bodies on one event are counted once at once, because a second
count would raise a level; a person confirms it or tells them apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from alerts.appearance import ABSENT
from alerts.cases import Report
from alerts.evidence import Evidence
from alerts.occurrences import same_by_link, twins

MARKS = 4
PARTS = 2 + MARKS
"""Of a product's key: substance, form, and its four marks."""


def alike(keys: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of products of one substance and form that differ in one mark, or where only one of them gives it."""
    products: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for key in sorted(set(keys)):
        parts = tuple(key.split("|"))
        if len(parts) == PARTS and "~" not in key:
            products[parts[:2]].append(parts)
    found = (pair for same in products.values() for pair in combinations(same, 2) if _close(*pair))
    return [("|".join(one), "|".join(other)) for one, other in found]


def _close(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """At least two marks agree, and at most one of them says otherwise."""
    marks = list(zip(one[2:], other[2:], strict=True))
    agree = sum(mine == theirs != ABSENT for mine, theirs in marks)
    differ = sum(mine != theirs and ABSENT not in (mine, theirs) for mine, theirs in marks)
    return (agree >= 1 and differ == 1) or (agree >= 2 and differ == 0)


def suggested(reports: Sequence[Evidence], twin_days: int) -> list[tuple[Report, Report]]:
    """Pairs that count as one event only because two bodies describe the same; no reference says so."""
    ordered = sorted(reports, key=lambda report: report.order)
    pairs = combinations(ordered, 2)
    found = ((one, other) for one, other in pairs if twins(one, other, twin_days) and not same_by_link(one, other))
    return [(one.report, other.report) for one, other in found]
