"""The catalogue as versioned rows: seeded from the shipped file, followed and never changed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text

from alerts.catalogue import load, shipped
from storage import catalogues
from storage.catalogues import SUBSTANCES
from storage.engine import migrate
from streams.stage import Again
from tests.broker.test_memory import assess, records, report
from tests.programs import until

NOVEL = dict.fromkeys(shipped().substances[0], "") | {
    "key": "S:AAAAAAAAAAAAAA",
    "name": "Examplezene",
    "kind": "nps",
    "category": "opioid",
    "subgroup": "nitazene",
    "provenance": "example",
}


def add(engine: Engine, name: str = "Examplezene") -> None:
    with engine.begin() as connection:
        number = catalogues.begin_change(connection)
        catalogues.put(connection, SUBSTANCES, [NOVEL | {"name": name}], number=number)
        catalogues.finish_change(connection, number, by="Example curator", reason="published")


def current(connection: Connection) -> str:
    return catalogues.newest(connection).version


def test_a_migrated_database_holds_the_shipped_catalogue_under_its_version(engine: Engine) -> None:
    with engine.begin() as connection:
        found = catalogues.snapshot(connection, catalogues.newest(connection))
    assert found.version == load().version
    assert found.entries == load().entries
    assert found.street_names == load().street_names and set(found.variants) == set(load().variants)


def test_a_change_makes_a_version_and_the_earlier_rows_stay(engine: Engine) -> None:
    add(engine)
    add(engine, "Examplezene HCl")
    with engine.begin() as connection:
        first, second, third = reversed(catalogues.history(connection, limit=9))
        assert len({first.version, second.version, third.version}) == 3 and third.actor == "Example curator"
        assert catalogues.snapshot(connection, third).entries["S:AAAAAAAAAAAAAA"].name == "Examplezene HCl"
        kept = connection.execute(text("SELECT count(*) FROM substances WHERE key = 'S:AAAAAAAAAAAAAA'")).scalar_one()
    assert kept == 2


def test_a_release_does_not_take_back_what_a_person_put(engine: Engine) -> None:
    add(engine)
    with engine.begin() as connection:
        before = current(connection)
        connection.execute(
            text("UPDATE substances SET body = body || '{\"name\": \"Old name\"}' WHERE key LIKE 'S:A%' AND shipped")
        )
    migrate(engine)
    with engine.begin() as connection:
        found = catalogues.snapshot(connection, catalogues.newest(connection))
    assert found.entries["S:AAAAAAAAAAAAAA"].name == "Examplezene"
    assert {one.name for one in found.entries.values()}.isdisjoint({"Old name"})
    assert found.version == before


def test_a_batch_that_was_read_with_an_earlier_version_is_read_again_with_the_newest(engine: Engine) -> None:
    process, batch = assess(), records([report(1, "Examplezene")])
    earlier = process.prepare(batch)
    add(engine)
    with pytest.raises(Again), engine.begin() as connection:
        process.apply(connection, earlier)
    with engine.begin() as connection:
        process.apply(connection, process.prepare(batch))
        graded = connection.execute(text("SELECT catalogue, substance FROM detections JOIN findings USING (event_id)"))
        assert [tuple(row) for row in graded] == [(current(connection), "S:AAAAAAAAAAAAAA")]


def test_a_new_version_waits_for_the_batch_that_decides_and_holds_up_the_next(engine: Engine) -> None:
    process, batch = assess(), records([report(1, "Examplezene"), report(2, "Examplezene")])
    with ThreadPoolExecutor() as elsewhere, engine.begin() as connection:
        process.apply(connection, process.prepare(batch[:1]))
        added = elsewhere.submit(add, engine)
        until(lambda: waiting_for_locks(engine), within=10)
        connection.commit()
        added.result(10)
    with engine.begin() as connection, pytest.raises(Again):
        process.apply(connection, process.prepare(batch[1:]))


def waiting_for_locks(engine: Engine) -> bool:
    """Whether another session waits for an advisory lock."""
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = "
    with engine.connect() as connection:
        return bool(
            connection.execute(
                text(query + "(SELECT oid FROM pg_database WHERE datname = current_database())")
            ).scalar_one()
        )
