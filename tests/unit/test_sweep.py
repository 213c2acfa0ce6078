"""One pass over the days of a case sees at every anchor what a look back from that anchor alone sees."""

from collections.abc import Mapping
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.days import Cell, Place
from alerts.evidence import Mark
from alerts.facts import Past, facts_at
from alerts.harm import HarmRank
from alerts.lookback import Lookback
from alerts.rulebook import EXAMPLE, read
from alerts.sweep import sweep
from schemas.vocabularies import Confidence, Distribution, Presentation
from tests.unit.deciding import GRADING, Desk, report

DAY = date(2024, 1, 1)
WINDOWS = (GRADING.rules.windows_days, read(EXAMPLE).rules.windows_days)
COUNTS = st.integers(0, 2)
PLACES = st.builds(
    Place,
    st.integers(0, 900).map(lambda after: DAY + timedelta(days=after)),
    st.sampled_from(["SI", "FI", "DE"]),
    st.sampled_from(["", "A1", "B2"]),
)
CELLS = st.builds(
    Cell,
    live=COUNTS,
    past=COUNTS,
    deaths=COUNTS,
    life_threatening=COUNTS,
    hospitalised=COUNTS,
    local_user=COUNTS,
    harm=st.sampled_from(HarmRank),
    confidence=st.none() | st.sampled_from(Confidence),
    dose_mg=st.sampled_from([0.0, 100.0, 210.0]),
    grams=st.sampled_from([0.0, 5.0, 2000.0]),
    marks=st.frozensets(st.sampled_from(Mark), max_size=4),
    presentations=st.frozensets(st.sampled_from(Presentation), max_size=2),
    routes=st.frozensets(st.sampled_from(Distribution), max_size=2),
)
SUBJECT = Desk().tell(report("a", "metonitazene")).case().subject


@settings(max_examples=150, deadline=None)
@given(days=st.dictionaries(PLACES, CELLS, max_size=25), windows=st.sampled_from(WINDOWS))
def test_one_pass_gives_the_facts_of_each_anchor_by_itself(days: Mapping[Place, Cell], windows: object) -> None:
    chosen = next(one for one in WINDOWS if one is windows)
    past = Past(first_event=min((place.day for place in days), default=DAY), sightings={}, loaded=frozenset())
    swept = list(sweep(days, chosen))
    assert [look.anchor for look in swept] == sorted({place.day for place, cell in days.items() if cell.live})
    for look in swept:
        alone = Lookback.of(look.anchor, days, chosen)
        assert facts_at(look, subject=SUBJECT, past=past) == facts_at(alone, subject=SUBJECT, past=past)
        assert look.harmful.confidence == alone.harmful.confidence


def test_a_pass_that_begins_later_sees_the_same_there() -> None:
    days = {Place(DAY + timedelta(days=7 * n), "SI", ""): Cell(live=1, harm=HarmRank(n % 3)) for n in range(60)}
    since = DAY + timedelta(days=200)
    late, whole = sweep(days, WINDOWS[0], since=since), sweep(days, WINDOWS[0])
    past = Past(first_event=DAY, sightings={}, loaded=frozenset())
    shown = [facts_at(look, subject=SUBJECT, past=past) for look in whole if look.anchor >= since]
    assert [facts_at(look, subject=SUBJECT, past=past) for look in late] == shown and len(shown) > 20
