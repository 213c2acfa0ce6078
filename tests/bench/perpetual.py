"""`python -m tests.bench.perpetual`: how long it takes to recall one case that never ends, of a million findings.

A worker decides two reports a day for fifteen months, all of one substance. Then the same reports are multiplied in the
database (rows of reports, their links, the counters of every day and region, ten years of them), because what is
recalled depends on what is there and not on how it came. Exit code 1 above 50 ms. Some five minutes and 5 GB with
1,000,000; `--reports` sets the size.
"""

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection, TextClause, text

from alerts import catalogue
from alerts.grading import european_grading
from alerts.pipeline import Setting, read
from alerts.readings import Reading
from schemas.decoding import Decoded, decode_bytes
from storage import memory
from storage.memory import Kept, Wanted
from tests.bench.figures import Figure, quantile, show
from tests.bench.reports import REGIONS, Report, hot, laboratories, spread_out
from tests.bench.site import Run, Site, site, wait
from tests.bench.sized import Say, sized

SIZE: Final = 1_000_000
DAYS: Final = 450
PER_DAY: Final = 2
YEARS: Final = 10
RECALLS: Final = 50
TARGET: Final = 50.0


_LARGEST: Final = text("SELECT case_key, count(*) FROM case_reports GROUP BY case_key ORDER BY 2 DESC LIMIT 1")
_LATEST: Final = text("""
    SELECT CAST(d.body AS text), d.laboratory FROM case_reports r JOIN detections d USING (laboratory, event_id)
    WHERE r.case_key = :key ORDER BY d.decided_at DESC, d.event_id LIMIT 1
""")

_COPIES: Final = {
    "detections": {"event_id": "{again}", "offset": '-1 - kept."offset" - 1000000 * copy.number'},
    "findings": {"event_id": "{again}"},
    "case_reports": {"event_id": "{again}"},
    "occurrence_links": {"event_id": "{again}", "link": "kept.link || ' ' || copy.number"},
}
"""The rows of each report once more, under another event id: what else a column holds stays."""

_AGAIN: Final = "md5(kept.event_id::text || copy.number)::uuid"

_DAYS: Final = text("""
    INSERT INTO case_days (case_id, day, country, region, body)
    SELECT kept.case_id, kept.day - ago, upper(place.country), place.region,
           kept.body || jsonb_build_object('live', 1 + floor(random() * :each), 'dose_mg', floor(random() * 99),
                                           'grams', round((random() * 99)::numeric, 2))
    FROM (SELECT * FROM case_days WHERE case_id = :case ORDER BY day DESC LIMIT 1) AS kept
    CROSS JOIN generate_series(0, :days) AS ago
    CROSS JOIN unnest(CAST(:countries AS text[]), CAST(:regions AS text[])) AS place (country, region)
    ON CONFLICT (case_id, day, country, region) DO UPDATE SET body = excluded.body
""")

_GRADES: Final = text("""
    INSERT INTO case_grades (case_id, day, level, impact, spread, confidence, body)
    SELECT kept.case_id, kept.day - ago, kept.level, kept.impact, kept.spread, kept.confidence,
           kept.body || jsonb_build_object('anchor', kept.day - ago)
    FROM (SELECT * FROM case_grades WHERE case_id = :case ORDER BY day DESC LIMIT 1) AS kept
    CROSS JOIN generate_series(1, :days) AS ago
    ON CONFLICT DO NOTHING
""")


def measure(made: Site, size: int, say: Say) -> tuple[float, ...]:
    """Milliseconds of each recall."""
    names = laboratories("perpetual")
    made.open_topics(names)
    now = datetime.now(UTC)
    with made.run("perpetual", names) as run:
        seeds = _seeds(names, now)
        made.publish(spread_out(seeds))
        with run.worker() as worker:
            wait(worker, lambda: run.read_to() >= len(seeds))
        say(f"{len(seeds):,} reports were decided")
        with run.engine.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            _multiply(connection, size, len(seeds))
        with run.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("RESET statement_timeout"))
        return largest_recalled(run, now=now, say=say)


def _seeds(names: Sequence[str], now: datetime) -> list[Report]:
    """One substance, two reports a day, by each laboratory in turn, each about the day on which it was sent."""
    count = DAYS * PER_DAY
    return [
        _on(one, now - timedelta(days=DAYS) * (1 - number / count))
        for number, one in enumerate(hot(count, until=now, by=names))
    ]


