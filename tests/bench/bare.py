"""What the figures are held against: the least that a program could do with the same messages on the same engines.

`rows`: read up to 500 messages, decode and validate them, insert them in one statement, commit. Prints records per
second, those after `place` messages and a first batch. `mail`: one message at a time to one row and one mail over an
open connection. Prints the milliseconds from the broker's time to the commit and to the relay's word, a line each.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import aiosmtplib
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from sqlalchemy import Engine, text

from schemas.decoding import Decoded, decode
from schemas.records import Record
from schemas.topics import laboratory_of
from storage.engine import connect
from streams.clients import connection_options, instant
from streams.config import Kafka

_MOST: Final = 500
_TABLE: Final = text("""
    CREATE TABLE IF NOT EXISTS bare (laboratory text, event_id uuid, revision int, at timestamptz, body jsonb,
                                     PRIMARY KEY (laboratory, event_id, revision))
""")
_INSERT: Final = text("""
    INSERT INTO bare SELECT laboratory, event_id, revision, at, CAST(body AS jsonb) FROM unnest(
        CAST(:laboratories AS text[]), CAST(:event_ids AS uuid[]), CAST(:revisions AS int[]),
        CAST(:times AS timestamptz[]), CAST(:bodies AS text[])) AS new (laboratory, event_id, revision, at, body)
    ON CONFLICT DO NOTHING
""")
_MAIL: Final = "From: alerts@tocsin.example\r\nTo: one@example.org\r\nSubject: report\r\n\r\nA report has come.\r\n"


async def rows(kafka: Kafka, engine: Engine, topics: Sequence[str], *, skip: int, count: int) -> None:
    """Read the first `count` messages after `skip`."""
    async with _reader(kafka, topics) as consumer:
        first = done = 0
        begin = 0.0
        while done < skip + count:
            found = await consumer.getmany(timeout_ms=1000, max_records=_MOST)
            done += _keep(engine, [one for part in found.values() for one in part])
            if not first and done > skip:
                first, begin = done, time.perf_counter()
    print((done - first) / (time.perf_counter() - begin), flush=True)


async def mail(kafka: Kafka, engine: Engine, topics: Sequence[str], *, port: int, count: int) -> None:
    """Wait for `count` messages that come from now on."""
    async with _reader(kafka, topics) as consumer, aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as relay:
        await consumer.seek_to_end()
        for where in consumer.assignment():
            await consumer.position(where)
        print("ready", flush=True)
        for _ in range(count):
            record = await consumer.getone()
            _keep(engine, [record])
            committed = _since(record)
            await relay.sendmail("alerts@tocsin.example", "one@example.org", _MAIL)
            print(committed, _since(record), flush=True)


def _reader(kafka: Kafka, topics: Sequence[str]) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        *topics, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest", **connection_options(kafka)
    )


def _keep(engine: Engine, found: Sequence["ConsumerRecord[bytes, bytes]"]) -> int:
    """Decode, validate, insert, commit; how many messages that were."""
    decoded = [(one, decode(_record(one), laboratory=laboratory_of(one.topic) or "")) for one in found]
    good = [(one, known) for one, known in decoded if isinstance(known, Decoded)]
    if good:
        values = {
            "laboratories": [known.detection.reporter.lab for _, known in good],
            "event_ids": [known.detection.event_id for _, known in good],
            "revisions": [known.detection.revision for _, known in good],
            "times": [instant(one.timestamp) for one, _ in good],
            "bodies": [known.content for _, known in good],
        }
        with engine.begin() as connection:
            connection.execute(_INSERT, values)
    return len(found)


def _record(raw: "ConsumerRecord[bytes, bytes]") -> Record:
    return Record(
        topic=raw.topic, partition=raw.partition, offset=raw.offset, timestamp=instant(raw.timestamp), value=raw.value
    )


def _since(record: "ConsumerRecord[bytes, bytes]") -> float:
    return (datetime.now(UTC) - instant(record.timestamp)).total_seconds() * 1000


def main() -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("rows", "mail"))
    parser.add_argument("kafka")
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("place", type=int, help="rows: messages that do not count; mail: the relay's port")
    parser.add_argument("topics", nargs="+")
    given = parser.parse_args()
    kafka, engine = Kafka(bootstrap=given.kafka), connect(given.url, name="bare")
    with engine.begin() as connection:
        connection.execute(_TABLE)
    if given.what == "rows":
        asyncio.run(rows(kafka, engine, given.topics, skip=given.place, count=given.count))
    else:
        asyncio.run(mail(kafka, engine, given.topics, port=given.place, count=given.count))
    return 0


if __name__ == "__main__":
    sys.exit(main())
