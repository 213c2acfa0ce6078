"""Which case speaks for a report, so that one sample never makes two alerts."""

from collections.abc import Sequence

from alerts.filing import Touched


def leading(touched: Sequence[Touched]) -> Touched | None:
    """The case of highest impact among those the report stands in; of equals the smaller key. History leads nothing."""
    candidates = [entry for entry in touched if entry.carries]
    return min(candidates, key=lambda entry: (-_impact(entry), entry.case.key), default=None)


def _impact(entry: Touched) -> int:
    return entry.case.grade.impact if entry.case.grade else 0
