"""Who was heard when, and that a stage which lost something says how much: from rows as the stream writes them."""

import json
from datetime import datetime, timedelta

from prometheus_client import REGISTRY
from sqlalchemy import Connection, text

from storage import laboratories
from storage.balance import RecordFate, Stage, balance
from storage.engine import connect
from storage.freshness import Heard, freshness
from storage.laboratories import LaboratoryState
from streams import conservation_metrics
from tests.programs import run
from tests.streaming.site import laboratory

REPORT = text("""
    INSERT INTO detections (laboratory, event_id, revision, digest, status, standing, decided_at, topic, partition,
                            "offset", body)
    VALUES (:laboratory, gen_random_uuid(), 1, 'x', 'actual', 'first', now() - :ago, 'detections-' || :laboratory, 0,
            :offset, '{}')
""")
LETTER = text("""
    INSERT INTO dead_letters (flow, topic, partition, "offset", recorded_at, headers, reason, problems)
    VALUES ('live', 'detections-' || :laboratory, 0, :offset, now() - :ago, '[]', 'invalid', '[]')
""")
POSITION = text("""
    INSERT INTO stream_positions (flow, topic, partition, first_offset, next_offset, applied, duplicates, dead,
                                  last_offset, updated_at)
    VALUES ('live', 'detections-' || :laboratory, 0, 0, :applied + :duplicates + :dead, :applied, :duplicates, :dead,
            :applied + :duplicates + :dead - 1, now() - :ago)
""")


def _registered(connection: Connection) -> None:
    for name in ("fresh", "refused", "repeating", "silent", "unheard"):
        laboratories.put(connection, laboratory(name))
    _came(connection, "fresh", REPORT, days=0, offset=0)
    _came(connection, "refused", REPORT, days=40, offset=0)
    _came(connection, "refused", LETTER, days=8, offset=1)
    _came(connection, "refused", LETTER, days=3, offset=2)
    _came(connection, "repeating", REPORT, days=40, offset=0)
    _came(connection, "silent", REPORT, days=40, offset=0)
    for name, applied, duplicates, dead in (
        ("fresh", 1, 0, 0),
        ("refused", 1, 0, 2),
        ("repeating", 1, 1, 0),
        ("silent", 1, 0, 0),
    ):
        counts = {"applied": applied, "duplicates": duplicates, "dead": dead}
        connection.execute(POSITION, {"laboratory": name, "ago": timedelta(hours=2), **counts})


def _came(connection: Connection, name: str, statement: object, *, days: int, offset: int) -> None:
    assert isinstance(statement, type(REPORT))
    connection.execute(statement, {"laboratory": name, "ago": timedelta(days=days), "offset": offset})


def test_a_laboratory_is_heard_by_whatever_came_last_refused_or_known_too(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        _registered(connection)
        found = {one.laboratory: one for one in freshness(connection)}
    engine.dispose()
    assert {name: (one.heard, one.refused) for name, one in found.items()} == {
        "fresh": (Heard.DAY, 0),
        "refused": (Heard.WEEK, 1),
        "repeating": (Heard.DAY, 0),
        "silent": (Heard.OLDER, 0),
        "unheard": (Heard.NEVER, 0),
    }
    assert found["unheard"].last_report is None
    assert found["silent"].silent >= timedelta(days=40)


def test_the_list_shows_when_each_was_heard_last(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        _registered(connection)
    engine.dispose()
    environment = {"TOCSIN_DATABASE__URL": database}
    said = run("lab", "list", environment=environment).stdout
    assert "40 d ago; 0 refused in 7 days" in said
    assert "  no report yet; 0 refused in 7 days" in said
    shown = {one["id"]: one for one in json.loads(run("lab", "list", "--json", environment=environment).stdout)}
    assert (shown["refused"]["heard"], shown["refused"]["refused_7_days"]) == ("week", 1)
    assert datetime.fromisoformat(shown["silent"]["last_report"]).tzinfo is not None
    assert shown["unheard"]["last_report"] is None


def test_each_stage_that_lost_something_says_how_much(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        _registered(connection)
    found = balance(engine)
    assert found.gaps == dict.fromkeys(Stage, 0)
    assert found.records_in == 7
    assert found.records == {
        RecordFate.APPLIED: 4,
        RecordFate.WAITING: 0,
        RecordFate.DUPLICATE: 1,
        RecordFate.DEAD: 2,
        RecordFate.HOLE: 0,
    }
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM detections WHERE laboratory IN ('fresh', 'silent')"))
        connection.execute(text("DELETE FROM dead_letters"))
        connection.execute(text("UPDATE stream_positions SET next_offset = next_offset + 3 WHERE topic LIKE '%fresh'"))
        told = "INSERT INTO outbox (event_id, topic, key, body) VALUES (gen_random_uuid(), 'alert-events', 'x', '{}')"
        connection.execute(text(told))
        case = (
            "INSERT INTO cases (id, ledger, case_key, ordinal, state, receives, listed, level, substance, name,"
            " subject, summary, changed_at) "
            "VALUES ('x', 'actual', 'x', 0, 'open', true, true, 3, 'x', 'x', '{}', '{}', now())"
        )
        connection.execute(text(case))
    found = balance(engine)
    engine.dispose()
    assert found.gaps == {
        Stage.RECORDS: 3,
        Stage.REPORTS: 2,
        Stage.DEAD_LETTERS: 2,
        Stage.ALERTS: 1,
        Stage.EVENTS: 0,
        Stage.DELIVERIES: 0,
        Stage.CASES: 1,
    }
    conservation_metrics.show(found)
    try:
        assert _gauge("tocsin_conservation_gap", stage="records") == 3
        assert _gauge("tocsin_laboratories", state="active", heard="never") == 3
        assert _gauge("tocsin_laboratory_stalest_report_seconds", state=LaboratoryState.ACTIVE.value) > 40 * 86_400 - 60
    finally:
        conservation_metrics.clear()
    assert _gauge("tocsin_conservation_gap", stage="records") == 0


def _gauge(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0
