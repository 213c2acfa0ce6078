"""Which reports speak of one real-world event: the connected components of *same* (`grading.md` 1, Art. 8)."""

from collections.abc import Callable, Sequence

from alerts.evidence import Evidence

TWIN_DAYS = 3
Join = Callable[[int, int], None]


def connected(reports: Sequence[Evidence]) -> list[list[Evidence]]:
    """Group reports into occurrences. The groups and their order depend on the set of reports only."""
    ordered = sorted(reports, key=lambda report: report.order)
    parent = list(range(len(ordered)))

    def root(position: int) -> int:
        while parent[position] != position:
            parent[position] = parent[parent[position]]
            position = parent[position]
        return position

    def join(one: int, other: int) -> None:
        low, high = sorted((root(one), root(other)))
        parent[high] = low

    _join_by_link(ordered, join)
    _join_twins(ordered, join)
    groups: dict[int, list[Evidence]] = {}
    for position, report in enumerate(ordered):
        groups.setdefault(root(position), []).append(report)
    return list(groups.values())


def same(one: Evidence, other: Evidence) -> bool:
    """Whether two reports speak of one event, by a shared link or as suggested duplicates of two bodies."""
    return bool(set(one.links) & set(other.links)) or _twins(one, other)


def _twins(one: Evidence, other: Evidence) -> bool:
    """Two bodies, one region, quantity and appearance, within three days."""
    if one.twin is None or one.twin != other.twin or one.laboratory == other.laboratory:
        return False
    return abs((one.day - other.day).days) <= TWIN_DAYS


def _join_by_link(ordered: Sequence[Evidence], join: Join) -> None:
    first: dict[str, int] = {}
    for position, report in enumerate(ordered):
        for link in report.links:
            join(first.setdefault(link, position), position)


def _join_twins(ordered: Sequence[Evidence], join: Join) -> None:
    by_twin: dict[str, list[int]] = {}
    for position, report in enumerate(ordered):
        if report.twin is not None:
            by_twin.setdefault(report.twin, []).append(position)
    for positions in by_twin.values():
        for index, one in enumerate(positions):
            for other in positions[index + 1 :]:
                if _twins(ordered[one], ordered[other]):
                    join(one, other)
