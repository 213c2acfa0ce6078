"""Which waiting deliveries may start: one slow destination, or one flood, must not hold up the rest."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from storage.ledger import Due

URGENT: Final = 0
REST: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """`in_flight` over all, `per_destination`, `per_lane` (a mail's domain, a webhook's host), and the share of
    `in_flight` that L4 and L3 together leave to the rest, and that L3 and the rest together leave to L4."""

    in_flight: int = 128
    per_destination: int = 4
    per_lane: int = 4
    kept: float = 0.1

    @property
    def reserve(self) -> int:
        return max(1, round(self.in_flight * self.kept)) if self.in_flight > 1 else 0


def admit(
    waiting: Iterable[Due], busy: Collection[Due], limits: Limits, answering: Collection[str] | None = None
) -> tuple[Due, ...]:
    """Those that may start now beside `busy`, in the order given. One of each (alert, destination) at a time, and one
    to a destination whose circuit is none of those `answering`: what hangs from the start holds one place, not four."""
    lanes = Counter(each.priority for each in busy)
    destinations = Counter(each.destination for each in busy)
    shared = Counter(each.lane for each in busy)
    pairs = {(each.alert_id, each.destination) for each in busy}
    admitted, full = [], set[int]()
    for each in waiting:
        if each.priority in full:
            continue
        pair = (each.alert_id, each.destination)
        most = limits.per_destination if answering is None or each.circuit in answering else 1
        if pair in pairs or destinations[each.destination] >= most:
            continue
        if shared[each.lane] >= limits.per_lane:
            continue
        if not _fits(each.priority, lanes, limits):
            full.add(each.priority)  # what was admitted only adds up: there will be no room for it any more
            continue
        admitted.append(each)
        lanes[each.priority] += 1
        destinations[each.destination] += 1
        shared[each.lane] += 1
        pairs.add(pair)
    return tuple(admitted)


def _fits(priority: int, lanes: Counter[int], limits: Limits) -> bool:
    total = lanes.total()
    if total >= limits.in_flight:
        return False
    most = limits.in_flight - limits.reserve
    if priority == URGENT:
        return total - lanes[REST] < most
    if priority == REST:
        return total - lanes[URGENT] < most
    return total - lanes[REST] < most and total - lanes[URGENT] < most