def _on(one: Report, at: datetime) -> Report:
    document = json.loads(one.value)
    document["reported_at"] = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    document["event_date"] = {"value": at.date().isoformat(), "precision": "day"}
    return Report(one.laboratory, json.dumps(document).encode())


def _multiply(connection: Connection, size: int, seeds: int) -> None:
    key = connection.execute(_LARGEST).one().case_key
    case = connection.execute(
        text("SELECT id FROM cases WHERE case_key = :key AND receives"), {"key": key}
    ).scalar_one()
    for table, changed in _COPIES.items():
        connection.execute(_copying(connection, table, changed), {"copies": size // seeds - 1})
    places = [(country, region) for country, regions in REGIONS.items() for region in ("", *regions)]
    given = {
        "case": case,
        "days": YEARS * 365,
        "each": 2 * size / (YEARS * 365 * len(places)),
        "countries": [country for country, _ in places],
        "regions": [region for _, region in places],
    }
    connection.execute(text("SELECT setseed(0.5)"))
    connection.execute(_DAYS, given)
    connection.execute(_GRADES, given)


def _copying(connection: Connection, table: str, changed: dict[str, str]) -> TextClause:
    named = text(
        "SELECT column_name FROM information_schema.columns WHERE table_name = :table AND is_generated = 'NEVER'"
    )
    columns = list(connection.execute(named, {"table": table}).scalars())
    taken = [changed.get(name, f'kept."{name}"').format(again=_AGAIN) for name in columns]
    into = ", ".join(f'"{name}"' for name in columns)
    return text(
        f"INSERT INTO {table} ({into}) SELECT {', '.join(taken)} FROM {table} AS kept "
        "CROSS JOIN generate_series(1, :copies) AS copy (number)"
    )


def largest_recalled(run: Run, *, now: datetime, say: Say, times: int = RECALLS) -> tuple[float, ...]:
    """Milliseconds of recalling the case with most findings for a new report of it; nothing is known from before."""
    setting = Setting(catalogue=catalogue.load(), grading=european_grading())
    with run.engine.connect() as connection:
        key, number = connection.execute(_LARGEST).one()
        body, laboratory = connection.execute(_LATEST, {"key": key}).one()
    say(f"the case {key} has {number:,} findings")
    reading = _as_new(body, laboratory, now, setting)
    wanted = Wanted(
        reports=(reading.report,),
        evidence=tuple(reading.said.evidence),
        longest=setting.grading.rules.windows_days.longest,
    )
    return tuple(_recalled(run, wanted) for _ in range(times))


def _as_new(body: str, laboratory: str, now: datetime, setting: Setting) -> Reading:
    document = json.loads(body)
    document |= {"event_id": str(uuid5(NAMESPACE_URL, "perpetual")), "revision": 1, "action": "new"}
    document["reporter"]["case_ref"] = "perpetual"
    document["event_date"] = {"value": now.date().isoformat(), "precision": "day"}
    document["reported_at"] = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    document["components"] = document["components"][:1]
    decoded = decode_bytes(json.dumps(document).encode(), laboratory=laboratory)
    if not isinstance(decoded, Decoded):
        raise AssertionError(decoded)
    return read(decoded, laboratory=laboratory, at=now, setting=setting)


def _recalled(run: Run, wanted: Wanted) -> float:
    _forget()
    with run.engine.connect() as connection:
        begin = time.perf_counter()
        known = memory.known_events(connection, wanted.reports)
        memory.recall(connection, wanted, known, whole=frozenset(), kept=Kept())
        return (time.perf_counter() - begin) * 1000


def _forget() -> None:
    """What one process has read before would be read no more: each recall is that of a worker which starts."""
    for one in vars(memory).values():
        if hasattr(one, "cache_clear"):
            one.cache_clear()


def main() -> int:
    """Measure and show."""
    size, say = sized("perpetual", __doc__, default=SIZE)
    with site() as made:
        found = measure(made, size, say)
    shares = [
        Figure(name=f"recall p{share * 100:.0f}", unit="ms", runs=(quantile(found, share),)) for share in (0.5, 0.99)
    ]
    show([*shares, Figure(name="each recall", unit="ms", runs=found, target=f"≤ {TARGET:.0f} ms")])
    return int(median(found) > TARGET)


if __name__ == "__main__":
    sys.exit(main())
